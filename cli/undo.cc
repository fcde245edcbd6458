// tenure undo LSN, tenure outcome REQUEST_ID
#include "cli/args.h"
#include "cli/command.h"
#include "cli/registry.h"
#include "cli/views.h"
#include "store/base/error.h"
#include "store/model/json.h"
#include "store/model/validate.h"

namespace tenure::cli {
namespace {

class Undo : public Command {
 public:
  void Define(Args& args) override {
    args.Required("LSN", lsn_, "The transaction to undo");
    args.Flag("-n,--dry-run", dry_run_, "Only print the inverse operations");
    args.Flag("-y,--yes", yes_, "Do not ask");
    DefineWriteOptions(args, write_);
    args.Footer("When a key was changed since, nothing is done (exit status 5), unless --on-conflict says otherwise.");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const Lsn lsn, ParseCount(lsn_, "LSN"));
    TENURE_ASSIGN(const CommitOptions commit, CommitOptionsOf(write_));
    TENURE_ASSIGN(Store store, ctx.OpenStore({.writer = commit.writer, .read = dry_run_}));
    TENURE_ASSIGN(const Transaction inverse, store.Inverse(lsn));
    if (dry_run_) return DryRun(ctx, inverse);
    const std::string count = std::to_string(inverse.operations().size());
    TENURE_RETURN_IF_ERROR(ctx.Confirm("undo lsn " + lsn_ + " (" + count + " operations)?", yes_));
    auto receipt = ctx.Commit(store, inverse, commit);
    if (!receipt.ok() &&
        (receipt.error().code == ErrorCode::kStaleBase || receipt.error().code == ErrorCode::kDeletedSince)) {
      Error error = std::move(receipt).error();
      error.code = ErrorCode::kChangedSince;
      error.message = "lsn " + lsn_ + " is not undone, a later change came in between: " + error.message;
      return error;
    }
    TENURE_RETURN_IF_ERROR(receipt);
    return PrintReceipt(ctx, *receipt);
  }

 private:
  static Result<int> DryRun(Context& ctx, const Transaction& inverse) {
    RowWriter rows(ctx, {"WOULD", "KEY", "VERSION", "BASE"});
    for (const Operation& op : inverse.operations()) {
      rows.Add({model::OpKindName(op.kind), KeyOf(op), op.version.empty() ? "-" : op.version,
                op.base ? std::to_string(*op.base) : "-"},
               model::OperationJson(op));
    }
    TENURE_RETURN_IF_ERROR(rows.Finish());
    return 0;
  }

  std::string lsn_;
  bool dry_run_ = false;
  bool yes_ = false;
  WriteOptions write_;
};

class OutcomeCommand : public Command {
 public:
  void Define(Args& args) override {
    args.Required("REQUEST_ID", request_id_, "As given with --request-id or \"request_id\"");
    args.Footer(
        "Prints the receipt of the transaction with that id. When there is none, the id is cancelled, so that\n"
        "a transaction that is still on its way cannot apply any more, and the exit status is 4.");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(Store store, ctx.OpenStore());
    TENURE_ASSIGN(const Receipt receipt, store.OutcomeOf(request_id_));
    return PrintReceipt(ctx, receipt);
  }

 private:
  std::string request_id_;
};

}  // namespace

std::unique_ptr<Command> MakeUndo() { return std::make_unique<Undo>(); }
std::unique_ptr<Command> MakeOutcome() { return std::make_unique<OutcomeCommand>(); }

}  // namespace tenure::cli
