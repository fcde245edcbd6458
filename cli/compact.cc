// tenure compact
#include "cli/args.h"
#include "cli/command.h"
#include "cli/registry.h"
#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::cli {
namespace {

class Compact : public Command {
 public:
  void Define(Args& args) override {
    args.Option("--before", before_, "LSN|TIME", "Drop history and log below this point; default: keep all history");
    args.Flag("-n,--dry-run", dry_run_, "Only say what would be dropped");
    args.Flag("-y,--yes", yes_, "Do not ask");
    args.Footer(
        "Writes a checkpoint of the index and removes the journal that it covers. With --before, revisions\n"
        "that were superseded before that point go too, and --at no longer reaches behind it.");
  }

  Result<int> Run(Context& ctx) override {
    std::optional<At> before;
    if (before_) {
      TENURE_ASSIGN(before, ParseAt(*before_, "--before"));
    }
    TENURE_ASSIGN(Store store, ctx.OpenStore());
    CompactOptions options;
    options.dry_run = dry_run_;
    if (before && before->lsn) options.before_lsn = *before->lsn;
    if (before && before->time_ms) {
      TENURE_ASSIGN(options.before_lsn, store.LsnAt(*before->time_ms));
    }
    if (!dry_run_) {
      const std::string what =
          before_ ? "drop history and log before " + *before_ + "?" : "drop the journal that a checkpoint covers?";
      TENURE_RETURN_IF_ERROR(ctx.Confirm(what, yes_));
    }
    TENURE_ASSIGN(const CompactReport report, store.Compact(options));
    if (!dry_run_) ctx.set_done("compacted, checkpoint at lsn " + std::to_string(report.checkpoint_lsn));
    Print(ctx, report);
    return 0;
  }

 private:
  void Print(Context& ctx, const CompactReport& report) const {
    const auto number = [](const char* name, std::uint64_t value) {
      return ",\"" + std::string(name) + "\":" + std::to_string(value);
    };
    const std::string json =
        "{\"dry_run\":" + std::string(dry_run_ ? "true" : "false") + number("checkpoint_lsn", report.checkpoint_lsn) +
        number("before_lsn", report.before_lsn) + number("history_rows_removed", report.history_rows_removed) +
        number("request_ids_removed", report.request_ids_removed) +
        number("segments_removed", report.segments_removed) + number("bytes_freed", report.bytes_freed) +
        (report.held_by.empty() ? std::string()
                                : number("segments_held", report.segments_held) + ",\"held_by\":" +
                                      model::QuoteJson(report.held_by) + number("held_lsn", report.held_lsn)) +
        "}";
    const bool table = ctx.format() == Format::kTable;
    const std::string would = dry_run_ ? "would remove " : "removed ";
    PrintRecord(ctx,
                {{"checkpoint lsn", std::to_string(report.checkpoint_lsn)},
                 {"before lsn", std::to_string(report.before_lsn)},
                 {"history", table ? would + std::to_string(report.history_rows_removed) + " rows"
                                   : std::to_string(report.history_rows_removed)},
                 {"request ids", table ? would + std::to_string(report.request_ids_removed)
                                       : std::to_string(report.request_ids_removed)},
                 {"segments",
                  table ? would + std::to_string(report.segments_removed) : std::to_string(report.segments_removed)},
                 {"space", table ? HumanBytes(report.bytes_freed) : std::to_string(report.bytes_freed)}},
                json);
    if (!report.held_by.empty()) {
      ctx.Note("cursor " + report.held_by + " still needs lsn " + std::to_string(report.held_lsn) + " and later: " +
               std::to_string(report.segments_held) + " more segments " + (dry_run_ ? "would be" : "were") +
               " kept for it; 'tenure cursors rm " + report.held_by + "' gives them up");
    }
  }

  std::optional<std::string> before_;
  bool dry_run_ = false;
  bool yes_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeCompact() { return std::make_unique<Compact>(); }

}  // namespace tenure::cli
