// What an IndexReader holds; shared by the files that implement it.
#pragma once

#include <string>

#include "store/index/index.h"
#include "store/index/meta.h"
#include "store/index/rows.h"
#include "store/index/sqlite.h"
#include "store/index/state_hash.h"

namespace tenure::index {

inline constexpr int kReaderCacheKib = 4 << 10;

struct IndexReader::State {
  State(std::string file, Connection opened) : path(std::move(file)), connection(std::move(opened)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  const std::string path;
  EntrySum entry_sum;  // registered with the connection, which goes before it
  // Declared before the statements, so that it closes after them.
  Connection connection;
  bool in_snapshot = false;
  Lsn seen_lsn = 0;  // applied; a generation never falls back

  // Reads that are made often keep their statements; listings prepare their own, so that a visitor may
  // use the reader.
  LazyStatement begin{"BEGIN"};
  LazyStatement end{"ROLLBACK"};
  LazyStatement read_meta{kReadMetaSql};
  LazyStatement applied_lsn{"SELECT applied_lsn FROM meta WHERE id = 1"};
  LazyStatement get_entry{"SELECT " TENURE_ENTRY_COLUMNS " FROM entry WHERE name = ?1 AND version = ?2"};
  LazyStatement get_entry_at{
      "SELECT " TENURE_ENTRY_COLUMNS
      " FROM entry WHERE name = ?1 AND version = ?2 AND lsn <= ?3"
      " UNION ALL SELECT e.name, e.version, h.digest, h.size, h.media_type, h.urls, h.annotations, h.created_at_ms,"
      " h.updated_at_ms, h.writer, h.revision, h.lsn, h.deleted FROM entry e JOIN history h ON h.entry_id = e.id"
      " WHERE e.name = ?1 AND e.version = ?2 AND e.lsn > ?3 AND h.lsn <= ?3 AND h.until_lsn > ?3"};
  LazyStatement get_tag{"SELECT " TENURE_TAG_COLUMNS " FROM tag WHERE name = ?1 AND tag = ?2"};
  LazyStatement get_tag_at{
      "SELECT " TENURE_TAG_COLUMNS
      " FROM tag WHERE name = ?1 AND tag = ?2 AND lsn <= ?3"
      " UNION ALL SELECT t.name, t.tag, h.version, h.updated_at_ms, h.writer, h.revision, h.lsn, h.deleted"
      " FROM tag t JOIN tag_history h ON h.tag_id = t.id"
      " WHERE t.name = ?1 AND t.tag = ?2 AND t.lsn > ?3 AND h.lsn <= ?3 AND h.until_lsn > ?3"};
  LazyStatement tags_of{"SELECT " TENURE_TAG_COLUMNS
                        " FROM tag WHERE name = ?1 AND version = ?2 AND deleted = 0 ORDER BY tag"};
  LazyStatement get_request{"SELECT " TENURE_REQUEST_COLUMNS " FROM request WHERE request_id = ?1"};
};

}  // namespace tenure::index
