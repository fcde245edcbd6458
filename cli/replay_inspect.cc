// tenure-replay inspect
#include <algorithm>
#include <utility>

#include "cli/args.h"
#include "cli/parse.h"
#include "cli/replay.h"
#include "cli/replay_frames.h"
#include "cli/replay_hex.h"
#include "cli/views.h"
#include "store/base/error.h"
#include "store/base/hash.h"
#include "store/model/json.h"
#include "store/recovery/chain_survey.h"

namespace tenure::cli {
namespace {

constexpr std::uint64_t kHexBytesMax = 1u << 20;

/// A JSON object of texts and numbers, written in the order given.
class Members {
 public:
  Members& Text(const char* name, const std::string& value) { return Raw(name, model::QuoteJson(value)); }
  Members& Number(const char* name, std::uint64_t value) { return Raw(name, std::to_string(value)); }
  Members& Raw(const char* name, const std::string& json) {
    text_ += std::string(text_.empty() ? "{" : ",") + "\"" + name + "\":" + json;
    return *this;
  }
  std::string Take() { return std::move(text_) + "}"; }

 private:
  std::string text_;
};

std::string Short(const base::Hash256& hash) { return base::Hex(hash).substr(0, 12); }

/// A segment to look at: live, or an orphan.
struct Shown {
  journal::LiveSegment segment;
  std::string state;  ///< "sealed", "open", "damaged", "orphan".
  std::string fault;  ///< Of an orphan whose header is no header.
};

class Inspect : public Command {
 public:
  void Define(Args& args) override {
    args.Option("--segment", segment_, "NAME", "Only this segment (also one that is not part of the journal)");
    args.Flag("--frames", frames_, "List frames instead of segments");
    args.Flag("--transactions", transactions_, "List transactions");
    args.Flag("--effects", effects_, "List effects, as 'tenure log' does");
    args.Option("--from", from_, "LSN", "With a list: from this LSN on");
    args.Option("--to", to_, "LSN", "With a list: up to this LSN");
    args.Option("--hex", hex_, "OFFSET",
                "Show bytes of --segment from there on (0x… for hexadecimal), and what they are");
    args.Option("--bytes", bytes_, "N", "How many bytes --hex shows; default 256");
    args.Footer(
        "Shows what the files hold, damaged or not, and judges little: 'tenure-replay verify' does that. Frames\n"
        "behind the durable LSN are shown too. Exit status 13 when a link or a frame in between is damaged.");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_RETURN_IF_ERROR(CheckOptions());
    TENURE_ASSIGN(const ReplayStore store, FindReplayStore(ctx));
    TENURE_ASSIGN(
        const recovery::ChainSurvey survey,
        recovery::SurveyChain(ctx.env(), store.layout.journal(), store.config.journal_id, store.trimmed_below));
    std::vector<Shown> shown;
    CollectSegments(ctx.env(), survey, shown);
    if (segment_) TENURE_RETURN_IF_ERROR(KeepOne(shown, store.layout.journal()));
    if (hex_) return ShowBytes(ctx, shown.front());
    for (const Error& problem : survey.problems) ctx.Warn(problem.message);
    damaged_ = !survey.problems.empty();
    if (frames_ || transactions_ || effects_) {
      TENURE_RETURN_IF_ERROR(ListContents(ctx, shown));
    } else {
      TENURE_RETURN_IF_ERROR(ListSegments(ctx, shown));
    }
    return damaged_ ? kDamagedStatus : 0;
  }

