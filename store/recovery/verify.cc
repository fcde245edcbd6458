#include "store/recovery/verify.h"

#include <algorithm>
#include <array>
#include <utility>

#include "store/base/error.h"
#include "store/base/hash.h"
#include "store/recovery/compare_index.h"
#include "store/recovery/index_check.h"
#include "store/recovery/rebuild.h"
#include "store/recovery/scan.h"

namespace tenure::recovery {
namespace {

/// "<lsn>:<hex>" or "<hex>".
struct ExpectedHead {
  std::optional<Lsn> lsn;
  base::Hash256 chain{};
  bool found = false;
};

Result<ExpectedHead> ParseHead(const std::string& text) {
  ExpectedHead head;
  const std::size_t colon = text.find(':');
  const std::string digits = colon == std::string::npos ? std::string() : text.substr(0, colon);
  const bool number =
      digits.size() < 20 && !digits.empty() && digits.find_first_not_of("0123456789") == std::string::npos;
  const std::string hex = colon == std::string::npos ? text : text.substr(colon + 1);
  if ((colon != std::string::npos && !number) || !base::FromHex(hex, head.chain)) {
    return base::MakeError(ErrorCode::kInvalidArgument, "'" + text + "' is no journal head",
                           "expected 64 hexadecimal digits, or LSN:DIGITS as 'log --head' prints them");
  }
  if (number) head.lsn = std::stoull(digits);
  return head;
}

class Verifier {
 public:
  Verifier(base::Env& env, const Layout& layout, const VerifyOptions& options)
      : env_(env), layout_(layout), options_(options) {}

  Result<VerifyReport> Check() {
    if (options_.expect_head) {
      TENURE_ASSIGN(head_, ParseHead(*options_.expect_head));
    }
    auto config = ReadConfig(env_, layout_);
    if (!config.ok() && config.error().code == ErrorCode::kCorruption) {
      report_.problems.push_back(config.error());
      return std::move(report_);
    }
    if (!config.ok()) return std::move(config).error();
    config_ = std::move(config).value();
    TENURE_ASSIGN(checkpoints_, ListCheckpoints(env_, layout_));
    // The index first: the journal, read afterwards, must reach at least as far, also while others write.
    if (options_.index) {
      TENURE_ASSIGN(index_, OpenIndexView(env_, layout_));
    }
    TENURE_RETURN_IF_ERROR(CheckJournal());
    if (options_.index) TENURE_RETURN_IF_ERROR(CheckIndex());
    TENURE_RETURN_IF_ERROR(CheckCheckpoints());
    if (options_.progress && !options_.progress(total_bytes_, total_bytes_)) return Interrupted();
    return std::move(report_);
  }

 private:
  static Error Interrupted() { return base::MakeError(ErrorCode::kClosed, "interrupted"); }
  Lsn NewestCheckpoint() const { return checkpoints_.empty() ? 0 : checkpoints_.back().lsn; }
  void Problem(const std::string& path, std::optional<std::uint64_t> offset, const std::string& what,
               const std::string& hint = {}) {
    Error error = base::MakeError(ErrorCode::kCorruption, path + ": " + what, hint);
    error.path = path;
    error.offset = offset;
    report_.problems.push_back(std::move(error));
  }

  /// Of an index or a checkpoint: a problem, or the reason why nothing can be said.
  Status Fault(Error fault) {
    if (IsNoAnswer(fault)) return fault;
    report_.problems.push_back(std::move(fault));
    return {};
  }

