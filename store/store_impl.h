// The open store behind a handle: wiring and lifetime only.
//
// Members are destroyed in reverse order: the background thread and the group end first, then what
// they use, membership last, so that the process's member byte covers everything it does.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "store/base/fork.h"
#include "store/commit/applier.h"
#include "store/commit/commit_lease.h"
#include "store/commit/committer.h"
#include "store/commit/group.h"
#include "store/commit/index_access.h"
#include "store/index_aside.h"
#include "store/lease_service.h"
#include "store/recovery/config.h"
#include "store/recovery/private_files.h"
#include "tenure/store.h"

namespace tenure {

class StoreImpl {
 public:
  /// Opens, or shares what this process has open at the same place.
  static Result<std::shared_ptr<StoreImpl>> Open(const std::string& path, const OpenOptions& options);
  ~StoreImpl();

  /// kClosed in a forked child.
  Status CheckUsable() const;
  Status CheckWritable() const;
  Result<std::shared_ptr<commit::Pending>> MakePending(const Transaction& txn, const CommitOptions& options) const;
  /// Slows an acknowledgement down while the index lags beyond the bound.
  Status LimitLag();

  /// A reader whose view is at least what `options` asks for. With `at`, the LSN it resolves to.
  struct View {
    commit::IndexPool::Lease reader;
    std::optional<Lsn> at;
  };
  Result<View> ViewFor(const ReadOptions& options);
  /// The newest row of a key at a consistency level, whatever `options.at` says; only what changes that key is waited
  /// for.
  Result<std::optional<ArtifactEntry>> CurrentEntry(const std::string& name, const std::string& version,
                                                    const ReadOptions& options);
  Result<std::optional<ArtifactEntry>> Uncommitted(const std::string& name, const std::string& version);
  /// A view that has applied `lsn`: of the index, or, while its file system takes no writes, of a copy.
  Result<commit::IndexPool::Lease> TakeUpTo(Lsn lsn);
  Result<Lsn> LsnAt(TimeMs time_ms) const;
  Result<std::unique_ptr<journal::Reader>> JournalAt(Lsn lsn) const;
  /// kLeaseUnknown: a committer remembers how leases ended only while it runs. The journal tells more, when it was not
  /// long ago. Everything else as it is.
  Result<Receipt> Explained(Result<Receipt> answer) const;
  Error Explained(Error error) const;

  base::Env& env;
  OpenOptions options;
  recovery::Layout layout;
  recovery::Config config;
  RecoveryNote note;
  std::unique_ptr<recovery::PrivateFiles> private_files;  // only where the store's own cannot be written to
  std::unique_ptr<ingest::Membership> member;
  std::unique_ptr<commit::Context> context;
  std::unique_ptr<commit::IndexPool> pool;
  std::unique_ptr<IndexAside> aside;
  std::unique_ptr<ingest::Registry> registry;
  std::unique_ptr<commit::CommitLease> lease;
  std::unique_ptr<commit::Committer> committer;
  std::unique_ptr<commit::Applier> applier;
  std::unique_ptr<commit::Group> group;
  std::unique_ptr<LeaseService> leases;

 private:
  Result<bool> BringUpTo(Lsn lsn);
  Result<commit::IndexPool::Lease> TakeApplied(Lsn lsn);
  StoreImpl(base::Env& environment, OpenOptions open_options) : env(environment), options(std::move(open_options)) {}
  Status Start();
  void Committed();
  void BackgroundMain();
  void ApplyBehind();
  /// How long until a lease may have to be ended; nullopt: none is held.
  std::optional<std::chrono::milliseconds> ReapIn() const;
  void ReapIfDue();
  void PrepareSpareIfWanted(const std::function<bool()>& stop);

  std::uint32_t opened_by_pid_ = 0;
  const std::uint64_t fork_generation_ = base::ForkGeneration();
  std::atomic<bool> stopping_{false};
  std::atomic<bool> background_asleep_{false};
  std::mutex background_mutex_;
  std::condition_variable background_wake_;
  bool background_work_ = false;          // guarded by background_mutex_
  std::uint64_t reap_not_before_ms_ = 0;  // background thread only
  std::mutex reap_mutex_;                 // held while the background thread commits
  bool reaping_over_ = false;             // guarded by reap_mutex_: the group stops
  /// The durable LSN that the last round did not reach: no reason to try again until it moves.
  Lsn background_failed_at_ = 0;  // background thread only
  std::thread background_;
};

/// What a Ticket holds. The queue holds only `pending`, so that the last handle to go is always one of
/// the user's threads, never the committing one.
struct TicketState {
  std::shared_ptr<StoreImpl> store;
  std::shared_ptr<commit::Pending> pending;
};

}  // namespace tenure
