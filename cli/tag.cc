// tenure tag set NAME@TAG VERSION, tenure tag rm NAME@TAG, tenure tag list [GLOB]
#include "cli/args.h"
#include "cli/command.h"
#include "cli/conditions.h"
#include "cli/registry.h"
#include "cli/views.h"
#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::cli {
namespace {

class TagSet : public Command {
 public:
  void Define(Args& args) override {
    args.Required("NAME@TAG", ref_, "The tag");
    args.Required("VERSION", version_, "The version it is to point to; it must be live");
    args.Option("--if-version", if_version_, "V", "Only when the tag points to V now");
    args.Option("--base", base_, "N", kBaseHelp);
    DefineWriteOptions(args, write_);
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const TagKey key, ParseTagKey(ref_, "tag set"));
    TENURE_ASSIGN(const CommitOptions commit, CommitOptionsOf(write_));
    Transaction txn;
    Operation& op = txn.SetTag(key.name, key.tag, version_);
    op.if_version = if_version_;
    op.base = base_;
    TENURE_ASSIGN(Store store, ctx.OpenStore({.writer = commit.writer}));
    TENURE_ASSIGN(const Receipt receipt, ctx.Commit(store, txn, commit));
    return PrintReceipt(ctx, ref_, receipt);
  }

 private:
  std::string ref_;
  std::string version_;
  std::optional<std::string> if_version_;
  std::optional<std::uint64_t> base_;
  WriteOptions write_;
};

class TagRm : public Command {
 public:
  void Define(Args& args) override {
    args.Required("NAME@TAG", ref_, "The tag");
    args.Flag("-n,--dry-run", dry_run_, "Only say what would be deleted");
    args.Flag("-y,--yes", yes_, "Do not ask");
    args.Option("--base", base_, "N", kBaseHelp);
    DefineWriteOptions(args, write_);
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const TagKey key, ParseTagKey(ref_, "tag rm"));
    TENURE_ASSIGN(const CommitOptions commit, CommitOptionsOf(write_));
    TENURE_ASSIGN(Store store, ctx.OpenStore({.writer = commit.writer, .read = dry_run_}));
    if (dry_run_) return DryRun(ctx, store, key);
    TENURE_RETURN_IF_ERROR(ctx.Confirm("delete the tag " + ref_ + "?", yes_));
    Transaction txn;
    txn.DeleteTag(key.name, key.tag).base = base_;
    TENURE_ASSIGN(const Receipt receipt, ctx.Commit(store, txn, commit));
    return PrintReceipt(ctx, ref_, receipt);
  }

 private:
  Result<int> DryRun(Context& ctx, const Store& store, const TagKey& key) const {
    TENURE_ASSIGN(const TagEntry tag, store.GetTag(key.name, key.tag));
    RowWriter rows(ctx, {"WOULD DELETE", "REVISION"});
    rows.Add({ref_, std::to_string(tag.revision)}, "{\"would\":\"delete_tag\",\"key\":" + model::QuoteJson(ref_) +
                                                       ",\"revision\":" + std::to_string(tag.revision) + "}");
    TENURE_RETURN_IF_ERROR(rows.Finish());
    return 0;
  }

  std::string ref_;
  bool dry_run_ = false;
  bool yes_ = false;
  std::optional<std::uint64_t> base_;
  WriteOptions write_;
};

class TagList : public Command {
 public:
  void Define(Args& args) override {
    args.Optional("GLOB", glob_, "Names whose tags are listed; default all");
    args.Option("--at", at_, "LSN|TIME", "As of that point of the history");
  }

  Result<int> Run(Context& ctx) override {
    ReadOptions read;
    if (at_) {
      TENURE_ASSIGN(read.at, ParseAt(*at_, "--at"));
    }
    TENURE_ASSIGN(const Store store, ctx.OpenStore({.read = true}));
    TENURE_ASSIGN(const std::vector<TagEntry> tags, store.Tags(glob_, read));
    RowWriter rows(ctx, TagColumns());
    for (const TagEntry& tag : tags) rows.Add(TagCells(tag), model::TagJson(tag));
    TENURE_RETURN_IF_ERROR(rows.Finish());
    return 0;
  }

 private:
  std::string glob_;
  std::optional<std::string> at_;
};

}  // namespace

std::unique_ptr<Command> MakeTagSet() { return std::make_unique<TagSet>(); }
std::unique_ptr<Command> MakeTagRm() { return std::make_unique<TagRm>(); }
std::unique_ptr<Command> MakeTagList() { return std::make_unique<TagList>(); }

}  // namespace tenure::cli
