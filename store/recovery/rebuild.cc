#include "store/recovery/rebuild.h"

#include <algorithm>
#include <utility>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/guarded.h"
#include "store/base/hash.h"
#include "store/base/helper_thread.h"
#include "store/base/memory.h"
#include "store/journal/read_ahead.h"
#include "store/journal/reader.h"
#include "store/recovery/index_check.h"
#include "store/recovery/partial_batch.h"
#include "store/recovery/tail.h"

namespace tenure::recovery {
namespace {

/// A journal with less than this to replay is read on the same thread.
constexpr std::uint64_t kHelperBytesMin = 8u << 20;
/// Progress is told this often.
constexpr std::uint64_t kProgressBytes = 8u << 20;
constexpr std::size_t kCopyStepBytes = 4u << 20;

Status CopyFile(base::Env& env, const std::string& from, const std::string& to) {
  TENURE_ASSIGN(const auto source, env.Open(from, base::OpenMode::kRead));
  TENURE_ASSIGN(const auto target, env.Open(to, base::OpenMode::kCreateNew));
  base::Bytes step(kCopyStepBytes);
  for (std::uint64_t offset = 0;;) {
    TENURE_ASSIGN(const std::size_t got, source->ReadAt(offset, step));
    if (got == 0) return {};
    TENURE_RETURN_IF_ERROR(target->WriteAt(offset, base::ByteView(step).first(got)));
    offset += got;
  }
}

Error NotYet(Lsn wanted, Lsn newest) {
  Error error =
      base::MakeError(ErrorCode::kNotFound, "LSN " + std::to_string(wanted) + " is not in the journal; the newest is " +
                                                std::to_string(newest));
  error.lsn = newest;
  return error;
}

class Builder {
 public:
  Builder(base::Env& env, const Layout& layout, const std::string& target, const RebuildOptions& options)
      : env_(env), layout_(layout), target_(target), options_(options) {}

  Result<RebuildReport> Build() {
    TENURE_ASSIGN(const bool taken, env_.Exists(target_));
    if (taken) return base::MakeError(ErrorCode::kExists, target_ + " exists already", "name a new file");
    Status built = base::Guarded([this] { return Run(); });
    if (!built.ok()) {
      reader_.reset();
      writer_.reset();
      (void)RemoveDatabase(env_, target_);  // best effort: the first error is the one to report
      return std::move(built).error();
    }
    return std::move(report_);
  }

 private:
  Status Run() {
    TENURE_ASSIGN(const Config config, ReadConfig(env_, layout_));
    journal_id_ = config.journal_id;
    index_id_ = IndexIdOf(config);
    TENURE_RETURN_IF_ERROR(FindWitnesses());
    limit_ = std::min(options_.to_lsn.value_or(journal::kNoLimit), options_.durable.value_or(journal::kNoLimit));
    if (options_.to_lsn.value_or(0) > limit_) return NotYet(*options_.to_lsn, limit_);
    TENURE_RETURN_IF_ERROR(ChooseBase());
    TENURE_RETURN_IF_ERROR(ReplayFrames());
    TENURE_RETURN_IF_ERROR(writer_->FinishBulkUnsynced());
    TENURE_RETURN_IF_ERROR(Tell(total_bytes_));
    TENURE_RETURN_IF_ERROR(Finish(reader_->position()));
    if (options_.to_lsn && report_.applied_lsn < *options_.to_lsn) return ApplyPart();
    return {};
  }

  /// What must be in the journal, whatever its end looks like: an index or checkpoint that has seen more
  /// than the journal holds means that the journal lost something.
  Status FindWitnesses() {
    TENURE_ASSIGN(const Lsn checkpoint, NewestCheckpointLsn(env_, layout_));
    witnessed_ = std::max(options_.durable.value_or(0), checkpoint);
    TENURE_ASSIGN(const IndexView view, OpenIndexView(env_, layout_));
    if (view.mark && view.mark->store_id_hex == index_id_) witnessed_ = std::max(witnessed_, view.applied_lsn());
    return {};
  }

