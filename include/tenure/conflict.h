// Conflicts, and what settles them: strategies, policies, parked conflicts.
//
// A write that names what it is based on (Operation::base) and comes too late is a conflict. A strategy says what
// becomes of it; the transaction names one, or the policy of the path does, or it is rejected. docs/conflicts.md
// has worked examples. Plain values; the functions that take them validate and return a Result.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenure/export.h"
#include "tenure/types.h"

namespace tenure {

/// How a conflict is settled. Hard conditions (`if_*`) are never settled: they reject.
enum class ConflictStrategy : std::uint8_t {
  kReject,           ///< The transaction fails and leaves no trace.
  kLastWriterWins,   ///< The write is applied to what is there now.
  kFirstWriterWins,  ///< The write is dropped, and answered "unchanged" with what is there now.
  kMerge,            ///< Three-way merge over the base revision; a real clash is rejected.
  kMergeOrPark,      ///< The same, but a real clash is parked.
  kPark,             ///< Nothing of the transaction is applied; all of it is kept, to be settled later.
};

/// "reject", "last-writer-wins", "first-writer-wins", "merge", "merge-or-park", "park".
TENURE_API const char* StrategyName(ConflictStrategy strategy);
TENURE_API std::optional<ConflictStrategy> StrategyOf(std::string_view name);

/// Why a write could not simply be applied. Values are part of the journal's format: never renumber.
enum class ConflictKind : std::uint8_t {
  kStaleBase = 1,  ///< Somebody else changed it since the base.
  kDeleted = 2,    ///< Somebody else deleted it since the base.
  kExists = 3,     ///< The base says that there was none, and there is one.
  kImmutable = 4,  ///< Another digest, or a deletion, under a policy that makes versions immutable.
  kSchema = 5,     ///< The entry is not what the policy's JSON Schema asks for.
  kLeaseLost = 6,  ///< The lease that the write was made under had ended.
  kTogether = 7,   ///< No conflict of its own: parked with the rest of its transaction.
};

/// "stale_base", "deleted", "exists", "immutable", "schema", "lease_lost", "together".
TENURE_API const char* ConflictKindName(ConflictKind kind);

/// Names a parked conflict: the transaction that parked it, and the number of its effect there. Written "42" for
/// {42, 0}, else "42.1".
struct ConflictId {
  Lsn lsn = 0;
  std::uint32_t effect = 0;
  friend auto operator<=>(const ConflictId&, const ConflictId&) = default;
};
TENURE_API std::string ConflictIdText(const ConflictId& id);
TENURE_API std::optional<ConflictId> ParseConflictId(std::string_view text);

/// The three sides of a conflict. Absent: there was no such row (base: none was named, or it is no longer
/// retained). A side that is `deleted` is a tombstone; ours: the write deletes.
template <typename Row>
struct ConflictSides {
  std::optional<Row> base;    ///< What the writer had seen.
  std::optional<Row> ours;    ///< What the writer wanted; revision and LSN are 0.
  std::optional<Row> theirs;  ///< What was there when the write came.
  friend bool operator==(const ConflictSides&, const ConflictSides&) = default;
};

/// A write that was kept instead of being applied.
struct ParkedConflict {
  ConflictId id;
  ConflictKind kind = ConflictKind::kStaleBase;
  ConflictStrategy strategy = ConflictStrategy::kPark;
  bool of_tag = false;  ///< Which of the two below holds.
  ConflictSides<ArtifactEntry> entry;
  ConflictSides<TagEntry> tag;
  std::string name;  ///< Of the key: name, and version or tag.
  std::string rest;
  std::optional<Revision> base_revision;  ///< As the writer named it.
  std::string reason;                     ///< In words.
  std::string writer;
  std::uint32_t uid = 0;
  TimeMs time_ms = 0;
  friend bool operator==(const ParkedConflict&, const ParkedConflict&) = default;
};

/// "name:version" or "name@tag".
TENURE_API std::string KeyOf(const ParkedConflict& conflict);

/// Which side a resolution takes.
enum class Take : std::uint8_t {
  kOurs = 0,    ///< The parked write.
  kTheirs = 1,  ///< What the store holds; nothing is written.
  kBase = 2,    ///< What both started from.
  kGiven = 3,   ///< Something else, given with the resolution.
};
/// "ours", "theirs", "base", "given".
TENURE_API const char* TakeName(Take take);

/// What `policy set` names. Attributes that are absent stay as they are; those in `unset` are removed.
struct PolicySpec {
  std::string glob = {};                             ///< Matches names, or "name:version" when it holds a ':'.
  std::optional<bool> immutable = {};                ///< A digest, once there, never changes; no deletion.
  std::optional<bool> require_lease = {};            ///< Writes must be made under a lease that covers them.
  std::optional<ConflictStrategy> on_conflict = {};  ///< For transactions that name no strategy.
  std::optional<std::string> schema = {};  ///< JSON Schema (the subset of docs/conflicts.md) of entries, as text.
  std::optional<bool> keep_history = {};   ///< Compaction drops no superseded revision.
  std::vector<std::string> unset = {};     ///< Names of attributes: "immutable", "schema", …
  friend bool operator==(const PolicySpec&, const PolicySpec&) = default;
};

/// A policy as it is in force.
struct Policy {
  std::string glob;
  std::optional<bool> immutable;
  std::optional<bool> require_lease;
  std::optional<ConflictStrategy> on_conflict;
  std::optional<std::string> schema;
  std::optional<bool> keep_history;
  std::string writer;
  TimeMs time_ms = 0;
  Lsn lsn = 0;               ///< The transaction that set it last.
  std::uint32_t effect = 0;  ///< And where in it: the later of two policies wins.
  friend bool operator==(const Policy&, const Policy&) = default;
};

}  // namespace tenure
