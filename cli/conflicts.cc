// tenure conflicts list [GLOB], tenure conflicts show ID, tenure conflicts resolve ID --take SIDE
#include "cli/args.h"
#include "cli/command.h"
#include "cli/conditions.h"
#include "cli/conflict_diff.h"
#include "cli/file_digest.h"
#include "cli/registry.h"
#include "cli/views.h"
#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::cli {
namespace {

constexpr std::size_t kEntryTextBytesMax = 8u << 20;

Result<ConflictId> ParseId(const std::string& text) {
  if (const auto id = ParseConflictId(text)) return *id;
  return base::MakeError(ErrorCode::kInvalidArgument, "'" + text + "' is not the id of a conflict",
                         "ids look like 42 or 42.1; 'tenure conflicts list' shows them");
}

class ConflictsList : public Command {
 public:
  void Define(Args& args) override { args.Optional("GLOB", glob_, "Names, or name:version; default all"); }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const Store store, ctx.OpenStore({.read = true}));
    TENURE_ASSIGN(const std::vector<ParkedConflict> conflicts, store.Conflicts(glob_));
    RowWriter rows(ctx, {"ID", "KEY", "KIND", "STRATEGY", "WRITER", "TIME"});
    for (const ParkedConflict& c : conflicts) {
      rows.Add({ConflictIdText(c.id), KeyOf(c), ConflictKindName(c.kind), StrategyName(c.strategy), c.writer,
                model::FormatTime(c.time_ms)},
               rows.wants_cells() ? std::string() : model::ConflictJson(c));
    }
    TENURE_RETURN_IF_ERROR(rows.Finish());
    return 0;
  }

 private:
  std::string glob_;
};

/// The revision that the key has now; 0: there never was one.
Result<Revision> CurrentRevision(const Store& store, const ParkedConflict& conflict) {
  ReadOptions read;
  read.include_deleted = true;
  if (conflict.of_tag) {
    const auto tag = store.GetTag(conflict.name, conflict.rest, read);
    if (tag.ok()) return tag->revision;
    if (tag.error().code != ErrorCode::kNotFound) return tag.error();
    return Revision{0};
  }
  const auto entry = store.Get(KeyOf(conflict), read);
  if (entry.ok()) return entry->revision;
  if (entry.error().code != ErrorCode::kNotFound) return entry.error();
  return Revision{0};
}

Revision TheirRevision(const ParkedConflict& c) {
  if (c.of_tag) return c.tag.theirs ? c.tag.theirs->revision : 0;
  return c.entry.theirs ? c.entry.theirs->revision : 0;
}

class ConflictsShow : public Command {
 public:
  void Define(Args& args) override {
    args.Required("ID", id_, "As 'conflicts list' prints it");
    args.Footer(
        "base is what the writer had seen, ours the write that is parked, theirs what was in the store when it\n"
        "came. Fields on which all three agree are left out.");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const ConflictId id, ParseId(id_));
    TENURE_ASSIGN(const Store store, ctx.OpenStore({.read = true}));
    TENURE_ASSIGN(const ParkedConflict conflict, store.Conflict(id));
    TENURE_ASSIGN(const Revision current, CurrentRevision(store, conflict));
    const std::vector<SideDifference> differences = DifferencesOf(conflict);
    if (IsJson(ctx.format())) {
      PrintJson(ctx, conflict, current, differences);
      return 0;
    }
    if (ctx.format() == Format::kTable) PrintHead(ctx, conflict, current);
    RowWriter rows(ctx, {"FIELD", "BASE", "OURS", "THEIRS", "CHANGED BY"});
    const auto shown = [](const std::string& text) { return text.empty() ? std::string("-") : text; };
    for (const SideDifference& d : differences) {
      rows.Add({d.path, shown(d.base), shown(d.ours), shown(d.theirs), d.changed_by}, {});
    }
    TENURE_RETURN_IF_ERROR(rows.Finish());
    return 0;
  }

 private:
  static void PrintHead(Context& ctx, const ParkedConflict& c, Revision current) {
    const Revision theirs = TheirRevision(c);
    std::string now = std::to_string(current);
    if (current != theirs) {
      now += " (has moved on from " + std::to_string(theirs) + ": resolve with --base " + now + " or --on-conflict)";
    }
    PrintRecord(ctx,
                {{"conflict", ConflictIdText(c.id)},
                 {"key", KeyOf(c)},
                 {"kind", ConflictKindName(c.kind)},
                 {"reason", c.reason},
                 {"strategy", StrategyName(c.strategy)},
                 {"writer", c.writer},
                 {"parked", model::FormatTime(c.time_ms)},
                 {"based on", c.base_revision ? "revision " + std::to_string(*c.base_revision) : "-"},
                 {"revision", now}},
                {});
    ctx.out().Line("");
  }

  static void PrintJson(Context& ctx, const ParkedConflict& c, Revision current,
                        const std::vector<SideDifference>& differences) {
    std::string json = model::ConflictJson(c);
    json.pop_back();
    json += ",\"current_revision\":" + std::to_string(current) + ",\"differences\":[";
    const auto member = [](const char* name, const std::string& text) {
      const bool word = text == "present" || text == "absent";
      return text.empty() ? std::string() : ",\"" + std::string(name) + "\":" + (word ? model::QuoteJson(text) : text);
    };
    const char* separator = "";
    for (const SideDifference& d : differences) {
      json += separator + ("{\"path\":" + model::QuoteJson(d.path)) + member("base", d.base) + member("ours", d.ours) +
              member("theirs", d.theirs) + ",\"changed_by\":\"" + d.changed_by + "\"}";
      separator = ",";
    }
    ctx.out().Line(json + "]}");
  }

  std::string id_;
};

