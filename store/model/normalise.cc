// Whole operations and transactions: which members an operation may carry, their syntax, the limits
// of the whole, and annotations in canonical form.
#include <algorithm>
#include <iterator>
#include <string>

#include "store/model/json_tree.h"
#include "store/model/reference.h"
#include "store/model/refusal.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

constexpr const char* kPolicyAttributes[] = {"immutable", "require_lease", "on_conflict", "schema", "keep_history"};

// A SQLite integer and a JSON number of most readers end here; no file is larger.
constexpr std::uint64_t kSizeMax = 9'223'372'036'854'775'807ULL;

bool OnPolicy(OpKind kind) { return kind == OpKind::kSetPolicy || kind == OpKind::kDeletePolicy; }

/// Which member of `op` its kind does not take, or nullptr.
const char* MemberTooMany(const Operation& op) {
  // A resolution that brings its own content has the members of a put.
  const bool given = op.kind == OpKind::kResolve && op.take == Take::kGiven;
  const bool put = op.kind == OpKind::kPut || given;
  const bool on_tag = OnTag(op.kind);
  if (given && op.if_absent) return "if_absent";
  if (!put) {
    if (!op.digest.empty()) return "digest";
    if (op.size) return "size";
    if (!op.media_type.empty()) return "mediaType";
    if (!op.urls.empty()) return "urls";
    if (op.if_absent) return "if_absent";
  }
  if (!put && op.kind != OpKind::kPatch && op.annotations != "{}") return "annotations";
  if (!OnEntry(op.kind) && op.if_revision) return "if_revision";
  if (!OnEntry(op.kind) && op.if_digest) return "if_digest";
  if (!on_tag && !op.tag.empty()) return "tag";
  if (!OnEntry(op.kind) && op.kind != OpKind::kSetTag && !given && !op.version.empty()) return "version";
  if (!OnEntry(op.kind) && !on_tag && !op.name.empty()) return "name";
  const bool on_policy = OnPolicy(op.kind);
  if (!on_policy && !op.glob.empty()) return "glob";
  if (op.kind != OpKind::kSetPolicy && op.policy) return "policy";
  if (on_policy && op.base) return "base";
  if (op.kind != OpKind::kResolve && op.conflict != ConflictId{}) return "conflict";
  if (op.kind != OpKind::kResolve && op.take != Take::kOurs) return "take";
  if (op.kind != OpKind::kSetTag && op.if_version) return "if_version";
  if (op.kind != OpKind::kDelete && op.with_tags) return "with_tags";
  return nullptr;
}

Status CheckPutFields(const Operation& op) {
  if (!op.digest.empty()) TENURE_RETURN_IF_ERROR(ValidateDigest(op.digest));
  if (op.size && *op.size > kSizeMax) {
    return Invalid("size " + std::to_string(*op.size) + " is above " + std::to_string(kSizeMax));
  }
  TENURE_RETURN_IF_ERROR(ValidateMediaType(op.media_type));
  if (op.urls.size() > kUrlsMax) {
    return base::MakeError(
        ErrorCode::kTooLarge,
        "the entry has " + std::to_string(op.urls.size()) + " urls; the limit is " + std::to_string(kUrlsMax),
        "see docs/limits.md");
  }
  for (const std::string& url : op.urls) TENURE_RETURN_IF_ERROR(ValidateUrl(url));
  return {};
}

