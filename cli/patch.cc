// tenure patch REF JSON
#include "cli/args.h"
#include "cli/command.h"
#include "cli/conditions.h"
#include "cli/file_digest.h"
#include "cli/registry.h"
#include "cli/views.h"
#include "store/base/error.h"
#include "store/model/validate.h"

namespace tenure::cli {
namespace {

class Patch : public Command {
 public:
  void Define(Args& args) override {
    args.Required("REF", ref_, "name:version");
    args.Required("JSON", patch_, "An object, RFC 7396: null deletes a member; '-' reads standard input");
    conditions_.Define(args);
    DefineWriteOptions(args, write_);
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const Key key, ParseKey(ref_, "patch"));
    TENURE_ASSIGN(const CommitOptions commit, CommitOptionsOf(write_));
    if (patch_ == "-") {
      TENURE_ASSIGN(patch_, ReadStandardInput(model::kEntryBytesMax));
    }
    Transaction txn;
    conditions_.ApplyTo(txn.Patch(key.name, key.version, patch_));
    TENURE_ASSIGN(Store store, ctx.OpenStore({.writer = commit.writer}));
    TENURE_ASSIGN(const Receipt receipt, ctx.Commit(store, txn, commit));
    return PrintReceipt(ctx, ref_, receipt);
  }

 private:
  std::string ref_;
  std::string patch_;
  Conditions conditions_;
  WriteOptions write_;
};

}  // namespace

std::unique_ptr<Command> MakePatch() { return std::make_unique<Patch>(); }

}  // namespace tenure::cli
