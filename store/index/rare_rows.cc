#include "store/index/rare_rows.h"

#include <functional>
#include <string_view>
#include <utility>

#include <sqlite3.h>

#include "store/base/codec.h"
#include "store/base/error.h"
#include "store/model/reference.h"
#include "store/model/validate.h"

namespace tenure::index {
namespace {

Error BadRow(const std::string& what) {
  return base::MakeError(ErrorCode::kCorruption, "index row of " + what, kRebuildHint);
}

void Bind(Statement& statement, int parameter, const std::optional<bool>& value) {
  value ? statement.Bind(parameter, std::int64_t{*value}) : statement.BindNull(parameter);
}

std::optional<bool> Flag(const Statement& row, int column) {
  if (row.IsNull(column)) return std::nullopt;
  return row.Int(column) != 0;
}

/// Whose history goes: the id of an entry or tag, and what names it.
struct TrimmedTable {
  const char* keys;  // ?1: below this LSN -> id, name, version or ''
  const char* rows;  // ?1 id, ?2 below this LSN
  bool of_tags;
};
constexpr TrimmedTable kTables[] = {
    {"SELECT DISTINCT e.id, e.name, e.version FROM history h JOIN entry e ON e.id = h.entry_id WHERE h.until_lsn < ?1",
     "FROM history WHERE entry_id = ?1 AND until_lsn < ?2", false},
    {"SELECT DISTINCT t.id, t.name, '' FROM tag_history h JOIN tag t ON t.id = h.tag_id WHERE h.until_lsn < ?1",
     "FROM tag_history WHERE tag_id = ?1 AND until_lsn < ?2", true}};

class KeepRules {
 public:
  static Result<KeepRules> Compile(const std::vector<model::KeepRule>& rules) {
    KeepRules compiled;
    for (const model::KeepRule& rule : rules) {
      TENURE_ASSIGN(model::Glob glob, model::Glob::Compile(rule.glob));
      compiled.rules_.emplace_back(std::move(glob), rule.keep);
    }
    return compiled;
  }
  bool Keep(std::string_view name, std::string_view version, bool of_tag) const {
    for (const auto& [glob, keep] : rules_) {
      if (of_tag && glob.matches_versions()) continue;
      if (glob.Matches(name, version)) return keep;
    }
    return false;
  }

