// tenure rm REF
#include "cli/args.h"
#include "cli/command.h"
#include "cli/conditions.h"
#include "cli/registry.h"
#include "cli/views.h"
#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::cli {
namespace {

class Rm : public Command {
 public:
  void Define(Args& args) override {
    args.Required("REF", ref_, "name:version");
    args.Flag("--with-tags", with_tags_, "Delete the tags that point to it too");
    args.Flag("-n,--dry-run", dry_run_, "Only say what would be deleted");
    args.Flag("-y,--yes", yes_, "Do not ask");
    conditions_.Define(args);
    DefineWriteOptions(args, write_);
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const Key key, ParseKey(ref_, "rm"));
    TENURE_ASSIGN(const CommitOptions commit, CommitOptionsOf(write_));
    TENURE_ASSIGN(Store store, ctx.OpenStore({.writer = commit.writer, .read = dry_run_}));
    if (dry_run_) return DryRun(ctx, store, key);
    TENURE_RETURN_IF_ERROR(
        ctx.Confirm("delete " + ref_ + (with_tags_ ? " and the tags that point to it?" : "?"), yes_));
    Transaction txn;
    conditions_.ApplyTo(txn.Delete(key.name, key.version, with_tags_));
    TENURE_ASSIGN(const Receipt receipt, ctx.Commit(store, txn, commit));
    return PrintReceipt(ctx, ref_, receipt);
  }

 private:
  Result<int> DryRun(Context& ctx, const Store& store, const Key& key) const {
    TENURE_ASSIGN(const ArtifactEntry entry, store.Get(ref_));
    TENURE_ASSIGN(const std::vector<TagEntry> tags, store.Tags(EscapeGlob(key.name)));
    std::vector<std::string> pointing;
    for (const TagEntry& tag : tags) {
      if (tag.name == key.name && tag.version == key.version) pointing.push_back(KeyOf(tag));
    }
    if (!pointing.empty() && !with_tags_) {
      Error error =
          base::MakeError(ErrorCode::kTagged, ref_ + " would not be deleted: " + pointing.front() + " points to it",
                          "move the tag, or give --with-tags");
      error.key = ref_;
      return error;
    }
    RowWriter rows(ctx, {"WOULD DELETE", "REVISION"});
    rows.Add({ref_, std::to_string(entry.revision)}, "{\"would\":\"delete\",\"key\":" + model::QuoteJson(ref_) +
                                                         ",\"revision\":" + std::to_string(entry.revision) + "}");
    for (const TagEntry& tag : tags) {
      if (tag.name != key.name || tag.version != key.version) continue;
      rows.Add({KeyOf(tag), std::to_string(tag.revision)},
               "{\"would\":\"delete_tag\",\"key\":" + model::QuoteJson(KeyOf(tag)) +
                   ",\"revision\":" + std::to_string(tag.revision) + "}");
    }
    TENURE_RETURN_IF_ERROR(rows.Finish());
    return 0;
  }

  std::string ref_;
  bool with_tags_ = false;
  bool dry_run_ = false;
  bool yes_ = false;
  Conditions conditions_;
  WriteOptions write_;
};

}  // namespace

std::unique_ptr<Command> MakeRm() { return std::make_unique<Rm>(); }

}  // namespace tenure::cli