/// `policy set` and `policy rm`: the glob, and what the policy is to say. Whether a schema is one that can be checked
/// is for the room that checks it.
Status CheckPolicy(Operation& op) {
  if (op.glob.empty()) return Invalid("a policy needs a glob", "'**' matches every name");
  auto glob = Glob::Compile(op.glob);
  if (!glob.ok()) return std::move(glob).error();
  if (op.kind == OpKind::kDeletePolicy) return {};
  if (!op.policy) op.policy.emplace();
  PolicySpec& spec = *op.policy;
  spec.glob = op.glob;
  if (spec.on_conflict && *spec.on_conflict > ConflictStrategy::kPark) return Invalid("unknown strategy of a policy");
  for (const std::string& name : spec.unset) {
    if (std::find(std::begin(kPolicyAttributes), std::end(kPolicyAttributes), name) == std::end(kPolicyAttributes)) {
      return Invalid("a policy has no attribute " + Shown(name),
                     "attributes are immutable, require_lease, on_conflict, schema and keep_history");
    }
  }
  PolicySpec nothing;
  nothing.glob = spec.glob;
  if (spec == nothing) {
    return Invalid("the policy of " + Shown(op.glob) + " is to say nothing",
                   "name an attribute: immutable, require_lease, on_conflict, schema or keep_history");
  }
  if (!spec.schema) return {};
  auto tree = ParseJson(*spec.schema, kJsonDepthMax);
  if (!tree.ok()) {
    Error e = std::move(tree).error();
    e.message = "schema: " + e.message;
    return e;
  }
  spec.schema = CanonicalText(*tree);
  if (spec.schema->size() > kSchemaBytesMax) return TooLarge("the schema", spec.schema->size(), kSchemaBytesMax);
  return {};
}

Status CheckKey(const Operation& op) {
  if (op.kind == OpKind::kResolve) {
    if (op.conflict.lsn == 0) return Invalid("a resolution needs the id of a parked conflict");
    if (op.take > Take::kGiven) return Invalid("a resolution takes ours, theirs, base or what is given");
    return op.version.empty() ? Status() : ValidateVersion(op.version);
  }
  TENURE_RETURN_IF_ERROR(ValidateName(op.name));
  if (op.kind != OpKind::kDeleteTag) TENURE_RETURN_IF_ERROR(ValidateVersion(op.version));
  if (OnTag(op.kind)) TENURE_RETURN_IF_ERROR(ValidateTag(op.tag));
  return {};
}

/// Everything but policies and annotations, which are rewritten.
Status Check(const Operation& op) {
  const char* name = OpKindName(op.kind);
  if (name == nullptr) return Invalid("operation kind " + std::to_string(static_cast<int>(op.kind)) + " is unknown");
  if (const char* member = MemberTooMany(op)) {
    return Invalid(std::string("operation \"") + name + "\" takes no \"" + member + "\"");
  }
  if (OnPolicy(op.kind)) return {};
  TENURE_RETURN_IF_ERROR(CheckKey(op));
  if (op.kind == OpKind::kPut || op.kind == OpKind::kResolve) TENURE_RETURN_IF_ERROR(CheckPutFields(op));
  if (op.if_digest) TENURE_RETURN_IF_ERROR(ValidateDigest(*op.if_digest));
  if (op.if_version) TENURE_RETURN_IF_ERROR(ValidateVersion(*op.if_version));
  return {};
}

/// Most come as they are to be.
bool HasPlainAnnotations(const Operation& op) {
  return op.annotations.size() <= kEntryBytesMax && IsPlainCanonicalObject(op.annotations);
}

bool IsNormal(const Operation& op) {
  return !OnPolicy(op.kind) && Check(op).ok() && HasPlainAnnotations(op) && OperationBytes(op) <= kEntryBytesMax;
}

Status CheckAndRewrite(Operation& op) {
  TENURE_RETURN_IF_ERROR(Check(op));
  if (OnPolicy(op.kind)) TENURE_RETURN_IF_ERROR(CheckPolicy(op));
  if (!HasPlainAnnotations(op)) {
    auto canonical = CanonicalObject(op.annotations);
    if (!canonical.ok()) {
      Error e = std::move(canonical).error();
      e.message = (op.kind == OpKind::kPatch ? "patch: " : "annotations: ") + e.message;
      return e;
    }
    op.annotations = std::move(canonical).value();
  }
  const std::size_t bytes = OperationBytes(op);
  if (bytes > kEntryBytesMax) return TooLarge("the entry", bytes, kEntryBytesMax);
  return {};
}

}  // namespace