class ConflictsResolve : public Command {
 public:
  void Define(Args& args) override {
    args.Required("ID", id_, "As 'conflicts list' prints it");
    args.Option("--take", take_, "SIDE", "ours, theirs, base, or a FILE with the entry as JSON ('-': standard input)");
    args.Option("--base", base_, "N", "The revision that is written over; default the one that 'theirs' has");
    args.Flag("-n,--dry-run", dry_run_, "Only say what would be done");
    DefineWriteOptions(args, write_);
    args.Footer(
        "ours writes the parked write, theirs leaves the store as it is, base puts back what both started from.\n"
        "A FILE is an entry as 'get --json' prints it, or {\"tag\":{\"name\":…,\"tag\":…,\"version\":…}}. When the "
        "key\n"
        "has moved on since the conflict was parked, nothing is done (exit status 5) unless --base names the\n"
        "revision it has now, or --on-conflict decides.");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const ConflictId id, ParseId(id_));
    if (take_.empty()) {
      return base::MakeError(ErrorCode::kInvalidArgument, "which side is to be taken is not said",
                             "give --take ours, --take theirs, --take base or --take FILE");
    }
    TENURE_ASSIGN(const CommitOptions commit, CommitOptionsOf(write_));
    TENURE_ASSIGN(Store store, ctx.OpenStore({.writer = commit.writer, .read = dry_run_}));
    TENURE_ASSIGN(const ParkedConflict conflict, store.Conflict(id));
    Transaction txn;
    TENURE_RETURN_IF_ERROR(Add(txn, conflict));
    if (dry_run_) return DryRun(ctx, store, conflict, txn.operations().front());
    auto receipt = ctx.Commit(store, txn, commit);
    if (!receipt.ok()) return Explained(std::move(receipt).error());
    return PrintReceipt(ctx, KeyOf(conflict), *receipt);
  }

 private:
  Status Add(Transaction& txn, const ParkedConflict& conflict) {
    for (const Take take : {Take::kOurs, Take::kTheirs, Take::kBase}) {
      if (take_ != TakeName(take)) continue;
      txn.Resolve(conflict.id, take).base = base_;
      return {};
    }
    TENURE_ASSIGN(const std::string text, ReadWhole(take_, kEntryTextBytesMax));
    auto line = model::ParseImportLine(text);
    if (!line.ok()) {
      Error error = std::move(line).error();
      error.message = take_ + ": " + error.message;
      return error;
    }
    if (!line->entry && !line->tag) {
      return base::MakeError(ErrorCode::kInvalidArgument, take_ + " holds neither an entry nor a tag");
    }
    const std::string key = line->entry ? KeyOf(*line->entry) : KeyOf(*line->tag);
    if (key != KeyOf(conflict)) {
      return base::MakeError(ErrorCode::kInvalidArgument,
                             take_ + " is about " + key + ", the conflict about " + KeyOf(conflict));
    }
    Operation& op = txn.Resolve(conflict.id, Take::kGiven);
    op.base = base_;
    if (line->tag) {
      op.version = line->tag->version;
      return {};
    }
    op.digest = line->entry->digest;
    op.size = line->entry->size;
    op.media_type = line->entry->media_type;
    op.urls = line->entry->urls;
    op.annotations = line->entry->annotations;
    return {};
  }

  Result<int> DryRun(Context& ctx, const Store& store, const ParkedConflict& conflict, const Operation& op) const {
    TENURE_ASSIGN(const Revision current, CurrentRevision(store, conflict));
    const Revision over = base_.value_or(TheirRevision(conflict));
    RowWriter rows(ctx, {"WOULD TAKE", "KEY", "OVER REVISION", "CURRENT REVISION"});
    rows.Add({TakeName(op.take), KeyOf(conflict), std::to_string(over), std::to_string(current)},
             "{\"would\":\"resolve\",\"key\":" + model::QuoteJson(KeyOf(conflict)) + ",\"take\":\"" +
                 TakeName(op.take) + "\",\"base\":" + std::to_string(over) +
                 ",\"current_revision\":" + std::to_string(current) + "}");
    TENURE_RETURN_IF_ERROR(rows.Finish());
    return 0;
  }

  Error Explained(Error error) const {
    if (error.code == ErrorCode::kStaleBase || error.code == ErrorCode::kDeletedSince) {
      error.message = "conflict " + id_ + " is still parked, the key has moved on: " + error.message;
      error.hint = "look at it with 'tenure conflicts show " + id_ + "', then resolve it with --base " +
                   std::to_string(error.revision.value_or(0)) + ", or say --on-conflict last-writer-wins";
    }
    return error;
  }

  std::string id_;
  std::string take_;
  std::optional<std::uint64_t> base_;
  bool dry_run_ = false;
  WriteOptions write_;
};

}  // namespace

std::unique_ptr<Command> MakeConflictsList() { return std::make_unique<ConflictsList>(); }
std::unique_ptr<Command> MakeConflictsShow() { return std::make_unique<ConflictsShow>(); }
std::unique_ptr<Command> MakeConflictsResolve() { return std::make_unique<ConflictsResolve>(); }

}  // namespace tenure::cli
