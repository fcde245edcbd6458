#include "store/commit/writer_slots.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "store/commit/group.h"

namespace tenure::commit {

struct WriterSlots::Shared {
  explicit Shared(ingest::Registry& r) : registry(&r) {}

  std::mutex mutex;
  ingest::Registry* registry;                  // null once the store is closed; guarded by mutex
  std::vector<std::shared_ptr<SlotUse>> uses;  // guarded by mutex
  const std::uint64_t id = NextId();
  const pid_t pid = ::getpid();

  static std::uint64_t NextId() {
    static std::atomic<std::uint64_t> next{1};
    return next.fetch_add(1, std::memory_order_relaxed);
  }
  void Forget(const std::shared_ptr<SlotUse>& use) {
    const std::lock_guard lock(mutex);
    std::erase(uses, use);
  }
  /// The thread of `use` has ended.
  void GiveBack(const std::shared_ptr<SlotUse>& use) {
    bool empty = false;
    {
      const std::lock_guard lock(use->mutex);
      use->orphaned = true;
      empty = use->slot && use->slot->in_flight() == 0;
      if (empty) use->slot.reset();
    }
    if (empty) Forget(use);
  }
};

namespace {

/// How often a thread without a slot commits before it asks again.
constexpr std::uint32_t kAskAgainAfter = 64;

struct CachedSlot {
  std::shared_ptr<WriterSlots::Shared> owner;
  std::shared_ptr<SlotUse> use;
  std::uint32_t without = 0;
};

struct ThreadSlots {
  std::vector<CachedSlot> cached;

  ~ThreadSlots() {
    for (CachedSlot& slot : cached) {
      if (!slot.use) continue;
      if (slot.owner->pid == ::getpid()) {
        slot.owner->GiveBack(slot.use);
      } else {
        // A forked child: the slot is the parent's, and its memory is not mapped here.
        new std::shared_ptr<SlotUse>(std::move(slot.use));
      }
    }
  }
};
thread_local ThreadSlots this_thread;

}  // namespace

WriterSlots::WriterSlots(ingest::Registry& registry) : shared_(std::make_shared<Shared>(registry)) {}

WriterSlots::~WriterSlots() {
  std::vector<std::shared_ptr<SlotUse>> uses;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->registry = nullptr;
    uses = std::move(shared_->uses);
  }
  for (const auto& use : uses) {
    const std::lock_guard lock(use->mutex);
    use->slot.reset();
    use->in_flight.clear();
  }
}

std::shared_ptr<SlotUse> WriterSlots::OfThisThread() {
  CachedSlot* mine = nullptr;
  for (CachedSlot& slot : this_thread.cached) {
    if (slot.owner->id == shared_->id) mine = &slot;
  }
  if (mine != nullptr && mine->use) return mine->use;
  if (mine != nullptr && ++mine->without % kAskAgainAfter != 0) return nullptr;
  // The slow path, once per thread: what closed stores left behind goes now.
  std::erase_if(this_thread.cached, [](const CachedSlot& slot) {
    const std::lock_guard lock(slot.owner->mutex);
    return slot.owner->registry == nullptr;
  });
  const std::lock_guard lock(shared_->mutex);
  std::erase_if(shared_->uses, [](const std::shared_ptr<SlotUse>& use) {
    const std::lock_guard use_lock(use->mutex);
    if (!use->orphaned || !use->slot || use->slot->in_flight() != 0) return false;
    use->slot.reset();
    return true;
  });
  auto opened = ingest::WriterSlot::Open(*shared_->registry);
  const auto found = std::find_if(this_thread.cached.begin(), this_thread.cached.end(),
                                  [&](const CachedSlot& slot) { return slot.owner->id == shared_->id; });
  CachedSlot& cached =
      found != this_thread.cached.end() ? *found : this_thread.cached.emplace_back(CachedSlot{shared_, nullptr, 0});
  if (!opened.ok()) return nullptr;
  auto use = std::make_shared<SlotUse>();
  use->slot = std::move(opened).value();
  use->in_flight.resize(ingest::kWindow);
  shared_->uses.push_back(use);
  return cached.use = std::move(use);
}

void WriterSlots::Discard(const std::shared_ptr<SlotUse>& use) {
  shared_->Forget(use);
  std::erase_if(this_thread.cached, [&](const CachedSlot& slot) { return slot.use == use; });
}

std::vector<std::shared_ptr<SlotUse>> WriterSlots::All() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->uses;
}

}  // namespace tenure::commit
