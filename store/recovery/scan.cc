#include "store/recovery/scan.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/journal/payload.h"

namespace tenure::recovery {
namespace {

using base::ByteView;
using journal::FrameFault;

constexpr std::size_t kReadStepBytes = 4u << 20;

/// The offset behind the last byte that is not zero. A new segment is mostly zeros: block by block.
std::uint64_t EndOfNonZero(ByteView bytes) {
  static constexpr std::array<std::byte, 4096> kZeros{};
  std::size_t end = bytes.size();
  while (end >= kZeros.size() && std::memcmp(&bytes[end - kZeros.size()], kZeros.data(), kZeros.size()) == 0) {
    end -= kZeros.size();
  }
  while (end > 0 && bytes[end - 1] == std::byte{0}) --end;
  return end;
}

std::string LsnRange(Lsn from, Lsn to) {
  return from == to ? "LSN " + std::to_string(from) : "LSN " + std::to_string(from) + " to " + std::to_string(to);
}

class Scanner {
 public:
  Scanner(base::Env& env, const journal::StoreId& journal_id, const ScanOptions& options)
      : env_(env), journal_id_(journal_id), options_(options) {}

  Result<JournalScan> Scan(ChainSurvey chain) {
    scan_.problems = chain.problems;
    scan_.chain = std::move(chain);
    for (const SurveyedSegment& segment : segments()) total_bytes_ += segment.live.file_bytes;
    for (std::size_t i = 0; i < segments().size(); ++i) TENURE_RETURN_IF_ERROR(ScanSegment(i));
    for (const std::string& orphan : scan_.chain.orphans) {
      scan_.warnings.push_back(orphan + ": no link names this segment; it is not part of the journal");
    }
    return std::move(scan_);
  }

 private:
  const std::vector<SurveyedSegment>& segments() const { return scan_.chain.segments; }
  const SurveyedSegment& segment() const { return segments()[index_]; }
  const std::string& path() const { return segment().live.path; }
  std::uint64_t epoch() const { return segment().live.header.id.epoch; }
  std::uint64_t salt() const { return segment().live.header.salt; }
  ByteView rest(std::uint64_t offset) const { return ByteView(bytes_).subspan(offset, limit_ - offset); }
  void Problem(std::uint64_t offset, const std::string& what) {
    scan_.problems.push_back(base::CorruptionAt(path(), offset, what));
  }

  Status ReadSegment() {
    TENURE_ASSIGN(const auto file, env_.Open(path(), base::OpenMode::kRead));
    TENURE_ASSIGN(const std::uint64_t size, file->Size());
    bytes_.resize(size);
    std::uint64_t have = 0;
    while (have < size) {
      const std::size_t step = static_cast<std::size_t>(std::min<std::uint64_t>(kReadStepBytes, size - have));
      TENURE_ASSIGN(const std::size_t got, file->ReadAt(have, std::span(bytes_).subspan(have, step)));
      have += got;
      scan_.bytes += got;
      if (options_.progress && !options_.progress(scan_.bytes, total_bytes_)) {
        return base::MakeError(ErrorCode::kClosed, "interrupted");
      }
      if (got < step) break;  // the file shrank meanwhile
    }
    bytes_.resize(have);
    return {};
  }

  void BeginRun(const model::JournalPosition& start, bool from_segment_start) {
    Run run;
    run.first_segment = run.last_segment = index_;
    run.from_segment_start = from_segment_start;
    run.start = run.end = start;
    scan_.runs.push_back(run);
    run_open_ = true;
  }

  /// What the header says of everything before it, against what was read.
  void EnterSegment() {
    const journal::SegmentHeader& header = segment().live.header;
    const model::JournalPosition start = journal::StartOf(header);
    before_ = start;
    if (!segment().header_ok) {
      run_open_ = false;
      return;
    }
    if (index_ == 0 && header.first_lsn == 1 &&
        (header.prev_chain != journal::GenesisChain(journal_id_) || header.prev_state_hash != base::Hash128{})) {
      Problem(journal::segment_at::kPrevChain, "the first segment does not begin the store's hash chain");
    }
    if (run_open_ && !segment().gap_before) {
      const model::JournalPosition& end = scan_.runs.back().end;
      if (end.last_lsn == start.last_lsn && end.chain == start.chain && end.state_hash == start.state_hash &&
          end.time_ms == start.time_ms) {
        // A run that began behind damage, in the middle of a segment, is of no use to repair; one that
        // begins with this segment may be.
        if (!scan_.runs.back().from_segment_start) return BeginRun(start, true);
        scan_.runs.back().last_segment = index_;
        scan_.runs.back().end = start;
        return;
      }
      Problem(journal::segment_at::kFirstLsn, "the segment continues LSN " + std::to_string(start.last_lsn) +
                                                  " and chain " + base::Hex(start.chain) +
                                                  ", but the journal before it ends with LSN " +
                                                  std::to_string(end.last_lsn) + " and chain " + base::Hex(end.chain));
    }
    BeginRun(start, true);
  }

