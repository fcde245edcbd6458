// Reads every live segment completely, frame by frame, and keeps going behind damage: what verify
// reports and what repair decides by.
//
// Unlike journal::Reader, which stops at the first fault because nobody may replay beyond one, a scan
// looks for the next well-formed frame and goes on, so that one report names everything. Checks are
// the journal's own (CheckFrame). One thread; changes nothing; holds one segment in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "store/model/effect.h"
#include "store/model/position.h"
#include "store/recovery/chain_survey.h"
#include "store/recovery/tail.h"
#include "store/recovery/verify.h"

namespace tenure::recovery {

/// A frame that passed its checks. `run`: which of the scan's runs it belongs to.
struct ScannedFrame {
  const journal::FrameHeader& header;
  const std::string& path;
  std::uint64_t offset;
  const model::JournalPosition& after;
  const std::vector<model::CommittedTxn>& txns;
  std::size_t run;
};

/// Frames that follow each other without a fault.
struct Run {
  std::size_t first_segment = 0;  ///< Index into the survey's segments.
  std::size_t last_segment = 0;
  bool from_segment_start = false;  ///< Its first frame is the first one of first_segment.
  bool to_open_end = false;         ///< Nothing is wrong between its end and the end of the journal.
  model::JournalPosition start;     ///< What the first frame continues.
  model::JournalPosition end;
};

struct ScanOptions {
  std::optional<Lsn> durable;  ///< Everything up to here must be there; what lies beyond is no concern.
  Lsn applied = 0;             ///< Witnesses: the index, and the newest checkpoint.
  Lsn checkpoint = 0;
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress;
  std::function<void(const ScannedFrame&)> on_frame;
};

struct JournalScan {
  ChainSurvey chain;
  std::vector<Run> runs;
  std::vector<Error> problems;  ///< The chain's included.
  std::vector<std::string> warnings;
  std::uint64_t frames = 0, transactions = 0, effects = 0, bytes = 0;
  Lsn first_lsn = 0;             ///< Of the first frame found.
  model::JournalPosition last;   ///< Behind the last frame found.
  std::uint64_t torn_bytes = 0;  ///< Set aside at the next open.
};

Result<JournalScan> ScanJournal(base::Env& env, const std::string& dir, const journal::StoreId& journal_id,
                                const journal::TrimmedBelow& trimmed, const ScanOptions& options);

}  // namespace tenure::recovery
