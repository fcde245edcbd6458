//   grant         16 | flags u8 (1 shared, 2 bound) | slot varint | ttl varint | secret hash 32 | host | pid varint |
//                 process start varint | purpose | scope count varint | scopes
//   release       17 | id varint
//   expire        18 | id varint
//   break         19 | id varint | reason
//   orphan        20 | id varint
#include "store/model/lease.h"

#include <algorithm>
#include <limits>

#include "store/base/error.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

constexpr std::uint8_t kShared = 1;
constexpr std::uint8_t kBound = 2;
/// "name:version" is the longest scope.
constexpr std::size_t kScopeBytesMax = kNameBytesMax + 1 + kVersionBytesMax;

const char* DecodeScopes(base::Decoder& in, std::vector<std::string>& scopes) {
  const std::uint64_t count = in.Varint();
  if (!in.ok() || count == 0 || count > kLeaseScopesMax) return "bad number of scopes";
  std::size_t bytes = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string_view scope = in.Text(kScopeBytesMax);
    if (!in.ok() || scope.empty()) return "bad scope";
    bytes += scope.size();
    scopes.emplace_back(scope);
  }
  return bytes <= kLeaseScopeBytesMax ? nullptr : "scopes over their limit";
}

const char* DecodeGrant(base::Decoder& in, LeaseRow& row) {
  LeaseInfo& lease = row.info;
  const std::uint8_t flags = in.U8();
  const std::uint64_t slot = in.Varint();
  lease.ttl_ms = in.Varint();
  const base::ByteView hash = in.Raw(row.secret_hash.size());
  lease.host = in.Text(kLeaseHostBytesMax);
  const std::uint64_t pid = in.Varint();
  lease.process_start = in.Varint();
  lease.purpose = in.Text(kLeasePurposeBytesMax);
  if (!in.ok() || (flags & ~(kShared | kBound)) != 0) return "bad grant of a lease";
  if (slot >= kLeasesMax || pid > std::numeric_limits<std::uint32_t>::max()) return "bad grant of a lease";
  if (lease.ttl_ms < kLeaseTtlMinMs || lease.ttl_ms > kLeaseTtlMaxMs) return "bad time to live of a lease";
  lease.mode = (flags & kShared) != 0 ? LeaseMode::kShared : LeaseMode::kExclusive;
  lease.bound = (flags & kBound) != 0;
  row.slot = static_cast<std::uint32_t>(slot);
  lease.pid = static_cast<std::uint32_t>(pid);
  std::copy(hash.begin(), hash.end(), row.secret_hash.begin());
  return DecodeScopes(in, lease.scopes);
}

}  // namespace

void EncodeLeaseChange(bool grant, bool with_reason, const LeaseChange& change, base::Encoder& out) {
  const LeaseInfo& lease = change.row.info;
  if (!grant) {
    TENURE_CHECK(lease.id != 0);
    out.Varint(lease.id);
    if (with_reason) out.Text(change.reason);
    return;
  }
  TENURE_CHECK(!lease.scopes.empty() && lease.scopes.size() <= kLeaseScopesMax && change.row.slot < kLeasesMax);
  out.U8(static_cast<std::uint8_t>((lease.mode == LeaseMode::kShared ? kShared : 0) | (lease.bound ? kBound : 0)));
  out.Varint(change.row.slot);
  out.Varint(lease.ttl_ms);
  out.Raw(change.row.secret_hash);
  out.Text(lease.host);
  out.Varint(lease.pid);
  out.Varint(lease.process_start);
  out.Text(lease.purpose);
  out.Varint(lease.scopes.size());
  for (const std::string& scope : lease.scopes) out.Text(scope);
}

const char* DecodeLeaseChange(bool grant, bool with_reason, base::Decoder& in, LeaseChange& change) {
  if (grant) return DecodeGrant(in, change.row);
  change.row.info.id = in.Varint();
  if (!in.ok() || change.row.info.id == 0) return "bad number of a lease";
  if (with_reason) change.reason = in.Text(kLeaseReasonBytesMax);
  return in.ok() ? nullptr : "an effect that ends too early";
}

}  // namespace tenure::model
