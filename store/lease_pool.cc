#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

#include "store/base/error.h"
#include "store/base/guarded.h"
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

Result<std::shared_ptr<const Lease>> LeasePool::Get(std::vector<std::string> scopes) try {
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
  auto lease = base::Guarded([&]() -> Result<std::shared_ptr<const Lease>> {
    dropped.clear();
    AcquireOptions options = s.options;
    options.scopes = scopes;
    TENURE_ASSIGN(Lease acquired, s.store.Acquire(options));
    return std::make_shared<const Lease>(std::move(acquired));
  });
  lock.lock();
  s.changed.notify_all();
  if (lease.ok()) {
    s.slots.find(scopes)->second.lease = *lease;
  } else {
    s.slots.erase(scopes);
  }
  return lease;
}
TENURE_CATCH_ALL

std::size_t LeasePool::ReleaseIdle() {
  std::vector<std::shared_ptr<const Lease>> dropped;
  const std::lock_guard lock(state_->mutex);
  // What there is no memory to let go stays for the next time.
  base::Attempt([&] { (void)state_->DropIdle(dropped); });
  return dropped.size();
}

std::size_t LeasePool::size() const {
  const std::lock_guard lock(state_->mutex);
  return state_->slots.size();
}

}  // namespace tenure
