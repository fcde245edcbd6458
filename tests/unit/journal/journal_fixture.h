// What the tests of the journal share: a directory that goes away, an environment that can fail on
// command, and a journal that is easy to fill.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/base/env.h"
#include "store/journal/format.h"
#include "store/journal/reader.h"
#include "store/journal/segments.h"
#include "store/journal/writer.h"
#include "store/model/effect.h"

namespace tenure::journal {

/// A fresh directory below the system's temporary one, removed with the object.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

enum class Call : std::uint8_t { kOpen, kCreate, kList, kRead, kWrite, kSync, kAllocate, kRename, kRemove, kSyncDir };

/// The machine's environment, with calls counted, failed by `fault`, and clock and randomness fixed on
/// demand. Syncs are counted and may fail, but do not wait for the disk: nothing here loses power.
class TestEnv : public base::Env {
 public:
  std::function<Status(Call, const std::string& path)> fault;
  std::function<void(std::span<std::byte>)> random;
  std::optional<TimeMs> wall_ms;

  int count(Call call) const { return counts_[static_cast<std::size_t>(call)]; }
  Status Note(Call call, const std::string& path) const {
    ++counts_[static_cast<std::size_t>(call)];
    return fault ? fault(call, path) : Status();
  }

  Result<std::unique_ptr<base::File>> Open(const std::string& path, base::OpenMode mode) override;
  Result<bool> Exists(const std::string& path) const override { return real().Exists(path); }
  Result<std::vector<std::string>> List(const std::string& dir) const override;
  Status CreateDirectory(const std::string& dir) override { return real().CreateDirectory(dir); }
  Status Remove(const std::string& path) override;
  Status RemoveAll(const std::string& dir) override { return real().RemoveAll(dir); }
  Status Rename(const std::string& from, const std::string& to) override;
  Status RenameNoReplace(const std::string& from, const std::string& to) override;
  Status SyncDirectory(const std::string& dir) override;
  Result<std::string> Canonical(const std::string& path) const override { return real().Canonical(path); }
  Result<base::FileSystemInfo> FileSystem(const std::string& path) const override { return real().FileSystem(path); }
  void SetSharedWithGroup(bool shared) override { real().SetSharedWithGroup(shared); }
  TimeMs WallMs() const override { return wall_ms ? *wall_ms : real().WallMs(); }
  std::uint64_t MonotonicNs() const override { return real().MonotonicNs(); }
  std::uint64_t BoottimeMs() const override { return real().BoottimeMs(); }
  void Random(std::span<std::byte> out) override { random ? random(out) : real().Random(out); }
  const base::HostInfo& Host() const override { return real().Host(); }

 private:
  static base::Env& real() { return base::Env::Posix(); }
  mutable int counts_[10] = {};
};

/// One stored transaction that depends only on its LSN and `salt`.
model::CommittedTxn MakeTxn(Lsn lsn, TimeMs time_ms, std::uint64_t salt = 0, std::size_t extra_bytes = 0);
base::Bytes Encoded(const model::CommittedTxn& txn);
base::Bytes ReadAll(const std::string& path);
void WriteAll(const std::string& path, base::ByteView data);
/// Overwrites one byte in place.
void Poke(const std::string& path, std::uint64_t offset, std::byte value);
/// Recomputes the checksums of the frame at the start of `frame`, as an intruder would.
void MendFrame(std::span<std::byte> frame, std::uint64_t salt);
void MendSegmentHeader(std::span<std::byte> block);

constexpr Lsn kAll = ~Lsn{0};

class JournalTest : public ::testing::Test {
 protected:
  JournalTest();

  model::JournalPosition Genesis() const;
  /// Makes the first segment and a writer on it.
  void Begin(std::uint64_t capacity = 8192);
  /// A segment {epoch, 1} that seals the journal at `at`, and a writer on it: what a takeover does.
  void TakeOver(std::uint64_t epoch, const model::JournalPosition& at, std::uint64_t capacity = 8192);
  /// A spare, so that the next switch takes a small file.
  void Spare(std::uint64_t bytes = 8192) { ASSERT_TRUE(factory.PrepareSpare(bytes, nullptr).ok()); }
  Batch MakeBatch(std::uint32_t txns, std::size_t extra_bytes = 0, std::uint64_t salt = 0);
  /// Appends a batch that must succeed; remembers its position.
  model::JournalPosition Append(std::uint32_t txns = 1, std::size_t extra_bytes = 0, std::uint64_t salt = 0);

  Result<std::unique_ptr<Reader>> FromStart(Lsn trimmed_below = 0);
  Result<std::unique_ptr<Reader>> From(const model::JournalPosition& at, Lsn trimmed_below = 0);
  std::string Path(std::uint64_t epoch, std::uint64_t ordinal) const;

  /// Everything from the first retained frame to where reading stops.
  struct Contents {
    std::vector<Frame> frames;
    Stop stop = Stop::kEnd;
    FrameFault fault = FrameFault::kNone;
    model::JournalPosition position;
  };
  Result<Contents> ReadContents(Lsn limit = kAll, Lsn durable = 0, Lsn trimmed_below = 0);

  TempDir temp;
  TestEnv env;
  const std::string dir;
  const StoreId store_id;
  SegmentFactory factory;
  std::unique_ptr<Writer> writer;
  std::vector<model::JournalPosition> positions;  ///< After each appended batch.
};

}  // namespace tenure::journal
