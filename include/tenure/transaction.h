// A transaction: an ordered list of operations, applied all or nothing, under one LSN.
//
// Operations see the earlier ones of their transaction. Building one touches no store and does no
// I/O; limits and syntax are checked by Store::Commit and Store::Submit. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tenure/conflict.h"
#include "tenure/export.h"
#include "tenure/types.h"

namespace tenure {

enum class OpKind : std::uint8_t {
  kPut,
  kPatch,
  kDelete,
  kSetTag,
  kDeleteTag,
  kSetPolicy,
  kDeletePolicy,
  kResolve,
};

/// What an artifact entry is to become. Fields mean what they mean in ArtifactEntry.
struct PutSpec {
  std::string name = {};
  std::string version = {};
  std::string digest = {};
  std::optional<std::uint64_t> size = {};
  std::string media_type = {};
  std::vector<std::string> urls = {};
  std::string annotations = "{}";  ///< Any JSON object.
};

/// One operation. `if_*` are hard conditions: a failed one rejects the transaction. `base` is soft:
/// when it is not the current revision, the transaction's conflict strategy decides.
struct Operation {
  OpKind kind = OpKind::kPut;
  std::string name;
  std::string version;  ///< For set_tag: the version that the tag is to point to.
  std::string tag;      ///< For set_tag and delete_tag.
  std::string digest;
  std::optional<std::uint64_t> size;
  std::string media_type;
  std::vector<std::string> urls;
  std::string annotations = "{}";  ///< put: the object; patch: an RFC 7396 merge patch of it.
  bool with_tags = false;          ///< delete: delete the tags that point to the version too.

  bool if_absent = false;               ///< No live entry (a tombstone counts as absent).
  std::optional<Revision> if_revision;  ///< 0 means the same as if_absent.
  std::optional<std::string> if_digest;
  std::optional<std::string> if_version;  ///< set_tag: the version the tag points to now.
  std::optional<Revision> base;           ///< The revision that the writer has seen.

  std::string glob;                  ///< set_policy, delete_policy.
  std::optional<PolicySpec> policy;  ///< set_policy; its glob is the one above.
  ConflictId conflict;               ///< resolve.
  /// resolve. For kGiven the content is in the fields above: those of a put, or `version` alone for a tag.
  Take take = Take::kOurs;

  Operation& IfAbsent() { return if_absent = true, *this; }
  Operation& IfRevision(Revision r) { return if_revision = r, *this; }
  Operation& IfDigest(std::string d) { return if_digest = std::move(d), *this; }
  Operation& IfVersion(std::string v) { return if_version = std::move(v), *this; }
  Operation& Base(Revision r) { return base = r, *this; }
};

class Transaction {
 public:
  /// Replaces the whole entry. Identical content is answered "unchanged" and makes no event.
  /// The reference returned here and below is valid until the next operation is added.
  Operation& Put(PutSpec spec) {
    Operation& op = Add(OpKind::kPut, std::move(spec.name), std::move(spec.version));
    op.digest = std::move(spec.digest);
    op.size = spec.size;
    op.media_type = std::move(spec.media_type);
    op.urls = std::move(spec.urls);
    op.annotations = std::move(spec.annotations);
    return op;
  }
  /// Merges `json_patch` (RFC 7396) into the annotations of a live entry.
  Operation& Patch(std::string name, std::string version, std::string json_patch) {
    Operation& op = Add(OpKind::kPatch, std::move(name), std::move(version));
    op.annotations = std::move(json_patch);
    return op;
  }
  /// Leaves a tombstone. Refused while a tag points to the version, unless `with_tags`.
  Operation& Delete(std::string name, std::string version, bool with_tags = false) {
    Operation& op = Add(OpKind::kDelete, std::move(name), std::move(version));
    op.with_tags = with_tags;
    return op;
  }
  /// Points `name@tag` to a live version.
  Operation& SetTag(std::string name, std::string tag, std::string version) {
    Operation& op = Add(OpKind::kSetTag, std::move(name), std::move(version));
    op.tag = std::move(tag);
    return op;
  }
  Operation& DeleteTag(std::string name, std::string tag) {
    Operation& op = Add(OpKind::kDeleteTag, std::move(name), {});
    op.tag = std::move(tag);
    return op;
  }
  /// Sets attributes of the policy of `spec.glob`; see PolicySpec.
  Operation& SetPolicy(PolicySpec spec) {
    Operation& op = Add(OpKind::kSetPolicy, {}, {});
    op.glob = spec.glob;
    op.policy = std::move(spec);
    return op;
  }
  Operation& DeletePolicy(std::string glob) {
    Operation& op = Add(OpKind::kDeletePolicy, {}, {});
    op.glob = std::move(glob);
    return op;
  }
  /// Settles a parked conflict. It is written over the revision that was there when the conflict was parked, or over
  /// `base` when that is named; when the key has moved on, it is rejected unless the transaction names a strategy.
  Operation& Resolve(ConflictId conflict, Take take) {
    Operation& op = Add(OpKind::kResolve, {}, {});
    op.conflict = conflict;
    op.take = take;
    return op;
  }
  Operation& Append(Operation op) { return operations_.push_back(std::move(op)), operations_.back(); }

  const std::vector<Operation>& operations() const { return operations_; }
  bool empty() const { return operations_.empty(); }

 private:
  Operation& Add(OpKind kind, std::string name, std::string version) {
    Operation& op = operations_.emplace_back();
    op.kind = kind;
    op.name = std::move(name);
    op.version = std::move(version);
    return op;
  }
  std::vector<Operation> operations_;
};

enum class Outcome : std::uint8_t {
  kCommitted,  ///< At least one effect was journaled.
  kUnchanged,  ///< The store already held exactly this; nothing was journaled.
  kMerged,     ///< Committed, after a three-way merge of at least one entry.
  kParked,     ///< Nothing was applied: the writes are kept as parked conflicts, named by the receipt's LSN.
};

/// "committed", "unchanged", "merged" or "parked".
TENURE_API const char* OutcomeName(Outcome outcome);

/// What became of one operation.
struct OpResult {
  Outcome outcome = Outcome::kCommitted;
  Revision revision = 0;  ///< Of the entry or tag after the operation.
  friend bool operator==(const OpResult&, const OpResult&) = default;
};

/// What became of a transaction.
struct Receipt {
  Lsn lsn = 0;  ///< Of the commit; for an unchanged transaction the LSN of the newest row it names.
  Outcome outcome = Outcome::kCommitted;
  TimeMs time_ms = 0;             ///< Commit time (of the batch); 0 when nothing was journaled.
  bool replayed = false;          ///< The request id had been committed before: this is its first receipt.
  std::vector<OpResult> results;  ///< One per operation, in order.
};

}  // namespace tenure
