#include "store/recovery/repair_plan.h"

#include <algorithm>
#include <set>
#include <utility>

#include "store/base/error.h"

namespace tenure::recovery {
namespace {

/// A place to go on from.
struct Candidate {
  const Run* run = nullptr;  ///< Null: a checkpoint alone.
  model::JournalPosition end;
  Lsn first_kept_lsn = 1;
};

bool Better(const Candidate& a, const Candidate& b) {
  if (a.end.last_lsn != b.end.last_lsn) return a.end.last_lsn > b.end.last_lsn;
  return a.first_kept_lsn < b.first_kept_lsn;  // the same state: keep more history
}

/// Does a sound checkpoint continue in this run? Its chain hash must be the run's at its LSN.
bool CheckpointWithin(const RepairEvidence& evidence, std::size_t run) {
  for (const CheckpointView& view : evidence.checkpoint_views) {
    if (!view.ok()) continue;
    const model::JournalPosition& mark = view.mark->position;
    for (const auto& [mark_run, position] : evidence.marks) {
      if (mark_run == run && position.last_lsn == mark.last_lsn && position.chain == mark.chain &&
          position.state_hash == mark.state_hash) {
        return true;
      }
    }
  }
  return false;
}

std::optional<Candidate> Choose(const RepairEvidence& evidence) {
  std::optional<Candidate> best;
  const auto offer = [&best](const Candidate& candidate) {
    if (!best || Better(candidate, *best)) best = candidate;
  };
  for (const CheckpointView& view : evidence.checkpoint_views) {
    if (!view.ok()) continue;
    Candidate alone;
    alone.end = view.mark->position;
    alone.end.segment = {};
    alone.end.offset = 0;
    alone.first_kept_lsn = alone.end.last_lsn + 1;
    offer(alone);
  }
  const auto& runs = evidence.scan.runs;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Run& run = runs[i];
    if (!run.from_segment_start) continue;
    const bool from_genesis = run.first_segment == 0 && run.start.last_lsn == 0;
    if (!from_genesis && !CheckpointWithin(evidence, i)) continue;
    Candidate candidate;
    candidate.run = &run;
    candidate.end = run.end;
    candidate.first_kept_lsn = run.first_segment == 0 ? 1 : run.start.last_lsn + 1;
    offer(candidate);
  }
  return best;
}

void PlanSegments(const RepairEvidence& evidence, const Candidate& chosen, RepairPlan& plan) {
  const auto& segments = evidence.scan.chain.segments;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const bool before = chosen.run != nullptr && i < chosen.run->first_segment;
    // A damaged header would be met again by whoever lists the directory; what is sound and behind the
    // last good frame stays, as an orphan.
    if (before || !segments[i].header_ok) plan.segments_aside.push_back(segments[i].live.path);
    const bool kept = chosen.run != nullptr && i >= chosen.run->first_segment && i <= chosen.run->last_segment;
    if (kept && segments[i].live.file_bytes < segments[i].live.header.capacity) {
      plan.extend.push_back(segments[i].live);
    }
  }
}

/// What did not answer this time may answer the next time, and what a newer tenure wrote is for that to judge: nothing
/// is given up, or set aside, before.
Status RequireAnswers(const std::vector<Error>& faults, const char* hint) {
  for (Error fault : faults) {
    if (fault.code == ErrorCode::kUnsupported) return fault;
    if (!IsNoAnswer(fault)) continue;
    fault.hint = hint;
    return fault;
  }
  return {};
}
constexpr char kUnreadableIndex[] =
    "if it stays unreadable, move it away: the next open builds the index from the journal";
constexpr char kUnreadableCheckpoint[] = "if it stays unreadable, move it away and repair again";

}  // namespace

