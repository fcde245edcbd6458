// A lease as the journal and the index keep it, and its encoding.
//
// What a lease is in time (open, its deadline) is not here: that is volatile, in shared memory. A row exists from
// the grant to the effect that ends it, whatever the clock says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "store/base/codec.h"
#include "store/base/hash.h"
#include "tenure/types.h"

namespace tenure::model {

inline constexpr std::size_t kLeaseScopesMax = 64;
/// Of all scopes of one lease together: a waiting request is kept in shared memory.
inline constexpr std::size_t kLeaseScopeBytesMax = 2'048;
inline constexpr std::size_t kLeasePurposeBytesMax = 256;
inline constexpr std::size_t kLeaseReasonBytesMax = 256;
inline constexpr std::size_t kLeaseHostBytesMax = 255;
inline constexpr std::uint64_t kLeaseTtlMinMs = 100;
inline constexpr std::uint64_t kLeaseTtlMaxMs = 24ull * 3600 * 1000;
/// Leases held at once, in one store.
inline constexpr std::uint32_t kLeasesMax = 16'384;

struct LeaseRow {
  LeaseInfo info;               ///< left_ms is 0.
  base::Hash256 secret_hash{};  ///< Of the 16 bytes that a write must present.
  std::uint32_t slot = 0;       ///< Its row in shared memory: no two leases that are held at once have the same.
  friend bool operator==(const LeaseRow&, const LeaseRow&) = default;
};

/// What one effect says of a lease: a grant says the whole row, an end only its id.
struct LeaseChange {
  LeaseRow row;
  std::string reason;  ///< Of a break.
  friend bool operator==(const LeaseChange&, const LeaseChange&) = default;
};

void EncodeLeaseChange(bool grant, bool with_reason, const LeaseChange& change, base::Encoder& out);
/// What is wrong with the bytes, or null. `change` is blank before.
const char* DecodeLeaseChange(bool grant, bool with_reason, base::Decoder& in, LeaseChange& change);

}  // namespace tenure::model
