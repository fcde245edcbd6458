// tenure cursors list, tenure cursors rm NAME
#include "cli/args.h"
#include "cli/command.h"
#include "cli/registry.h"
#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::cli {
namespace {

class CursorsList : public Command {
 public:
  void Define(Args& args) override {
    args.Footer("POSITION: everything up to this LSN was handled. 'tenure watch --cursor NAME' goes on behind it.");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const Store store, ctx.OpenStore({.read = true}));
    TENURE_ASSIGN(const std::vector<CursorEntry> cursors, store.Cursors());
    RowWriter rows(ctx, {"NAME", "POSITION", "MOVED", "WRITER"});
    for (const CursorEntry& cursor : cursors) {
      rows.Add({cursor.name, std::to_string(cursor.lsn), model::FormatTime(cursor.moved_at_ms), cursor.writer},
               model::CursorJson(cursor));
    }
    TENURE_RETURN_IF_ERROR(rows.Finish());
    return 0;
  }
};

class CursorsRm : public Command {
 public:
  void Define(Args& args) override {
    args.Required("NAME", name_, "The cursor");
    args.Flag("-n,--dry-run", dry_run_, "Only say what would be removed");
    args.Flag("-y,--yes", yes_, "Do not ask");
    args.Option("--writer", writer_, "ID", "Who writes; default user@host");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(Store store, ctx.OpenStore({.writer = writer_, .read = dry_run_}));
    if (dry_run_) return DryRun(ctx, store);
    TENURE_RETURN_IF_ERROR(ctx.Confirm("remove the cursor " + name_ + "?", yes_));
    TENURE_ASSIGN(const Lsn lsn, store.RemoveCursor(name_));
    const std::string number = std::to_string(lsn);
    ctx.set_done("removed with lsn " + number);
    if (IsJson(ctx.format())) {
      ctx.out().Line("{\"lsn\":" + number + ",\"outcome\":\"committed\",\"cursor\":" + model::QuoteJson(name_) + "}");
    } else if (ctx.format() == Format::kTsv) {
      ctx.out().Line("committed\t" + TsvCell(name_) + "\t" + number);
    } else {
      ctx.out().Line("removed cursor " + Printable(name_) + " lsn " + number);
    }
    return 0;
  }

 private:
  Result<int> DryRun(Context& ctx, const Store& store) const {
    TENURE_ASSIGN(const std::vector<CursorEntry> cursors, store.Cursors());
    for (const CursorEntry& cursor : cursors) {
      if (cursor.name != name_) continue;
      RowWriter rows(ctx, {"WOULD REMOVE", "POSITION"});
      rows.Add({name_, std::to_string(cursor.lsn)},
               "{\"would\":\"delete_cursor\",\"cursor\":" + model::QuoteJson(name_) +
                   ",\"position\":" + std::to_string(cursor.lsn) + "}");
      TENURE_RETURN_IF_ERROR(rows.Finish());
      return 0;
    }
    return base::MakeError(ErrorCode::kNotFound, "there is no cursor " + name_,
                           "'tenure cursors list' shows the cursors");
  }

  std::string name_;
  std::string writer_;
  bool dry_run_ = false;
  bool yes_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeCursorsList() { return std::make_unique<CursorsList>(); }
std::unique_ptr<Command> MakeCursorsRm() { return std::make_unique<CursorsRm>(); }

}  // namespace tenure::cli
