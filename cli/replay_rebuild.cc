// tenure-replay rebuild
#include "cli/working_directory.h"
#include "store/recovery/rebuild.h"

#include <utility>

#include "cli/args.h"
#include "cli/facts.h"
#include "cli/replay.h"
#include "cli/signals.h"
#include "store/base/error.h"
#include "store/recovery/replace_index.h"

namespace tenure::cli {
namespace {

class ReplayRebuild : public Command {
 public:
  void Define(Args& args) override {
    args.Option("-o,--output", output_, "FILE", "Build into this new file and leave the store alone");
    args.Option("--to-lsn", to_lsn_, "LSN", "The state at that LSN; needs --output");
    args.Option("--to-time", to_time_, "TIME", "The state at that time (RFC 3339 with an offset); needs --output");
    args.Footer(
        "Without --output the new index becomes the live one, also while other processes use the store. With it\n"
        "the file is an SQLite database like the store's own; look at it with any client:\n"
        "  sqlite3 -readonly FILE 'select name, version, digest from entry where deleted = 0'");
  }

  Result<int> Run(Context& ctx) override {
    if (!output_ && (to_lsn_ || to_time_)) {
      return base::MakeError(ErrorCode::kInvalidArgument,
                             "the live index holds everything committed; a point of the past needs a file of its own",
                             "give --output FILE");
    }
    TENURE_ASSIGN(const ReplayStore store, FindReplayStore(ctx));
    const auto progress = ctx.StartProgress("rebuilding");
    recovery::RebuildOptions options;
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
      progress->Update(done, total);
      return !Interrupted();
    };
    // A signal ends it between two steps, so that the unfinished file goes.
    ctx.BeginCritical("the index was not replaced");
    auto report = output_ ? Build(ctx, store, options) : Replace(ctx, store, options);
    ctx.EndCritical();
    progress->Clear();
    if (!report.ok()) return std::move(report).error();
    Print(ctx, *report);
    return 0;
  }

 private:
  Result<recovery::RebuildReport> Build(Context& ctx, const ReplayStore& store,
                                        recovery::RebuildOptions& options) const {
    TENURE_ASSIGN(const std::string target, AbsolutePath(*output_));
    TENURE_ASSIGN(options.to_lsn, ReplayTarget(ctx.env(), store, to_lsn_, to_time_));
    options.durable = store.durable();
    return recovery::BuildIndex(ctx.env(), store.layout, target, options);
  }

  static Result<recovery::RebuildReport> Replace(Context& ctx, const ReplayStore& store,
                                                 const recovery::RebuildOptions& options) {
    return recovery::ReplaceIndex(ctx.env(), store.layout, store.config, options);
  }

  void Print(Context& ctx, const recovery::RebuildReport& report) const {
    for (const std::string& skipped : report.skipped) ctx.Warn("not usable, passed over: " + skipped);
    if (report.inside_batch) {
      ctx.Note("LSN " + std::to_string(report.applied_lsn) +
               " lies within a batch: the rows are exactly those of that LSN, but the file is for looking at only");
    }
    Facts facts;
    facts.Text("path", report.path);
    facts.Number("applied_lsn", report.applied_lsn);
    facts.Number("from_checkpoint_lsn", report.from_checkpoint_lsn);
    facts.Number("transactions", report.transactions);
    facts.Text("state_hash", report.state_hash);
    facts.Json("live", output_ ? "false" : "true");
    facts.Json("inside_batch", report.inside_batch ? "true" : "false");
    facts.Json("skipped", TextListJson(report.skipped));
    facts.Print(ctx);
  }

  std::optional<std::string> output_;
  std::optional<std::uint64_t> to_lsn_;
  std::optional<std::string> to_time_;
};

}  // namespace

std::unique_ptr<Command> MakeReplayRebuild() { return std::make_unique<ReplayRebuild>(); }

}  // namespace tenure::cli
