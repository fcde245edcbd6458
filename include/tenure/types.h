// The values of the public API: artifact entries, tags, log sequence numbers.
//
// Plain structs, no invariants of their own; the functions that take them validate and return a
// Result. Strings are UTF-8, bytes as given (no Unicode normalisation).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tenure {

/// Log sequence number: the store's one order. Dense, strictly increasing, one per committed
/// transaction; 0 means "before the first transaction".
using Lsn = std::uint64_t;

/// Counts the committed changes of one key, from 1; a delete counts, so a revision is never reused.
/// 0 means "no such entry".
using Revision = std::uint64_t;

/// Wall-clock time in milliseconds since 1970-01-01T00:00:00Z.
using TimeMs = std::int64_t;

/// One artifact at one revision. The key is `name` + `version`.
struct ArtifactEntry {
  std::string name;                   ///< 1 to 512 bytes, '/'-separated segments.
  std::string version;                ///< 1 to 256 bytes, without '/', '@' and white space.
  std::string digest;                 ///< "<algorithm>:<hex>", or empty when none was given.
  std::optional<std::uint64_t> size;  ///< Bytes of the content; absent when not given.
  std::string media_type;             ///< Empty when not given.
  std::vector<std::string> urls;
  /// A JSON object as text. Canonical when it comes from a store: members sorted, no white space.
  std::string annotations = "{}";
  TimeMs created_at_ms = 0;  ///< When the key came to life; kept by later puts while it lives.
  TimeMs updated_at_ms = 0;  ///< Commit time of this revision.
  std::string writer;        ///< Writer id of the transaction that made this revision.
  Revision revision = 0;
  Lsn lsn = 0;               ///< The transaction that made this revision.
  bool deleted = false;      ///< A tombstone: name, version, revision, lsn, writer and updated_at_ms hold.
  bool uncommitted = false;  ///< Still queued (Consistency::kReadUncommitted): lsn and revision are 0.

  friend bool operator==(const ArtifactEntry&, const ArtifactEntry&) = default;
};

/// A movable name for one version: `name@tag` -> version.
struct TagEntry {
  std::string name;
  std::string tag;
  std::string version;  ///< Empty in a tombstone.
  TimeMs updated_at_ms = 0;
  std::string writer;
  Revision revision = 0;  ///< The tag's own count.
  Lsn lsn = 0;
  bool deleted = false;

  friend bool operator==(const TagEntry&, const TagEntry&) = default;
};

/// A durable place in the change feed: see tenure/watch.h.
struct CursorEntry {
  std::string name;
  Lsn lsn = 0;                ///< Everything up to here was handled; the feed goes on behind it.
  std::uint32_t effects = 0;  ///< And so many effects of the transaction behind it.
  TimeMs moved_at_ms = 0;     ///< Commit time of the last move.
  std::string writer;         ///< Who moved it last.

  friend bool operator==(const CursorEntry&, const CursorEntry&) = default;
};

/// One committed effect, as `log` and feeds show it.
struct Event {
  Lsn lsn = 0;
  std::uint32_t effect = 0;  ///< Position within its transaction, from 0.
  TimeMs time_ms = 0;
  std::string writer;
  std::uint32_t uid = 0;
  std::string request_id;  ///< Empty when the transaction had none.
  std::string op;  ///< "put", "delete", "set_tag", "delete_tag", "trim_history", "prune_requests", "trim_journal",
                   ///< "set_cursor", "delete_cursor", "request".
  std::optional<ArtifactEntry> entry;  ///< For put and delete.
  std::optional<TagEntry> tag;         ///< For set_tag and delete_tag.
  Lsn below_lsn = 0;                   ///< For trim_history, prune_requests and trim_journal.
  std::optional<CursorEntry> cursor;   ///< For set_cursor and delete_cursor (whose lsn is 0).
};

}  // namespace tenure
