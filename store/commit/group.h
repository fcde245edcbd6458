// The queue of one process and its group commit: whoever finds nobody committing leads, takes what is
// queued, commits it as one batch, and passes the lead on. A lone writer commits in its own thread.
//
// Order: transactions leave the queue in the order they entered it, so those of one thread commit in
// the order submitted. Thread-safe.
//
//   queued ──its thread leads──▶ in a batch ──Run──▶ done
//      └───────another leads───────▲
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "store/commit/committer.h"

namespace tenure::commit {

/// One transaction in the queue and, when `done`, its answer.
struct Pending {
  Request request;
  Work work;
  std::size_t bytes = 0;
  std::condition_variable wake;
  bool done = false;  // guarded by the group's mutex until true, immutable afterwards
  bool lead = false;  // the lead was passed to this waiter
  bool waiting = false;
};

class Group {
 public:
  explicit Group(Committer& committer) : committer_(committer) {}
  ~Group() { Stop(); }

  /// Queues and waits, leading when nobody does.
  Result<Receipt> Commit(const std::shared_ptr<Pending>& pending);
  /// Queues; a thread of the group leads if nobody does. Waits only while the queue is full.
  void Submit(const std::shared_ptr<Pending>& pending);
  bool Poll(const Pending& pending);
  Result<Receipt> Wait(Pending& pending);
  /// Called after every batch, by the leader, outside the lock.
  void OnBatch(std::function<void()> callback) { on_batch_ = std::move(callback); }
  /// Commits what is queued and ends the thread. No call may follow.
  void Stop();

 private:
  void Lead(std::unique_lock<std::mutex>& lock, const Pending* until);
  void PassLead();
  void ThreadMain();

  static constexpr std::size_t kQueuedMax = 65'536;
  static constexpr std::size_t kQueuedBytesMax = 64u << 20;
  static constexpr std::size_t kBatchMax = 8'192;

  Committer& committer_;
  std::function<void()> on_batch_;
  std::mutex mutex_;
  std::deque<std::shared_ptr<Pending>> queue_;
  std::size_t queued_bytes_ = 0;
  bool leading_ = false;
  bool stopping_ = false;
  std::condition_variable room_;
  std::condition_variable thread_wake_;
  std::size_t room_waiters_ = 0;
  bool thread_idle_ = false;
  std::thread thread_;
};

}  // namespace tenure::commit
