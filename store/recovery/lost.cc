#include "store/recovery/lost.h"

#include <map>
#include <utility>

#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::recovery {
namespace {

constexpr std::size_t kLinesMax = 5'000;
constexpr std::size_t kKeysPerLineMax = 20;

/// What is known of one transaction.
struct LostTxn {
  TimeMs time_ms = 0;
  std::string writer;
  std::vector<std::string> acts;  ///< "put a:1"
  std::size_t more_acts = 0;
  bool from_index = false;
  void Act(std::string act) {
    if (acts.size() < kKeysPerLineMax) {
      acts.push_back(std::move(act));
    } else {
      ++more_acts;
    }
  }
};
using LostTxns = std::map<Lsn, LostTxn>;

std::string LeaseText(const LeaseInfo& lease) {
  std::string text = std::to_string(lease.id);
  for (std::size_t i = 0; i < lease.scopes.size(); ++i) text += (i == 0 ? " of " : " ") + lease.scopes[i];
  return text;
}

/// What an effect was about, so that whoever gives it up knows what to do again.
std::string Subject(const Event& event) {
  if (event.entry) return event.entry->name + ":" + event.entry->version;
  if (event.tag) {
    return event.tag->name + "@" + event.tag->tag + (event.tag->deleted ? std::string() : " to " + event.tag->version);
  }
  if (!event.glob.empty()) return "'" + event.glob + "'";
  if (event.parked) return event.conflict + " of " + KeyOf(*event.parked);
  if (!event.conflict.empty()) return event.conflict;
  if (event.lease) return LeaseText(*event.lease);
  if (event.cursor) return event.cursor->name;
  return "below LSN " + std::to_string(event.below_lsn);
}

LostTxn Describe(const model::CommittedTxn& txn) {
  LostTxn lost;
  lost.time_ms = txn.time_ms;
  lost.writer = txn.writer;
  for (std::uint32_t i = 0; i < txn.effects.size(); ++i) {
    const Event event = model::EventOf(txn, i);
    lost.Act(event.op + " " + Subject(event));
  }
  if (txn.effects.empty()) lost.Act("request " + txn.request_id);
  return lost;
}

/// Rows of the old index tell of transactions that no readable frame holds any more.
class IndexWitness {
 public:
  IndexWitness(Lsn last_good, const LostTxns& from_frames, LostTxns& out)
      : last_good_(last_good), from_frames_(from_frames), out_(out) {}

  Status Read(const index::IndexReader& reader) {
    index::Listing all;
    all.include_deleted = true;
    const auto entry = [this](const ArtifactEntry& row) {
      See(row.lsn, row.updated_at_ms, row.writer, (row.deleted ? "delete " : "put ") + row.name + ":" + row.version);
      return out_.size() <= kLinesMax;
    };
    const auto tag = [this](const TagEntry& row) {
      See(row.lsn, row.updated_at_ms, row.writer,
          row.deleted ? "delete_tag " + row.name + "@" + row.tag
                      : "set_tag " + row.name + "@" + row.tag + " to " + row.version);
      return out_.size() <= kLinesMax;
    };
    TENURE_RETURN_IF_ERROR(reader.ForEachEntry(all, std::nullopt, entry));
    TENURE_RETURN_IF_ERROR(reader.ForEachHistory(entry));
    TENURE_RETURN_IF_ERROR(reader.ForEachTag(all, std::nullopt, tag));
    TENURE_RETURN_IF_ERROR(reader.ForEachTagHistory(tag));
    return ReadRare(reader);
  }

