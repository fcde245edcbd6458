// An Env that writes down everything durable that passes through it, and a disk that can be rebuilt
// from such a trace as a power loss might leave it.
//
// RecordingEnv wraps a real Env; every WriteAt, Truncate, Allocate, sync, create, rename, remove and
// directory sync is appended to a Trace in the order it completed. Faults can be injected by call
// index. Thread-safe. Shared mappings are passed through and not recorded (memory does not survive).
// Recorded calls run one at a time, so that the trace is what happened: a write either precedes a sync
// or is not covered by it. Calls that fail are not recorded (a failed sync is, see kSyncFailed).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/base/env.h"

namespace tenure::base {

struct TraceStep {
  enum class Kind : std::uint8_t {
    kCreate,
    kWrite,
    kTruncate,
    kAllocate,
    kSyncData,
    kSyncAll,
    kRename,
    kRemove,
    kMakeDirectory,
    kSyncDirectory,
    kMark,        ///< A note of the test: `path` is its text (for example "ack 17").
    kSyncFailed,  ///< A sync of the file failed: what it should have covered may be lost for good.
    kRead,        ///< For FaultPlan only: open of an existing file, ReadAt, Size, Exists, List.
  };
  Kind kind = Kind::kMark;
  std::string path;
  std::uint64_t file = 0;    ///< Which file, through renames; 0: the one that `path` names at that point.
  std::string to;            ///< kRename.
  std::uint64_t offset = 0;  ///< kWrite; size for kTruncate and kAllocate.
  Bytes data;                ///< kWrite.
};
using Trace = std::vector<TraceStep>;

/// Decides about call number `index` (from 0, counted over all recordable calls and reads): return an
/// error to inject it instead of the call, or success to let it through. Runs on the calling thread
/// and holds no lock, so it may also block to play a stuck device.
using FaultPlan = std::function<Status(std::uint64_t index, TraceStep::Kind kind, const std::string& path)>;

class RecordingEnv : public Env {
 public:
  /// `base` must outlive this.
  explicit RecordingEnv(Env& base);
  ~RecordingEnv() override;
  Trace TakeTrace();
  Trace CopyTrace() const;
  void Mark(const std::string& note);
  /// For what does its own I/O (SQLite, see tests/sim/trace_vfs.h): makes the call, counted, failed and recorded like
  /// the Env's own, in one order with them. `step.file` says which file it is, or is 0.
  Status Perform(TraceStep step, const std::function<Status()>& call);
  /// The number of the file that `path` names, for TraceStep::file, which writers of their own have opened. One that
  /// nobody has seen before was made by them: that is recorded as a creation. 0 when there is no such file.
  std::uint64_t NumberOfOpened(const std::string& path);
  void SetFaultPlan(FaultPlan plan);
  std::uint64_t calls() const;
  /// Clocks: offsets added to the wrapped Env's, to set time back or forward.
  void AdvanceWallMs(std::int64_t by);
  void AdvanceBoottimeMs(std::uint64_t by);
  void SetBootId(std::array<std::byte, 16> id);

  // Env: see store/base/env.h.
  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Result<bool> Exists(const std::string& path) const override;
  Result<std::vector<std::string>> List(const std::string& dir) const override;
  Status CreateDirectory(const std::string& dir) override;
  Status Remove(const std::string& path) override;
  Status RemoveAll(const std::string& dir) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status RenameNoReplace(const std::string& from, const std::string& to) override;
  Status SyncDirectory(const std::string& dir) override;
  Result<std::string> Canonical(const std::string& path) const override;
  Result<FileSystemInfo> FileSystem(const std::string& path) const override;
  void SetSharedWithGroup(bool shared) override;
  TimeMs WallMs() const override;
  std::uint64_t MonotonicNs() const override;
  std::uint64_t BoottimeMs() const override;
  void Random(std::span<std::byte> out) override;
  const HostInfo& Host() const override;

  struct Shared;  // the trace and its lock, shared with the open files

 private:
  std::shared_ptr<Shared> shared_;
};

/// How a power loss treats effects that no sync had made durable.
struct PowerLoss {
  std::size_t steps = 0;         ///< The loss happens after this many steps of the trace.
  std::uint64_t seed = 0;        ///< Which unsynced effects are kept, dropped or torn.
  std::size_t tear_bytes = 512;  ///< Unsynced writes may be kept in units of this size (512 or 4096).
};

/// Rebuilds under `target_dir` (made if missing, else empty) the state of everything below `source_dir`
/// that `trace` describes, from its first step on. Returns a hash of the decisions, equal for equal
/// inputs. A trace that writes a file which it did not create is kInvalidArgument. The model:
///
/// Content belongs to a file, whatever it is called. SyncData and SyncAll of a file make its earlier
/// writes and growth durable; SyncAll also its earlier shrinking. An unsynced write is kept, dropped
/// or torn at multiples of `tear_bytes`, where a unit is as it was after some of its writes: a later
/// write kept in a unit implies the earlier ones there. A torn write may have grown the file over units
/// that were lost; they read as zeros. What a failed sync should have covered stays uncertain until
/// something durable overwrites it.
///
/// Names belong to a directory. SyncDirectory makes earlier creations, removals and renames *into* it
/// durable; syncing a file does not make its name durable, nor does syncing a directory its own. Of the
/// pending operations any subset is kept: order within a directory may be lost, but a rename is atomic,
/// a file has one name at a time, and a name used anew implies the rename that had freed it.
Result<std::uint64_t> RebuildAfterPowerLoss(Env& env, const Trace& trace, const std::string& source_dir,
                                            const std::string& target_dir, const PowerLoss& loss);

}  // namespace tenure::base
