// Looking at a store from outside: shared memory, the kernel's locks, /proc, and the directory.
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "store/base/error.h"
#include "store/base/guarded.h"
#include "store/base/processes.h"
#include "store/index/generations.h"
#include "store/ingest/diagnose.h"
#include "store/ingest/membership.h"
#include "store/journal/segments.h"
#include "store/recovery/checkpoints.h"
#include "store/recovery/open.h"
#include "store/store_impl.h"
#include "tenure/doctor.h"

namespace tenure {
namespace {

/// How long a heartbeat is watched: a healthy committer moves it several times per flush.
constexpr std::chrono::milliseconds kWatchMax{250};
constexpr std::chrono::milliseconds kWatchStep{5};
/// A byte of members.lock that only a lock over the whole file covers.
constexpr std::uint64_t kSpareByte = ingest::kWholeBytes - 1;

class Look {
 public:
  Look(base::Env& env, const recovery::Layout& layout, const recovery::Config& config)
      : env_(env), layout_(layout), config_(config) {}

  Result<StoreDiagnosis> Run() {
    found_.path = layout_.root;
    found_.store_id = base::Hex(config_.store_id);
    found_.incarnation = config_.incarnation;
    TENURE_RETURN_IF_ERROR(OpenLocks());
    AttachSegment();
    if (segment_) {
      ingest::LookAtSegment(*segment_, found_, starts_, env_.BoottimeMs());
      TENURE_RETURN_IF_ERROR(LookAtMembers());
      Watch();
    } else {
      TENURE_RETURN_IF_ERROR(LookAtBytes());
    }
    NameHolders();
    if (Status looked = LookAtFiles(); !looked.ok()) found_.damage = std::move(looked).error();
    return std::move(found_);
  }

 private:
  Status OpenLocks() {
    auto opened = env_.Open(layout_.members(), base::OpenMode::kRead);
    if (!opened.ok()) {
      if (opened.error().code == ErrorCode::kNotFound) return {};
      return std::move(opened).error();
    }
    locks_ = std::move(opened).value();
    TENURE_ASSIGN(found_.held_exclusively, locks_->LockedByOthers(kSpareByte, 1));
    TENURE_ASSIGN(found_.applying, locks_->LockedByOthers(ingest::kApplyBytesAt, ingest::kApplyBytes));
    found_.applying = found_.applying && !found_.held_exclusively;
    return {};
  }

  /// Nobody can hold a byte of a file that is not there. Under an exclusive lock, bytes do not tell processes.
  Result<bool> IsHeld(std::uint32_t slot) const {
    if (!locks_ || found_.held_exclusively) return false;
    return locks_->LockedByOthers(slot, 1);
  }

  void AttachSegment() {
    auto attached = ingest::SharedSegment::Attach(env_, layout_.shared_segment(), config_.journal_id);
    if (attached.ok()) {
      segment_ = std::move(attached).value();
      return;
    }
    const Error& error = attached.error();
    found_.shared_memory = error.code == ErrorCode::kNotFound         ? SharedMemoryState::kMissing
                           : error.code == ErrorCode::kForeignSegment ? SharedMemoryState::kForeign
                                                                      : SharedMemoryState::kUnreadable;
    found_.shared_memory_problem = error.message;
  }

  Status LookAtMembers() {
    std::vector<MemberDiagnosis> kept;
    for (std::size_t i = 0; i < found_.members.size(); ++i) {
      MemberDiagnosis member = found_.members[i];
      TENURE_ASSIGN(member.alive, IsHeld(member.slot));
      LookAtProcess(member, starts_[i]);
      // Rows of dead processes keep their pid until the slot is used again: of interest is what still hangs on them.
      const bool owner = found_.lease.member == member.slot;
      if (member.alive || owner || HoldsSlot(member.slot) || HoldsLease(member.slot)) kept.push_back(member);
      if (owner) found_.lease.owner_alive = member.alive;
      found_.members_alive += member.alive ? 1 : 0;
    }
    found_.members = std::move(kept);
    return {};
  }

  bool HoldsSlot(std::uint32_t member) const {
    return std::any_of(found_.slots.begin(), found_.slots.end(),
                       [&](const WriterSlotDiagnosis& slot) { return slot.member == member; });
  }

  bool HoldsLease(std::uint32_t member) const {
    return std::any_of(found_.leases.begin(), found_.leases.end(),
                       [&](const LeaseDiagnosis& lease) { return lease.member == member; });
  }

  /// A pid alone may be of another pid namespace, or used again: the start time tells.
  void LookAtProcess(MemberDiagnosis& member, std::uint64_t start_ticks) const {
    const auto stat = base::ReadProcessStat(member.pid);
    if (!stat || stat->start_ticks != start_ticks) return;
    member.visible = true;
    member.stopped = stat->state == 'T' || stat->state == 't';
    member.started_ms =
        env_.WallMs() - static_cast<TimeMs>(env_.BoottimeMs()) + static_cast<TimeMs>(stat->start_boot_ms);
  }