 private:
  Status ReadRare(const index::IndexReader& reader) {
    TENURE_ASSIGN(const std::vector<Policy> policies, reader.Policies());
    for (const Policy& row : policies) See(row.lsn, row.time_ms, row.writer, "set_policy '" + row.glob + "'");
    TENURE_RETURN_IF_ERROR(reader.ForEachConflict([this](const ParkedConflict& row) {
      See(row.id.lsn, row.time_ms, row.writer, "park " + ConflictIdText(row.id) + " of " + KeyOf(row));
      return out_.size() <= kLinesMax;
    }));
    return reader.ForEachLease([this](const model::LeaseRow& row) {
      // A lease is called by the LSN that granted it.
      See(row.info.id, row.info.granted_at_ms, row.info.writer, "lease_acquire " + LeaseText(row.info));
      return out_.size() <= kLinesMax;
    });
  }
  void See(Lsn lsn, TimeMs time_ms, const std::string& writer, std::string act) {
    if (lsn <= last_good_ || from_frames_.count(lsn) != 0) return;
    LostTxn& lost = out_[lsn];
    lost.time_ms = time_ms;
    lost.writer = writer;
    lost.from_index = true;
    lost.Act(std::move(act));
  }
  const Lsn last_good_;
  const LostTxns& from_frames_;
  LostTxns& out_;
};

std::string Line(Lsn lsn, const LostTxn& txn) {
  std::string line =
      "LSN " + std::to_string(lsn) + ", " + model::FormatTime(txn.time_ms) + ", writer " + txn.writer + ": ";
  for (std::size_t i = 0; i < txn.acts.size(); ++i) line += (i == 0 ? "" : ", ") + txn.acts[i];
  if (txn.more_acts > 0) line += " and " + std::to_string(txn.more_acts) + " more";
  if (txn.from_index) line += " (as the index has it)";
  return line;
}

std::string Range(Lsn from, Lsn to) {
  return from == to
             ? "LSN " + std::to_string(from) + ": its content cannot be read anywhere"
             : "LSN " + std::to_string(from) + " to " + std::to_string(to) + ": their content cannot be read anywhere";
}

std::vector<std::string> Lines(const LostTxns& txns, Lsn last_good, Lsn last_known) {
  std::vector<std::string> lines;
  Lsn next = last_good + 1;
  for (const auto& [lsn, txn] : txns) {
    if (lines.size() >= kLinesMax) break;
    if (lsn > next) lines.push_back(Range(next, lsn - 1));
    lines.push_back(Line(lsn, txn));
    next = lsn + 1;
  }
  if (next > last_known) return lines;
  if (lines.size() >= kLinesMax) {
    lines.push_back("and LSN " + std::to_string(next) + " to " + std::to_string(last_known));
  } else {
    lines.push_back(Range(next, last_known));
  }
  return lines;
}

}  // namespace

Result<std::vector<std::string>> NameLost(base::Env& env, const Layout& layout, const Config& config,
                                          const RepairEvidence& evidence, const RepairPlan& plan) {
  const Lsn last_good = plan.last_good.last_lsn;
  LostTxns txns;
  if (evidence.last_known_lsn > last_good) {
    ScanOptions options;
    options.applied = evidence.index.applied_lsn();
    options.on_frame = [&](const ScannedFrame& frame) {
      if (frame.after.last_lsn <= last_good || txns.size() > kLinesMax) return;
      for (const model::CommittedTxn& txn : frame.txns) {
        if (txn.lsn > last_good) txns.emplace(txn.lsn, Describe(txn));
      }
    };
    const Lsn trimmed = evidence.checkpoints.empty() ? 0 : evidence.checkpoints.back().lsn;
    TENURE_ASSIGN(const JournalScan scan, ScanJournal(env, layout.journal(), config.journal_id, trimmed, options));
    if (evidence.index.reader && evidence.index.mark) {
      // The index may be the damaged part: then it tells what it can.
      LostTxns from_index;
      (void)IndexWitness(last_good, txns, from_index).Read(*evidence.index.reader);
      txns.merge(from_index);
    }
  }
  std::vector<std::string> lines = Lines(txns, last_good, evidence.last_known_lsn);
  if (plan.first_kept_lsn > 1) {
    lines.push_back("history only: 'log' can no longer show LSN 1 to " + std::to_string(plan.first_kept_lsn - 1) +
                    "; the state that they led to is kept");
  }
  return lines;
}

}  // namespace tenure::recovery
