// tenure export FORMAT
#include <limits>
#include <utility>

#include "cli/args.h"
#include "cli/command.h"
#include "cli/formats/full_line.h"
#include "cli/registry.h"
#include "cli/views.h"
#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::cli {
namespace {

class Export : public Command {
 public:
  void Define(Args& args) override {
    args.Required("FORMAT", format_, "jsonl");
    args.Option("--at", at_, "LSN|TIME", "The state at that point; default now");
    args.Flag("--full", full_,
              "Also revision, lsn, writer, times, tombstones, superseded revisions, policies, conflicts");
    args.Footer(
        "One line per live entry, ordered by name, then version (bytewise), then one {\"tag\":…} line per tag;\n"
        "members sorted. Stores of equal content print equal bytes. With --full the revisions of a key follow\n"
        "each other, newest first; without --at, policies and parked conflicts come behind them. 'tenure import\n"
        "jsonl' reads both forms, and takes the newest of each key.");
  }

  Result<int> Run(Context& ctx) override {
    if (format_ != "jsonl") {
      return base::MakeError(ErrorCode::kInvalidArgument, "there is no export format '" + format_ + "'",
                             "the formats are jsonl");
    }
    ReadOptions read;
    if (at_) {
      TENURE_ASSIGN(read.at, ParseAt(*at_, "--at"));
    }
    TENURE_ASSIGN(const Store store, ctx.OpenStore({.read = true}));
    // One point for all that is read, also while others write: a tag never names an entry that is not there.
    At at;
    if (read.at && read.at->lsn) {
      at.lsn = read.at->lsn;
    } else {
      constexpr TimeMs kNow = std::numeric_limits<TimeMs>::max();
      TENURE_ASSIGN(at.lsn, store.LsnAt(read.at ? *read.at->time_ms : kNow));
    }
    read.at = at;
    read.include_deleted = full_;
    progress_ = ctx.StartProgress("exporting");
    TENURE_RETURN_IF_ERROR(Entries(ctx, store, read));
    TENURE_RETURN_IF_ERROR(Tags(ctx, store, read));
    if (full_ && !at_) TENURE_RETURN_IF_ERROR(PoliciesAndConflicts(ctx, store));
    progress_.reset();
    return 0;
  }

 private:
  Status Entries(Context& ctx, const Store& store, const ReadOptions& read) {
    ListOptions list;
    list.read = read;
    list.include_deleted = full_;
    Status history;
    std::uint64_t done = 0;
    TENURE_RETURN_IF_ERROR(store.ForEach(list, [&](const ArtifactEntry& entry) {
      progress_->Update(++done, 0);
      ctx.out().Line(full_ ? FullLine(entry) : model::ExportEntryJson(entry));
      if (full_ && entry.revision > 1) history = Superseded(ctx, store, entry, read);
      return history.ok() && !ctx.out().failed();
    }));
    return history;
  }

  static Status Superseded(Context& ctx, const Store& store, const ArtifactEntry& newest, const ReadOptions& read) {
    TENURE_ASSIGN(const std::vector<ArtifactEntry> rows, store.History(KeyOf(newest), read));
    for (const ArtifactEntry& row : rows) {
      if (row.revision < newest.revision) ctx.out().Line(FullLine(row));
    }
    return {};
  }

  Status Tags(Context& ctx, const Store& store, const ReadOptions& read) const {
    TENURE_ASSIGN(const std::vector<TagEntry> tags, store.Tags({}, read));
    for (const TagEntry& tag : tags) {
      ctx.out().Line(full_ ? FullLine(tag) : model::ExportTagJson(tag));
      if (ctx.out().failed()) break;
      if (!full_ || tag.revision == 1) continue;
      TENURE_ASSIGN(const std::vector<TagEntry> rows, store.TagHistory(tag.name, tag.tag));
      for (const TagEntry& row : rows) {
        if (row.revision < tag.revision) ctx.out().Line(FullLine(row));
      }
    }
    return {};
  }

  /// Those of now: they have no history but the log.
  static Status PoliciesAndConflicts(Context& ctx, const Store& store) {
    TENURE_ASSIGN(const std::vector<Policy> policies, store.Policies());
    for (const Policy& policy : policies) ctx.out().Line("{\"policy\":" + model::PolicyJson(policy) + "}");
    TENURE_ASSIGN(const std::vector<ParkedConflict> conflicts, store.Conflicts());
    for (const ParkedConflict& conflict : conflicts) {
      ctx.out().Line("{\"conflict\":" + model::ConflictJson(conflict) + "}");
    }
    return {};
  }

  std::string format_;
  std::optional<std::string> at_;
  bool full_ = false;
  std::unique_ptr<Progress> progress_;
};

}  // namespace

std::unique_ptr<Command> MakeExport() { return std::make_unique<Export>(); }

}  // namespace tenure::cli
