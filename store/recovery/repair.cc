#include "store/recovery/repair.h"

#include <algorithm>
#include <array>
#include <utility>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/ingest/membership.h"
#include "store/recovery/lost.h"
#include "store/recovery/rebuild.h"
#include "store/recovery/repair_plan.h"

namespace tenure::recovery {
namespace {

constexpr std::size_t kZeroStepBytes = 1u << 20;
constexpr std::size_t kLinesInMessage = 10;

std::string FileNameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }
std::string DirectoryOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

/// Nobody else may have the store open, and nobody may open it until the lock is let go.
Result<std::unique_ptr<base::File>> LockStore(base::Env& env, const Layout& layout) {
  TENURE_ASSIGN(auto lock, env.Open(layout.members(), base::OpenMode::kOpenOrCreate));
  TENURE_ASSIGN(const bool alone, lock->TryLock(base::LockKind::kExclusive, 0, ingest::kWholeBytes));
  if (alone) return lock;
  Error error = base::MakeError(ErrorCode::kBusy, layout.root + " is open in another process",
                                "end every process that uses the store, then repair it");
  error.path = layout.members();
  return error;
}

class Repairer {
 public:
  Repairer(base::Env& env, const Layout& layout, const RepairOptions& options)
      : env_(env), layout_(layout), options_(options) {}

  Result<RepairReport> Repair() {
    TENURE_ASSIGN(config_, ReadConfig(env_, layout_));
    TENURE_ASSIGN(const std::unique_ptr<base::File> lock, LockStore(env_, layout_));
    TENURE_ASSIGN(evidence_, GatherEvidence(env_, layout_, config_, options_.progress));
    CollectDamage();
    TENURE_ASSIGN(plan_, PlanRepair(evidence_, layout_));
    report_.last_good_lsn = plan_.last_good.last_lsn;
    report_.last_known_lsn = evidence_.last_known_lsn;
    if (!plan_.changes_anything()) {
      NothingToDo();
      return std::move(report_);
    }
    if (plan_.needs_consent()) {
      TENURE_ASSIGN(report_.lost, NameLost(env_, layout_, config_, evidence_, plan_));
    }
    epoch_ = NewEpoch();
    if (options_.dry_run) {
      TENURE_RETURN_IF_ERROR(Act());
      return std::move(report_);
    }
    if (plan_.needs_consent() && !options_.accept_loss && !TENURE_SEEDED_BUG("repair_without_consent")) {
      return Refusal();
    }
    evidence_.index = {};  // no connection of ours may have the files open that are about to move
    TENURE_RETURN_IF_ERROR(Act());
    report_.changed = true;
    return std::move(report_);
  }

 private:
  void CollectDamage() {
    report_.damage = evidence_.scan.problems;
    report_.damage.insert(report_.damage.end(), evidence_.index_faults.begin(), evidence_.index_faults.end());
    for (const CheckpointView& view : evidence_.checkpoint_views) {
      report_.damage.insert(report_.damage.end(), view.faults.begin(), view.faults.end());
    }
  }

  void NothingToDo() {
    if (evidence_.scan.torn_bytes > 0) {
      report_.actions.push_back(
          "nothing to repair: the " + std::to_string(evidence_.scan.torn_bytes) +
          " bytes behind the last frame are an unfinished commit; opening the store sets it aside");
    } else if (evidence_.index.path.empty()) {
      report_.actions.push_back("nothing to repair: opening the store builds the missing index");
    } else {
      report_.actions.push_back("nothing to repair");
    }
  }

  Error Refusal() const {
    Error error = base::MakeError(
        ErrorCode::kCorruption,
        layout_.root + " is damaged; what can be kept ends with LSN " + std::to_string(report_.last_good_lsn) + " of " +
            std::to_string(report_.last_known_lsn) + " known",
        "nothing was changed; restore a backup, or give up what is listed as lost with --accept-loss");
    for (const Error& damage : report_.damage) error.message += "\n  damage: " + damage.message;
    const std::size_t shown = std::min(report_.lost.size(), kLinesInMessage);
    for (std::size_t i = 0; i < shown; ++i) error.message += "\n  lost: " + report_.lost[i];
    if (shown < report_.lost.size()) {
      error.message += "\n  and " + std::to_string(report_.lost.size() - shown) + " more lines";
    }
    if (!report_.damage.empty()) {
      error.path = report_.damage.front().path;
      error.offset = report_.damage.front().offset;
    }
    error.lsn = report_.last_good_lsn;
    return error;
  }

  /// Above every epoch that a file's name mentions, so that no zombie's file is ever the newer one.
  std::uint64_t NewEpoch() const {
    std::uint64_t epoch = evidence_.scan.chain.highest_epoch;
    const auto generations = index::ListGenerations(env_, layout_.index());
    if (generations.ok() && !generations->empty()) epoch = std::max(epoch, generations->back().epoch);
    return epoch + 1;
  }

  /// Notes the action; true when it is to be done.
  bool Do(const std::string& what) {
    report_.actions.push_back(options_.dry_run ? "would " + what : what);
    return !options_.dry_run;
  }

