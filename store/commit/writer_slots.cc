#include "store/commit/writer_slots.h"

#include <unistd.h>

#include <algorithm>
#include <list>

#include "store/commit/group.h"

namespace tenure::commit {

struct WriterSlots::Shared {
  explicit Shared(ingest::Registry& r) : registry(&r) {}

  std::mutex mutex;
  ingest::Registry* registry;                  // null once the store is closed; guarded by mutex
  std::vector<std::shared_ptr<SlotUse>> uses;  // guarded by mutex
  const pid_t pid = ::getpid();

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

struct WriterSlots::Cached {
  std::shared_ptr<Shared> owner;  // keeps its address from being another one's
  std::shared_ptr<SlotUse> use;
  std::uint32_t without = 0;
};

namespace {

/// How often a thread without a slot commits before it asks again.
constexpr std::uint32_t kAskAgainAfter = 64;

struct ThreadSlots {
  std::list<WriterSlots::Cached> cached;  // whoever was given one may hold it while another store is used

  ~ThreadSlots() {
    for (WriterSlots::Cached& slot : cached) {
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

WriterSlots::Cached* WriterSlots::FindCached() const {
  for (Cached& slot : this_thread.cached) {
    if (slot.owner.get() == shared_.get()) return &slot;
  }
  return nullptr;
}

const std::shared_ptr<SlotUse>& WriterSlots::OfThisThread() {
  static const std::shared_ptr<SlotUse> kNone;
  Cached* const mine = FindCached();
  if (mine != nullptr && mine->use) return mine->use;
  if (mine != nullptr && ++mine->without % kAskAgainAfter != 0) return kNone;
  return Register();
}

/// The slow path, once per thread.
const std::shared_ptr<SlotUse>& WriterSlots::Register() {
  // What closed stores left behind goes now.
  std::erase_if(this_thread.cached, [](const Cached& slot) {
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
  Cached* const found = FindCached();
  Cached& cached = found != nullptr ? *found : this_thread.cached.emplace_back(Cached{shared_, nullptr, 0});
  if (!opened.ok()) return cached.use;  // null
  auto use = std::make_shared<SlotUse>();
  use->slot = std::move(opened).value();
  shared_->uses.push_back(use);
  return cached.use = std::move(use);
}

std::vector<std::shared_ptr<SlotUse>> WriterSlots::All() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->uses;
}

}  // namespace tenure::commit