 private:
  std::vector<std::pair<model::Glob, bool>> rules_;
};

/// Ids of the keys of `table` whose history below the LSN goes.
Result<std::vector<std::int64_t>> TrimmedKeys(Connection& connection, const TrimmedTable& table, Lsn below,
                                              const KeepRules& rules) {
  std::vector<std::int64_t> ids;
  TENURE_ASSIGN(Statement keys, Statement::Prepare(connection, table.keys));
  keys.Bind(1, below);
  for (;;) {
    TENURE_ASSIGN(const bool found, keys.Step());
    if (!found) return ids;
    if (!rules.Keep(keys.Text(1), keys.Text(2), table.of_tags)) ids.push_back(keys.Int(0));
  }
}

}  // namespace

RareRows::RareRows(Connection& connection)
    : connection_(connection),
      set_policy_("INSERT OR REPLACE INTO policy (" TENURE_POLICY_COLUMNS
                  ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
      delete_policy_("DELETE FROM policy WHERE glob = ?1"),
      park_("INSERT INTO conflict (" TENURE_CONFLICT_COLUMNS
            ", key, kind, strategy) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"),
      resolve_("DELETE FROM conflict WHERE lsn = ?1 AND effect = ?2"),
      set_cursor_("INSERT OR REPLACE INTO cursor (" TENURE_CURSOR_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5)"),
      delete_cursor_("DELETE FROM cursor WHERE name = ?1") {}

Error RareRows::Missing(const std::string& what, Lsn lsn) const {
  Error e = base::MakeError(ErrorCode::kCorruption,
                            std::string("index ") + sqlite3_db_filename(connection_.handle(), "main") + ": " + what +
                                ", as LSN " + std::to_string(lsn) + " of the journal says",
                            kRebuildHint);
  e.lsn = lsn;
  return e;
}

Status RareRows::SetPolicy(const Policy& policy) {
  TENURE_ASSIGN(Statement * set, set_policy_.Get(connection_));
  set->Bind(1, policy.glob);
  Bind(*set, 2, policy.immutable);
  Bind(*set, 3, policy.require_lease);
  policy.on_conflict ? set->Bind(4, std::string_view(StrategyName(*policy.on_conflict))) : set->BindNull(4);
  policy.schema ? set->Bind(5, *policy.schema) : set->BindNull(5);
  Bind(*set, 6, policy.keep_history);
  set->Bind(7, policy.writer);
  set->Bind(8, policy.time_ms);
  set->Bind(9, policy.lsn);
  set->Bind(10, std::uint64_t{policy.effect});
  return set->Run();
}

Status RareRows::DeletePolicy(const std::string& glob, Lsn lsn) {
  TENURE_ASSIGN(Statement * remove, delete_policy_.Get(connection_));
  remove->Bind(1, glob);
  TENURE_RETURN_IF_ERROR(remove->Run());
  if (sqlite3_changes(connection_.handle()) == 1) return {};
  return Missing("there is no policy of '" + glob + "' to delete", lsn);
}

Status RareRows::Park(const ParkedConflict& conflict) {
  base::Bytes body;
  base::Encoder out(body);
  model::EncodeParked(conflict, out);
  const std::string key = KeyOf(conflict);
  TENURE_ASSIGN(Statement * park, park_.Get(connection_));
  park->Bind(1, conflict.id.lsn);
  park->Bind(2, std::uint64_t{conflict.id.effect});
  park->Bind(3, conflict.writer);
  park->Bind(4, std::uint64_t{conflict.uid});
  park->Bind(5, conflict.time_ms);
  park->BindBlob(6, body);
  park->Bind(7, key);
  park->Bind(8, std::string_view(ConflictKindName(conflict.kind)));
  park->Bind(9, std::string_view(StrategyName(conflict.strategy)));
  TENURE_ASSIGN(const bool inserted, park->RunUnlessDuplicate());
  if (inserted) return {};
  return Missing("conflict " + ConflictIdText(conflict.id) + " is parked already", conflict.id.lsn);
}

Status RareRows::Resolve(const ConflictId& id, Lsn lsn) {
  TENURE_ASSIGN(Statement * resolve, resolve_.Get(connection_));
  resolve->Bind(1, id.lsn);
  resolve->Bind(2, std::uint64_t{id.effect});
  TENURE_RETURN_IF_ERROR(resolve->Run());
  if (sqlite3_changes(connection_.handle()) == 1) return {};
  return Missing("conflict " + ConflictIdText(id) + " is not parked and cannot be resolved", lsn);
}

Status RareRows::SetCursor(const CursorEntry& cursor) {
  TENURE_ASSIGN(Statement * set, set_cursor_.Get(connection_));
  set->Bind(1, cursor.name);
  set->Bind(2, cursor.lsn);
  set->Bind(3, std::uint64_t{cursor.effects});
  set->Bind(4, cursor.moved_at_ms);
  set->Bind(5, cursor.writer);
  return set->Run();
}

Status RareRows::DeleteCursor(const std::string& name) {
  TENURE_ASSIGN(Statement * remove, delete_cursor_.Get(connection_));
  remove->Bind(1, name);
  return remove->Run();
}

Status RareRows::TrimHistory(Lsn below_lsn, const std::vector<model::KeepRule>& keep) {
  TENURE_ASSIGN(const KeepRules rules, KeepRules::Compile(keep));
  for (const TrimmedTable& table : kTables) {
    TENURE_ASSIGN(const auto ids, TrimmedKeys(connection_, table, below_lsn, rules));
    TENURE_ASSIGN(Statement trim, Statement::Prepare(connection_, std::string("DELETE ") + table.rows));
    for (const std::int64_t id : ids) {
      trim.Bind(1, id);
      trim.Bind(2, below_lsn);
      TENURE_RETURN_IF_ERROR(trim.Run());
    }
  }
  return {};
}

Result<std::uint64_t> CountTrimmed(Connection& connection, Lsn below_lsn, const std::vector<model::KeepRule>& keep) {
  TENURE_ASSIGN(const KeepRules rules, KeepRules::Compile(keep));
  std::uint64_t rows = 0;
  for (const TrimmedTable& table : kTables) {
    TENURE_ASSIGN(const auto ids, TrimmedKeys(connection, table, below_lsn, rules));
    TENURE_ASSIGN(Statement count, Statement::Prepare(connection, std::string("SELECT count(*) ") + table.rows));
    for (const std::int64_t id : ids) {
      ResetAtEnd reset(count);
      count.Bind(1, id);
      count.Bind(2, below_lsn);
      TENURE_ASSIGN(const bool found, count.Step());
      TENURE_CHECK(found);  // an aggregate without GROUP BY gives one row
      rows += count.Unsigned(0);
    }
  }
  return rows;
}

Result<Policy> ReadPolicy(const Statement& row) {
  Policy p;
  p.glob = row.Text(0);
  if (p.glob.empty() || p.glob.size() > model::kGlobBytesMax) return BadRow("a policy: its glob is none");
  p.immutable = Flag(row, 1);
  p.require_lease = Flag(row, 2);
  if (!row.IsNull(3)) {
    p.on_conflict = StrategyOf(row.Text(3));
    if (!p.on_conflict) return BadRow("policy " + p.glob + ": on_conflict is unknown");
  }
  if (!row.IsNull(4)) p.schema = row.Text(4);
  if (p.schema && p.schema->size() > model::kSchemaBytesMax) return BadRow("policy " + p.glob + ": schema is too long");
  p.keep_history = Flag(row, 5);
  p.writer = row.Text(6);
  p.time_ms = row.Int(7);
  p.lsn = row.Unsigned(8);
  p.effect = static_cast<std::uint32_t>(row.Unsigned(9));
  return p;
}

CursorEntry ReadCursor(const Statement& row) {
  CursorEntry cursor;
  cursor.name = row.Text(0);
  cursor.lsn = row.Unsigned(1);
  cursor.effects = static_cast<std::uint32_t>(row.Unsigned(2));
  cursor.moved_at_ms = row.Int(3);
  cursor.writer = row.Text(4);
  return cursor;
}

Result<ParkedConflict> ReadConflict(const Statement& row) {
  const ConflictId id{row.Unsigned(0), static_cast<std::uint32_t>(row.Unsigned(1))};
  base::Decoder decoder(row.Blob(5));
  auto conflict = model::DecodeParked(decoder);
  if (!conflict || !decoder.empty()) return BadRow("conflict " + ConflictIdText(id) + ": body cannot be decoded");
  conflict->id = id;
  conflict->writer = row.Text(2);
  conflict->uid = static_cast<std::uint32_t>(row.Unsigned(3));
  conflict->time_ms = row.Int(4);
  return std::move(*conflict);
}

}  // namespace tenure::index