  /// Each step leaves a store that is either still reported as damaged, or whole; a repair that was
  /// interrupted is run again. The incarnation first: it may grow twice, but never stay behind while an
  /// LSN is given out again. The new segment before anything moves: the witnesses of the loss go last.
  Status Act() {
    TENURE_RETURN_IF_ERROR(ExtendFiles());
    if (plan_.new_segment) {
      TENURE_RETURN_IF_ERROR(RaiseIncarnation());
      TENURE_FAIL_POINT_STATUS("repair.before_segment");
      TENURE_RETURN_IF_ERROR(BeginSegment());
      TENURE_FAIL_POINT_STATUS("repair.after_segment");
    }
    for (const std::string& path : plan_.segments_aside) TENURE_RETURN_IF_ERROR(SetAside(path, "damaged segment"));
    for (const std::string& path : plan_.checkpoints_aside) TENURE_RETURN_IF_ERROR(SetAside(path, "checkpoint"));
    TENURE_RETURN_IF_ERROR(RemoveSharedSegment());
    if (!plan_.rebuild_index) return {};
    TENURE_RETURN_IF_ERROR(SetIndexAside());
    if (!Do("rebuild the index up to LSN " + std::to_string(plan_.last_good.last_lsn))) return {};
    RebuildOptions rebuild;
    rebuild.to_lsn = plan_.last_good.last_lsn;
    rebuild.durable = plan_.last_good.last_lsn;
    rebuild.progress = options_.progress;
    const auto rebuilt = RebuildIndex(env_, layout_, epoch_, rebuild, nullptr);
    if (!rebuilt.ok()) return rebuilt.error();
    return {};
  }

  Status ExtendFiles() {
    for (const journal::LiveSegment& segment : plan_.extend) {
      const std::uint64_t capacity = segment.header.capacity;
      if (!Do("extend " + segment.path + " with zeros from " + std::to_string(segment.file_bytes) + " to " +
              std::to_string(capacity) + " bytes")) {
        continue;
      }
      TENURE_ASSIGN(const auto file, env_.Open(segment.path, base::OpenMode::kReadWrite));
      const base::Bytes zeros(kZeroStepBytes);
      for (std::uint64_t at = segment.file_bytes; at < capacity;) {
        const std::uint64_t step = std::min<std::uint64_t>(zeros.size(), capacity - at);
        TENURE_RETURN_IF_ERROR(file->WriteAt(at, base::ByteView(zeros).first(step)));
        at += step;
      }
      TENURE_RETURN_IF_ERROR(file->SyncAll());
    }
    return {};
  }

  Status RaiseIncarnation() {
    if (!Do("raise the incarnation to " + std::to_string(config_.incarnation + 1))) return {};
    ++config_.incarnation;
    return WriteConfig(env_, layout_, config_);
  }

  Status BeginSegment() {
    const model::SegmentId id{epoch_, 1};
    const std::string behind = plan_.last_good.segment == model::SegmentId{}
                                   ? "the checkpoint of LSN " + std::to_string(plan_.last_good.last_lsn)
                                   : "LSN " + std::to_string(plan_.last_good.last_lsn) + ", sealing " +
                                         journal::SegmentFileName(plan_.last_good.segment) + " at offset " +
                                         std::to_string(plan_.last_good.offset);
    if (!Do("begin epoch " + std::to_string(epoch_) + " in " + journal::SegmentFileName(id) + " behind " + behind)) {
      return {};
    }
    journal::SegmentHeader header = journal::HeaderAfter(config_.journal_id, id, plan_.last_good);
    header.capacity = journal::kSegmentBytesMin;
    header.incarnation = config_.incarnation;
    header.boot_id = env_.Host().boot_id;
    journal::SegmentFactory factory(env_, layout_.journal());
    const auto made = factory.Create(header, journal::kSegmentBytesMin);
    if (!made.ok()) return made.error();
    return {};
  }

  /// A name that nobody takes for anything, beside the old one.
  Status SetAside(const std::string& path, const std::string& what) {
    const std::string name = "damaged-" + Tag() + "-" + FileNameOf(path);
    if (!Do("rename the " + what + " " + path + " to " + name)) return {};
    TENURE_RETURN_IF_ERROR(env_.RenameNoReplace(path, DirectoryOf(path) + "/" + name));
    return env_.SyncDirectory(DirectoryOf(path));
  }

  Status SetIndexAside() {
    TENURE_ASSIGN(const bool there, env_.Exists(layout_.index()));
    if (!there) return {};
    TENURE_ASSIGN(const auto generations, index::ListGenerations(env_, layout_.index()));
    for (const index::Generation& generation : generations) {
      const std::string path = layout_.index() + "/" + index::GenerationFileName(generation);
      // The log belongs to the file: SQLite finds it under the new name too, for whoever looks into it. The file goes
      // first: without its log it may be half of a checkpoint, and an open after an interrupted repair would take it
      // for an index. A log without its file is nobody's (see RebuildIndex).
      for (const char* part : {"", "-wal", "-shm"}) {
        TENURE_ASSIGN(const bool part_there, env_.Exists(path + part));
        if (part_there) TENURE_RETURN_IF_ERROR(SetAside(path + part, "index file"));
      }
    }
    return {};
  }

  /// What it says of the durable LSN and the live index is no longer true. Not synced: should power loss bring it back,
  /// it is of another boot, and nobody believes it.
  Status RemoveSharedSegment() {
    TENURE_ASSIGN(const bool there, env_.Exists(layout_.shared_segment()));
    if (!there || !Do("remove " + layout_.shared_segment() + "; the next open makes it anew")) return {};
    return env_.Remove(layout_.shared_segment());
  }

  /// One per repair, so that a second one does not meet the first one's names.
  const std::string& Tag() {
    if (tag_.empty()) {
      std::array<std::byte, 4> random{};
      env_.Random(random);
      tag_ = base::Hex(random);
    }
    return tag_;
  }

  base::Env& env_;
  const Layout& layout_;
  const RepairOptions& options_;
  Config config_;
  RepairEvidence evidence_;
  RepairPlan plan_;
  RepairReport report_;
  std::uint64_t epoch_ = 0;
  std::string tag_;
};

}  // namespace

Result<RepairReport> Repair(base::Env& env, const Layout& layout, const RepairOptions& options) {
  return Repairer(env, layout, options).Repair();
}

}  // namespace tenure::recovery