  bool IsOpen() const { return scan_.chain.newest_is_open(index_); }
  bool ProvenEnd() const {
    const auto& ends = segment().ends;
    return std::find(ends.begin(), ends.end(), before_.chain) != ends.end();
  }
  bool BeyondDurable() const { return IsOpen() && options_.durable && before_.last_lsn >= *options_.durable; }

  Status ScanSegment(std::size_t index) {
    index_ = index;
    TENURE_RETURN_IF_ERROR(ReadSegment());
    EnterSegment();
    const std::uint64_t sealed = segment().live.sealed_bytes;
    if (segment().header_ok && bytes_.size() < segment().live.header.capacity && bytes_.size() >= sealed) {
      Problem(bytes_.size(),
              "the file ends here, but it was " + std::to_string(segment().live.header.capacity) + " bytes long");
    }
    limit_ = sealed > 0 ? std::min<std::uint64_t>(sealed, bytes_.size()) : bytes_.size();
    nonzero_end_ = EndOfNonZero(bytes_);
    std::uint64_t offset = journal::kSegmentHeaderBytes;
    if (!segment().header_ok) offset = Resynchronise(std::min<std::uint64_t>(offset, limit_));
    while (offset < limit_ && !BeyondDurable() && !ProvenEnd()) {
      const journal::FrameView view = journal::CheckFrame(rest(offset), epoch(), salt(), before_);
      if (view.fault == FrameFault::kNone) {
        offset = TakeFrame(view, offset);
      } else if (sealed > 0) {
        Problem(offset, std::string(journal::FrameFaultText(view.fault)) + " (LSN " +
                            std::to_string(before_.last_lsn + 1) + " was to come, inside the sealed length)");
        offset = Resynchronise(offset + journal::kFrameAlign);
      } else if (!IsOpen() && NextFrame(offset + journal::kFrameAlign)) {
        Problem(offset, std::string(journal::FrameFaultText(view.fault)) + ": a well-formed frame lies behind it");
        offset = Resynchronise(offset + journal::kFrameAlign);
      } else if (IsOpen() && !DecideOpenEnd(offset, view.fault)) {
        offset = Resynchronise(offset + journal::kFrameAlign);
      } else {
        break;
      }
    }
    EndSegment(offset, sealed);
    return {};
  }

  /// Counts a sound frame; returns the offset behind it.
  std::uint64_t TakeFrame(const journal::FrameView& view, std::uint64_t offset) {
    const model::JournalPosition after = journal::PositionAfter(view.header, segment().live.header.id, offset);
    const auto txns = journal::DecodePayload(view.header, view.payload, path(), offset);
    before_ = after;
    if (!txns.ok()) {
      // Sound checksums around bytes that are no transactions: a defect, or a newer version's work.
      Error error = txns.error();
      error.path = path();
      error.offset = offset;
      scan_.problems.push_back(std::move(error));
      run_open_ = false;
      return after.offset;
    }
    if (!run_open_) {
      model::JournalPosition start = after;
      start.offset = offset;
      start.last_lsn = view.header.first_lsn - 1;
      start.chain = view.header.prev_chain;
      BeginRun(start, false);
    }
    scan_.runs.back().end = after;
    if (scan_.frames++ == 0) scan_.first_lsn = view.header.first_lsn;
    scan_.transactions += txns->size();
    for (const model::CommittedTxn& txn : *txns) scan_.effects += txn.effects.size();
    scan_.last = after;
    if (options_.on_frame) {
      options_.on_frame(ScannedFrame{view.header, path(), offset, after, *txns, scan_.runs.size() - 1});
    }
    return after.offset;
  }

  /// The next place where a well-formed frame begins, or the limit. Makes before_ what it continues.
  std::uint64_t Resynchronise(std::uint64_t offset) {
    run_open_ = false;
    const std::optional<std::uint64_t> found = NextFrame(offset);
    if (!found) return limit_;
    journal::FrameHeader header;
    (void)journal::CheckFrameHeader(rest(*found), epoch(), salt(), header);
    before_.last_lsn = header.first_lsn - 1;
    before_.chain = header.prev_chain;
    before_.time_ms = std::numeric_limits<TimeMs>::min();
    return *found;
  }

  std::optional<std::uint64_t> NextFrame(std::uint64_t offset) const {
    for (; offset < nonzero_end_ && offset + journal::kFrameHeaderBytes <= limit_; offset += journal::kFrameAlign) {
      // The magic first: most of what is looked at is payload.
      if (base::LoadLe<std::uint32_t>(&bytes_[offset]) != journal::kFrameMagic) continue;
      if (journal::LooksLikeFrame(rest(offset), epoch(), salt())) return offset;
    }
    return std::nullopt;
  }

