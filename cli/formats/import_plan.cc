#include "cli/formats/import_plan.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "cli/views.h"
#include "store/base/error.h"

namespace tenure::cli {
namespace {

/// Nothing, for what never existed; else the newest row, which may be a tombstone.
template <typename Row>
Result<std::optional<Row>> IfAny(Result<Row> row) {
  if (row.ok()) return std::optional<Row>(std::move(row).value());
  if (row.error().code == ErrorCode::kNotFound) return std::optional<Row>();
  return std::move(row).error();
}

std::string Shown(const std::string& digest) { return digest.empty() ? "no digest" : digest; }

/// The same content, as far as both say. Without a digest on either side, everything else must agree.
bool SameArtifact(const Operation& op, const ArtifactEntry& row) {
  if (op.digest != row.digest) return false;
  if (!op.digest.empty()) return true;
  return op.size == row.size && op.media_type == row.media_type && op.annotations == row.annotations;
}

std::string DigestConflict(const ImportItem& item, const ArtifactEntry& row) {
  const std::string head = item.where + ": " + KeyOf(item.op) + " ";
  if (item.op.digest == row.digest) {
    return head + "differs from the store's, and neither has a digest; the store's revision " +
           std::to_string(row.revision) + " is kept";
  }
  return head + "has " + Shown(item.op.digest) + ", the store has " + Shown(row.digest) + " (revision " +
         std::to_string(row.revision) + ", lsn " + std::to_string(row.lsn) + "), which is kept";
}

class Planner {
 public:
  Planner(const Store& store, Consistency consistency) : store_(store) {
    read_.consistency = consistency;
    read_.include_deleted = true;
  }
  Status Add(const ImportItem& item) { return item.op.kind == OpKind::kSetTag ? AddTag(item) : AddEntry(item); }
  ImportPlan Take() { return std::move(plan_); }

 private:
  Status AddEntry(const ImportItem& item) {
    TENURE_ASSIGN(const std::optional<ArtifactEntry> row, IfAny(store_.Get(KeyOf(item.op), read_)));
    if (!row || row->deleted) {
      Operation op = item.op;
      op.if_absent = true;
      plan_.put.push_back(op);
      plan_.txn.Append(std::move(op));
      ++plan_.added;
      return {};
    }
    if (!SameArtifact(item.op, *row)) {
      AddConflict(item, DigestConflict(item, *row));
      return {};
    }
    std::vector<std::string> urls = UnitedUrls(row->urls, item.op.urls);
    if (urls.size() == row->urls.size()) {
      ++plan_.unchanged;
      return {};
    }
    Operation op = item.op;  // the store's entry, with the URLs of both
    op.size = row->size;
    op.media_type = row->media_type;
    op.annotations = row->annotations;
    op.urls = std::move(urls);
    op.if_revision = row->revision;
    plan_.put.push_back(op);
    plan_.txn.Append(std::move(op));
    ++plan_.updated;
    return {};
  }

  Status AddTag(const ImportItem& item) {
    const std::string key = KeyOf(item.op);
    TENURE_ASSIGN(const std::optional<TagEntry> row, IfAny(store_.GetTag(item.op.name, item.op.tag, read_)));
    if (row && !row->deleted) {
      if (row->version == item.op.version) {
        ++plan_.unchanged;
      } else {
        AddConflict(item, item.where + ": " + key + " points to " + item.op.version + ", in the store it points to " +
                              row->version + " (revision " + std::to_string(row->revision) + "), which is kept");
      }
      return {};
    }
    const std::string target = item.op.name + ":" + item.op.version;
    TENURE_ASSIGN(const std::optional<ArtifactEntry> entry, IfAny(store_.Get(target, read_)));
    if (!entry || entry->deleted) {
      plan_.invalid.push_back(item.where + ": " + key + " points to " + target + ", which is not in the store");
      return {};
    }
    Operation op = item.op;
    op.base = 0;  // "there is none": stale when somebody sets it first
    plan_.txn.Append(std::move(op));
    ++plan_.added;
    return {};
  }

  void AddConflict(const ImportItem& item, std::string message) {
    Operation op = item.op;
    op.base = 0;  // "I know of none": whatever is there, the strategy decides
    plan_.conflicts.push_back({std::move(op), std::move(message)});
  }

  const Store& store_;
  ReadOptions read_;
  ImportPlan plan_;
};

}  // namespace

std::string KeyOfItem(const ImportItem& item) { return KeyOf(item.op); }

std::vector<std::string> UnitedUrls(const std::vector<std::string>& urls, const std::vector<std::string>& more) {
  std::vector<std::string> united = urls;
  for (const std::string& url : more) {
    if (std::find(united.begin(), united.end(), url) == united.end()) united.push_back(url);
  }
  return united;
}

Result<ImportPlan> PlanImport(const Store& store, const std::vector<ImportItem>& items, std::size_t begin,
                              std::size_t end, Consistency consistency) {
  Planner planner(store, consistency);
  for (std::size_t i = begin; i < end; ++i) TENURE_RETURN_IF_ERROR(planner.Add(items[i]));
  return planner.Take();
}

}  // namespace tenure::cli