  Status ChooseBase() {
    TENURE_ASSIGN(std::vector<Checkpoint> checkpoints, ListCheckpoints(env_, layout_));
    std::reverse(checkpoints.begin(), checkpoints.end());
    for (const Checkpoint& checkpoint : checkpoints) {
      if (checkpoint.lsn > limit_) continue;
      TENURE_ASSIGN(const bool usable, StartFrom(checkpoint));
      if (usable) return {};
    }
    TENURE_ASSIGN(reader_,
                  journal::Reader::OpenAtStart(env_, layout_.journal(), journal_id_, TrimmedBelowOf(env_, layout_)));
    const model::JournalPosition& start = reader_->position();
    if (start.last_lsn != 0 && unanswered_) return *unanswered_;
    if (start.last_lsn != 0) {
      // Also when all that covers it are newer than what is asked for.
      const bool too_old = limit_ <= start.last_lsn || (!checkpoints.empty() && checkpoints.back().lsn > limit_);
      Error error =
          base::MakeError(too_old ? ErrorCode::kCompacted : ErrorCode::kCorruption,
                          layout_.journal() + ": the journal begins behind LSN " + std::to_string(start.last_lsn) +
                              " and no usable checkpoint covers what came before",
                          too_old ? "name a later LSN" : "restore a backup");
      error.path = layout_.journal();
      error.lsn = start.last_lsn;
      return error;
    }
    TENURE_ASSIGN(writer_, index::IndexWriter::Create(target_, index_id_, start));
    return {};
  }

  /// False, with the reason noted: the next older checkpoint is tried.
  Result<bool> StartFrom(const Checkpoint& checkpoint) {
    const auto skip = [&](const std::string& why) {
      report_.skipped.push_back(checkpoint.path + ": " + why);
      return false;
    };
    const CheckpointView view = CheckCheckpoint(checkpoint, index_id_);
    if (!view.ok()) {
      if (!unanswered_ && IsNoAnswer(view.faults.front())) unanswered_ = view.faults.front();
      return skip(view.faults.front().message);
    }
    auto reader =
        journal::Reader::Open(env_, layout_.journal(), journal_id_, view.mark->position, TrimmedBelowOf(env_, layout_));
    if (!reader.ok()) {
      const ErrorCode code = reader.error().code;
      if (code != ErrorCode::kCorruption && code != ErrorCode::kCompacted) return std::move(reader).error();
      return skip("it does not continue in the journal: " + reader.error().message);
    }
    TENURE_RETURN_IF_ERROR(CopyFile(env_, checkpoint.path, target_));
    TENURE_ASSIGN(writer_, index::IndexWriter::Open(target_));
    reader_ = std::move(reader).value();
    report_.from_checkpoint_lsn = checkpoint.lsn;
    return true;
  }

  Status ReplayFrames() {
    total_bytes_ = BytesBehind(reader_->position());
    journal::Stop stop = journal::Stop::kFrame;
    {
      journal::ReadAhead frames(*reader_, layout_.journal(), limit_, std::min(witnessed_, limit_),
                                total_bytes_ >= kHelperBytesMin);
      journal::Frame frame;
      while (stop == journal::Stop::kFrame) {
        TENURE_ASSIGN(stop, frames.Next(frame));
        if (stop == journal::Stop::kFrame) TENURE_RETURN_IF_ERROR(Collect(frame));
      }
    }
    if (stop != journal::Stop::kLimit) TENURE_RETURN_IF_ERROR(CheckEnd());
    return {};
  }

  /// Lends the transactions to the writer and takes them back, so that their memory is used again.
  Status Collect(journal::Frame& frame) {
    applied_.txns.swap(frame.txns);
    applied_.after = frame.after;
    const Status collected = writer_->ApplyBulk({&applied_, 1});
    report_.transactions += applied_.txns.size();
    applied_.txns.swap(frame.txns);
    TENURE_RETURN_IF_ERROR(collected);
    const std::uint64_t told = done_bytes_ / kProgressBytes;
    done_bytes_ += journal::FrameBytes(frame.header.payload_bytes);
    if (done_bytes_ / kProgressBytes == told) return {};
    return Tell(std::min(done_bytes_, total_bytes_));
  }

  Status Tell(std::uint64_t done_bytes) {
    if (!options_.progress || options_.progress(done_bytes, total_bytes_)) return {};
    return base::MakeError(ErrorCode::kClosed, "interrupted");
  }

