// Whole operations and transactions: which members an operation may carry, their syntax, the limits
// of the whole, and annotations in canonical form.
#include <string>

#include "store/model/refusal.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

// A SQLite integer and a JSON number of most readers end here; no file is larger.
constexpr std::uint64_t kSizeMax = 9'223'372'036'854'775'807ULL;

/// Which member of `op` its kind does not take, or nullptr.
const char* MemberTooMany(const Operation& op) {
  const bool put = op.kind == OpKind::kPut;
  const bool on_tag = op.kind == OpKind::kSetTag || op.kind == OpKind::kDeleteTag;
  if (!put) {
    if (!op.digest.empty()) return "digest";
    if (op.size) return "size";
    if (!op.media_type.empty()) return "mediaType";
    if (!op.urls.empty()) return "urls";
    if (op.if_absent) return "if_absent";
  }
  if (!put && op.kind != OpKind::kPatch && op.annotations != "{}") return "annotations";
  if (on_tag && op.if_revision) return "if_revision";
  if (on_tag && op.if_digest) return "if_digest";
  if (!on_tag && !op.tag.empty()) return "tag";
  if (op.kind == OpKind::kDeleteTag && !op.version.empty()) return "version";
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

Status CheckAndRewrite(Operation& op) {
  const char* name = OpKindName(op.kind);
  if (name == nullptr) return Invalid("operation kind " + std::to_string(static_cast<int>(op.kind)) + " is unknown");
  if (const char* member = MemberTooMany(op)) {
    return Invalid(std::string("operation \"") + name + "\" takes no \"" + member + "\"");
  }
  TENURE_RETURN_IF_ERROR(ValidateName(op.name));
  if (op.kind != OpKind::kDeleteTag) TENURE_RETURN_IF_ERROR(ValidateVersion(op.version));
  if (op.kind == OpKind::kSetTag || op.kind == OpKind::kDeleteTag) TENURE_RETURN_IF_ERROR(ValidateTag(op.tag));
  if (op.kind == OpKind::kPut) TENURE_RETURN_IF_ERROR(CheckPutFields(op));
  if (op.if_digest) TENURE_RETURN_IF_ERROR(ValidateDigest(*op.if_digest));
  if (op.if_version) TENURE_RETURN_IF_ERROR(ValidateVersion(*op.if_version));
  if (op.annotations != "{}") {
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

/// "name:version" or "name@tag", for messages.
std::string KeyOf(const Operation& op) {
  const bool on_tag = op.kind == OpKind::kSetTag || op.kind == OpKind::kDeleteTag;
  return on_tag ? op.name + "@" + op.tag : op.name + ":" + op.version;
}

}  // namespace

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
  }
  return nullptr;
}

Status Normalise(Operation& op) {
  Status status = CheckAndRewrite(op);
  if (status.ok()) return status;
  Error e = std::move(status).error();
  // Only a key that is one is worth naming; a bad name is in the message already.
  if (e.key.empty() && ValidateName(op.name).ok() && (op.version.empty() || ValidateVersion(op.version).ok()) &&
      (op.tag.empty() || ValidateTag(op.tag).ok())) {
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

std::size_t OperationBytes(const Operation& op) {
  std::size_t bytes = op.name.size() + op.version.size() + op.tag.size() + op.digest.size() + op.media_type.size() +
                      op.annotations.size();
  for (const std::string& url : op.urls) bytes += url.size();
  if (op.if_digest) bytes += op.if_digest->size();
  if (op.if_version) bytes += op.if_version->size();
  return bytes;
}

}  // namespace tenure::model
