// A private copy of the index, for reads while the index cannot be brought up to date because its file system takes no
// writes: it is full, or has become read-only, as ext4 does after an error.
//
//   absent             a read meets the refusal (NoteRefused), and takes its view here
//   absent -> there    Take copies the live generation, whatever that has applied, into a temporary directory
//   there              Take brings it up to date from the journal, as far as its read needs
//   there -> absent    the index itself has caught up (DropWhenCaughtUp), or the handle goes
//   there -> anew      it cannot follow: its place in the journal was trimmed meanwhile, say. Once; then the read fails
//
// Nothing of it is shared or durable, and nobody else knows of it: a process that dies leaves a directory behind, no
// more. The journal, which is what was acknowledged, is read where it is.
// Thread-safe. One thread at a time makes it and brings it up; views that were taken live on beside that, and behind
// it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "store/commit/context.h"
#include "store/commit/index_access.h"
#include "store/index/index.h"

namespace tenure {

class IndexAside {
 public:
  IndexAside(const commit::Context& context, commit::IndexPool& pool) : context_(context), pool_(pool) {}
  ~IndexAside();
  IndexAside(const IndexAside&) = delete;
  IndexAside& operator=(const IndexAside&) = delete;

  /// Whether `error`, of applying, is one that a copy elsewhere is an answer to.
  static bool Helps(const Error& error) {
    return error.code == ErrorCode::kNoSpace || error.code == ErrorCode::kReadOnly;
  }
  /// Applying has just failed with such an error. For the next second reads need not try that first.
  void NoteRefused(Error error);
  /// Whether somebody did within the last second.
  bool IsRefused() const { return context_.env.MonotonicNs() < refused_until_ns_.load(std::memory_order_relaxed); }
  /// A view that has applied `lsn`. kNoSpace when there is no room for a copy either.
  Result<commit::IndexPool::Lease> Take(Lsn lsn);
  /// To be called when the index has applied what a read needed.
  void DropWhenCaughtUp();

 private:
  Result<commit::IndexPool::Lease> TakeLocked(Lsn lsn, std::string& made);
  Result<std::unique_ptr<index::IndexReader>> ViewOf(Lsn lsn, std::string& made);
  Status Make();
  Status MakeIn(const std::string& temporary);
  Status Follow(Lsn lsn);
  void Remove();
  Error NoRoom(const Error& copying) const;

  const commit::Context& context_;
  commit::IndexPool& pool_;
  std::atomic<std::uint64_t> refused_until_ns_{0};  // 0: nothing is or was full
  std::mutex mutex_;                                // guards everything below
  std::optional<Error> refusal_;                    // what applying said
  std::string dir_;                                 // empty: absent
  std::unique_ptr<index::IndexWriter> writer_;      // of the copy
};

}  // namespace tenure