  /// Without a known durable LSN the end of the journal is where frames end, unless something behind
  /// shows that one in between was lost.
  Status CheckEnd() {
    const model::JournalPosition& end = reader_->position();
    if (limit_ != journal::kNoLimit && end.last_lsn < limit_ && options_.to_lsn) {
      return NotYet(*options_.to_lsn, end.last_lsn);
    }
    const journal::LiveSegment& newest = reader_->chain().segments.back();
    TENURE_ASSIGN(const journal::TailSurvey survey, journal::SurveyTail(env_, newest, end));
    TailFacts facts;
    facts.clean_zero = survey.nonzero_bytes == 0;
    facts.later_valid_frame = survey.later_frame.has_value();
    if (DecideTail(facts) != TailVerdict::kCorruption) return {};
    return base::CorruptionAt(newest.path, end.offset,
                              "no frame begins here, but " + std::string(DecidingTailRule(facts).reason) +
                                  ", at offset " + std::to_string(*survey.later_frame));
  }

  /// Lets go of the file, syncs it, and proves the rows from the file alone.
  Status Finish(const model::JournalPosition& at) {
    writer_.reset();
    base::ReturnFreeMemory();
    TENURE_RETURN_IF_ERROR(DropCompanions());
    Status synced;
    base::HelperThread sync;
    const auto sync_target = [&] { synced = base::Guarded([&] { return SyncTarget(); }); };
    const bool helping = sync.Start(sync_target);
    const Result<base::Hash128> computed = index::ComputeStateHashOf(target_);
    if (!helping) sync_target();
    sync.Join();
    TENURE_RETURN_IF_ERROR(synced);
    TENURE_ASSIGN(const base::Hash128 hash, computed);
    TENURE_ASSIGN(const auto rows, index::IndexReader::Open(target_, true));
    TENURE_ASSIGN(const index::Mark mark, rows->ReadMark());
    // Not the place: behind a seal the same position has two names, the end of one segment and the start
    // of the next.
    const bool there = mark.position.last_lsn == at.last_lsn && mark.position.chain == at.chain &&
                       mark.position.state_hash == at.state_hash;
    if (!there || hash != at.state_hash) {
      return base::CorruptionAt(layout_.journal() + "/" + journal::SegmentFileName(at.segment), at.offset,
                                "replaying up to LSN " + std::to_string(at.last_lsn) + " gives rows with state hash " +
                                    base::Hex(hash) + ", but the journal says " + base::Hex(at.state_hash));
    }
    report_.applied_lsn = at.last_lsn;
    report_.state_hash = base::Hex(hash);
    report_.path = target_;
    return {};
  }

  Status SyncTarget() {
    if (TENURE_SEEDED_BUG("generation_unsynced")) return {};
    TENURE_ASSIGN(const auto file, env_.Open(target_, base::OpenMode::kReadWrite));
    return file->SyncAll();
  }

  Status DropCompanions() {
    for (const char* part : {"-wal", "-shm", "-journal"}) {
      TENURE_ASSIGN(const bool there, env_.Exists(target_ + part));
      if (there) TENURE_RETURN_IF_ERROR(env_.Remove(target_ + part));
    }
    return {};
  }

  /// to_lsn lies within the next frame: its first transactions, with a state hash of our own reckoning.
  Status ApplyPart() {
    TENURE_ASSIGN(journal::Step step, reader_->Next(journal::kNoLimit, *options_.to_lsn));
    if (step.stop != journal::Stop::kFrame) return CheckEnd();
    auto& txns = step.frame.txns;
    txns.erase(std::remove_if(txns.begin(), txns.end(),
                              [&](const model::CommittedTxn& txn) { return txn.lsn > *options_.to_lsn; }),
               txns.end());
    index::AppliedFrame part;
    {
      TENURE_ASSIGN(const auto rows, index::IndexReader::Open(target_, true));
      TENURE_ASSIGN(const index::Mark mark, rows->ReadMark());
      part.after = mark.position;
      TENURE_ASSIGN(part.after.state_hash, StateHashAfter(*rows, mark.position.state_hash, txns));
    }
    part.after.last_lsn = *options_.to_lsn;
    part.after.time_ms = step.frame.header.time_ms;
    report_.transactions += txns.size();
    part.txns = std::move(txns);
    report_.inside_batch = true;
    TENURE_ASSIGN(writer_, index::IndexWriter::Open(target_));
    TENURE_RETURN_IF_ERROR(writer_->Apply({&part, 1}));
    TENURE_RETURN_IF_ERROR(writer_->Checkpoint(0));
    return Finish(part.after);
  }