 private:
  Status CheckOptions() {
    const int lists = (frames_ ? 1 : 0) + (transactions_ ? 1 : 0) + (effects_ ? 1 : 0) + (hex_ ? 1 : 0);
    const auto wrong = [](const char* what, const char* hint) {
      return base::MakeError(ErrorCode::kInvalidArgument, what, hint);
    };
    if (lists > 1)
      return wrong("--frames, --transactions, --effects and --hex are different views", "give one of them");
    if ((from_ || to_) && (lists == 0 || hex_)) return wrong("--from and --to go with a list", "add --frames");
    if (bytes_ && !hex_) return wrong("--bytes goes with --hex", "give --hex OFFSET");
    if (hex_ && !segment_) return wrong("--hex shows bytes of one segment", "name it with --segment");
    if (bytes_.value_or(1) == 0 || bytes_.value_or(1) > kHexBytesMax) {
      return wrong("--bytes takes a number from 1 to 1048576", "show them in parts");
    }
    if (hex_) TENURE_RETURN_IF_ERROR(ParseOffset());
    return {};
  }

  Status ParseOffset() {
    const std::string& text = *hex_;
    if (text.rfind("0x", 0) != 0) {
      TENURE_ASSIGN(offset_, ParseCount(text, "--hex"));
      return {};
    }
    constexpr std::size_t kDigitsMax = 15;
    const bool digits = text.size() > 2 && text.size() <= 2 + kDigitsMax &&
                        text.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string::npos;
    if (!digits) return base::MakeError(ErrorCode::kInvalidArgument, "--hex: '" + text + "' is no offset");
    offset_ = std::stoull(text.substr(2), nullptr, 16);
    return {};
  }

  static void CollectSegments(base::Env& env, const recovery::ChainSurvey& survey, std::vector<Shown>& shown) {
    for (const recovery::SurveyedSegment& one : survey.segments) {
      const char* state = !one.header_ok ? "damaged" : one.live.sealed_bytes > 0 ? "sealed" : "open";
      shown.push_back({one.live, state, {}});
    }
    for (const std::string& path : survey.orphans) {
      Shown orphan;
      orphan.state = "orphan";
      auto read = ReadOrphan(env, path);
      if (read.ok()) {
        orphan.segment = std::move(read).value();
      } else {
        orphan.segment.path = path;
        orphan.fault = read.error().message;
      }
      shown.push_back(std::move(orphan));
    }
  }

  Status KeepOne(std::vector<Shown>& shown, const std::string& dir) const {
    const std::string name = FileName(*segment_);
    const std::string with_suffix = name.ends_with(".seg") ? name : name + ".seg";
    std::erase_if(shown, [&](const Shown& one) { return FileName(one.segment.path) != with_suffix; });
    if (!shown.empty()) return {};
    return base::MakeError(ErrorCode::kNotFound, "there is no segment " + with_suffix + " in " + dir,
                           "'tenure-replay inspect' lists them");
  }

  static Status ListSegments(Context& ctx, const std::vector<Shown>& shown) {
    RowWriter rows(ctx, {"SEGMENT", "STATE", "FIRST LSN", "SEALED", "FILE", "PREVIOUS", "PREV CHAIN", "CREATED"});
    for (const Shown& one : shown) {
      const journal::SegmentHeader& header = one.segment.header;
      const std::string name = FileName(one.segment.path);
      const std::string previous = header.prev == model::SegmentId{} ? "" : journal::SegmentFileName(header.prev);
      const std::string created = header.created_ms == 0 ? "-" : model::FormatTime(header.created_ms);
      Members json;
      json.Text("segment", name).Text("path", one.segment.path).Text("state", one.state);
      if (!one.fault.empty()) json.Text("fault", one.fault);
      json.Number("epoch", header.id.epoch).Number("ordinal", header.id.ordinal);
      json.Number("first_lsn", header.first_lsn).Number("sealed_bytes", one.segment.sealed_bytes);
      json.Number("file_bytes", one.segment.file_bytes).Number("capacity", header.capacity);
      if (!previous.empty()) json.Text("previous", previous);
      json.Text("prev_chain", base::Hex(header.prev_chain)).Text("prev_state_hash", base::Hex(header.prev_state_hash));
      json.Number("incarnation", header.incarnation);
      if (header.created_ms != 0) json.Text("created", created);
      rows.Add({name, one.state, std::to_string(header.first_lsn),
                one.segment.sealed_bytes > 0 ? std::to_string(one.segment.sealed_bytes) : "-",
                std::to_string(one.segment.file_bytes), previous.empty() ? "-" : previous, Short(header.prev_chain),
                created},
               json.Take());
    }
    return rows.Finish();
  }

