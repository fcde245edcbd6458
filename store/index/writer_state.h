// What an IndexWriter holds; shared by the files that implement it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/index/changes.h"
#include "store/index/index.h"
#include "store/index/meta.h"
#include "store/index/row_writer.h"
#include "store/index/sqlite.h"

namespace tenure::index {

/// Page caches. An idle handle keeps the small one; a batch of many rows borrows the large one, without
/// which random keys thrash as soon as the tables outgrow the cache.
inline constexpr int kIdleCacheKib = 4 << 10;
inline constexpr int kLargeCacheKib = 64 << 10;
inline constexpr std::size_t kLargeBatchRows = 4096;
/// What a bulk build collects before it sorts and writes. Rows that do not fit into one go are written
/// among those of the one before instead of behind them, at half the speed: a million of them should fit.
inline constexpr std::size_t kBulkBytesMax = 384u << 20;

/// A bulk build under way.
struct BulkBuild {
  Changes changes{Changes::Texts::kOwned};  ///< Collected and not yet written.
  model::JournalPosition position;          ///< Behind the last frame collected.
  std::optional<Error> failed;              ///< A build that failed half-way is good for nothing.
};

/// Gives a large batch a large page cache, and takes it away afterwards: nobody tells the handle when it is
/// idle. Starting the next batch cold costs it some 10 %, its pages being in the system's cache.
class BatchCache {
 public:
  BatchCache(Connection& connection, std::size_t rows) : connection_(rows >= kLargeBatchRows ? &connection : nullptr) {
    // A cache that could not be resized is slower, or larger, not wrong.
    if (connection_ != nullptr) static_cast<void>(connection_->SetCacheKib(kLargeCacheKib));
  }
  ~BatchCache() {
    if (connection_ != nullptr) static_cast<void>(connection_->SetCacheKib(kIdleCacheKib));
  }
  BatchCache(const BatchCache&) = delete;
  BatchCache& operator=(const BatchCache&) = delete;

 private:
  Connection* connection_;
};

/// Rows gathered for one large transaction, which is open: trims among them are carried out at their place.
struct Gathered {
  explicit Gathered(Connection& connection, WriteTransaction begun)
      : transaction(std::move(begun)), cache(connection, kLargeBatchRows) {}
  WriteTransaction transaction;
  BatchCache cache;
  Changes changes{Changes::Texts::kOwned};
  model::JournalPosition position;  ///< Behind the last frame gathered.
  Lsn begun_at = 0;                 ///< What was applied before.
};

struct IndexWriter::State {
  State(std::string file, Connection opened);
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// Opens an index that may be in the middle of nothing: format checked, WAL written through.
  static Result<std::unique_ptr<State>> Open(const std::string& path);
  /// A commit that changes nothing else: the first write to a new or restarted WAL syncs its header,
  /// and that must not fall upon a user's small commit. (SQLite writes no page for equal values.)
  Status WriteThrough();
  Result<Mark> ReadMark();
  /// Collects one transaction into `changes`; trims and prunes write out what came before them first.
  Status Collect(const model::CommittedTxn& txn, Changes& changes);
  /// Writes `changes` into the tables and empties it.
  Status Flush(Changes& changes);
  Status WritePositionRow(const model::JournalPosition& position);
  std::uint64_t WalBytes() const;

  const std::string path;
  // Declared before everything that holds statements of it, so that it closes last.
  Connection connection;
  LazyStatement read_meta{kReadMetaSql};
  LazyStatement update_meta{kUpdateMetaSql};
  RowWriter rows;
  /// Holds BEGIN IMMEDIATE during checkpoints; opened when the first one comes.
  std::optional<Connection> guard;
  /// Frames in the WAL after the last commit of `connection`; unknown before the first one.
  std::optional<std::uint64_t> wal_frames;
  Changes batch{Changes::Texts::kBorrowed};

  std::optional<BulkBuild> bulk;
  std::unique_ptr<Gathered> gathered;
};

/// The frames of `frames` behind `applied_lsn`. kInternal when they do not continue it without a gap.
Result<std::vector<const AppliedFrame*>> FramesBehind(std::span<const AppliedFrame> frames, Lsn applied_lsn);

/// Makes an empty file that did not exist (kExists), readable by whom the directory is: 0600, or 0660
/// in a directory that its group may write.
Status CreateEmptyFile(const std::string& path);

}  // namespace tenure::index
