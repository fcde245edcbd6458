// Syntax and limits of everything a caller hands in. Pure; every refusal says which value, which rule
// and what would be accepted. Limits are listed in docs/limits.md; keep both in step.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/base/hash.h"
#include "tenure/result.h"
#include "tenure/transaction.h"

namespace tenure::model {

inline constexpr std::size_t kNameBytesMax = 512;
inline constexpr std::size_t kVersionBytesMax = 256;
inline constexpr std::size_t kTagBytesMax = 128;
inline constexpr std::size_t kDigestBytesMax = 256;
inline constexpr std::size_t kMediaTypeBytesMax = 255;
inline constexpr std::size_t kUrlBytesMax = 8192;
inline constexpr std::size_t kUrlsMax = 1024;
inline constexpr std::size_t kWriterBytesMax = 256;
inline constexpr std::size_t kRequestIdBytesMax = 128;
inline constexpr std::size_t kCursorBytesMax = 128;
inline constexpr std::size_t kJsonDepthMax = 64;
inline constexpr std::size_t kEntryBytesMax = 1u << 20;
inline constexpr std::size_t kTxnBytesMax = 16u << 20;
inline constexpr std::size_t kTxnOperationsMax = 10'000;
inline constexpr std::size_t kPoliciesMax = 1'000;
inline constexpr std::size_t kSchemaBytesMax = 64u << 10;

Status ValidateName(std::string_view name);
Status ValidateVersion(std::string_view version);
Status ValidateTag(std::string_view tag);
/// "<algorithm>:<hex>"; sha256, sha384 and sha512 with their exact lengths in lower-case hex; another
/// algorithm ([a-z0-9+._-]+) with at least 32 characters of [A-Za-z0-9=_-].
Status ValidateDigest(std::string_view digest);
/// Valid UTF-8 without control characters; empty means none.
Status ValidateMediaType(std::string_view media_type);
Status ValidateUrl(std::string_view url);  ///< The same, and not empty.
Status ValidateWriter(std::string_view writer);
Status ValidateRequestId(std::string_view id);
Status ValidateCursorName(std::string_view name);  ///< Spelled like a tag.
bool IsValidUtf8(std::string_view text);

/// Parses, checks (an object, depth, no duplicate member) and rewrites in canonical form: members
/// sorted bytewise, no white space. "{}" and canonical input are recognised without building a tree
/// where that is cheap.
Result<std::string> CanonicalObject(std::string_view json);
/// RFC 7396 on canonical text; the result is canonical.
Result<std::string> MergePatch(std::string_view object, std::string_view patch);

/// Three canonical objects into one. A member that one side alone changed is that side's; objects that both changed
/// are merged member by member; everything else must have been changed alike, or its path ("a.b") is added to
/// `clashes` and the base stays. The result is canonical.
Result<std::string> MergeObjects(std::string_view base, std::string_view ours, std::string_view theirs,
                                 std::vector<std::string>& clashes);

/// The spelling of the machine interface, such as "set_tag"; null for a value that is no kind.
const char* OpKindName(OpKind kind);
/// Operations on an entry, and on a tag; the others concern policies and parked conflicts.
constexpr bool OnEntry(OpKind kind) {
  return kind == OpKind::kPut || kind == OpKind::kPatch || kind == OpKind::kDelete;
}
constexpr bool OnTag(OpKind kind) { return kind == OpKind::kSetTag || kind == OpKind::kDeleteTag; }
/// "name:version", "name@tag", "policy GLOB" or "conflict ID": for messages.
std::string KeyOf(const Operation& op);

/// Validates one operation and puts its annotations into canonical form (a patch keeps its nulls).
/// `if_revision` and `if_digest` go with put, patch and delete, `if_absent` with put, `if_version` with
/// set_tag, `base` with all; a member that the kind does not take is refused, never ignored.
Status Normalise(Operation& op);
/// Validates every operation and the limits of the whole; normalised operations come back.
Result<std::vector<Operation>> NormaliseTransaction(const Transaction& txn);
/// True: NormaliseTransaction would give the operations as they are. False says nothing of what is wrong, if anything.
bool IsNormal(const Transaction& txn);
/// Bytes that an operation counts against kEntryBytesMax and kTxnBytesMax: those of its texts.
std::size_t OperationBytes(const Operation& op);
/// Of normalised operations: what makes two requests with one id "the same body".
base::Hash128 BodyHash(std::span<const Operation> operations);
inline base::Hash128 BodyHash(const std::vector<Operation>& operations) { return BodyHash(std::span(operations)); }

}  // namespace tenure::model
