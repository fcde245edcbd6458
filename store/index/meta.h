// The row of `meta` and the marks in the file header: what an index file says of itself.
#pragma once

#include <cstdint>
#include <string>

#include "store/index/index.h"
#include "store/index/sqlite.h"

namespace tenure::index {

/// PRAGMA application_id and user_version, as schemas/index.sql sets them.
inline constexpr std::int64_t kApplicationId = 0x544E5258;
inline constexpr std::int64_t kFormatVersion = 1;
/// user_version while a bulk build is under way: nobody takes such a file for an index.
inline constexpr std::int64_t kUnfinishedVersion = 0;

/// kCorruption when the file is no index or an unfinished one, kUnsupported when a newer tenure made it.
Status CheckFormat(Connection& connection, const std::string& path);

/// Opens an index of this format. kNotFound also when it was removed before it was read once, which opens its WAL: what
/// was read then may lack the WAL that belonged to it (generations.h). Files that nobody writes need no such care.
Result<Connection> OpenIndexFile(const std::string& path, Connection::Mode mode, int cache_kib);

inline constexpr char kReadMetaSql[] =
    "SELECT applied_lsn, segment_epoch, segment_ordinal, segment_offset, time_ms, chain, state_hash,"
    " oldest_history_lsn, format_version, store_id FROM meta WHERE id = 1";
inline constexpr char kUpdateMetaSql[] =
    "UPDATE meta SET applied_lsn = ?1, segment_epoch = ?2, segment_ordinal = ?3, segment_offset = ?4, time_ms = ?5,"
    " chain = ?6, state_hash = ?7 WHERE id = 1";

/// Steps and resets `read_meta` (kReadMetaSql).
Result<Mark> ReadMarkRow(Statement& read_meta);
/// Runs `update_meta` (kUpdateMetaSql).
Status WritePosition(Statement& update_meta, const model::JournalPosition& position);
/// The first row of an index.
Status InsertMeta(Connection& connection, const std::string& store_id_hex, const model::JournalPosition& at);

}  // namespace tenure::index