  Status CheckJournal() {
    ScanOptions scan_options;
    scan_options.applied = index_.applied_lsn();
    scan_options.checkpoint = NewestCheckpoint();
    if (options_.durable) scan_options.durable = std::max(*options_.durable, index_.applied_lsn());
    scan_options.on_frame = [this](const ScannedFrame& frame) { SeeFrame(frame.after); };
    // The journal is most of the work; the rest of the bar is for the index.
    scan_options.progress = [this](std::uint64_t done, std::uint64_t total) {
      total_bytes_ = total + total / 4 + 1;
      return !options_.progress || options_.progress(done, total_bytes_);
    };
    auto scanned =
        ScanJournal(env_, layout_.journal(), config_.journal_id, TrimmedBelowOf(env_, layout_), scan_options);
    if (!scanned.ok() && scanned.error().code == ErrorCode::kNotFound) {
      // A compaction in between takes files away that are covered by now: what is there then is looked at.
      TENURE_ASSIGN(const std::vector<Checkpoint> now, ListCheckpoints(env_, layout_));
      if (!now.empty() && now.back().lsn > NewestCheckpoint()) {
        checkpoints_ = now;
        return CheckJournal();
      }
      Problem(layout_.journal(), 0, "cannot be read: " + scanned.error().message, "restore the journal from a backup");
      return {};
    }
    if (!scanned.ok()) return std::move(scanned).error();
    const JournalScan& scan = scanned.value();
    for (const Run& run : scan.runs) {
      if (run.from_segment_start) SeeFrame(run.start);
    }
    report_.segments = scan.chain.segments.size();
    report_.orphan_segments = scan.chain.orphans.size();
    report_.frames = scan.frames;
    report_.transactions = scan.transactions;
    report_.effects = scan.effects;
    report_.bytes = scan.bytes;
    report_.first_lsn = scan.first_lsn;
    last_ = scan.frames > 0 || scan.runs.empty() ? scan.last : scan.runs.back().end;
    report_.last_lsn = last_.last_lsn;
    report_.chain_head = base::Hex(last_.chain);
    report_.state_hash = base::Hex(last_.state_hash);
    report_.problems = scan.problems;
    report_.warnings = scan.warnings;
    if (scan.chain.segments.empty()) {
      Problem(layout_.journal(), 0, "the journal holds no segment", "restore the journal from a backup");
    }
    if (head_ && !head_->found) {
      Problem(layout_.journal(), std::nullopt, "the head " + *options_.expect_head + " does not occur in the journal",
              "the history was edited since that head was noted, or is another store's, or was compacted beyond it");
    }
    return {};
  }

  /// Every place where the chain has a value: frame ends, and what the oldest segment continues.
  void SeeFrame(const model::JournalPosition& position) {
    if (index_.mark && position.last_lsn == index_.applied_lsn()) at_applied_ = position;
    if (head_ && head_->chain == position.chain && head_->lsn.value_or(position.last_lsn) == position.last_lsn) {
      head_->found = true;
    }
  }

  Status CheckIndex() {
    report_.index_path = index_.path;
    if (index_.path.empty()) {
      report_.warnings.push_back(layout_.index() + ": there is no index; opening the store builds it from the journal");
      return {};
    }
    if (index_.fault) return Fault(*index_.fault);
    report_.applied_lsn = index_.applied_lsn();
    const std::size_t before = report_.problems.size();
    for (Error& fault : CheckRows(*index_.reader, *index_.mark, index_.path, IndexIdOf(config_))) {
      TENURE_RETURN_IF_ERROR(Fault(std::move(fault)));
    }
    report_.state_hash_checked = true;
    CheckMark();
    if (!options_.deep || report_.problems.size() != before) return {};
    return CompareRows();
  }

