// tenure policy set GLOB, tenure policy list, tenure policy rm GLOB
#include "cli/args.h"
#include "cli/command.h"
#include "cli/file_digest.h"
#include "cli/parse.h"
#include "cli/registry.h"
#include "cli/views.h"
#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::cli {
namespace {

/// White space included; the store has its own limit on what is left.
constexpr std::size_t kSchemaTextBytesMax = 1u << 20;

/// "--immutable" and "--no-immutable".
struct Switch {
  bool on = false;
  bool off = false;

  Result<std::optional<bool>> Value(const char* name) const {
    if (on && off) {
      return base::MakeError(ErrorCode::kInvalidArgument,
                             std::string("--") + name + " and --no-" + name + " contradict each other",
                             "give one of them");
    }
    return on || off ? std::optional<bool>(on) : std::nullopt;
  }
};

class PolicySet : public Command {
 public:
  void Define(Args& args) override {
    args.Required("GLOB", glob_, "Names, or name:version when it holds a ':'");
    args.Flag("--immutable", immutable_.on, "A digest, once there, never changes, and its entry is not deleted");
    args.Flag("--no-immutable", immutable_.off, "The opposite");
    args.Flag("--require-lease", lease_.on, "Writes must be made under a lease that covers them");
    args.Flag("--no-require-lease", lease_.off, "The opposite");
    args.Option("--on-conflict", strategy_, "STRATEGY", "For transactions that name none");
    args.Option("--schema", schema_, "FILE", "JSON Schema that entries must fit; '-' reads standard input");
    args.Flag("--keep-history", history_.on, "'compact --before' drops no superseded revision");
    args.Flag("--no-keep-history", history_.off, "The opposite");
    args.Repeated("--unset", unset_, "ATTRIBUTE",
                  "Say nothing about immutable, require_lease, on_conflict, schema or keep_history any more");
    args.Option("--request-id", write_.request_id, "ID", "Retrying with the same id never applies twice");
    args.Option("--writer", write_.writer, "ID", "Who writes; default user@host");
    args.Footer(
        "Attributes that are not named stay as they are. Each is decided by itself among the policies that match:\n"
        "an exact match first, then the longest literal prefix, then the one set later. docs/conflicts.md says\n"
        "which keywords a schema may have.");
  }

  Result<int> Run(Context& ctx) override {
    PolicySpec spec;
    spec.glob = glob_;
    spec.unset = unset_;
    TENURE_ASSIGN(spec.immutable, immutable_.Value("immutable"));
    TENURE_ASSIGN(spec.require_lease, lease_.Value("require-lease"));
    TENURE_ASSIGN(spec.keep_history, history_.Value("keep-history"));
    if (strategy_) {
      TENURE_ASSIGN(spec.on_conflict, ParseStrategy(*strategy_));
    }
    if (schema_) {
      TENURE_ASSIGN(spec.schema, ReadWhole(*schema_, kSchemaTextBytesMax));
    }
    TENURE_ASSIGN(const CommitOptions commit, CommitOptionsOf(write_));
    Transaction txn;
    txn.SetPolicy(std::move(spec));
    TENURE_ASSIGN(Store store, ctx.OpenStore({.writer = commit.writer}));
    TENURE_ASSIGN(const Receipt receipt, ctx.Commit(store, txn, commit));
    return PrintReceipt(ctx, "policy " + glob_, receipt);
  }

 private:
  std::string glob_;
  Switch immutable_, lease_, history_;
  std::optional<std::string> strategy_, schema_;
  std::vector<std::string> unset_;
  WriteOptions write_;
};

std::vector<std::string> PolicyCells(const Policy& policy, Format format) {
  const auto flag = [](const std::optional<bool>& value) { return std::string(!value ? "-" : *value ? "yes" : "no"); };
  const std::string schema = !policy.schema ? "-" : format == Format::kTable ? "yes" : *policy.schema;
  return {policy.glob,
          flag(policy.immutable),
          flag(policy.require_lease),
          policy.on_conflict ? StrategyName(*policy.on_conflict) : "-",
          schema,
          flag(policy.keep_history),
          std::to_string(policy.lsn),
          policy.writer};
}

class PolicyList : public Command {
 public:
  void Define(Args& args) override { args.Footer("Ordered by glob; --json prints the schemas too."); }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const Store store, ctx.OpenStore({.read = true}));
    TENURE_ASSIGN(const std::vector<Policy> policies, store.Policies());
    RowWriter rows(ctx,
                   {"GLOB", "IMMUTABLE", "REQUIRE LEASE", "ON CONFLICT", "SCHEMA", "KEEP HISTORY", "LSN", "WRITER"});
    for (const Policy& policy : policies) {
      rows.Add(rows.wants_cells() ? PolicyCells(policy, ctx.format()) : std::vector<std::string>(),
               model::PolicyJson(policy));
    }
    TENURE_RETURN_IF_ERROR(rows.Finish());
    return 0;
  }
};

class PolicyRm : public Command {
 public:
  void Define(Args& args) override {
    args.Required("GLOB", glob_, "As 'policy list' prints it");
    args.Flag("-n,--dry-run", dry_run_, "Only say what would be removed");
    args.Flag("-y,--yes", yes_, "Do not ask");
    args.Option("--request-id", write_.request_id, "ID", "Retrying with the same id never applies twice");
    args.Option("--writer", write_.writer, "ID", "Who writes; default user@host");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const CommitOptions commit, CommitOptionsOf(write_));
    TENURE_ASSIGN(Store store, ctx.OpenStore({.writer = commit.writer, .read = dry_run_}));
    if (dry_run_) return DryRun(ctx, store);
    TENURE_RETURN_IF_ERROR(ctx.Confirm("remove the policy of " + glob_ + "?", yes_));
    Transaction txn;
    txn.DeletePolicy(glob_);
    TENURE_ASSIGN(const Receipt receipt, ctx.Commit(store, txn, commit));
    return PrintReceipt(ctx, "policy " + glob_, receipt);
  }

 private:
  Result<int> DryRun(Context& ctx, const Store& store) const {
    TENURE_ASSIGN(const std::vector<Policy> policies, store.Policies());
    for (const Policy& policy : policies) {
      if (policy.glob != glob_) continue;
      RowWriter rows(ctx, {"WOULD REMOVE"});
      rows.Add({glob_}, "{\"would\":\"delete_policy\",\"policy\":" + model::PolicyJson(policy) + "}");
      TENURE_RETURN_IF_ERROR(rows.Finish());
      return 0;
    }
    return base::MakeError(ErrorCode::kNotFound, "there is no policy of '" + glob_ + "'",
                           "'tenure policy list' shows the policies");
  }

  std::string glob_;
  bool dry_run_ = false;
  bool yes_ = false;
  WriteOptions write_;
};

}  // namespace

std::unique_ptr<Command> MakePolicySet() { return std::make_unique<PolicySet>(); }
std::unique_ptr<Command> MakePolicyList() { return std::make_unique<PolicyList>(); }
std::unique_ptr<Command> MakePolicyRm() { return std::make_unique<PolicyRm>(); }

}  // namespace tenure::cli
