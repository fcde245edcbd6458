// tenure verify
#include "store/recovery/verify.h"

#include "cli/args.h"
#include "cli/command.h"
#include "cli/registry.h"
#include "store/base/error.h"
#include "store/model/json.h"
#include "store/recovery/config.h"

namespace tenure::cli {
namespace {

using recovery::VerifyReport;

constexpr int kDamaged = 13;

std::string ErrorsJson(const std::vector<Error>& errors) {
  std::string json = "[";
  for (const Error& error : errors) {
    const std::string one = model::ErrorJson(error);  // {"error":{…}}
    constexpr std::size_t kHead = sizeof("{\"error\":") - 1;
    json += (json.size() > 1 ? "," : "") + one.substr(kHead, one.size() - kHead - 1);
  }
  return json + "]";
}

std::string TextsJson(const std::vector<std::string>& texts) {
  std::string json = "[";
  for (const std::string& text : texts) json += (json.size() > 1 ? "," : "") + model::QuoteJson(text);
  return json + "]";
}

std::string ReportJson(const VerifyReport& r) {
  const auto number = [](const char* name, std::uint64_t value) {
    return "\"" + std::string(name) + "\":" + std::to_string(value) + ",";
  };
  return "{\"ok\":" + std::string(r.ok() ? "true" : "false") + "," + number("segments", r.segments) +
         number("orphan_segments", r.orphan_segments) + number("frames", r.frames) +
         number("transactions", r.transactions) + number("effects", r.effects) + number("bytes", r.bytes) +
         number("first_lsn", r.first_lsn) + number("last_lsn", r.last_lsn) +
         "\"chain_head\":" + model::QuoteJson(r.chain_head) + ",\"state_hash\":" + model::QuoteJson(r.state_hash) +
         ",\"index_path\":" + model::QuoteJson(r.index_path) + "," + number("applied_lsn", r.applied_lsn) +
         "\"state_hash_checked\":" + (r.state_hash_checked ? "true" : "false") +
         ",\"problems\":" + ErrorsJson(r.problems) + ",\"warnings\":" + TextsJson(r.warnings) + "}";
}

class Verify : public Command {
 public:
  void Define(Args& args) override {
    args.Option("--expect-head", expect_head_, "HEAD",
                "A head that 'tenure log --head' printed: it must be in the chain");
    args.Flag("--deep", deep_, "Rebuild all rows from checkpoint and journal and compare them (slow)");
    args.Footer("Exit status 13 when there is damage; each problem names its file and offset.");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const std::string path, ctx.StorePath());
    TENURE_ASSIGN(const recovery::Layout layout, recovery::FindStore(ctx.env(), path));
    recovery::VerifyOptions options;
    options.deep = deep_;
    options.expect_head = expect_head_;
    // The store stays open during the check, so that what is durable is known and stays so. When it does
    // not open, the check goes on without, and the reason is told with what it finds.
    const auto store = OpenQuietly(ctx, path);
    const auto stats = store.ok() ? store->Stats() : Result<StoreStats>(store.error());
    if (stats.ok()) options.durable = stats->durable_lsn;
    const auto progress = ctx.StartProgress("verifying");
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
      progress->Update(done, total);
      return true;
    };
    TENURE_ASSIGN(VerifyReport report, recovery::Verify(ctx.env(), layout, options));
    progress->Clear();
    if (!stats.ok() && report.ok()) {
      if (stats.error().code == ErrorCode::kCorruption) {
        report.problems.push_back(stats.error());
      } else {
        report.warnings.push_back("the store does not open: " + stats.error().message);
      }
    }
    Print(ctx, report);
    return report.ok() ? 0 : kDamaged;
  }

 private:
  static Result<Store> OpenQuietly(Context& ctx, const std::string& path) {
    OpenOptions options;
    options.background = false;
    options.read_only = true;
    options.env = &ctx.env();
    return Store::Open(path, options);
  }

  static void Print(Context& ctx, const VerifyReport& report) {
    if (ctx.format() != Format::kTable) {
      PrintRecord(ctx,
                  {{"ok", report.ok() ? "ok" : "damaged"},
                   {"first lsn", std::to_string(report.first_lsn)},
                   {"last lsn", std::to_string(report.last_lsn)},
                   {"chain head", report.chain_head},
                   {"problems", std::to_string(report.problems.size())}},
                  ReportJson(report));
      return;
    }
    for (const Error& problem : report.problems) {
      const bool located = problem.offset && problem.message.find(problem.path) == std::string::npos;
      ctx.out().Line("problem: " + Printable(problem.message) +
                     (located ? " (" + problem.path + " at offset " + std::to_string(*problem.offset) + ")" : ""));
      if (!problem.hint.empty()) ctx.out().Line("hint: " + Printable(problem.hint));
    }
    for (const std::string& warning : report.warnings) ctx.out().Line("warning: " + Printable(warning));
    PrintRecord(
        ctx,
        {{"journal", std::to_string(report.segments) + (report.segments == 1 ? " segment, " : " segments, ") +
                         std::to_string(report.frames) + " frames, " + HumanBytes(report.bytes)},
         {"transactions", std::to_string(report.transactions) + " (lsn " + std::to_string(report.first_lsn) + " to " +
                              std::to_string(report.last_lsn) + ")"},
         {"head", std::to_string(report.last_lsn) + ":" + report.chain_head},
         {"state hash", report.state_hash},
         {"index", report.index_path.empty() ? "none"
                                             : report.index_path + ", lsn " + std::to_string(report.applied_lsn) +
                                                   (report.state_hash_checked ? ", state hash recomputed" : "")},
         {"result", report.ok() ? "ok" : "damaged: " + std::to_string(report.problems.size()) + " found"}},
        {});
  }

  std::optional<std::string> expect_head_;
  bool deep_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeVerify() { return std::make_unique<Verify>(); }

}  // namespace tenure::cli