Result<RepairEvidence> GatherEvidence(base::Env& env, const Layout& layout, const Config& config,
                                      const Progress& progress) {
  RepairEvidence evidence;
  const std::string index_id = IndexIdOf(config);
  TENURE_ASSIGN(evidence.index, OpenIndexView(env, layout));
  TENURE_ASSIGN(evidence.checkpoints, ListCheckpoints(env, layout));
  std::set<Lsn> named;
  for (const Checkpoint& checkpoint : evidence.checkpoints) {
    evidence.checkpoint_views.push_back(CheckCheckpoint(checkpoint, index_id));
    TENURE_RETURN_IF_ERROR(RequireAnswers(evidence.checkpoint_views.back().faults, kUnreadableCheckpoint));
    const auto& mark = evidence.checkpoint_views.back().mark;
    if (mark) named.insert(mark->position.last_lsn);
    evidence.last_known_lsn = std::max(evidence.last_known_lsn, checkpoint.lsn);
  }
  if (evidence.index.mark) named.insert(evidence.index.applied_lsn());
  const Lsn newest_checkpoint = evidence.checkpoints.empty() ? 0 : evidence.checkpoints.back().lsn;

  ScanOptions options;
  options.applied = evidence.index.applied_lsn();
  options.checkpoint = newest_checkpoint;
  options.progress = progress;
  options.on_frame = [&](const ScannedFrame& frame) {
    if (named.count(frame.after.last_lsn) != 0) evidence.marks.emplace_back(frame.run, frame.after);
  };
  TENURE_ASSIGN(evidence.scan, ScanJournal(env, layout.journal(), config.journal_id, newest_checkpoint, options));
  for (std::size_t i = 0; i < evidence.scan.runs.size(); ++i) {
    const Run& run = evidence.scan.runs[i];
    if (run.from_segment_start && named.count(run.start.last_lsn) != 0) evidence.marks.emplace_back(i, run.start);
    evidence.last_known_lsn = std::max(evidence.last_known_lsn, run.end.last_lsn);
  }
  evidence.last_known_lsn = std::max(evidence.last_known_lsn, evidence.index.applied_lsn());

  if (evidence.index.fault) {
    evidence.index_faults.push_back(*evidence.index.fault);
  } else if (evidence.index.mark) {
    const index::Mark& mark = *evidence.index.mark;
    evidence.index_faults = CheckRows(*evidence.index.reader, mark, evidence.index.path, index_id);
    const bool matches = std::any_of(evidence.marks.begin(), evidence.marks.end(), [&](const auto& item) {
      return item.second.last_lsn == mark.position.last_lsn && item.second.chain == mark.position.chain &&
             item.second.state_hash == mark.position.state_hash;
    });
    if (!matches) {
      Error error = base::MakeError(ErrorCode::kCorruption, evidence.index.path + ": its position, LSN " +
                                                                std::to_string(mark.position.last_lsn) +
                                                                ", is not one of the journal's");
      error.path = evidence.index.path;
      evidence.index_faults.push_back(std::move(error));
    }
  }
  TENURE_RETURN_IF_ERROR(RequireAnswers(evidence.index_faults, kUnreadableIndex));
  return evidence;
}

Result<RepairPlan> PlanRepair(const RepairEvidence& evidence, const Layout& layout) {
  const auto& segments = evidence.scan.chain.segments;
  std::optional<Candidate> chosen = Choose(evidence);
  if (!chosen) {
    Error error = base::MakeError(ErrorCode::kCorruption,
                                  layout.journal() +
                                      ": nothing is left to go on from: the journal's beginning is "
                                      "damaged and no checkpoint can replace it",
                                  "restore a backup");
    error.path = layout.journal();
    return error;
  }
  RepairPlan plan;
  plan.last_good = chosen->end;
  plan.first_kept_lsn = chosen->first_kept_lsn;
  const bool whole = chosen->run != nullptr && chosen->run->to_open_end &&
                     chosen->run->last_segment + 1 == segments.size() &&
                     evidence.last_known_lsn <= chosen->end.last_lsn;
  plan.new_segment = !whole;
  PlanSegments(evidence, *chosen, plan);
  for (std::size_t i = 0; i < evidence.checkpoints.size(); ++i) {
    const Checkpoint& checkpoint = evidence.checkpoints[i];
    if (!evidence.checkpoint_views[i].ok() || checkpoint.lsn > plan.last_good.last_lsn) {
      plan.checkpoints_aside.push_back(checkpoint.path);
    }
  }
  // An index that is only missing is built by the next open; after a new segment it is built here, so
  // that the repaired store is known to be whole.
  plan.rebuild_index = plan.needs_consent() || !evidence.index_faults.empty();
  return plan;
}

}  // namespace tenure::recovery
