#include "store/recovery/compare_index.h"

#include <functional>
#include <limits>
#include <map>
#include <utility>

#include "store/base/error.h"
#include "store/base/hash.h"
#include "store/model/effect.h"

namespace tenure::recovery {
namespace {

constexpr std::size_t kNamedRowsMax = 10;
/// The largest LSN that SQLite's signed integers hold.
constexpr Lsn kEveryLsn = static_cast<Lsn>(std::numeric_limits<std::int64_t>::max());

/// Called with a readable key and the hash of every field of the row.
using RowVisitor = std::function<void(std::string key, const base::Hash128& hash)>;
using RowStream = Status (*)(const index::IndexReader& reader, const RowVisitor& visit);

std::string Revised(const std::string& key, Revision revision) { return key + " revision " + std::to_string(revision); }

Status Entries(const index::IndexReader& reader, const RowVisitor& visit) {
  index::Listing all;
  all.include_deleted = true;
  return reader.ForEachEntry(all, std::nullopt, [&](const ArtifactEntry& row) {
    visit(row.name + ":" + row.version, model::RowHash(row));
    return true;
  });
}

Status Tags(const index::IndexReader& reader, const RowVisitor& visit) {
  index::Listing all;
  all.include_deleted = true;
  return reader.ForEachTag(all, std::nullopt, [&](const TagEntry& row) {
    visit(row.name + "@" + row.tag, model::RowHash(row));
    return true;
  });
}

Status EntryHistory(const index::IndexReader& reader, const RowVisitor& visit) {
  return reader.ForEachHistory([&](const ArtifactEntry& row) {
    visit(Revised(row.name + ":" + row.version, row.revision), model::RowHash(row));
    return true;
  });
}

Status TagHistory(const index::IndexReader& reader, const RowVisitor& visit) {
  return reader.ForEachTagHistory([&](const TagEntry& row) {
    visit(Revised(row.name + "@" + row.tag, row.revision), model::RowHash(row));
    return true;
  });
}

Status Requests(const index::IndexReader& reader, const RowVisitor& visit) {
  return reader.ForEachRequest(kEveryLsn, [&](const model::RequestRow& row) {
    visit(row.request_id, model::RowHash(row));
    return true;
  });
}

Status Policies(const index::IndexReader& reader, const RowVisitor& visit) {
  TENURE_ASSIGN(const std::vector<Policy> policies, reader.Policies());
  for (const Policy& row : policies) visit(row.glob, model::RowHash(row));
  return {};
}

Status Conflicts(const index::IndexReader& reader, const RowVisitor& visit) {
  return reader.ForEachConflict([&](const ParkedConflict& row) {
    visit(ConflictIdText(row.id), model::RowHash(row));
    return true;
  });
}

Status Leases(const index::IndexReader& reader, const RowVisitor& visit) {
  return reader.ForEachLease([&](const model::LeaseRow& row) {
    visit(std::to_string(row.info.id), model::RowHash(row));
    return true;
  });
}

Status Cursors(const index::IndexReader& reader, const RowVisitor& visit) {
  TENURE_ASSIGN(const std::vector<CursorEntry> cursors, reader.Cursors());
  for (const CursorEntry& row : cursors) visit(row.name, model::RowHash(row));
  return {};
}

struct RowKind {
  const char* name;
  RowStream stream;
};
constexpr RowKind kKinds[] = {{"entry", Entries},
                              {"tag", Tags},
                              {"superseded revision", EntryHistory},
                              {"superseded tag", TagHistory},
                              {"request id", Requests},
                              {"policy", Policies},
                              {"parked conflict", Conflicts},
                              {"lease", Leases},
                              {"cursor", Cursors}};

struct Sum {
  base::Hash128 hash;
  std::uint64_t rows = 0;
  friend bool operator==(const Sum&, const Sum&) = default;
};

Result<Sum> SumOf(const index::IndexReader& reader, const RowKind& kind) {
  Sum sum;
  TENURE_RETURN_IF_ERROR(kind.stream(reader, [&](std::string, const base::Hash128& hash) {
    sum.hash += hash;
    ++sum.rows;
  }));
  return sum;
}

/// Only when the sums differ: which rows?
Status NameDifferences(const index::IndexReader& stored, const index::IndexReader& rebuilt, const RowKind& kind,
                       std::vector<std::string>& out) {
  std::map<std::string, base::Hash128> rows;
  TENURE_RETURN_IF_ERROR(
      kind.stream(stored, [&](std::string key, const base::Hash128& hash) { rows.emplace(std::move(key), hash); }));
  std::map<std::string, const char*> differences;
  TENURE_RETURN_IF_ERROR(kind.stream(rebuilt, [&](std::string key, const base::Hash128& hash) {
    const auto at = rows.find(key);
    if (at == rows.end()) {
      differences.emplace(std::move(key), "is missing in the index");
      return;
    }
    if (at->second != hash) differences.emplace(std::move(key), "is not what the journal says");
    rows.erase(at);
  }));
  for (auto& left : rows) differences.emplace(left.first, "is in the index, but not in the journal");
  std::size_t named = 0;
  for (const auto& [key, what] : differences) {
    if (named++ == kNamedRowsMax) {
      out.push_back("and " + std::to_string(differences.size() - kNamedRowsMax) + " more of this kind");
      break;
    }
    out.push_back(std::string(kind.name) + " " + key + " " + what);
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> CompareIndexes(const index::IndexReader& stored, const index::IndexReader& rebuilt) {
  std::vector<std::string> differences;
  for (const RowKind& kind : kKinds) {
    TENURE_ASSIGN(const Sum mine, SumOf(stored, kind));
    TENURE_ASSIGN(const Sum theirs, SumOf(rebuilt, kind));
    if (!(mine == theirs)) TENURE_RETURN_IF_ERROR(NameDifferences(stored, rebuilt, kind, differences));
  }
  return differences;
}

}  // namespace tenure::recovery