  /// Where no next frame begins in the newest segment. True: this is the end of the journal, for
  /// better or worse; false: look for later frames.
  bool DecideOpenEnd(std::uint64_t offset, FrameFault fault) {
    TailFacts facts;
    facts.clean_zero = nonzero_end_ <= offset;
    facts.later_valid_frame = NextFrame(offset + journal::kFrameAlign).has_value();
    facts.below_applied = options_.applied > before_.last_lsn;
    const Lsn durable = std::max(options_.durable.value_or(0), options_.checkpoint);
    facts.below_durable = durable > before_.last_lsn;
    TailVerdict verdict = DecideTail(facts);
    if (TENURE_SEEDED_BUG("verify_skips_last_frame") && !facts.later_valid_frame) verdict = TailVerdict::kTorn;
    switch (verdict) {
      case TailVerdict::kCleanEnd:
        break;
      case TailVerdict::kTorn:
        scan_.torn_bytes = nonzero_end_ - offset;
        scan_.warnings.push_back(path() + " from offset " + std::to_string(offset) + ": " +
                                 std::to_string(scan_.torn_bytes) + " bytes behind the last frame (LSN " +
                                 std::to_string(before_.last_lsn) + ") are " + DecidingTailRule(facts).reason +
                                 "; opening the store sets them aside");
        break;
      case TailVerdict::kCorruption:
        ReportOpenEnd(offset, fault, facts, std::max(durable, options_.applied));
        return !facts.later_valid_frame;
    }
    if (run_open_) scan_.runs.back().to_open_end = true;
    return true;
  }

  void ReportOpenEnd(std::uint64_t offset, FrameFault fault, const TailFacts& facts, Lsn witnessed) {
    std::string what = std::string(journal::FrameFaultText(fault)) + ": " + DecidingTailRule(facts).reason;
    if (!facts.later_valid_frame && witnessed > before_.last_lsn) {
      what += "; " + std::to_string(witnessed - before_.last_lsn) + " transactions are missing (" +
              LsnRange(before_.last_lsn + 1, witnessed) + ")";
      if (facts.below_applied) what += ", the index is ahead of its journal";
    }
    Problem(offset, what);
  }

  void EndSegment(std::uint64_t offset, std::uint64_t sealed) {
    if (!segment().header_ok) {
      run_open_ = false;
      return;
    }
    if (sealed == 0 && !IsOpen()) {
      // How far this segment reaches is proven only by a chain hash that the next one still names.
      if (!ProvenEnd()) {
        scan_.warnings.push_back(path() +
                                 ": the link of the segment behind it is damaged; its last frame that holds (LSN " +
                                 std::to_string(before_.last_lsn) + ") is taken for its end");
      }
      run_open_ = false;
      return;
    }
    if (sealed > 0 && offset < sealed) run_open_ = false;  // reported: the file is too short
    if (sealed == 0 && offset >= limit_) {
      // Full to the last byte, or resynchronised to the end without finding a frame.
      if (run_open_) (void)DecideOpenEnd(limit_, FrameFault::kShort);
      return;
    }
    if (nonzero_end_ <= (sealed > 0 ? sealed : offset)) {
      if (sealed == 0 && BeyondDurable() && run_open_) scan_.runs.back().to_open_end = true;
      return;
    }
    if (sealed > 0) {
      scan_.warnings.push_back(path() + " from offset " + std::to_string(sealed) + ": " +
                               std::to_string(nonzero_end_ - sealed) +
                               " bytes behind the sealed length were set aside and are not data");
    } else if (BeyondDurable()) {
      if (run_open_) scan_.runs.back().to_open_end = true;
      scan_.warnings.push_back(path() + " from offset " + std::to_string(offset) + ": " +
                               std::to_string(nonzero_end_ - offset) + " bytes behind LSN " +
                               std::to_string(*options_.durable) + " were not durable yet and are not data");
    }
  }

  base::Env& env_;
  const journal::StoreId& journal_id_;
  const ScanOptions& options_;
  JournalScan scan_;
  std::uint64_t total_bytes_ = 0;

  // The segment being read.
  std::size_t index_ = 0;
  base::Bytes bytes_;
  std::uint64_t limit_ = 0;        ///< Where its frames must end: sealed length or end of file.
  std::uint64_t nonzero_end_ = 0;  ///< Nothing but zeros from there on.
  model::JournalPosition before_;  ///< What the next frame must continue.
  bool run_open_ = false;          ///< The last run reaches up to before_.
};

}  // namespace

Result<JournalScan> ScanJournal(base::Env& env, const std::string& dir, const journal::StoreId& journal_id,
                                const journal::TrimmedBelow& trimmed, const ScanOptions& options) {
  TENURE_ASSIGN(ChainSurvey chain, SurveyChain(env, dir, journal_id, trimmed));
  return Scanner(env, journal_id, options).Scan(std::move(chain));
}

}  // namespace tenure::recovery
