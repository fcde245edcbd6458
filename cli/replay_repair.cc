// tenure-replay repair
#include "store/recovery/repair.h"

#include "cli/args.h"
#include "cli/facts.h"
#include "cli/replay.h"
#include "store/base/error.h"

namespace tenure::cli {
namespace {

using recovery::RepairReport;

class ReplayRepair : public Command {
 public:
  void Define(Args& args) override {
    args.Flag("--accept-loss", accept_loss_, "Give up what is listed as lost and go on from the last good frame");
    args.Flag("-n,--dry-run", dry_run_, "Only say what is damaged, what would be lost and what would be done");
    args.Flag("-y,--yes", yes_, "Do not ask");
    args.Footer(
        "Needs the store to itself. Deletes nothing: damaged files are kept under other names. Transactions that\n"
        "were committed are given up only with --accept-loss; without it a damaged journal is exit status 13 and\n"
        "nothing is changed. LSNs behind the last good one are given out again, under a higher incarnation.");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const std::string path, ctx.StorePath());
    TENURE_ASSIGN(const recovery::Layout layout, recovery::FindStore(ctx.env(), path));
    const auto progress = ctx.StartProgress("reading the journal");
    recovery::RepairOptions options;
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
      progress->Update(done, total);
      return true;
    };
    options.dry_run = true;
    TENURE_ASSIGN(const RepairReport plan, recovery::Repair(ctx.env(), layout, options));
    progress->Clear();
    const bool sound = plan.damage.empty() && plan.lost.empty();
    if (dry_run_) {
      Print(ctx, plan);
      return sound ? 0 : kDamagedStatus;
    }
    // On a terminal the loss is shown before the question; in one piece with what was done otherwise.
    if (accept_loss_ && !plan.lost.empty()) {
      for (const std::string& lost : plan.lost) ctx.Warn("lost: " + lost);
      TENURE_RETURN_IF_ERROR(ctx.Confirm("give this up and go on behind LSN " + std::to_string(plan.last_good_lsn) +
                                             " of " + std::to_string(plan.last_known_lsn) + "?",
                                         yes_));
    }
    options.dry_run = false;
    options.accept_loss = accept_loss_;
    TENURE_ASSIGN(const RepairReport done, recovery::Repair(ctx.env(), layout, options));
    progress->Clear();
    Print(ctx, done);
    return 0;
  }

 private:
  static void Print(Context& ctx, const RepairReport& report) {
    if (ctx.format() == Format::kTable) {
      for (const Error& damage : report.damage) ctx.out().Line("damage: " + Printable(damage.message));
      for (const std::string& lost : report.lost) ctx.out().Line("lost: " + Printable(lost));
      for (const std::string& action : report.actions) ctx.out().Line(Printable(action));
    }
    Facts facts;
    facts.Json("changed", report.changed ? "true" : "false");
    facts.Number("last_good_lsn", report.last_good_lsn);
    facts.Number("last_known_lsn", report.last_known_lsn);
    facts.Json("damage", ErrorListJson(report.damage));
    facts.Json("lost", TextListJson(report.lost));
    facts.Json("actions", TextListJson(report.actions));
    facts.Print(ctx);
  }

  bool accept_loss_ = false;
  bool dry_run_ = false;
  bool yes_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeReplayRepair() { return std::make_unique<ReplayRepair>(); }

}  // namespace tenure::cli
