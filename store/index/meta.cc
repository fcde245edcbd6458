#include "store/index/meta.h"

#include <unistd.h>
#include <cerrno>

#include "store/base/error.h"
#include "store/base/hash.h"
#include "store/index/rows.h"

namespace tenure::index {
namespace {

Error BadMeta(const std::string& what) {
  return base::MakeError(ErrorCode::kCorruption, "index row of meta: " + what, kRebuildHint);
}

}  // namespace

Status CheckFormat(Connection& connection, const std::string& path) {
  TENURE_ASSIGN(const std::int64_t application, connection.QueryInt("PRAGMA application_id"));
  Error error;
  error.path = path;
  if (application != kApplicationId) {
    error.code = ErrorCode::kCorruption;
    error.message =
        "index " + path + ": is not an index of tenure (application_id " + std::to_string(application) + ")";
    error.hint = kRebuildHint;
    return error;
  }
  TENURE_ASSIGN(const std::int64_t version, connection.QueryInt("PRAGMA user_version"));
  if (version == kFormatVersion) return {};
  if (version > kFormatVersion) {
    error.code = ErrorCode::kUnsupported;
    error.message = "index " + path + ": has format version " + std::to_string(version) + ", written by a newer tenure";
    error.hint = "use the version of tenure that wrote it, or a later one";
    return error;
  }
  error.code = ErrorCode::kCorruption;
  error.message = "index " + path + ": its build was not finished (user_version " + std::to_string(version) + ")";
  error.hint = kRebuildHint;
  return error;
}

Result<Connection> OpenIndexFile(const std::string& path, Connection::Mode mode, int cache_kib) {
  auto opened = Connection::Open(path, mode, cache_kib);
  const Status sound = opened.ok() ? CheckFormat(*opened, path) : Status(opened.error());
  if (mode != Connection::Mode::kImmutable && access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    Error error = base::MakeError(ErrorCode::kNotFound, "index " + path + ": there is no such file",
                                  "try again; if it was removed by hand, open the store anew: it is rebuilt");
    error.path = path;
    return error;
  }
  if (!sound.ok()) return sound.error();
  return opened;
}

Result<Mark> ReadMarkRow(Statement& read_meta) {
  ResetAtEnd reset(read_meta);
  TENURE_ASSIGN(const bool found, read_meta.Step());
  if (!found) return BadMeta("is missing");
  Mark mark;
  model::JournalPosition& position = mark.position;
  position.last_lsn = read_meta.Unsigned(0);
  position.segment = {read_meta.Unsigned(1), read_meta.Unsigned(2)};
  position.offset = read_meta.Unsigned(3);
  position.time_ms = read_meta.Int(4);
  if (!base::FromHex(read_meta.Text(5), position.chain)) return BadMeta("chain is not 64 hex digits");
  const std::optional<base::Hash128> state_hash = ParseHash128(read_meta.Text(6));
  if (!state_hash) return BadMeta("state_hash is not 32 hex digits");
  position.state_hash = *state_hash;
  mark.oldest_history_lsn = read_meta.Unsigned(7);
  mark.format_version = read_meta.Unsigned(8);
  mark.store_id_hex = read_meta.Text(9);
  return mark;
}

Status WritePosition(Statement& update_meta, const model::JournalPosition& position) {
  const std::string chain = base::Hex(position.chain);
  const std::string state_hash = base::Hex(position.state_hash);
  update_meta.Bind(1, position.last_lsn);
  update_meta.Bind(2, position.segment.epoch);
  update_meta.Bind(3, position.segment.ordinal);
  update_meta.Bind(4, position.offset);
  update_meta.Bind(5, position.time_ms);
  update_meta.Bind(6, chain);
  update_meta.Bind(7, state_hash);
  return update_meta.Run();
}

Status InsertMeta(Connection& connection, const std::string& store_id_hex, const model::JournalPosition& at) {
  TENURE_ASSIGN(
      Statement insert,
      Statement::Prepare(connection,
                         "INSERT INTO meta (id, format_version, store_id, applied_lsn, segment_epoch,"
                         " segment_ordinal, segment_offset, time_ms, chain, state_hash, oldest_history_lsn, primed)"
                         " VALUES (1, ?1, ?2, 0, 0, 0, 0, 0, '', '', 0, 0)"));
  insert.Bind(1, kFormatVersion);
  insert.Bind(2, store_id_hex);
  TENURE_RETURN_IF_ERROR(insert.Run());
  TENURE_ASSIGN(Statement update, Statement::Prepare(connection, kUpdateMetaSql));
  return WritePosition(update, at);
}

}  // namespace tenure::index
