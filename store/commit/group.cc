#include "store/commit/group.h"

namespace tenure::commit {

/// Commits batches until `until` is done (or, without one, until the queue is empty). Called and
/// returns with the lock held.
void Group::Lead(std::unique_lock<std::mutex>& lock, const Pending* until) {
  leading_ = true;
  std::vector<std::shared_ptr<Pending>> batch;
  std::vector<Work*> works;
  while (until != nullptr ? !until->done : !queue_.empty()) {
    batch.clear();
    works.clear();
    while (!queue_.empty() && batch.size() < kBatchMax) {
      queued_bytes_ -= queue_.front()->bytes;
      batch.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    if (room_waiters_ > 0) room_.notify_all();
    lock.unlock();
    for (const auto& pending : batch) works.push_back(&pending->work);
    committer_.Run(works);
    if (on_batch_) on_batch_();
    lock.lock();
    for (const auto& pending : batch) {
      pending->done = true;
      if (pending->waiting) pending->wake.notify_all();
    }
  }
  leading_ = false;
  PassLead();
}

/// With the lock held and nobody leading: somebody must lead if anything is queued.
void Group::PassLead() {
  if (queue_.empty()) return;
  for (const auto& pending : queue_) {
    if (!pending->waiting) continue;
    pending->lead = true;
    pending->wake.notify_all();
    return;
  }
  if (thread_idle_) thread_wake_.notify_one();
}

Result<Receipt> Group::Commit(const std::shared_ptr<Pending>& pending) {
  {
    std::unique_lock lock(mutex_);
    queued_bytes_ += pending->bytes;
    queue_.push_back(pending);
  }
  return Wait(*pending);
}

Result<Receipt> Group::Wait(Pending& pending) {
  std::unique_lock lock(mutex_);
  while (!pending.done) {
    if (!leading_) {
      Lead(lock, &pending);
      continue;
    }
    pending.waiting = true;
    pending.wake.wait(lock, [&] { return pending.done || (pending.lead && !leading_); });
    pending.lead = false;
  }
  return *pending.work.answer;
}

bool Group::Poll(const Pending& pending) {
  const std::lock_guard lock(mutex_);
  return pending.done;
}

void Group::Submit(const std::shared_ptr<Pending>& pending) {
  std::unique_lock lock(mutex_);
  if (!thread_.joinable()) thread_ = std::thread([this] { ThreadMain(); });
  while (queue_.size() >= kQueuedMax || queued_bytes_ >= kQueuedBytesMax) {
    ++room_waiters_;
    room_.wait(lock);
    --room_waiters_;
  }
  queued_bytes_ += pending->bytes;
  queue_.push_back(pending);
  if (!leading_ && thread_idle_) thread_wake_.notify_one();
}

void Group::ThreadMain() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!queue_.empty() && !leading_) {
      Lead(lock, nullptr);
      continue;
    }
    if (stopping_ && queue_.empty()) return;
    thread_idle_ = true;
    thread_wake_.wait(lock);
    thread_idle_ = false;
  }
}

void Group::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    thread_wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace tenure::commit
