#include "store/commit/group.h"

namespace tenure::commit {

/// Commits batches until `until` is done (or, without one, until the queue is empty). Called and
/// returns with the lock held.
void Group::Lead(std::unique_lock<std::mutex>& lock, const TicketState* until) {
  leading_ = true;
  std::vector<std::shared_ptr<TicketState>> batch;
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
    for (const auto& ticket : batch) works.push_back(&ticket->work);
    committer_.Run(works);
    if (on_batch_) on_batch_();
    lock.lock();
    for (const auto& ticket : batch) {
      ticket->done = true;
      if (ticket->waiting) ticket->wake.notify_all();
    }
  }
  leading_ = false;
  PassLead();
}

/// With the lock held and nobody leading: somebody must lead if anything is queued.
void Group::PassLead() {
  if (queue_.empty()) return;
  for (const auto& ticket : queue_) {
    if (!ticket->waiting) continue;
    ticket->lead = true;
    ticket->wake.notify_all();
    return;
  }
  if (thread_idle_) thread_wake_.notify_one();
}

Result<Receipt> Group::Commit(const std::shared_ptr<TicketState>& ticket) {
  {
    std::unique_lock lock(mutex_);
    queued_bytes_ += ticket->bytes;
    queue_.push_back(ticket);
  }
  return Wait(*ticket);
}

Result<Receipt> Group::Wait(TicketState& ticket) {
  std::unique_lock lock(mutex_);
  while (!ticket.done) {
    if (!leading_) {
      Lead(lock, &ticket);
      continue;
    }
    ticket.waiting = true;
    ticket.wake.wait(lock, [&] { return ticket.done || (ticket.lead && !leading_); });
    ticket.lead = false;
  }
  return *ticket.work.answer;
}

bool Group::Poll(const TicketState& ticket) {
  const std::lock_guard lock(mutex_);
  return ticket.done;
}

void Group::Submit(const std::shared_ptr<TicketState>& ticket) {
  std::unique_lock lock(mutex_);
  if (!thread_.joinable()) thread_ = std::thread([this] { ThreadMain(); });
  while (queue_.size() >= kQueuedMax || queued_bytes_ >= kQueuedBytesMax) {
    ++room_waiters_;
    room_.wait(lock);
    --room_waiters_;
  }
  queued_bytes_ += ticket->bytes;
  queue_.push_back(ticket);
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
