// The values of the public API: artifact entries, tags, log sequence numbers.
//
// Plain structs, no invariants of their own; the functions that take them validate and return a
// Result. Strings are UTF-8, bytes as given (no Unicode normalisation).
#pragma once

#include <cstdint>
#include <memory>
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

struct Policy;          // tenure/conflict.h
struct ParkedConflict;  // tenure/conflict.h

enum class LeaseMode : std::uint8_t {
  kExclusive = 0,
  kShared = 1,  ///< Several holders at once; keeps exclusive ones away, and entitles nobody to write.
};

/// A granted lease: what it covers, and who holds it. Its number is the LSN of its grant, which is its fencing token.
struct LeaseInfo {
  Lsn id = 0;
  std::vector<std::string> scopes;  ///< "name:version", "name@tag", "name", "prefix/**" or "**".
  LeaseMode mode = LeaseMode::kExclusive;
  bool bound = false;  ///< Ends with the process that holds it, too.
  std::uint64_t ttl_ms = 0;
  std::string writer;
  std::uint32_t uid = 0;
  std::string host;
  std::uint32_t pid = 0;            ///< In the holder's own pid namespace.
  std::uint64_t process_start = 0;  ///< Clock ticks since boot.
  std::string purpose;
  TimeMs granted_at_ms = 0;   ///< Commit time of the grant.
  std::uint64_t age_ms = 0;   ///< Since the grant. This and the two below: only where somebody looked just now.
  std::uint64_t left_ms = 0;  ///< Until it expires, unless it is renewed.
  std::uint64_t waiters = 0;  ///< In refusals: requests that wait for the same, and were there before.

  friend bool operator==(const LeaseInfo&, const LeaseInfo&) = default;
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
  /// "put", "delete", "set_tag", "delete_tag", "set_policy", "delete_policy", "park", "resolve", "trim_history",
  /// "prune_requests", "trim_journal", "request", "lease_acquire", "lease_release", "lease_expire", "lease_break",
  /// "lease_orphan", "set_cursor", "delete_cursor".
  std::string op;
  std::optional<ArtifactEntry> entry;            ///< For put and delete.
  std::optional<Revision> merged_base;           ///< For a put that is a merge: the revision that it was merged over.
  std::optional<TagEntry> tag;                   ///< For set_tag and delete_tag.
  std::string glob;                              ///< For set_policy and delete_policy.
  std::shared_ptr<const Policy> policy;          ///< For set_policy: all of it, as it is from here on.
  std::shared_ptr<const ParkedConflict> parked;  ///< For park.
  std::string conflict;                          ///< For park and resolve: the id, as text.
  std::string take;                              ///< For resolve: "ours", "theirs", "base" or "given".
  Lsn below_lsn = 0;                             ///< For trim_history, prune_requests and trim_journal.
  std::optional<LeaseInfo> lease;                ///< For lease_*; all but the first tell its id only.
  std::string reason;                            ///< For lease_break.
  std::optional<CursorEntry> cursor;             ///< For set_cursor and delete_cursor (whose lsn is 0).
};

}  // namespace tenure
