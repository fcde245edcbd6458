// tenure init [DIR]
#include "cli/args.h"
#include "cli/command.h"
#include "cli/registry.h"
#include "cli/working_directory.h"
#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::cli {
namespace {

class Init : public Command {
 public:
  void Define(Args& args) override {
    args.Optional("DIR", dir_, "Where .tenure is made; default -C DIR, else the working directory");
    args.Option("--shared", shared_, "group", "Let the directory's group read and write (0660, setgid)");
    args.Flag("--any-file-system", any_file_system_, "Accept a copy-on-write file system");
  }

  Result<int> Run(Context& ctx) override {
    if (!shared_.empty() && shared_ != "group") {
      return base::MakeError(ErrorCode::kInvalidArgument, "--shared '" + shared_ + "' is not known",
                             "give --shared=group");
    }
    if (!dir_.empty() && !ctx.global().store.empty()) {
      return base::MakeError(ErrorCode::kInvalidArgument, "both DIR and -C name a directory", "give one of them");
    }
    std::string dir = dir_.empty() ? ctx.global().store : dir_;
    if (dir.empty()) dir = ".";
    if (dir.rfind("etcd://", 0) == 0) {
      return base::MakeError(ErrorCode::kInvalidArgument, dir + ": etcd stores are not supported by this build",
                             "name a directory");
    }
    TENURE_ASSIGN(dir, AbsolutePath(dir));
    CreateOptions create;
    create.shared_with_group = !shared_.empty();
    create.allow_any_file_system = any_file_system_;
    OpenOptions open;
    open.background = false;
    open.env = &ctx.env();
    open.log = [&ctx](const char* level, const std::string& message) {
      if (std::string(level) == "warning") ctx.Warn(message);
    };
    TENURE_ASSIGN(const Store store, Store::Create(dir, create, open));
    ctx.set_done("created " + store.path());
    TENURE_ASSIGN(const StoreStats stats, store.Stats());
    const std::string json =
        "{\"path\":" + model::QuoteJson(store.path()) + ",\"store_id\":" + model::QuoteJson(stats.store_id) + "}";
    if (ctx.format() == Format::kTable) {
      ctx.out().Line("created store " + Printable(store.path()));
    } else {
      PrintRecord(ctx, {{"path", store.path()}, {"store id", stats.store_id}}, json);
    }
    return 0;
  }

 private:
  std::string dir_;
  std::string shared_;
  bool any_file_system_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeInit() { return std::make_unique<Init>(); }

}  // namespace tenure::cli
