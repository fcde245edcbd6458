// tenure diff L1 L2: which keys differ between two points, and how
#include <algorithm>
#include <set>
#include <utility>

#include "cli/args.h"
#include "cli/command.h"
#include "cli/registry.h"
#include "cli/views.h"
#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::cli {
namespace {

using Pair = std::pair<std::string, std::string>;  // name and version, or name and tag

struct Touched {
  std::set<Pair> entries;
  std::set<Pair> tags;
};

/// The keys that transactions in (from, to] have changed: all that can differ.
Result<Touched> TouchedBetween(const Store& store, Lsn from, Lsn to) {
  Touched touched;
  if (from == to) return touched;
  TENURE_RETURN_IF_ERROR(store.Log(from + 1, to, [&](const Event& event) {
    if (event.entry) touched.entries.insert({event.entry->name, event.entry->version});
    if (event.tag) touched.tags.insert({event.tag->name, event.tag->tag});
    return true;
  }));
  return touched;
}

template <typename T>
Result<std::optional<T>> AbsentIfNotFound(Result<T> result) {
  if (result.ok()) return std::optional<T>(std::move(result).value());
  if (result.error().code == ErrorCode::kNotFound) return std::optional<T>();
  return std::move(result).error();
}

ReadOptions AsOf(Lsn lsn) {
  ReadOptions read;
  read.at.emplace();
  read.at->lsn = lsn;
  return read;
}

Result<std::optional<ArtifactEntry>> EntryAt(const Store& store, const Pair& key, Lsn lsn) {
  if (lsn == 0) return std::optional<ArtifactEntry>();
  return AbsentIfNotFound(store.Get(key.first + ":" + key.second, AsOf(lsn)));
}

Result<std::optional<TagEntry>> TagAt(const Store& store, const Pair& key, Lsn lsn) {
  if (lsn == 0) return std::optional<TagEntry>();
  return AbsentIfNotFound(store.GetTag(key.first, key.second, AsOf(lsn)));
}

bool SameContent(const ArtifactEntry& a, const ArtifactEntry& b) {
  return a.digest == b.digest && a.size == b.size && a.media_type == b.media_type && a.urls == b.urls &&
         a.annotations == b.annotations;
}
bool SameContent(const TagEntry& a, const TagEntry& b) { return a.version == b.version; }

std::string Json(const ArtifactEntry& entry) { return model::EntryJson(entry); }
std::string Json(const TagEntry& tag) { return model::TagJson(tag); }
std::string Shown(const ArtifactEntry& entry, Format format) {
  if (entry.digest.empty()) return "revision " + std::to_string(entry.revision);
  return format == Format::kTable ? ShortDigest(entry.digest) : entry.digest;
}
std::string Shown(const TagEntry& tag, Format) { return tag.version; }

template <typename T>
void AddChange(RowWriter& rows, Format format, const std::string& key, const std::optional<T>& before,
               const std::optional<T>& after) {
  if (!before && !after) return;
  if (before && after && SameContent(*before, *after)) return;
  const char* change = !before ? "added" : !after ? "removed" : "changed";
  rows.Add({change, key, before ? Shown(*before, format) : "-", after ? Shown(*after, format) : "-"},
           "{\"change\":\"" + std::string(change) + "\",\"key\":" + model::QuoteJson(key) + ",\"before\":" +
               (before ? Json(*before) : "null") + ",\"after\":" + (after ? Json(*after) : "null") + "}");
}

class Diff : public Command {
 public:
  void Define(Args& args) override {
    args.Required("FROM", from_, "LSN or time; 0 is the empty store");
    args.Required("TO", to_, "LSN or time");
    args.Footer("Entries and tags whose content differs; what was changed and changed back is not shown.");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const At from_at, ParseAt(from_, "FROM"));
    TENURE_ASSIGN(const At to_at, ParseAt(to_, "TO"));
    TENURE_ASSIGN(const Store store, ctx.OpenStore({.read = true}));
    TENURE_ASSIGN(const Lsn from, Resolve(store, from_at));
    TENURE_ASSIGN(const Lsn to, Resolve(store, to_at));
    TENURE_ASSIGN(const Touched touched, TouchedBetween(store, std::min(from, to), std::max(from, to)));
    RowWriter rows(ctx, {"CHANGE", "KEY", "BEFORE", "AFTER"});
    const auto progress = ctx.StartProgress("comparing");
    std::uint64_t done = 0;
    const std::uint64_t total = touched.entries.size() + touched.tags.size();
    for (const Pair& key : touched.entries) {
      TENURE_ASSIGN(const std::optional<ArtifactEntry> before, EntryAt(store, key, from));
      TENURE_ASSIGN(const std::optional<ArtifactEntry> after, EntryAt(store, key, to));
      AddChange(rows, ctx.format(), key.first + ":" + key.second, before, after);
      progress->Update(++done, total);
    }
    for (const Pair& key : touched.tags) {
      TENURE_ASSIGN(const std::optional<TagEntry> before, TagAt(store, key, from));
      TENURE_ASSIGN(const std::optional<TagEntry> after, TagAt(store, key, to));
      AddChange(rows, ctx.format(), key.first + "@" + key.second, before, after);
      progress->Update(++done, total);
    }
    TENURE_RETURN_IF_ERROR(rows.Finish());
    return 0;
  }

 private:
  static Result<Lsn> Resolve(const Store& store, const At& at) {
    if (at.time_ms) return store.LsnAt(*at.time_ms);
    // Any read as of the LSN says whether it is one that was committed and is retained.
    if (*at.lsn != 0) TENURE_RETURN_IF_ERROR(store.Tags("-", AsOf(*at.lsn)));
    return *at.lsn;
  }

  std::string from_;
  std::string to_;
};

}  // namespace

std::unique_ptr<Command> MakeDiff() { return std::make_unique<Diff>(); }

}  // namespace tenure::cli