std::string KeyOf(const Operation& op) {
  switch (op.kind) {
    case OpKind::kPut:
    case OpKind::kPatch:
    case OpKind::kDelete:
      return op.name + ":" + op.version;
    case OpKind::kSetTag:
    case OpKind::kDeleteTag:
      return op.name + "@" + op.tag;
    case OpKind::kSetPolicy:
    case OpKind::kDeletePolicy:
      return "policy " + op.glob;
    case OpKind::kResolve:
      return "conflict " + ConflictIdText(op.conflict);
  }
  return {};
}

const char* OpKindName(OpKind kind) {
  switch (kind) {
    case OpKind::kPut:
      return "put";
    case OpKind::kPatch:
      return "patch";
    case OpKind::kDelete:
      return "delete";
    case OpKind::kSetTag:
      return "set_tag";
    case OpKind::kDeleteTag:
      return "delete_tag";
    case OpKind::kSetPolicy:
      return "set_policy";
    case OpKind::kDeletePolicy:
      return "delete_policy";
    case OpKind::kResolve:
      return "resolve";
  }
  return nullptr;
}

Status Normalise(Operation& op) {
  Status status = CheckAndRewrite(op);
  if (status.ok()) return status;
  Error e = std::move(status).error();
  // Only a key that is one is worth naming; a bad name is in the message already.
  if (e.key.empty() && (OnEntry(op.kind) || OnTag(op.kind)) && ValidateName(op.name).ok() &&
      (op.version.empty() || ValidateVersion(op.version).ok()) && (op.tag.empty() || ValidateTag(op.tag).ok())) {
    e.key = KeyOf(op);
  }
  return e;
}

Result<std::vector<Operation>> NormaliseTransaction(const Transaction& txn) {
  const std::size_t count = txn.operations().size();
  if (count == 0) return Invalid("the transaction has no operations");
  if (count > kTxnOperationsMax) {
    return base::MakeError(ErrorCode::kTooLarge,
                           "the transaction has " + std::to_string(count) + " operations; the limit is " +
                               std::to_string(kTxnOperationsMax),
                           "split it; see docs/limits.md");
  }
  std::vector<Operation> operations;
  operations.reserve(count);
  std::size_t bytes = 0;
  for (const Operation& given : txn.operations()) {
    Operation& op = operations.emplace_back(given);
    if (Status status = Normalise(op); !status.ok()) {
      Error e = std::move(status).error();
      if (count > 1) e.message = "operation " + std::to_string(operations.size()) + ": " + e.message;
      return e;
    }
    bytes += OperationBytes(op);
    if (bytes > kTxnBytesMax) {
      Error e = TooLarge("the transaction", bytes, kTxnBytesMax);
      e.message += ", reached at operation " + std::to_string(operations.size());
      e.hint = "split it; see docs/limits.md";
      return e;
    }
  }
  return operations;
}

bool IsNormal(const Transaction& txn) {
  const std::size_t count = txn.operations().size();
  if (count == 0 || count > kTxnOperationsMax) return false;
  std::size_t bytes = 0;
  for (const Operation& op : txn.operations()) {
    if (!IsNormal(op)) return false;
    bytes += OperationBytes(op);
    if (bytes > kTxnBytesMax) return false;
  }
  return true;
}

std::size_t OperationBytes(const Operation& op) {
  std::size_t bytes = op.name.size() + op.version.size() + op.tag.size() + op.digest.size() + op.media_type.size() +
                      op.annotations.size();
  for (const std::string& url : op.urls) bytes += url.size();
  if (op.if_digest) bytes += op.if_digest->size();
  if (op.if_version) bytes += op.if_version->size();
  bytes += op.glob.size();
  if (op.policy && op.policy->schema) bytes += op.policy->schema->size();
  return bytes;
}

}  // namespace tenure::model