  /// The index's own position against the journal's frame that ends there.
  void CheckMark() {
    const model::JournalPosition& mark = index_.mark->position;
    if (mark.last_lsn > last_.last_lsn) {
      Problem(index_.path, std::nullopt,
              "the index is ahead of its journal: " + std::to_string(mark.last_lsn - last_.last_lsn) +
                  " transactions are missing (LSN " + std::to_string(last_.last_lsn + 1) + " to " +
                  std::to_string(mark.last_lsn) + ")",
              "the journal lost something: see 'tenure-replay repair'");
      return;
    }
    if (!at_applied_) {
      Problem(index_.path, std::nullopt,
              "the index has applied LSN " + std::to_string(mark.last_lsn) + ", where no frame of the journal ends",
              "rebuild it from the journal: tenure-replay repair");
      return;
    }
    if (mark.state_hash != at_applied_->state_hash) {
      Problem(index_.path, std::nullopt,
              "at LSN " + std::to_string(mark.last_lsn) + " the index has state hash " + base::Hex(mark.state_hash) +
                  ", the journal " + base::Hex(at_applied_->state_hash),
              "rebuild it from the journal: tenure-replay repair");
    }
    if (mark.chain != at_applied_->chain) {
      Problem(index_.path, std::nullopt,
              "at LSN " + std::to_string(mark.last_lsn) + " the index has chain hash " + base::Hex(mark.chain) +
                  ", the journal " + base::Hex(at_applied_->chain) + ": it was built from another history",
              "rebuild it from the journal: tenure-replay repair");
    }
  }

  /// All rows against those of an index built from checkpoint and journal.
  Status CompareRows() {
    std::array<std::byte, 8> random{};
    env_.Random(random);
    const std::string dir = layout_.root + "/verify-" + base::Hex(random);
    TENURE_RETURN_IF_ERROR(env_.CreateDirectory(dir));
    const Status compared = CompareRowsIn(dir);
    const Status removed = env_.RemoveAll(dir);
    TENURE_RETURN_IF_ERROR(compared);
    return removed;
  }

  Status CompareRowsIn(const std::string& dir) {
    RebuildOptions rebuild;
    rebuild.to_lsn = index_.applied_lsn();
    bool interrupted = false;
    rebuild.progress = [&](std::uint64_t, std::uint64_t) {
      interrupted = options_.progress && !options_.progress(report_.bytes, total_bytes_);
      return !interrupted;
    };
    const auto built = BuildIndex(env_, layout_, dir + "/rebuilt.db", rebuild);
    if (!built.ok()) {
      if (interrupted) return Interrupted();
      return Fault(built.error());
    }
    for (const std::string& skipped : built->skipped)
      report_.warnings.push_back("not usable for a rebuild: " + skipped);
    TENURE_ASSIGN(const auto rows, index::IndexReader::Open(built->path, true));
    TENURE_ASSIGN(const std::vector<std::string> differences, CompareIndexes(*index_.reader, *rows));
    for (const std::string& difference : differences) {
      Problem(index_.path, std::nullopt, difference, "rebuild it from the journal: tenure-replay repair");
    }
    return {};
  }

  /// Trimmed journal is replaced by a checkpoint, so a damaged one is as bad as damaged journal.
  Status CheckCheckpoints() {
    for (const Checkpoint& checkpoint : checkpoints_) {
      CheckpointView view = CheckCheckpoint(checkpoint, IndexIdOf(config_));
      if (view.faults.empty()) continue;
      TENURE_ASSIGN(const bool there, env_.Exists(checkpoint.path));
      if (!there) continue;  // an older one, removed by a compaction
      for (Error& fault : view.faults) TENURE_RETURN_IF_ERROR(Fault(std::move(fault)));
    }
    const bool ahead = NewestCheckpoint() > last_.last_lsn;
    if (ahead) {
      Problem(checkpoints_.back().path, std::nullopt,
              "the checkpoint is ahead of the journal, which ends with LSN " + std::to_string(last_.last_lsn),
              "the journal lost something: see 'tenure-replay repair'");
    }
    return {};
  }

  base::Env& env_;
  const Layout& layout_;
  const VerifyOptions& options_;
  Config config_;
  std::vector<Checkpoint> checkpoints_;
  IndexView index_;
  std::optional<ExpectedHead> head_;
  std::optional<model::JournalPosition> at_applied_;  ///< The journal where the index ends.
  model::JournalPosition last_;
  std::uint64_t total_bytes_ = 1;
  VerifyReport report_;
};

}  // namespace

Result<VerifyReport> Verify(base::Env& env, const Layout& layout, const VerifyOptions& options) {
  return Verifier(env, layout, options).Check();
}

}  // namespace tenure::recovery
