// Which writer slot belongs to which thread of this process.
//
// A thread gets its slot with its first use and keeps it until it ends; looking it up again is a thread-local
// search without a lock. A slot whose thread has ended with operations in flight stays until they are
// answered. Thread-safe. After fork, the child must not touch any of it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "store/ingest/writer_slot.h"

namespace tenure::commit {

struct Pending;

/// A slot in use by one thread. `mutex` serialises pushing, reading answers and retiring.
struct SlotUse {
  std::mutex mutex;
  std::unique_ptr<ingest::WriterSlot> slot;         // null once the store is closed
  std::vector<std::shared_ptr<Pending>> in_flight;  // by sequence modulo the window; empty before the first push
  bool orphaned = false;                            // its thread has ended
  std::shared_ptr<Pending> spare;                   // for its thread's next commit; touched by that thread only
};

class WriterSlots {
 public:
  explicit WriterSlots(ingest::Registry& registry);
  ~WriterSlots();
  WriterSlots(const WriterSlots&) = delete;
  WriterSlots& operator=(const WriterSlots&) = delete;

  /// Null when no slot is free: the thread goes without, and asks again now and then. Valid in this thread, as long as
  /// the store is open.
  const std::shared_ptr<SlotUse>& OfThisThread();
  /// All in use now.
  std::vector<std::shared_ptr<SlotUse>> All() const;

  struct Shared;  // outlives this object in the thread-locals of threads that go on
  struct Cached;  // such a thread-local

 private:
  Cached* FindCached() const;
  const std::shared_ptr<SlotUse>& Register();

  std::shared_ptr<Shared> shared_;
};

}  // namespace tenure::commit