  Status ListContents(Context& ctx, const std::vector<Shown>& shown) {
    std::vector<std::string> columns = {"SEGMENT", "OFFSET", "FIRST LSN", "LAST LSN", "TXNS",
                                        "EFFECTS", "BYTES",  "TIME",      "CHAIN"};
    if (transactions_) columns = {"LSN", "TIME", "WRITER", "UID", "EFFECTS", "REQUEST ID"};
    if (effects_) columns = {"LSN", "TIME", "WRITER", "OP", "KEY", "REVISION"};
    RowWriter rows(ctx, columns);
    for (const Shown& one : shown) {
      // Orphans are not the journal: their frames are shown when they are asked for by name.
      if (one.state == "orphan" && !segment_) continue;
      if (!one.fault.empty()) return base::CorruptionAt(one.segment.path, 0, one.fault);
      bool faulty = false;
      FrameWalk walk;
      walk.frame = [&](const WalkedFrame& frame) {
        damaged_ = damaged_ || (faulty && one.state != "orphan");  // a frame behind a fault
        return ShowFrame(rows, FileName(one.segment.path), frame);
      };
      walk.fault = [&](std::uint64_t offset, const std::string& what) {
        faulty = true;
        damaged_ = damaged_ || one.state == "sealed";
        ctx.Warn(one.segment.path + " at offset " + std::to_string(offset) + ": " + what);
        return true;
      };
      TENURE_RETURN_IF_ERROR(WalkFrames(ctx.env(), one.segment, walk));
      if (ctx.out().failed()) break;
    }
    return rows.Finish();
  }

  bool ShowFrame(RowWriter& rows, const std::string& segment, const WalkedFrame& frame) const {
    if (to_ && frame.header.first_lsn > *to_) return false;
    if (frame.header.last_lsn() < from_.value_or(0)) return true;
    if (frames_) return rows.Add(FrameCells(segment, frame), FrameJson(segment, frame));
    for (const model::CommittedTxn& txn : frame.txns) {
      if (txn.lsn < from_.value_or(0) || txn.lsn > to_.value_or(txn.lsn)) continue;
      if (transactions_ ? !ShowTransaction(rows, txn) : !ShowEffects(rows, txn)) return false;
    }
    return true;
  }

  static std::uint64_t EffectCount(const WalkedFrame& frame) {
    std::uint64_t count = 0;
    for (const model::CommittedTxn& txn : frame.txns) count += txn.effects.size();
    return count;
  }
  static std::vector<std::string> FrameCells(const std::string& segment, const WalkedFrame& frame) {
    return {segment,
            std::to_string(frame.offset),
            std::to_string(frame.header.first_lsn),
            std::to_string(frame.header.last_lsn()),
            std::to_string(frame.header.count),
            std::to_string(EffectCount(frame)),
            std::to_string(frame.bytes),
            model::FormatTime(frame.header.time_ms),
            Short(frame.header.chain)};
  }
  static std::string FrameJson(const std::string& segment, const WalkedFrame& frame) {
    Members json;
    json.Text("segment", segment).Number("offset", frame.offset).Number("bytes", frame.bytes);
    json.Number("first_lsn", frame.header.first_lsn).Number("last_lsn", frame.header.last_lsn());
    json.Number("transactions", frame.header.count).Number("effects", EffectCount(frame));
    json.Text("time", model::FormatTime(frame.header.time_ms)).Text("chain", base::Hex(frame.header.chain));
    json.Text("prev_chain", base::Hex(frame.header.prev_chain));
    return json.Text("state_hash", base::Hex(frame.header.state_hash)).Take();
  }

