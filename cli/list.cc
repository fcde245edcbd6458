// tenure list [GLOB]
#include "cli/args.h"
#include "cli/command.h"
#include "cli/registry.h"
#include "cli/views.h"
#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::cli {
namespace {

class List : public Command {
 public:
  void Define(Args& args) override {
    args.Optional("GLOB", glob_,
                  "Names, or name:version when it contains ':'; *, ? and […] within a segment, ** across");
    args.Option("--where", where_, "CLAUSE", "Such as 'annotations.arch = \"arm64\"' or 'size != 0'");
    args.Option("--limit", limit_, "N", "At most so many entries");
    args.Option("--after", after_, "KEY", "Continue behind this name:version");
    args.Option("--at", at_, "LSN|TIME", "As of that point of the history");
    args.Flag("--deleted", deleted_, "Tombstones too");
    args.Footer("Entries are ordered by name, then version, bytewise.");
  }

  Result<int> Run(Context& ctx) override {
    if (limit_ == 0u) {
      return base::MakeError(ErrorCode::kInvalidArgument, "--limit 0 would show nothing", "leave it out for no limit");
    }
    ListOptions options;
    if (at_) {
      TENURE_ASSIGN(options.read.at, ParseAt(*at_, "--at"));
    }
    options.glob = glob_;
    options.where = where_;
    options.after = after_;
    options.include_deleted = deleted_;
    // One more than asked for tells whether there are more.
    if (limit_ && *limit_ < UINT64_MAX) options.limit = *limit_ + 1;
    TENURE_ASSIGN(const Store store, ctx.OpenStore({.read = true}));
    RowWriter rows(ctx, EntryColumns());
    std::uint64_t shown = 0;
    std::string last;
    bool more = false;
    TENURE_RETURN_IF_ERROR(store.ForEach(options, [&](const ArtifactEntry& entry) {
      if (limit_ && shown == *limit_) {
        more = true;
        return false;
      }
      ++shown;
      last = KeyOf(entry);
      return rows.wants_cells() ? rows.Add(EntryCells(entry, ctx.format()), {}) : rows.Add({}, model::EntryJson(entry));
    }));
    TENURE_RETURN_IF_ERROR(rows.Finish());
    if (more) ctx.Note("there are more; go on with --after '" + last + "'");
    return 0;
  }

 private:
  std::string glob_;
  std::string where_;
  std::optional<std::uint64_t> limit_;
  std::string after_;
  std::optional<std::string> at_;
  bool deleted_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeList() { return std::make_unique<List>(); }

}  // namespace tenure::cli