  /// Without shared memory there are no rows, but the kernel still knows which bytes are held.
  Status LookAtBytes() {
    for (std::uint32_t slot = 0; slot < ingest::kMemberSlots; ++slot) {
      TENURE_ASSIGN(const bool held, IsHeld(slot));
      if (!held) continue;
      MemberDiagnosis member;
      member.slot = slot;
      member.alive = true;
      found_.members.push_back(member);
    }
    found_.members_alive = static_cast<std::uint32_t>(found_.members.size());
    return {};
  }

  bool HasQueuedWork(const StoreDiagnosis& look) const {
    return std::any_of(look.slots.begin(), look.slots.end(),
                       [](const WriterSlotDiagnosis& slot) { return slot.waiting > 0 && !slot.quarantined; });
  }

  /// One look cannot tell slow from stuck. With nothing queued nobody need move.
  void Watch() {
    if (!HasQueuedWork(found_)) return;
    const std::uint64_t begin_ns = env_.MonotonicNs();
    const auto watched = [&] { return std::chrono::nanoseconds(env_.MonotonicNs() - begin_ns); };
    while (!found_.lease.progress && watched() < kWatchMax) {
      std::this_thread::sleep_for(kWatchStep);
      StoreDiagnosis later;
      std::vector<std::uint64_t> starts;
      ingest::LookAtSegment(*segment_, later, starts, env_.BoottimeMs());
      found_.lease.progress = later.lease.heartbeat != found_.lease.heartbeat ||
                              later.durable_lsn != found_.durable_lsn || !HasQueuedWork(later);
    }
    found_.lease.watched_ms =
        static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(watched()).count());
  }

  /// F_OFD_GETLK names nobody, so /proc is searched; only where it is needed, for it takes a while.
  void NameHolders() {
    const bool unnamed = !segment_ && found_.members_alive > 0;
    if (!locks_ || !(unnamed || found_.applying || found_.held_exclusively)) return;
    const auto identity = locks_->Identity();
    if (!identity.ok()) return;
    const auto applies = [](const base::HeldLock& lock) {
      return lock.first < ingest::kApplyBytesAt + ingest::kApplyBytes && lock.last >= ingest::kApplyBytesAt;
    };
    for (const base::HeldLock& lock : base::LocksOn(*identity, "members.lock")) {
      const auto covers = [&](std::uint64_t byte) { return lock.first <= byte && byte <= lock.last; };
      if (found_.held_exclusively && covers(kSpareByte)) found_.exclusive_pid = lock.pid;
      if (found_.applying && applies(lock)) found_.applying_pid = lock.pid;
      for (MemberDiagnosis& member : found_.members) {
        if (!unnamed || !covers(member.slot)) continue;
        member.pid = lock.pid;
        if (const auto stat = base::ReadProcessStat(lock.pid)) LookAtProcess(member, stat->start_ticks);
      }
    }
  }

  Status LookAtFiles() {
    LookAtIndex();
    TENURE_ASSIGN(const auto checkpoints, recovery::ListCheckpoints(env_, layout_));
    found_.checkpoints = checkpoints.size();
    TENURE_ASSIGN(const journal::Chain chain, journal::ReadChain(env_, layout_.journal(), config_.journal_id,
                                                                 recovery::TrimmedBelowOf(env_, layout_)));
    found_.segments = chain.segments.size();
    for (const journal::LiveSegment& segment : chain.segments) found_.journal_bytes += segment.file_bytes;
    return recovery::CheckChain(chain, layout_);
  }

  void LookAtIndex() {
    index::Generation live;
    if (segment_) {
      live = {segment_->commit().generation.LoadFirst(), segment_->commit().generation.LoadSecond()};
    } else if (const auto current = index::CurrentGeneration(env_, layout_.index()); current.ok()) {
      live = current->value_or(index::Generation{});
    }
    if (live.number == 0) return;
    found_.index_path = layout_.index() + "/" + index::GenerationFileName(live);
    // By its name: opening the file and closing it would drop the locks that this process's SQLite holds on it.
    struct stat info {};
    if (::stat(found_.index_path.c_str(), &info) == 0) found_.index_bytes = static_cast<std::uint64_t>(info.st_size);
  }

  base::Env& env_;
  const recovery::Layout& layout_;
  const recovery::Config& config_;
  std::unique_ptr<base::File> locks_;
  std::unique_ptr<ingest::SharedSegment> segment_;
  std::vector<std::uint64_t> starts_;
  StoreDiagnosis found_;
};

}  // namespace

Result<StoreDiagnosis> Diagnose(const std::string& path, const OpenOptions& options) try {
  base::Env& env = options.env != nullptr ? *options.env : base::Env::Posix();
  TENURE_ASSIGN(const recovery::Layout layout, recovery::FindStore(env, path));
  TENURE_ASSIGN(const recovery::Config config, recovery::ReadConfig(env, layout));
  return Look(env, layout, config).Run();
}
TENURE_CATCH_ALL

Result<StoreDiagnosis> Store::Diagnose() const try {
  TENURE_RETURN_IF_ERROR(impl_->CheckUsable());
  return Look(impl_->env, impl_->layout, impl_->config).Run();
}
TENURE_CATCH_ALL

}  // namespace tenure
