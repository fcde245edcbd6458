#include "store/ingest/membership.h"

#include <chrono>
#include <optional>
#include <thread>

#include "store/base/error.h"
#include "store/base/failpoint.h"

namespace tenure::ingest {
namespace {

/// How long to wait for somebody who is making the segment or just joining.
constexpr std::uint64_t kJoinBoundNs = 5'000'000'000;

/// A member byte, or nullopt when all are taken. Starting at the pid spreads processes that start at once.
Result<std::optional<std::uint32_t>> ClaimByte(base::File& lock, std::uint32_t pid) {
  for (std::uint32_t i = 0; i < kMemberSlots; ++i) {
    const std::uint32_t slot = (pid + i) % kMemberSlots;
    TENURE_ASSIGN(const bool taken, lock.TryLock(base::LockKind::kExclusive, slot, 1));
    if (taken) return std::optional<std::uint32_t>(slot);
  }
  return std::optional<std::uint32_t>();
}

bool MissingOrForeign(ErrorCode code) { return code == ErrorCode::kNotFound || code == ErrorCode::kForeignSegment; }

}  // namespace

Result<std::unique_ptr<Membership>> Membership::Join(base::Env& env, const std::string& members_path,
                                                     const std::string& segment_path,
                                                     const std::array<std::byte, 16>& journal_id,
                                                     std::uint32_t writer_slots,
                                                     const std::function<Status(CommitArea&)>& initialise) {
  std::unique_ptr<Membership> self(new Membership());
  TENURE_ASSIGN(self->lock_, env.Open(members_path, base::OpenMode::kOpenOrCreate));
  base::File& lock = *self->lock_;
  const std::uint64_t give_up_ns = env.MonotonicNs() + kJoinBoundNs;
  for (std::uint64_t pause_us = 100;; pause_us = pause_us < 20'000 ? pause_us * 2 : pause_us) {
    TENURE_ASSIGN(const auto slot, ClaimByte(lock, env.Host().pid));
    Error why = base::MakeError(ErrorCode::kBusy, members_path + ": all " + std::to_string(kMemberSlots) +
                                                      " member slots are taken, or the store is held for repair");
    if (slot) {
      auto attached = SharedSegment::Attach(env, segment_path, journal_id);
      if (attached.ok()) {
        self->slot_ = *slot;
        self->segment_ = std::move(attached).value();
        TENURE_RETURN_IF_ERROR(self->EnterRow(env.Host()));
        return self;
      }
      if (!MissingOrForeign(attached.error().code)) return std::move(attached).error();
      why = std::move(attached).error();
      TENURE_RETURN_IF_ERROR(lock.Unlock(*slot, 1));
      TENURE_ASSIGN(const bool alone, lock.TryLock(base::LockKind::kExclusive, 0, kWholeBytes));
      if (alone) {
        // Somebody may have made it between our look and our lock.
        auto again = SharedSegment::Attach(env, segment_path, journal_id);
        if (!again.ok() && !MissingOrForeign(again.error().code)) return std::move(again).error();
        if (!again.ok()) {
          TENURE_FAIL_POINT("shm.exclusive");
          again = SharedSegment::Create(env, segment_path, journal_id, writer_slots, initialise);
          if (!again.ok()) return std::move(again).error();
          self->created_ = true;
        }
        self->slot_ = *slot;
        self->segment_ = std::move(again).value();
        TENURE_RETURN_IF_ERROR(self->EnterRow(env.Host()));
        // Let the others in, keeping our own byte: there is no moment without it.
        if (*slot > 0) TENURE_RETURN_IF_ERROR(lock.Unlock(0, *slot));
        TENURE_RETURN_IF_ERROR(lock.Unlock(*slot + 1, kWholeBytes - *slot - 1));
        return self;
      }
    }
    if (env.MonotonicNs() > give_up_ns) {
      if (why.code == ErrorCode::kNotFound) {
        why = base::MakeError(ErrorCode::kForeignSegment,
                              segment_path + " is gone while other processes have this store open",
                              "stop the processes that hold " + members_path + ", then open the store again");
      }
      return why;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(pause_us));
  }
}

Status Membership::EnterRow(const base::HostInfo& host) {
  MemberRow& row = segment_->member(slot_);
  generation_ = row.generation.fetch_add(1, std::memory_order_relaxed) + 1;
  row.process_start.store(host.process_start, std::memory_order_relaxed);
  row.uid.store(host.uid, std::memory_order_relaxed);
  row.waiting.store(0, std::memory_order_relaxed);
  // Release: whoever reads the pid with acquire sees the rest of the row.
  row.pid.store(host.pid, std::memory_order_release);
  return {};
}

Membership::~Membership() {
  if (segment_) segment_->member(slot_).pid.store(0, std::memory_order_release);
}

bool Membership::IsDead(std::uint64_t process) const {
  const std::uint32_t slot = OwnerSlot(process);
  if (slot >= kMemberSlots) return false;
  if (slot == slot_) return OwnerGeneration(process) != generation_;
  const bool reused = segment_->member(slot).generation.load(std::memory_order_acquire) != OwnerGeneration(process);
  if (reused) return true;
  // The byte is released by the kernel when the last descriptor of the process is gone; an error proves nothing.
  const auto held = lock_->LockedByOthers(slot, 1);
  return held.ok() && !*held;
}

Result<std::uint32_t> Membership::CountMembers() const {
  std::uint32_t count = 0;
  for (std::uint32_t slot = 0; slot < kMemberSlots; ++slot) {
    // Rows of dead processes keep their pid: the lock decides.
    if (slot != slot_ && segment_->member(slot).pid.load(std::memory_order_acquire) == 0) continue;
    if (slot == slot_) {
      ++count;
      continue;
    }
    TENURE_ASSIGN(const bool held, lock_->LockedByOthers(slot, 1));
    count += held ? 1 : 0;
  }
  return count;
}

}  // namespace tenure::ingest
