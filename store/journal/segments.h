// The directory of segments: which there are, which of them are the journal, and new ones.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/base/env.h"
#include "store/journal/format.h"

namespace tenure::journal {

/// A segment of the live chain. `sealed_bytes` is 0 for the newest one, whose end is open.
struct LiveSegment {
  SegmentHeader header;
  std::string path;
  std::uint64_t sealed_bytes = 0;
  std::uint64_t file_bytes = 0;
};

/// The live chain, oldest first, and what else lies in the directory.
struct Chain {
  std::vector<LiveSegment> segments;  ///< Empty only when the directory holds no segment.
  std::vector<std::string> orphans;   ///< Paths of .seg files that no link names.
  std::uint64_t highest_epoch = 0;    ///< Of all files, orphans included.
  /// The segment that holds `lsn` (or would hold it next); null when it is older than retained.
  const LiveSegment* Find(Lsn lsn) const;
};

/// Up to which LSN checkpoints stand in for the journal. It is asked behind the look at the directory: a segment is
/// unlinked only once a checkpoint that covers it is complete, so that whatever was missing is covered by the answer.
/// Asked before, a compaction in between would look like loss.
class TrimmedBelow {
 public:
  /// Known, where nobody compacts meanwhile. 0: nothing was trimmed.
  TrimmedBelow(Lsn known) : known_(known) {}                    // NOLINT(google-explicit-constructor): a number is one
  TrimmedBelow(std::function<Result<Lsn>()> newest_checkpoint)  // NOLINT(google-explicit-constructor)
      : newest_checkpoint_(std::move(newest_checkpoint)) {}
  /// The same, and everything up to `lsn`.
  TrimmedBelow AtLeast(Lsn lsn) const;
  Result<bool> Covers(Lsn lsn) const;

 private:
  Lsn known_ = 0;
  std::function<Result<Lsn>()> newest_checkpoint_;
};

/// Reads every header and follows the links backwards. A named segment always has a header that was
/// synced before it got its name, so an invalid header, a missing predecessor that no checkpoint covers,
/// a foreign store id, or a file shorter than its sealed length is kCorruption.
/// The chain may end at a segment whose predecessor was trimmed. Others may compact and take over meanwhile.
Result<Chain> ReadChain(base::Env& env, const std::string& dir, const StoreId& store_id, const TrimmedBelow& trimmed);

/// Makes segments. Spares (`spare-<random>`) are zero-written and synced ahead of time, so that taking
/// one is a header write, a sync, a RENAME_NOREPLACE and a directory sync; one is always reserved so
/// that a full disk permits a takeover. Not thread-safe; the owner of the commit turn calls it, or a
/// background thread under the owner's mutex.
class SegmentFactory {
 public:
  SegmentFactory(base::Env& env, std::string dir) : env_(env), dir_(std::move(dir)) {}
  /// Durable and named when it returns. Takes the largest spare of at least `min_bytes` (header and
  /// frames), else writes a new file of max(header.capacity, min_bytes). header.capacity, salt and
  /// created_ms are filled in, boot_id too when it is zero. kExists when somebody has that name already.
  /// Before it fails with kNoSpace it removes what dead and fenced processes left half made.
  Result<LiveSegment> Create(SegmentHeader header, std::uint64_t min_bytes);
  /// Makes sure that a spare of `bytes` is there: zero-written in `step_bytes` pieces, synced, named.
  /// Returns early with success when `stop` becomes true between two pieces (the partial file is removed).
  Status PrepareSpare(std::uint64_t bytes, const std::function<bool()>& stop);
  Result<bool> HasSpare(std::uint64_t min_bytes) const;
  /// Removes partial files ("making-*") of dead processes. Only under exclusive access to the store, or
  /// by the owner of the commit turn: whoever else still makes one is fenced, and its rename just fails.
  Status RemoveLeftovers();

 private:
  Status RemoveSurplusSpares();

  base::Env& env_;
  std::string dir_;
};

/// The capacity after `previous`: doubling from kSegmentBytesMin to kSegmentBytesMax.
std::uint64_t NextCapacity(std::uint64_t previous);

}  // namespace tenure::journal
