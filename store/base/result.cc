#include "tenure/result.h"

#include <iterator>

#include "store/base/error.h"

namespace tenure {
namespace {

constexpr int kFailure = 1;
constexpr int kUsage = 2;
constexpr int kMissing = 4;
constexpr int kConflict = 5;
constexpr int kWithoutStore = 10;
constexpr int kLeaseTaken = 11;
constexpr int kLeaseLost = 12;
constexpr int kCorrupt = 13;

struct CodeRow {
  ErrorCode code;
  const char* name;
  int exit_code;
};

// In the order of the enum, so that a code is its row's index.
constexpr CodeRow kCodes[] = {
    {ErrorCode::kInvalidArgument, "invalid_argument", kUsage},
    {ErrorCode::kTooLarge, "too_large", kUsage},
    {ErrorCode::kNotFound, "not_found", kMissing},
    {ErrorCode::kAmbiguous, "ambiguous", kUsage},
    {ErrorCode::kCompacted, "compacted", kMissing},
    {ErrorCode::kExists, "exists", kConflict},
    {ErrorCode::kRevisionMismatch, "revision_mismatch", kConflict},
    {ErrorCode::kDigestMismatch, "digest_mismatch", kConflict},
    {ErrorCode::kVersionMismatch, "version_mismatch", kConflict},
    {ErrorCode::kStaleBase, "stale_base", kConflict},
    {ErrorCode::kTagged, "tagged", kConflict},
    {ErrorCode::kRequestIdReused, "request_id_reused", kConflict},
    {ErrorCode::kRequestCancelled, "request_cancelled", kConflict},
    {ErrorCode::kChangedSince, "changed_since", kConflict},
    {ErrorCode::kDeletedSince, "deleted_since", kConflict},
    {ErrorCode::kMergeClash, "merge_clash", kConflict},
    {ErrorCode::kImmutable, "immutable", kConflict},
    {ErrorCode::kSchemaMismatch, "schema_mismatch", kConflict},
    {ErrorCode::kParked, "parked", kConflict},
    {ErrorCode::kLeaseHeld, "lease_held", kLeaseTaken},
    {ErrorCode::kDeadlock, "deadlock", kLeaseTaken},
    {ErrorCode::kLeasesExhausted, "leases_exhausted", kLeaseTaken},
    {ErrorCode::kLeaseRequired, "lease_required", kLeaseLost},
    {ErrorCode::kLeaseExpired, "lease_expired", kLeaseLost},
    {ErrorCode::kFenced, "fenced", kLeaseLost},
    {ErrorCode::kLeaseBroken, "lease_broken", kLeaseLost},
    {ErrorCode::kLeaseUnknown, "lease_unknown", kLeaseLost},
    {ErrorCode::kLeaseNotCovering, "lease_not_covering", kLeaseLost},
    {ErrorCode::kNoStore, "no_store", kWithoutStore},
    {ErrorCode::kAlreadyAStore, "already_a_store", kFailure},
    {ErrorCode::kCorruption, "corruption", kCorrupt},
    {ErrorCode::kIo, "io", kFailure},
    {ErrorCode::kNoSpace, "no_space", kFailure},
    {ErrorCode::kOutcomeUnknown, "outcome_unknown", kFailure},
    {ErrorCode::kUnsupported, "unsupported", kFailure},
    {ErrorCode::kForeignSegment, "foreign_segment", kFailure},
    {ErrorCode::kReadOnly, "read_only", kFailure},
    {ErrorCode::kClosed, "closed", kFailure},
    {ErrorCode::kBusy, "busy", kFailure},
    {ErrorCode::kInternal, "internal", kFailure},
    {ErrorCode::kOutOfMemory, "out_of_memory", kFailure},
};

constexpr bool RowsMatchEnum() {
  for (std::size_t i = 0; i < std::size(kCodes); ++i) {
    if (static_cast<std::size_t>(kCodes[i].code) != i) return false;
  }
  return std::size(kCodes) == static_cast<std::size_t>(ErrorCode::kOutOfMemory) + 1;
}
static_assert(RowsMatchEnum(), "one row per ErrorCode, in the enum's order");

const CodeRow& RowOf(ErrorCode code) {
  const auto index = static_cast<std::size_t>(code);
  TENURE_CHECK(index < std::size(kCodes));
  return kCodes[index];
}

}  // namespace

const char* ErrorCodeName(ErrorCode code) { return RowOf(code).name; }

int ExitCode(ErrorCode code) { return RowOf(code).exit_code; }

}  // namespace tenure
