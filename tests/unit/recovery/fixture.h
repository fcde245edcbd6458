// Stores made by hand for the tests of recovery: scripted transactions go through journal::Writer and
// index::IndexWriter, and a plain in-memory model keeps what every LSN must look like.
//
// The state hash is kept from the model's rows, not by the code under test. One thread.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/index/index.h"
#include "store/journal/writer.h"
#include "store/model/effect.h"
#include "store/recovery/checkpoints.h"
#include "store/recovery/config.h"

namespace tenure::recovery {

/// Fails the test with the error's message.
template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) {
    ADD_FAILURE() << result.error().message;
    std::abort();
  }
  return std::move(result).value();
}
inline void Must(const Status& status) {
  if (!status.ok()) {
    ADD_FAILURE() << status.error().message;
    std::abort();
  }
}

/// What a store holds at one LSN.
struct ModelState {
  std::map<std::pair<std::string, std::string>, ArtifactEntry> entries;
  std::map<std::pair<std::string, std::string>, TagEntry> tags;
  std::map<std::string, model::RequestRow> requests;
  std::map<std::string, Policy> policies;
  std::map<ConflictId, ParkedConflict> parked;
  std::map<Lsn, model::LeaseRow> leases;
  base::Hash128 Hash() const;
  friend bool operator==(const ModelState&, const ModelState&) = default;
};

/// The same, read from an index file that nobody writes.
ModelState ReadIndex(const std::string& path);
/// Runs SQL on an index or a checkpoint behind the library's back.
void Execute(const std::string& path, const std::string& sql);
/// Where stores of tests may lie in which power does not fail: nothing there has to wait for a disk.
std::string MemoryDirectory();

class HandMadeStore {
 public:
  /// In a directory of its own below `dir`.
  explicit HandMadeStore(const std::string& dir = ::testing::TempDir());
  ~HandMadeStore();

  base::Env& env() const { return env_; }
  const Layout& layout() const { return layout_; }
  const Config& config() const { return config_; }
  const std::string& dir() const { return dir_; }  ///< Holds .tenure; removed at the end.
  const model::JournalPosition& position() const { return writer_->position(); }
  Lsn last_lsn() const { return position().last_lsn; }
  std::string SegmentPath() const { return writer_->segment().path; }
  const std::string& index_path() const { return index_path_; }
  /// What the rows must be behind `lsn`.
  const ModelState& At(Lsn lsn) const { return states_.at(lsn); }

  /// Transactions for the next frame. Put and others fill in revisions and times from the model.
  HandMadeStore& Put(const std::string& name, const std::string& version, const std::string& request_id = {});
  HandMadeStore& Delete(const std::string& name, const std::string& version);
  /// One transaction that puts all of `names`, version 1.
  HandMadeStore& PutTogether(const std::vector<std::string>& names);
  /// One that has no effect: only its request id is remembered.
  HandMadeStore& Request(const std::string& request_id);
  HandMadeStore& SetTag(const std::string& name, const std::string& tag, const std::string& version);
  HandMadeStore& DeleteTag(const std::string& name, const std::string& tag);
  HandMadeStore& PruneRequests(Lsn below);
  HandMadeStore& SetPolicy(const std::string& glob, bool immutable);
  HandMadeStore& DeletePolicy(const std::string& glob);
  HandMadeStore& Park(const std::string& name, const std::string& version);
  HandMadeStore& Resolve(const ConflictId& id);
  HandMadeStore& GrantLease(const std::string& scope) { return GrantLeaseOf({scope}); }
  HandMadeStore& GrantLeaseOf(const std::vector<std::string>& scopes);
  HandMadeStore& EndLease(Lsn id, model::EffectKind how);
  HandMadeStore& SetCursor(const std::string& name, Lsn lsn);
  /// Of superseded revisions or of the journal: neither changes a row.
  HandMadeStore& Trim(model::EffectKind what, Lsn below);
  /// Writes what was collected as one frame. `claimed`: what the frame says instead of the rows' own state hash.
  void Commit(const std::optional<base::Hash128>& claimed = std::nullopt);
  /// A frame of one LSN with sound checksums around bytes that are no transaction.
  void CommitBytes(const base::Bytes& payload);
  /// `count` frames of one put each, over `keys` keys.
  void CommitPuts(std::size_t count, std::size_t keys = 7);
  /// Writes `bytes` behind the last frame, as a zombie or a torn write might leave them.
  void Scribble(const base::Bytes& bytes);

  /// Seals the segment here and begins a new epoch. `lie` changes what its header says of everything before it.
  void NewEpoch(const std::function<void(model::JournalPosition&)>& lie = {});
  /// Applies everything committed to the index (made when it is not there).
  void ApplyIndex();
  Checkpoint MakeCheckpoint();
  /// Unlinks the oldest segments that lie wholly at or below `lsn`.
  void TrimJournal(Lsn lsn);
  /// Lets go of all files.
  void Close();

  /// The bytes of a file, changed in place and written back.
  static void Edit(const std::string& path, const std::function<void(base::Bytes&)>& edit);
  static void Flip(const std::string& path, std::uint64_t offset, unsigned char mask = 0xff);
  /// Changes a segment's header, and its checksum with it.
  static void EditHeader(const std::string& path, const std::function<void(base::Bytes&)>& edit);
  static base::Bytes Read(const std::string& path);

  /// Where each frame begins, in order.
  struct FramePlace {
    std::string path;
    std::uint64_t offset = 0, end = 0;
    Lsn first_lsn = 0, last_lsn = 0;
  };
  const std::vector<FramePlace>& frames() const { return frames_; }

 private:
  model::CommittedTxn& NewTxn();
  HandMadeStore& Done();
  /// A transaction of this effect; the fields of `rare` go with it.
  model::CommittedTxn& NewTxnOf(model::EffectKind kind, model::RareEffect rare = {});
  /// The next revision of an entry, for `txn`, and in the model.
  Revision PutInto(model::CommittedTxn& txn, const std::string& name, const std::string& version);
  HandMadeStore& ChangeTag(model::EffectKind kind, const std::string& name, const std::string& tag,
                           const std::string& version);
  model::JournalPosition Append(journal::Batch& batch, std::uint32_t count);
  void OpenWriter(const journal::LiveSegment& segment, const model::JournalPosition& at);

  base::Env& env_;
  std::string dir_;
  Layout layout_;
  Config config_;
  journal::SegmentFactory factory_;
  std::unique_ptr<journal::Writer> writer_;
  std::unique_ptr<index::IndexWriter> index_;
  std::string index_path_;
  std::uint64_t epoch_ = 1;
  TimeMs time_ms_ = 1'700'000'000'000;
  std::size_t puts_ = 0;

  std::vector<model::CommittedTxn> pending_;
  std::vector<index::AppliedFrame> unapplied_;
  ModelState state_;
  std::map<Lsn, ModelState> states_;
  std::vector<FramePlace> frames_;
};

}  // namespace tenure::recovery
