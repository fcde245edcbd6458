// tenure get REF, tenure history REF
#include "cli/args.h"
#include "cli/command.h"
#include "cli/registry.h"
#include "cli/views.h"
#include "store/base/error.h"
#include "store/model/json.h"
#include "store/model/reference.h"

namespace tenure::cli {
namespace {

class Get : public Command {
 public:
  void Define(Args& args) override {
    args.Required("REF", ref_, "name (when one version is live), name:version, name@tag or name@sha256:<hex>");
    args.Option("--at", at_, "LSN|TIME", "As of that point of the history");
    args.Flag("--uncommitted", uncommitted_, "Also what is still queued, marked as such (name:version only)");
  }

  Result<int> Run(Context& ctx) override {
    ReadOptions read;
    if (at_ && uncommitted_) {
      return base::MakeError(ErrorCode::kInvalidArgument, "--at and --uncommitted exclude each other",
                             "give one of them");
    }
    if (at_) {
      TENURE_ASSIGN(read.at, ParseAt(*at_, "--at"));
    }
    if (uncommitted_) read.consistency = Consistency::kReadUncommitted;
    TENURE_ASSIGN(const Store store, ctx.OpenStore({.read = true}));
    TENURE_ASSIGN(const ArtifactEntry entry, store.Get(ref_, read));
    PrintEntry(ctx, entry);
    return 0;
  }

 private:
  std::string ref_;
  std::optional<std::string> at_;
  bool uncommitted_ = false;
};

class History : public Command {
 public:
  void Define(Args& args) override { args.Required("REF", ref_, "name:version or name@tag"); }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const model::Reference ref, model::ParseReference(ref_));
    if (ref.kind != model::Reference::Kind::kVersion && ref.kind != model::Reference::Kind::kTag) {
      return base::MakeError(ErrorCode::kInvalidArgument, "'" + ref_ + "' names neither a version nor a tag",
                             "write name:version or name@tag; 'tenure list' shows the versions of a name");
    }
    TENURE_ASSIGN(const Store store, ctx.OpenStore({.read = true}));
    RowWriter rows(ctx, RevisionColumns());
    if (ref.kind == model::Reference::Kind::kTag) {
      TENURE_ASSIGN(const std::vector<TagEntry> tags, store.TagHistory(ref.name, ref.rest));
      for (const TagEntry& tag : tags) rows.Add(RevisionCells(tag), model::TagJson(tag));
    } else {
      TENURE_ASSIGN(const std::vector<ArtifactEntry> entries, store.History(ref_));
      for (const ArtifactEntry& entry : entries) rows.Add(RevisionCells(entry, ctx.format()), model::EntryJson(entry));
    }
    TENURE_RETURN_IF_ERROR(rows.Finish());
    return 0;
  }

 private:
  std::string ref_;
};

}  // namespace

std::unique_ptr<Command> MakeGet() { return std::make_unique<Get>(); }
std::unique_ptr<Command> MakeHistory() { return std::make_unique<History>(); }

}  // namespace tenure::cli
