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
  std::vector<std::shared_ptr<Pending>> in_flight;  // by sequence modulo the window; asynchronous ones only
  bool orphaned = false;                            // its thread has ended
};

class WriterSlots {
 public:
  explicit WriterSlots(ingest::Registry& registry);
  ~WriterSlots();
  WriterSlots(const WriterSlots&) = delete;
  WriterSlots& operator=(const WriterSlots&) = delete;

  /// Null when no slot is free: the thread goes without, and asks again now and then.
  std::shared_ptr<SlotUse> OfThisThread();
  /// The slot is not to be used again: its content was refused.
  void Discard(const std::shared_ptr<SlotUse>& use);
  /// All in use now.
  std::vector<std::shared_ptr<SlotUse>> All() const;

  struct Shared;  // outlives this object in the thread-locals of threads that go on

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace tenure::commit
