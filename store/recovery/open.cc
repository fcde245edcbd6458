#include "store/recovery/open.h"

#include <algorithm>
#include <span>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/commit/index_access.h"
#include "store/index/generations.h"
#include "store/index/index.h"
#include "store/journal/reader.h"
#include "store/journal/segments.h"
#include "store/recovery/checkpoints.h"
#include "store/recovery/replace_index.h"
#include "store/recovery/tail.h"

namespace tenure::recovery {
namespace {

constexpr std::size_t kRewriteStepBytes = 1u << 20;

/// What the scan of a journal without a durable word found.
struct Scan {
  journal::Chain chain;
  std::optional<model::JournalPosition> applied;  // the index's mark, when there is an index
  index::Generation generation;                   // {0, 0}: none
  model::JournalPosition end;                     // behind the last valid frame
  TailVerdict verdict = TailVerdict::kCleanEnd;
  journal::TailSurvey survey;
};

Status ReadIndexMark(base::Env& env, const Layout& layout, Scan& scan) {
  TENURE_ASSIGN(const bool there, env.Exists(layout.index()));
  if (!there) return {};  // removed by somebody: EnsureIndex builds it again
  TENURE_ASSIGN(const auto generation, index::CurrentGeneration(env, layout.index()));
  if (!generation) return {};
  TENURE_ASSIGN(auto reader, index::IndexReader::Open(layout.index() + "/" + index::GenerationFileName(*generation)));
  TENURE_ASSIGN(const index::Mark mark, reader->ReadMark());
  scan.generation = *generation;
  scan.applied = mark.position;
  return {};
}

/// Reads to the end of what is valid, from the index's mark on, and judges what lies behind it.
Result<Scan> ScanToEnd(base::Env& env, const Layout& layout, const Config& config) {
  Scan scan;
  TENURE_ASSIGN(const Lsn trimmed, NewestCheckpointLsn(env, layout));
  TENURE_ASSIGN(scan.chain, journal::ReadChain(env, layout.journal(), config.journal_id, trimmed));
  if (scan.chain.segments.empty()) {
    return base::MakeError(ErrorCode::kCorruption, layout.journal() + " holds no segment of this store",
                           "restore the journal from a backup; nothing was changed");
  }
  TENURE_RETURN_IF_ERROR(ReadIndexMark(env, layout, scan));
  std::unique_ptr<journal::Reader> reader;
  if (scan.applied) {
    TENURE_ASSIGN(reader, journal::Reader::Open(env, layout.journal(), config.journal_id, *scan.applied, trimmed));
  } else {
    TENURE_ASSIGN(reader, journal::Reader::OpenAtStart(env, layout.journal(), config.journal_id, trimmed));
  }
  const Lsn known = std::max(trimmed, scan.applied ? scan.applied->last_lsn : 0);
  journal::RawFrame raw;
  journal::FrameFault fault = journal::FrameFault::kNone;
  journal::Stop stop = journal::Stop::kFrame;
  while (stop == journal::Stop::kFrame) {
    TENURE_ASSIGN(stop, reader->NextRaw(journal::kNoLimit, known, raw, fault));
  }
  scan.end = reader->position();
  const journal::LiveSegment& newest = scan.chain.segments.back();
  if (scan.end.segment != newest.header.id) {
    // The newest segment has no frame: the scan ended at the seal of the one before.
    scan.end.segment = newest.header.id;
    scan.end.offset = journal::kSegmentHeaderBytes;
  }
  TENURE_ASSIGN(scan.survey, journal::SurveyTail(env, newest, scan.end));
  TailFacts facts;
  facts.clean_zero = scan.survey.nonzero_bytes == 0;
  facts.later_valid_frame = scan.survey.later_frame.has_value();
  facts.below_applied = scan.applied && scan.end.last_lsn < scan.applied->last_lsn;
  facts.below_durable = scan.end.last_lsn < known;
  scan.verdict = DecideTail(facts);
  if (scan.verdict == TailVerdict::kCorruption) {
    return base::CorruptionAt(
        newest.path, scan.end.offset,
        std::string(journal::FrameFaultText(fault)) + " behind LSN " + std::to_string(scan.end.last_lsn) +
            (scan.survey.later_frame
                 ? ", but a valid frame follows at offset " + std::to_string(*scan.survey.later_frame)
                 : ", but later transactions were acknowledged"));
  }
  return scan;
}

/// What this boot's page cache shows from `from` on need not be on the disk: a sync may have failed, and
/// the next one would not tell. Writing the same bytes to the same places makes them dirty again, so that
/// a sync that succeeds proves them. In place, and before the next segment gets its name: its link puts
/// everything behind the sealed length out of the chain, acknowledged frames too if they were still to copy.
Status RewriteInPlace(base::Env& env, const journal::LiveSegment& segment, std::uint64_t from, std::uint64_t end) {
  TENURE_ASSIGN(auto file, env.Open(segment.path, base::OpenMode::kReadWrite));
  base::Bytes step(kRewriteStepBytes);
  while (from < end) {
    const std::span<std::byte> want = std::span(step).first(std::min<std::uint64_t>(step.size(), end - from));
    TENURE_ASSIGN(const std::size_t got, file->ReadAt(from, want));
    if (got != want.size()) {
      return base::CorruptionAt(segment.path, from + got, "the file became shorter while it was read");
    }
    TENURE_RETURN_IF_ERROR(file->WriteAt(from, want));
    TENURE_FAIL_POINT("recovery.frame_rewritten");
    from += got;
  }
  return file->SyncData();
}

/// Begins epoch highest + 1 behind what is valid.
Result<std::uint64_t> BeginEpoch(base::Env& env, const Layout& layout, const Config& config, const Scan& scan) {
  journal::SegmentFactory factory(env, layout.journal());
  journal::SegmentHeader header = journal::HeaderAfter(config.journal_id, {scan.chain.highest_epoch + 1, 1}, scan.end);
  header.capacity = journal::kSegmentBytesMin;
  header.incarnation = config.incarnation;
  header.boot_id = env.Host().boot_id;
  TENURE_FAIL_POINT("recovery.before_segment");
  TENURE_ASSIGN(const journal::LiveSegment segment, factory.Create(header, journal::kSegmentBytesMin));
  TENURE_FAIL_POINT("recovery.after_segment");
  return segment.header.id.epoch;
}

/// How much there is behind the last transaction. All of it is of a commit that was not finished.
std::uint64_t TornBytes(const Scan& scan) {
  return scan.survey.nonzero_bytes == 0 ? 0 : scan.survey.last_nonzero_offset + 1 - scan.end.offset;
}

/// Nobody sees the area before it is put in place: plain first values.
void FillArea(const Scan& scan, std::uint64_t epoch, ingest::CommitArea& area, RecoveryNote& note) {
  note.epoch = epoch;
  base::Pair64 zero;
  TENURE_CHECK(area.owner.CompareExchange(zero, {epoch, 0}));
  zero = {};
  TENURE_CHECK(area.durable.CompareExchange(zero, {epoch, scan.end.last_lsn}));
  zero = {};
  TENURE_CHECK(area.resolved.CompareExchange(zero, {epoch, scan.end.last_lsn}));
  zero = {};
  TENURE_CHECK(area.generation.CompareExchange(zero, {scan.generation.epoch, scan.generation.number}));
  area.key_table_floor.store(scan.end.last_lsn, std::memory_order_relaxed);
  area.applied_lsn.store(scan.applied ? scan.applied->last_lsn : 0, std::memory_order_release);
}

}  // namespace

Status InitialiseShared(base::Env& env, const Layout& layout, const Config& config, ingest::CommitArea& area,
                        RecoveryNote& note) {
  TENURE_ASSIGN(const Scan scan, ScanToEnd(env, layout, config));
  const journal::LiveSegment& newest = scan.chain.segments.back();
  const bool this_boot = newest.header.boot_id == env.Host().boot_id;
  const bool empty = scan.end.offset == journal::kSegmentHeaderBytes && scan.survey.nonzero_bytes == 0;
  std::uint64_t epoch = newest.header.id.epoch;
  if (!this_boot || !empty) {
    std::uint64_t proven = scan.end.offset;
    if (this_boot) {
      // What the index has applied was durable, and so was everything before the newest segment.
      const bool applied_here = scan.applied && scan.applied->segment == newest.header.id;
      proven = applied_here ? scan.applied->offset : journal::kSegmentHeaderBytes;
    }
    TENURE_RETURN_IF_ERROR(RewriteInPlace(env, newest, proven, scan.end.offset));
    TENURE_ASSIGN(epoch, BeginEpoch(env, layout, config, scan));
    note.took_over = true;
    if (TornBytes(scan) > 0) {
      note.set_aside_bytes = TornBytes(scan);
      note.set_aside_path = newest.path;
      note.set_aside_offset = scan.end.offset;
    }
  }
  FillArea(scan, epoch, area, note);
  return {};
}

Status InitialiseForReading(base::Env& env, const Layout& layout, const Config& config, ingest::CommitArea& area,
                            RecoveryNote& note) {
  TENURE_ASSIGN(const Scan scan, ScanToEnd(env, layout, config));
  if (TornBytes(scan) > 0) {
    note.passed_over_bytes = TornBytes(scan);
    note.passed_over_path = scan.chain.segments.back().path;
    note.passed_over_offset = scan.end.offset;
  }
  FillArea(scan, scan.chain.segments.back().header.id.epoch, area, note);
  return {};
}

Status EnsureIndex(commit::Context& context, const Layout& layout) {
  base::Env& env = context.env;
  ingest::Membership& member = context.member;
  context.build_next_index = [&env, &member, layout]() -> Status {
    TENURE_ASSIGN(const RebuildReport report, SwitchToRebuilt(env, layout, member, {}));
    static_cast<void>(report);
    static_cast<void>(RemoveSuperseded(env, layout, member, IndexUse::kOpen));
    return {};
  };
  const auto live_exists = [&]() -> Result<bool> {
    const base::Pair64 word = context.shared().generation.Load();
    if (word.second == 0) return false;
    return env.Exists(layout.index() + "/" + index::GenerationFileName({word.first, word.second}));
  };
  TENURE_ASSIGN(const bool there, live_exists());
  if (there) {
    static_cast<void>(RemoveSuperseded(env, layout, member, IndexUse::kNone));
    return {};
  }
  ApplyTurn turn(env, member);
  TENURE_RETURN_IF_ERROR(turn.Take());
  TENURE_ASSIGN(const bool by_now, live_exists());
  if (by_now) return {};
  context.Say("warning", layout.index() + ": the index is gone; rebuilding it from the journal");
  return context.build_next_index();
}

Status CheckChain(const journal::Chain& chain, const Layout& layout) {
  if (chain.segments.empty()) {
    return base::MakeError(ErrorCode::kCorruption, layout.journal() + " holds no segment of this store",
                           "restore the journal from a backup; nothing was changed");
  }
  for (const journal::LiveSegment& segment : chain.segments) {
    if (segment.file_bytes < segment.header.capacity) {
      return base::CorruptionAt(
          segment.path, segment.file_bytes,
          "the file ends here, but it was " + std::to_string(segment.header.capacity) + " bytes long");
    }
  }
  return {};
}

Status CheckConsistency(const commit::Context& context, const Layout& layout) {
  TENURE_ASSIGN(const journal::Chain chain,
                journal::ReadChain(context.env, layout.journal(), context.journal_id, context.trimmed_below));
  return CheckChain(chain, layout);
}

Status CreateFiles(base::Env& env, const Layout& layout, const Config& config) {
  TENURE_RETURN_IF_ERROR(env.CreateDirectory(layout.journal()));
  TENURE_RETURN_IF_ERROR(env.CreateDirectory(layout.index()));
  TENURE_RETURN_IF_ERROR(env.CreateDirectory(layout.checkpoints()));
  journal::SegmentFactory factory(env, layout.journal());
  journal::SegmentHeader header;
  header.store_id = config.journal_id;
  header.id = {1, 1};
  header.first_lsn = 1;
  header.prev_chain = journal::GenesisChain(config.journal_id);
  header.capacity = journal::kSegmentBytesMin;
  header.incarnation = config.incarnation;
  header.boot_id = env.Host().boot_id;
  TENURE_ASSIGN(const journal::LiveSegment segment, factory.Create(header, journal::kSegmentBytesMin));
  // The reserve: a full disk must not keep a successor from sealing.
  TENURE_RETURN_IF_ERROR(factory.PrepareSpare(journal::kSegmentBytesMin, [] { return false; }));
  model::JournalPosition at;
  at.segment = segment.header.id;
  at.offset = journal::kSegmentHeaderBytes;
  at.chain = segment.header.prev_chain;
  const std::string building = index::BuildingPath(env, layout.index());
  { TENURE_ASSIGN(auto index, index::IndexWriter::Create(building, base::Hex(config.journal_id), at)); }
  TENURE_RETURN_IF_ERROR(index::Publish(env, layout.index(), building, {1, 1}));
  // Each of these has synced its own directory; this, the last one, syncs the names of the directories too.
  return WriteConfig(env, layout, config);
}

}  // namespace tenure::recovery
