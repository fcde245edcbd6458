// Policies, parked conflicts and single superseded revisions, read.
#include "store/base/error.h"
#include "store/index/rare_rows.h"
#include "store/index/reader_state.h"

namespace tenure::index {
namespace {

template <typename T>
Result<std::optional<T>> FirstRow(Statement& statement, Result<T> (*read)(const Statement&)) {
  ResetAtEnd reset(statement);
  TENURE_ASSIGN(const bool found, statement.Step());
  if (!found) return std::optional<T>();
  TENURE_ASSIGN(T row, read(statement));
  return std::optional<T>(std::move(row));
}

}  // namespace

Result<std::vector<Policy>> IndexReader::Policies() const {
  TENURE_ASSIGN(Statement statement,
                Statement::Prepare(state_->connection, "SELECT " TENURE_POLICY_COLUMNS " FROM policy ORDER BY glob"));
  std::vector<Policy> policies;
  for (;;) {
    TENURE_ASSIGN(const bool found, statement.Step());
    if (!found) return policies;
    TENURE_ASSIGN(Policy policy, ReadPolicy(statement));
    policies.push_back(std::move(policy));
  }
}

Result<std::optional<ParkedConflict>> IndexReader::GetConflict(const ConflictId& id) const {
  TENURE_ASSIGN(Statement statement,
                Statement::Prepare(state_->connection,
                                   "SELECT " TENURE_CONFLICT_COLUMNS " FROM conflict WHERE lsn = ?1 AND effect = ?2"));
  statement.Bind(1, id.lsn);
  statement.Bind(2, std::uint64_t{id.effect});
  return FirstRow(statement, ReadConflict);
}

Status IndexReader::ForEachConflict(const std::function<bool(const ParkedConflict&)>& visit) const {
  TENURE_ASSIGN(Statement statement, Statement::Prepare(state_->connection, "SELECT " TENURE_CONFLICT_COLUMNS
                                                                            " FROM conflict ORDER BY lsn, effect"));
  for (;;) {
    TENURE_ASSIGN(const bool found, statement.Step());
    if (!found) return {};
    TENURE_ASSIGN(const ParkedConflict row, ReadConflict(statement));
    if (!visit(row)) return {};
  }
}

Result<std::optional<ArtifactEntry>> IndexReader::GetEntryRevision(std::string_view name, std::string_view version,
                                                                   Revision revision) const {
  TENURE_ASSIGN(Statement statement,
                Statement::Prepare(
                    state_->connection,
                    "SELECT " TENURE_ENTRY_COLUMNS " FROM entry WHERE name = ?1 AND version = ?2 AND revision = ?3"
                    " UNION ALL SELECT e.name, e.version, h.digest, h.size, h.media_type, h.urls, h.annotations,"
                    " h.created_at_ms, h.updated_at_ms, h.writer, h.revision, h.lsn, h.deleted FROM entry e"
                    " JOIN history h ON h.entry_id = e.id WHERE e.name = ?1 AND e.version = ?2 AND h.revision = ?3"));
  statement.Bind(1, name);
  statement.Bind(2, version);
  statement.Bind(3, revision);
  return FirstRow(statement, ReadEntry);
}

Result<std::optional<TagEntry>> IndexReader::GetTagRevision(std::string_view name, std::string_view tag,
                                                            Revision revision) const {
  TENURE_ASSIGN(Statement statement,
                Statement::Prepare(
                    state_->connection,
                    "SELECT " TENURE_TAG_COLUMNS " FROM tag WHERE name = ?1 AND tag = ?2 AND revision = ?3 UNION ALL"
                    " SELECT t.name, t.tag, h.version, h.updated_at_ms, h.writer, h.revision, h.lsn, h.deleted"
                    " FROM tag t JOIN tag_history h ON h.tag_id = t.id"
                    " WHERE t.name = ?1 AND t.tag = ?2 AND h.revision = ?3"));
  statement.Bind(1, name);
  statement.Bind(2, tag);
  statement.Bind(3, revision);
  return FirstRow(statement, ReadTag);
}

Result<std::uint64_t> IndexReader::CountHistoryBelow(Lsn lsn, const std::vector<model::KeepRule>& keep) const {
  return CountTrimmed(state_->connection, lsn, keep);
}

Result<std::optional<CursorEntry>> IndexReader::GetCursor(std::string_view name) const {
  TENURE_ASSIGN(Statement statement,
                Statement::Prepare(state_->connection, "SELECT " TENURE_CURSOR_COLUMNS " FROM cursor WHERE name = ?1"));
  statement.Bind(1, name);
  TENURE_ASSIGN(const bool found, statement.Step());
  if (!found) return std::optional<CursorEntry>();
  return std::optional(ReadCursor(statement));
}

Result<std::vector<CursorEntry>> IndexReader::Cursors() const {
  TENURE_ASSIGN(Statement statement,
                Statement::Prepare(state_->connection, "SELECT " TENURE_CURSOR_COLUMNS " FROM cursor ORDER BY name"));
  std::vector<CursorEntry> cursors;
  for (;;) {
    TENURE_ASSIGN(const bool found, statement.Step());
    if (!found) return cursors;
    cursors.push_back(ReadCursor(statement));
  }
}

}  // namespace tenure::index
