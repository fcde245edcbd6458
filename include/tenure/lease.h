// Leases: time-bounded tokens to write a part of the index, exclusive unless said otherwise.
//
//   auto lease = store.Acquire({.scopes = {"release/**"}, .ttl = 30s, .wait = 10s});
//   store.Commit(txn, {.lease = &*lease});
//
// What a lease means: docs/leases.md. It is checked when a transaction is committed, in commit order: a process that
// was stopped for an hour and wakes up in the middle of a write changes nothing any more.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tenure/export.h"
#include "tenure/options.h"
#include "tenure/result.h"
#include "tenure/store.h"
#include "tenure/types.h"

namespace tenure {

struct AcquireOptions {
  /// "name:version", "name@tag", "name", "prefix/**" or "**"; up to 64, which must not overlap.
  std::vector<std::string> scopes = {};
  /// How long it lives without being renewed: 100 ms to 24 h.
  std::chrono::milliseconds ttl{300'000};
  /// How long to wait in the queue when others hold, or wait for, a part of it; 0: not at all.
  std::chrono::milliseconds wait{0};
  LeaseMode mode = LeaseMode::kExclusive;
  /// For people: what it is for. At most 256 bytes.
  std::string purpose = {};
  /// Also ends when this process dies. false: it lives by its time alone, whoever has the token.
  bool bound = true;
  /// Recorded instead of OpenOptions::writer when not empty.
  std::string writer = {};
  /// Tokens of leases that the caller holds besides those that this thread acquired: so that a wait that could never
  /// end is found. Those of other stores are ignored.
  std::vector<std::string> held_tokens = {};
};

struct KeptLease;
class StoreImpl;

/// A lease that is held. A thread of the library renews it, never the caller's; losing it (expired because the
/// process was stopped, or broken) is seen with held() and WaitLost. Movable, not copyable. Thread-safe but for
/// moving, Release and destruction; keeps its store open.
class TENURE_API Lease {
 public:
  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  /// Releases it, unless it was released or detached. What goes wrong is not told: call Release for that.
  ~Lease();

  /// The LSN of the grant. Strictly increasing over all leases of a store; over restored copies together with
  /// incarnation(). For third parties, which refuse lower ones than they have seen.
  std::uint64_t fencing_token() const;
  std::uint64_t incarnation() const;
  /// What authorises: a secret, at most 128 characters of ASCII.
  const std::string& token() const;
  const LeaseInfo& info() const;
  /// False once it is known to be lost. Nothing but a commit says that it is still held.
  bool held() const;
  /// Waits until it is lost, or for `timeout`. True: lost, or released.
  bool WaitLost(std::chrono::milliseconds timeout) const;

  /// Renews it now; below 100 ns. kLeaseExpired when it is over.
  Status Renew();
  /// Gives it back. kLeaseExpired and the like when it had ended before.
  Status Release();
  /// Leaves it to whoever has the token: it is renewed and released by nobody here. For unbound leases.
  void Detach();

  Lease(std::shared_ptr<StoreImpl> store, std::shared_ptr<KeptLease> kept);

 private:
  std::shared_ptr<StoreImpl> store_;
  std::shared_ptr<KeptLease> kept_;  // null: moved from
};

/// Leases that the threads of one writer share: as long as one is in use, and for a while after, others get the same
/// one. Bounded: more than `capacity` different ones at once are refused with kLeasesExhausted. Thread-safe.
class TENURE_API LeasePool {
 public:
  /// `options.scopes` is what Get overrides; `options` otherwise says how leases are acquired.
  LeasePool(Store store, AcquireOptions options, std::size_t capacity);
  ~LeasePool();
  LeasePool(const LeasePool&) = delete;
  LeasePool& operator=(const LeasePool&) = delete;

  /// A lease of exactly these scopes: one that the pool has, or a new one. It is given back by dropping the pointer.
  Result<std::shared_ptr<const Lease>> Get(std::vector<std::string> scopes);
  /// Releases those that nobody uses. Returns how many.
  std::size_t ReleaseIdle();
  /// How many it has now, in use or not.
  std::size_t size() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tenure
