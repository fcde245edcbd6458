#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

#include "store/base/error.h"
#include "tenure/lease.h"

namespace tenure {

struct LeasePool::State {
  State(Store opened, AcquireOptions how, std::size_t most)
      : store(std::move(opened)), options(std::move(how)), capacity(most) {}

  /// One set of scopes. Without a lease: some thread is acquiring it.
  struct Slot {
    std::shared_ptr<const Lease> lease;
  };
  Result<std::shared_ptr<const Lease>> Take(std::unique_lock<std::mutex>& lock, const std::vector<std::string>& scopes);
  std::size_t DropIdle(std::vector<std::shared_ptr<const Lease>>& dropped);

  Store store;
  const AcquireOptions options;
  const std::size_t capacity;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::map<std::vector<std::string>, Slot> slots;  // guarded by mutex
};

/// With the lock held: takes out of the pool what nobody uses. Released when `dropped` goes, without the lock.
std::size_t LeasePool::State::DropIdle(std::vector<std::shared_ptr<const Lease>>& dropped) {
  for (auto it = slots.begin(); it != slots.end();) {
    if (!it->second.lease || it->second.lease.use_count() > 1) {
      ++it;
      continue;
    }
    dropped.push_back(std::move(it->second.lease));
    it = slots.erase(it);
  }
  return dropped.size();
}

LeasePool::LeasePool(Store store, AcquireOptions options, std::size_t capacity)
    : state_(std::make_unique<State>(std::move(store), std::move(options), capacity)) {}

LeasePool::~LeasePool() = default;

Result<std::shared_ptr<const Lease>> LeasePool::Get(std::vector<std::string> scopes) {
  State& s = *state_;
  std::sort(scopes.begin(), scopes.end());
  std::vector<std::shared_ptr<const Lease>> dropped;  // goes after the lock
  std::unique_lock lock(s.mutex);
  for (;;) {
    const auto found = s.slots.find(scopes);
    if (found == s.slots.end()) break;
    if (found->second.lease && found->second.lease->held()) return found->second.lease;
    if (found->second.lease) {
      // Lost: whoever still uses it is told when it writes.
      dropped.push_back(std::move(found->second.lease));
      s.slots.erase(found);
      break;
    }
    s.changed.wait(lock);
  }
  if (s.slots.size() >= s.capacity) (void)s.DropIdle(dropped);
  if (s.slots.size() >= s.capacity) {
    return base::MakeError(ErrorCode::kLeasesExhausted,
                           "all " + std::to_string(s.capacity) + " leases of the pool are in use",
                           "give some back, or make the pool larger");
  }
  s.slots[scopes];  // being acquired
  lock.unlock();
  dropped.clear();
  AcquireOptions options = s.options;
  options.scopes = scopes;
  auto acquired = s.store.Acquire(options);
  lock.lock();
  s.changed.notify_all();
  if (!acquired.ok()) {
    s.slots.erase(scopes);
    return std::move(acquired).error();
  }
  auto lease = std::make_shared<const Lease>(std::move(acquired).value());
  s.slots[scopes].lease = lease;
  return lease;
}

std::size_t LeasePool::ReleaseIdle() {
  std::vector<std::shared_ptr<const Lease>> dropped;
  const std::lock_guard lock(state_->mutex);
  return state_->DropIdle(dropped);
}

std::size_t LeasePool::size() const {
  const std::lock_guard lock(state_->mutex);
  return state_->slots.size();
}

}  // namespace tenure
