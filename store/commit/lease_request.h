// What a request says about leases: those that it presents, and the one thing it may want done with one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lease/token.h"
#include "store/base/codec.h"
#include "store/model/lease.h"

namespace tenure::commit {

/// A lease that a transaction presents.
struct PresentedLease {
  Lsn id = 0;
  lease::Secret secret{};
  /// It applies where it covers; otherwise every key must be covered by one that does not.
  bool ambient = false;
};

/// kLook changes nothing: its receipt's "LSN" is the time to live of a lease that is held, in ms. kWait changes nothing
/// either: a write that is about to wait asks whether it would wait for ever.
enum class LeaseDo : std::uint8_t { kAcquire = 1, kRelease, kBreak, kReap, kLook, kWait };

/// Instead of operations on entries and tags.
struct LeaseAction {
  LeaseDo what = LeaseDo::kAcquire;
  /// kAcquire: everything but id, slot, writer, uid and time.
  model::LeaseRow row;
  std::uint64_t owner = 0;   ///< kAcquire: OwnerWord of the process that it is bound to.
  std::uint64_t ticket = 0;  ///< kAcquire, kWait: its place in the queue; 0: it does not wait.
  std::uint32_t cell = 0;    ///< kAcquire, kWait: where its ticket is.
  Lsn id = 0;                ///< kRelease, kBreak, kLook.
  lease::Secret secret{};    ///< kRelease, kLook.
  std::string reason;        ///< kBreak.
};

/// Leases that one request can present.
inline constexpr std::size_t kPresentedMax = 64;

void EncodePresented(const PresentedLease& lease, base::Encoder& out);
PresentedLease DecodePresented(base::Decoder& in);
void EncodeAction(const LeaseAction& action, base::Encoder& out);
/// nullopt: no client of this library would send it.
std::optional<LeaseAction> DecodeAction(base::Decoder& in);

}  // namespace tenure::commit
