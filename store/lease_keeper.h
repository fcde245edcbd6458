// Renews the leases of this process from one thread, and finds out when one is lost.
//
// The thread starts with the first lease and sleeps until the next renewal is due (a third of the time to live), or
// until a committer of any process has closed one of them: the futex of this process's member row says so.
// Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "store/base/env.h"
#include "store/ingest/lease_cells.h"

namespace tenure {

/// A lease that a handle of this process holds.
struct KeptLease {
  LeaseInfo info;
  std::string token;
  std::uint64_t incarnation = 0;
  std::uint32_t slot = 0;
  std::thread::id acquired_by;
  std::atomic<bool> over{false};     ///< Lost, or released. Never false again.
  std::atomic<bool> settled{false};  ///< Released or detached by its handle.
  std::mutex mutex;
  std::condition_variable changed;  ///< When `over` becomes true.

  void SetOver();
};

class LeaseKeeper {
 public:
  LeaseKeeper(base::Env& env, ingest::Membership& member) : env_(env), cells_(member) {}
  ~LeaseKeeper();

  void Keep(const std::shared_ptr<KeptLease>& lease);
  void Drop(const KeptLease& lease);
  /// False: it is over, and everybody who waits for that is told.
  bool Renew(KeptLease& lease);
  /// Leases that the calling thread acquired.
  std::vector<Lsn> HeldByThisThread() const;

 private:
  struct Entry {
    std::shared_ptr<KeptLease> lease;
    std::uint64_t renew_at_ms = 0;
  };
  void Main();
  /// The time at which to look again.
  std::uint64_t RenewDue();
  void Wake();
  std::atomic<std::uint32_t>& turn() const;

  base::Env& env_;
  ingest::LeaseCells cells_;
  mutable std::mutex mutex_;
  std::vector<Entry> leases_;        // guarded by mutex_
  std::uint64_t look_again_ms_ = 0;  // guarded by mutex_: until then the thread sleeps
  std::atomic<bool> stopping_{false};
  std::thread thread_;  // started under mutex_
};

}  // namespace tenure
