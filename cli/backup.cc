// tenure backup DIR
#include "cli/args.h"
#include "cli/command.h"
#include "cli/registry.h"
#include "cli/working_directory.h"
#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::cli {
namespace {

class Backup : public Command {
 public:
  void Define(Args& args) override {
    args.Required("DIR", dir_, "Where the copy's .tenure is made; must not hold a store");
    args.Footer("The copy is a store of its own, as of one LSN, with a new store id and the next incarnation.");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const std::string dir, AbsolutePath(dir_));
    TENURE_ASSIGN(const Store store, ctx.OpenStore({.read = true}));
    TENURE_ASSIGN(const Lsn lsn, store.Backup(dir));
    ctx.set_done("copied to " + dir);
    if (ctx.format() == Format::kTable) {
      ctx.out().Line("copied lsn " + std::to_string(lsn) + " to " + Printable(dir) + "/.tenure");
    } else {
      PrintRecord(ctx, {{"lsn", std::to_string(lsn)}, {"path", dir + "/.tenure"}},
                  "{\"lsn\":" + std::to_string(lsn) + ",\"path\":" + model::QuoteJson(dir + "/.tenure") + "}");
    }
    return 0;
  }

 private:
  std::string dir_;
};

}  // namespace

std::unique_ptr<Command> MakeBackup() { return std::make_unique<Backup>(); }

}  // namespace tenure::cli
