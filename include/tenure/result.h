// Operating failures as values: Result<T> holds a T or an Error. No exception crosses the public API.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "tenure/export.h"
#include "tenure/types.h"

namespace tenure {

/// What went wrong. The names printed by ErrorCodeName are stable and listed in
/// schemas/error.schema.json; ExitCode maps each to a status of the command line.
enum class ErrorCode : std::uint8_t {
  kInvalidArgument,   ///< Input that no state of the store would accept.
  kTooLarge,          ///< Over a limit of docs/limits.md.
  kNotFound,          ///< No such entry, tag, LSN.
  kAmbiguous,         ///< A bare name with several live versions.
  kCompacted,         ///< The LSN asked for is older than what is retained.
  kExists,            ///< if_absent, and there is a live entry.
  kRevisionMismatch,  ///< if_revision failed.
  kDigestMismatch,    ///< if_digest failed.
  kVersionMismatch,   ///< set_tag's if_version failed.
  kStaleBase,         ///< The named base is not the current revision.
  kTagged,            ///< Delete of a version that a tag points to.
  kRequestIdReused,   ///< The same request id with another body.
  kRequestCancelled,  ///< The request id was cancelled by an earlier outcome() question.
  kChangedSince,      ///< undo: a key was changed after the transaction to be undone. Submit: see there.
  kDeletedSince,      ///< The named base was deleted by somebody else.
  kMergeClash,        ///< Both sides changed the same thing in different ways.
  kImmutable,         ///< A policy makes the version immutable.
  kSchemaMismatch,    ///< A policy's JSON Schema refuses the entry.
  kParked,            ///< The write was kept as a parked conflict (told per line by `apply --each`).
  kLeaseHeld,         ///< Somebody else's lease covers what was to be written or leased; Error::holder says whose.
  kDeadlock,          ///< Waiting for the lease would close a circle of waiters; the message shows it.
  kLeasesExhausted,   ///< As many leases are held, or waited for, as the store or the pool takes.
  kLeaseRequired,     ///< A policy asks for a lease, and none that covers the key was presented.
  kLeaseExpired,      ///< The lease presented had expired, or its process had died.
  kFenced,            ///< The same, and somebody else has leased the scope since.
  kLeaseBroken,       ///< The lease presented was broken by an administrator.
  kLeaseUnknown,      ///< The token names no lease that is held: released, ended long ago, or of another store.
  kLeaseNotCovering,  ///< The lease presented does not entitle to write this key.
  kNoStore,           ///< No store at that place.
  kAlreadyAStore,     ///< init on an existing store.
  kCorruption,        ///< Bytes that contradict the journal's or the index's own checks.
  kIo,                ///< The operating system refused an operation.
  kNoSpace,           ///< The file system is full.
  kOutcomeUnknown,    ///< The write may or may not be durable; ask again with the request id.
  kUnsupported,       ///< File system, format version or platform that tenure refuses.
  kForeignSegment,    ///< Shared memory of another boot or copy beside living members.
  kReadOnly,          ///< A write through a read-only handle or medium.
  kClosed,            ///< The handle was closed, poisoned, or inherited over fork.
  kBusy,              ///< A bounded wait for another process ran out.
  kInternal,          ///< A defect of tenure.
  kOutOfMemory,       ///< Memory could not be allocated. Of a write: it was not and will not be committed.
};

/// The stable spelling of a code, such as "revision_mismatch".
TENURE_API const char* ErrorCodeName(ErrorCode code);

/// The exit status of the command line for a code: see docs/cli.md.
TENURE_API int ExitCode(ErrorCode code);

/// A failure, named precisely enough to act upon.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;                  ///< Names the thing: file, offset, key, revision, holder.
  std::string hint;                     ///< What to do about it; may be empty.
  std::string path;                     ///< The file concerned, when there is one.
  std::optional<std::uint64_t> offset;  ///< Byte offset in `path`.
  std::string key;                      ///< "name:version" or "name@tag", when one is concerned.
  std::optional<Revision> revision;     ///< The current revision, for conflicts.
  std::optional<Lsn> lsn;               ///< The LSN concerned (of a tombstone, of the oldest retained, …).
  /// Who is in the way, for kLeaseHeld; shared because errors are copied more often than read.
  std::shared_ptr<const LeaseInfo> holder;
  std::optional<std::uint64_t> retry_after_ms;  ///< When trying again may succeed, at the latest as far as is known.
};

/// A T or an Error. Reading the wrong one aborts: it is a defect of the caller.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return Check(), *std::get_if<0>(&state_); }
  const T& value() const& { return Check(), *std::get_if<0>(&state_); }
  T value() && { return Check(), std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }

  const Error& error() const& { return CheckError(), *std::get_if<1>(&state_); }
  Error&& error() && { return CheckError(), std::move(*std::get_if<1>(&state_)); }

 private:
  void Check() const {
    if (state_.index() != 0) std::abort();
  }
  void CheckError() const {
    if (state_.index() != 1) std::abort();
  }
  std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}
  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const& {
    if (!error_) std::abort();
    return *error_;
  }
  Error&& error() && {
    if (!error_) std::abort();
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace tenure
