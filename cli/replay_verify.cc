// tenure-replay verify
#include "store/recovery/verify.h"

#include "cli/args.h"
#include "cli/facts.h"
#include "cli/replay.h"
#include "store/base/error.h"

namespace tenure::cli {
namespace {

using recovery::VerifyReport;

class ReplayVerify : public Command {
 public:
  void Define(Args& args) override {
    args.Flag("--deep", deep_, "Rebuild all rows from checkpoint and journal and compare them (slow)");
    args.Option("--expect-head", expect_head_, "[LSN:]HEX", "A head that 'tenure log --head' printed: it must occur");
    args.Option("--to-lsn", to_lsn_, "LSN", "Check the journal up to here only, and no index");
    args.Footer(
        "Changes nothing and needs no member: damage of a store that does not open is named by file and offset.\n"
        "What was acknowledged is taken from shared memory where that is of this boot, else the last valid\n"
        "frame is the end. Exit status 13 when there is damage.");
  }

  Result<int> Run(Context& ctx) override {
    base::Env& env = ctx.env();
    TENURE_ASSIGN(const std::string path, ctx.StorePath());
    TENURE_ASSIGN(const recovery::Layout layout, recovery::FindStore(env, path));
    recovery::VerifyOptions options;
    options.deep = deep_;
    options.expect_head = expect_head_;
    // A config that cannot be read is for the check to report.
    std::unique_ptr<ingest::SharedSegment> shared;
    if (const auto config = recovery::ReadConfig(env, layout); config.ok()) {
      shared = AttachShared(env, layout, config->journal_id);
    }
    if (shared) options.durable = shared->commit().durable.Load().second;
    if (to_lsn_) TENURE_RETURN_IF_ERROR(Limit(options));
    const auto progress = ctx.StartProgress("verifying");
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
      progress->Update(done, total);
      return true;
    };
    TENURE_ASSIGN(const VerifyReport report, recovery::Verify(env, layout, options));
    progress->Clear();
    if (to_lsn_ && report.ok() && report.last_lsn < *to_lsn_) {
      Error error = base::MakeError(ErrorCode::kNotFound, "LSN " + std::to_string(*to_lsn_) +
                                                              " is not in the journal; the newest is " +
                                                              std::to_string(report.last_lsn));
      error.lsn = report.last_lsn;
      return error;
    }
    Print(ctx, report);
    return report.ok() ? 0 : kDamagedStatus;
  }

 private:
  Status Limit(recovery::VerifyOptions& options) const {
    if (deep_) {
      return base::MakeError(ErrorCode::kInvalidArgument, "--deep compares the index, --to-lsn leaves it out",
                             "give one of them");
    }
    if (options.durable && *options.durable < *to_lsn_) {
      return base::MakeError(ErrorCode::kNotFound, "LSN " + std::to_string(*to_lsn_) +
                                                       " has not been committed; the newest is " +
                                                       std::to_string(*options.durable));
    }
    options.index = false;
    options.durable = *to_lsn_;
    return {};
  }

  static void Print(Context& ctx, const VerifyReport& report) {
    if (ctx.format() == Format::kTable) {
      for (const Error& problem : report.problems) {
        ctx.out().Line("problem: " + Printable(problem.message));
        if (problem.offset && problem.message.find("offset") == std::string::npos) {
          ctx.out().Line("  in " + problem.path + " at offset " + std::to_string(*problem.offset));
        }
        if (!problem.hint.empty()) ctx.out().Line("  hint: " + Printable(problem.hint));
      }
      for (const std::string& warning : report.warnings) ctx.out().Line("warning: " + Printable(warning));
    }
    Facts facts;
    facts.Json("ok", report.ok() ? "true" : "false");
    facts.Number("segments", report.segments);
    facts.Number("orphan_segments", report.orphan_segments);
    facts.Number("frames", report.frames);
    facts.Number("transactions", report.transactions);
    facts.Number("effects", report.effects);
    facts.Bytes("bytes", report.bytes);
    facts.Number("first_lsn", report.first_lsn);
    facts.Number("last_lsn", report.last_lsn);
    facts.Text("chain_head", report.chain_head);
    facts.Text("state_hash", report.state_hash);
    facts.Text("index_path", report.index_path);
    facts.Number("applied_lsn", report.applied_lsn);
    facts.Json("state_hash_checked", report.state_hash_checked ? "true" : "false");
    facts.Json("problems", ErrorListJson(report.problems));
    facts.Json("warnings", TextListJson(report.warnings));
    facts.Print(ctx);
    if (ctx.format() != Format::kTable) return;
    ctx.out().Line(report.ok() ? "ok" : "damaged: " + std::to_string(report.problems.size()) + " problems");
  }

  bool deep_ = false;
  std::optional<std::string> expect_head_;
  std::optional<std::uint64_t> to_lsn_;
};

}  // namespace

std::unique_ptr<Command> MakeReplayVerify() { return std::make_unique<ReplayVerify>(); }

}  // namespace tenure::cli