  static bool ShowTransaction(RowWriter& rows, const model::CommittedTxn& txn) {
    Members json;
    json.Number("lsn", txn.lsn).Text("time", model::FormatTime(txn.time_ms)).Text("writer", txn.writer);
    json.Number("uid", txn.uid).Number("effects", txn.effects.size());
    json.Text("outcome", txn.cancelled ? "cancelled" : OutcomeName(txn.outcome));
    if (!txn.request_id.empty()) json.Text("request_id", txn.request_id);
    return rows.Add({std::to_string(txn.lsn), model::FormatTime(txn.time_ms), txn.writer, std::to_string(txn.uid),
                     std::to_string(txn.effects.size()), txn.request_id.empty() ? "-" : txn.request_id},
                    json.Take());
  }

  static bool ShowEffects(RowWriter& rows, const model::CommittedTxn& txn) {
    // A transaction without effects recorded its request id: that is its one event.
    const auto events = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(txn.effects.size()));
    for (std::uint32_t i = 0; i < events; ++i) {
      const Event event = model::EventOf(txn, i);
      std::string key = event.request_id.empty() ? "-" : event.request_id;
      std::string revision = "-";
      if (event.cursor) key = "cursor " + event.cursor->name;
      if (event.below_lsn > 0) key = "below lsn " + std::to_string(event.below_lsn);
      if (event.entry) key = KeyOf(*event.entry), revision = std::to_string(event.entry->revision);
      if (event.tag) key = KeyOf(*event.tag), revision = std::to_string(event.tag->revision);
      const bool more =
          rows.Add({std::to_string(event.lsn), model::FormatTime(event.time_ms), event.writer, event.op, key, revision},
                   rows.wants_cells() ? std::string() : model::EventJson(event));
      if (!more) return false;
    }
    return true;
  }

  Result<int> ShowBytes(Context& ctx, const Shown& one) const {
    TENURE_ASSIGN(const auto file, ctx.env().Open(one.segment.path, base::OpenMode::kRead));
    TENURE_ASSIGN(const std::uint64_t size, file->Size());
    if (offset_ >= size) {
      return base::MakeError(ErrorCode::kNotFound, one.segment.path + " ends at offset " + std::to_string(size));
    }
    base::Bytes bytes(std::max<std::uint64_t>(bytes_.value_or(256), journal::kFrameHeaderBytes));
    TENURE_ASSIGN(const std::size_t got, file->ReadAt(offset_, bytes));
    const base::ByteView read = base::ByteView(bytes).first(got);
    const base::ByteView shown = read.first(std::min<std::size_t>(got, bytes_.value_or(256)));
    const bool header = offset_ < journal::kSegmentHeaderBytes;
    const std::vector<Field> fields = header && one.fault.empty() ? DescribeSegment(one.segment.header)
                                                                  : DescribeFrame(read, one.segment.header, offset_);
    if (IsJson(ctx.format())) {
      Members json;
      json.Text("segment", FileName(one.segment.path)).Number("offset", offset_).Text("hex", base::Hex(shown));
      Members described;
      for (const Field& field : fields) described.Text(field.name.c_str(), field.value);
      if (!fields.empty()) json.Raw(header ? "segment_header" : "frame_header", described.Take());
      ctx.out().Line(json.Take());
      return 0;
    }
    for (const Field& field : fields) ctx.out().Line("# " + field.name + " " + field.value);
    for (const std::string& line : HexLines(shown, offset_)) ctx.out().Line(line);
    return 0;
  }

  std::optional<std::string> segment_, hex_;
  bool frames_ = false, transactions_ = false, effects_ = false;
  std::optional<std::uint64_t> from_, to_, bytes_;
  std::uint64_t offset_ = 0;
  bool damaged_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeReplayInspect() { return std::make_unique<Inspect>(); }

}  // namespace tenure::cli
