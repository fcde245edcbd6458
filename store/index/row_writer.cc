#include "store/index/row_writer.h"

#include <sqlite3.h>

#include "store/base/codec.h"
#include "store/base/error.h"

namespace tenure::index {
namespace {

constexpr KeyedTable<EntryView>::Sql kEntrySql = {
    "entry",
    "SELECT id, revision FROM entry WHERE name = ?1 AND version = ?2",
    "INSERT INTO entry (" TENURE_ENTRY_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    "UPDATE entry SET digest = ?2, size = ?3, media_type = ?4, urls = ?5, annotations = ?6, created_at_ms = ?7,"
    " updated_at_ms = ?8, writer = ?9, revision = ?10, lsn = ?11, deleted = ?12 WHERE id = ?1",
    "INSERT INTO history (entry_id, until_lsn, " TENURE_ENTRY_PAYLOAD ") SELECT id, ?2, " TENURE_ENTRY_PAYLOAD
    " FROM entry WHERE id = ?1",
    "INSERT INTO history (entry_id, until_lsn, " TENURE_ENTRY_PAYLOAD
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    "DELETE FROM history WHERE until_lsn < ?1",
    "INSERT OR FAIL INTO entry (" TENURE_ENTRY_COLUMNS ")" TENURE_FED_13,
    "INSERT OR FAIL INTO history (entry_id, until_lsn, " TENURE_ENTRY_PAYLOAD ")" TENURE_FED_13,
};

constexpr KeyedTable<TagView>::Sql kTagSql = {
    "tag",
    "SELECT id, revision FROM tag WHERE name = ?1 AND tag = ?2",
    "INSERT INTO tag (" TENURE_TAG_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    "UPDATE tag SET version = ?2, updated_at_ms = ?3, writer = ?4, revision = ?5, lsn = ?6, deleted = ?7"
    " WHERE id = ?1",
    "INSERT INTO tag_history (tag_id, until_lsn, " TENURE_TAG_PAYLOAD ") SELECT id, ?2, " TENURE_TAG_PAYLOAD
    " FROM tag WHERE id = ?1",
    "INSERT INTO tag_history (tag_id, until_lsn, " TENURE_TAG_PAYLOAD ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    "DELETE FROM tag_history WHERE until_lsn < ?1",
    "INSERT OR FAIL INTO tag (" TENURE_TAG_COLUMNS ")" TENURE_FED_8,
    "INSERT OR FAIL INTO tag_history (tag_id, until_lsn, " TENURE_TAG_PAYLOAD ")" TENURE_FED_8,
};

}  // namespace

RowWriter::RowWriter(Connection& connection)
    : connection_(connection),
      source_(connection),
      entries_(kEntrySql),
      tags_(kTagSql),
      rare_(connection),
      insert_request_("INSERT INTO request (" TENURE_REQUEST_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
      prune_requests_("DELETE FROM request WHERE lsn < ?1"),
      raise_oldest_("UPDATE meta SET oldest_history_lsn = ?1 WHERE oldest_history_lsn < ?1"),
      insert_lease_("INSERT INTO lease (" TENURE_LEASE_COLUMNS
                    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"),
      delete_lease_("DELETE FROM lease WHERE id = ?1") {}

Status RowWriter::Write(const Changes& changes) {
  TENURE_RETURN_IF_ERROR(entries_.Write(connection_, source_, changes.entries()));
  TENURE_RETURN_IF_ERROR(tags_.Write(connection_, source_, changes.tags()));
  TENURE_RETURN_IF_ERROR(WriteLeases(changes.leases()));
  return WriteRequests(changes.requests());
}

Status RowWriter::WriteLeases(const std::map<Lsn, std::optional<model::LeaseRow>>& leases) {
  for (const auto& [id, row] : leases) {
    if (row) {
      TENURE_RETURN_IF_ERROR(InsertLease(*row));
      continue;
    }
    TENURE_ASSIGN(Statement * remove, delete_lease_.Get(connection_));
    remove->Bind(1, id);
    TENURE_RETURN_IF_ERROR(remove->Run());
    if (sqlite3_changes(connection_.handle()) == 1) continue;
    Error e = base::MakeError(ErrorCode::kCorruption,
                              std::string("index ") + sqlite3_db_filename(connection_.handle(), "main") + ": lease " +
                                  std::to_string(id) + " has no row, but the journal ends it",
                              kRebuildHint);
    e.lsn = id;
    return e;
  }
  return {};
}

Status RowWriter::InsertLease(const model::LeaseRow& row) {
  TENURE_ASSIGN(Statement * insert, insert_lease_.Get(connection_));
  const LeaseInfo& lease = row.info;
  const std::string scopes = RenderUrls(lease.scopes);
  const std::string hash = base::Hex(row.secret_hash);
  insert->Bind(1, lease.id);
  insert->Bind(2, std::uint64_t{row.slot});
  insert->Bind(3, scopes);
  insert->Bind(4, static_cast<std::int64_t>(lease.mode));
  insert->Bind(5, std::int64_t{lease.bound});
  insert->Bind(6, lease.ttl_ms);
  insert->Bind(7, hash);
  insert->Bind(8, lease.writer);
  insert->Bind(9, std::uint64_t{lease.uid});
  insert->Bind(10, lease.host);
  insert->Bind(11, std::uint64_t{lease.pid});
  insert->Bind(12, lease.process_start);
  insert->Bind(13, lease.purpose);
  insert->Bind(14, lease.granted_at_ms);
  return insert->Run();
}

Status RowWriter::WriteRequests(const std::vector<model::RequestRow>& rows) {
  if (rows.empty()) return {};
  TENURE_ASSIGN(Statement * insert, insert_request_.Get(connection_));
  base::Bytes results;
  for (const model::RequestRow& row : rows) {
    const std::string body_hash = base::Hex(row.body_hash);
    results.clear();
    base::Encoder encoder(results);
    model::EncodeResults(row.results, encoder);
    insert->Bind(1, row.lsn);
    insert->Bind(2, row.request_id);
    insert->Bind(3, row.time_ms);
    insert->Bind(4, body_hash);
    insert->Bind(5, std::int64_t{row.cancelled});
    insert->Bind(6, static_cast<std::int64_t>(row.outcome));
    insert->Bind(7, row.receipt_lsn);
    insert->BindBlob(8, results);
    TENURE_ASSIGN(const bool inserted, insert->RunUnlessDuplicate());
    if (!inserted) {
      Error e =
          base::MakeError(ErrorCode::kCorruption,
                          std::string("index ") + sqlite3_db_filename(connection_.handle(), "main") + ": request id '" +
                              row.request_id + "' is recorded already, and again at LSN " + std::to_string(row.lsn),
                          kRebuildHint);
      e.key = row.request_id;
      e.lsn = row.lsn;
      return e;
    }
  }
  return {};
}

Status RowWriter::TrimHistory(Lsn below_lsn) {
  TENURE_RETURN_IF_ERROR(entries_.Trim(connection_, below_lsn));
  TENURE_RETURN_IF_ERROR(tags_.Trim(connection_, below_lsn));
  return RaiseOldest(below_lsn);
}

Status RowWriter::TrimHistory(Lsn below_lsn, const std::vector<model::KeepRule>& keep) {
  TENURE_RETURN_IF_ERROR(rare_.TrimHistory(below_lsn, keep));
  return RaiseOldest(below_lsn);
}

Status RowWriter::WriteRare(const model::CommittedTxn& txn, std::size_t index) {
  const model::Effect& effect = txn.effects[index];
  switch (effect.kind) {
    case model::EffectKind::kSetPolicy:
      return rare_.SetPolicy(model::PolicyAfter(txn, index));
    case model::EffectKind::kDeletePolicy:
      return rare_.DeletePolicy(effect.rare->policy.glob, txn.lsn);
    case model::EffectKind::kPark:
      return rare_.Park(model::ParkedAfter(txn, index));
    case model::EffectKind::kResolve:
      return rare_.Resolve(effect.rare->resolved, txn.lsn);
    case model::EffectKind::kSetCursor:
      return rare_.SetCursor(model::CursorAfter(txn, effect));
    case model::EffectKind::kDeleteCursor:
      return rare_.DeleteCursor(effect.rare->cursor.name);
    default:
      return base::MakeError(ErrorCode::kInternal, "not an effect on a policy, a parked conflict or a cursor");
  }
}

Status RowWriter::RaiseOldest(Lsn below_lsn) {
  TENURE_ASSIGN(Statement * raise, raise_oldest_.Get(connection_));
  raise->Bind(1, below_lsn);
  return raise->Run();
}

Status RowWriter::PruneRequests(Lsn below_lsn) {
  TENURE_ASSIGN(Statement * prune, prune_requests_.Get(connection_));
  prune->Bind(1, below_lsn);
  return prune->Run();
}

}  // namespace tenure::index