  std::uint64_t BytesBehind(const model::JournalPosition& position) const {
    std::uint64_t bytes = 1;  // a total of nothing would read as "unknown"
    for (const journal::LiveSegment& segment : reader_->chain().segments) {
      if (segment.header.id < position.segment) continue;
      const std::uint64_t end = segment.sealed_bytes > 0 ? segment.sealed_bytes : segment.file_bytes;
      const std::uint64_t begin =
          segment.header.id == position.segment ? position.offset : journal::kSegmentHeaderBytes;
      if (end > begin) bytes += end - begin;
    }
    return bytes;
  }

  base::Env& env_;
  const Layout& layout_;
  const std::string& target_;
  const RebuildOptions& options_;
  journal::StoreId journal_id_{};
  std::string index_id_;
  Lsn witnessed_ = 0;
  Lsn limit_ = journal::kNoLimit;
  std::unique_ptr<journal::Reader> reader_;
  std::unique_ptr<index::IndexWriter> writer_;
  std::optional<Error> unanswered_;  ///< Of the newest checkpoint that could not be read: it may be a sound one.
  index::AppliedFrame applied_;
  std::uint64_t done_bytes_ = 0, total_bytes_ = 0;
  RebuildReport report_;
};

}  // namespace

Result<RebuildReport> BuildIndex(base::Env& env, const Layout& layout, const std::string& target,
                                 const RebuildOptions& options) {
  for (;;) {
    TENURE_ASSIGN(const Lsn covered_before, NewestCheckpointLsn(env, layout));
    auto built = Builder(env, layout, target, options).Build();
    if (built.ok()) return built;
    const ErrorCode code = built.error().code;
    if (code != ErrorCode::kCompacted && code != ErrorCode::kCorruption && code != ErrorCode::kNotFound) return built;
    // A compaction meanwhile takes away journal, and the older checkpoints: what there is now is begun with.
    TENURE_ASSIGN(const Lsn covered, NewestCheckpointLsn(env, layout));
    if (covered <= covered_before) return built;
  }
}

Result<RebuildReport> RebuildIndex(base::Env& env, const Layout& layout, std::uint64_t epoch,
                                   const RebuildOptions& options, index::Generation* published) {
  TENURE_ASSIGN(const bool there, env.Exists(layout.index()));
  if (!there) {
    TENURE_RETURN_IF_ERROR(env.CreateDirectory(layout.index()));
    TENURE_RETURN_IF_ERROR(env.SyncDirectory(layout.root));
  }
  const std::string building = index::BuildingPath(env, layout.index());
  TENURE_ASSIGN(RebuildReport report, BuildIndex(env, layout, building, options));
  const auto publish = [&]() -> Status {
    if (report.inside_batch) {
      return base::MakeError(ErrorCode::kInvalidArgument,
                             "LSN " + std::to_string(report.applied_lsn) +
                                 " lies within a batch; a store's index must end where a batch does",
                             "rebuild into a file of your own instead");
    }
    TENURE_ASSIGN(const auto generations, index::ListGenerations(env, layout.index()));
    // Behind every other: at the next open the newest complete generation is the live one.
    index::Generation next{epoch, 1};
    if (!generations.empty() && generations.back() >= next) {
      next = {generations.back().epoch, generations.back().number + 1};
    }
    // Nor under the name of one whose file was set aside before its log was: SQLite would take that log for the new
    // file's.
    for (;;) {
      TENURE_ASSIGN(const bool taken, env.Exists(layout.index() + "/" + index::GenerationFileName(next) + "-wal"));
      if (!taken) break;
      ++next.number;
    }
    TENURE_FAIL_POINT_STATUS("rebuild.before_publish");
    TENURE_RETURN_IF_ERROR(index::Publish(env, layout.index(), building, next));
    report.path = layout.index() + "/" + index::GenerationFileName(next);
    if (published != nullptr) *published = next;
    return {};
  };
  if (Status done = base::Guarded(publish); !done.ok()) {
    (void)RemoveDatabase(env, building);
    return std::move(done).error();
  }
  return report;
}

}  // namespace tenure::recovery
