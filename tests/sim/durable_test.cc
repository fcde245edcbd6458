// What is durable when a call returns, and in which order it became so: read off the trace of what the call did, so
// that each sync is missed by itself, whatever a power loss might happen to keep.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "store/base/error.h"
#include "store/journal/segments.h"
#include "store/recovery/checkpoints.h"
#include "store/recovery/rebuild.h"
#include "store/recovery/repair.h"
#include "store/store_impl.h"
#include "tests/sim/history.h"
#include "tests/sim/sim_env.h"
#include "tests/sim/sim_scratch.h"
#include "tests/sim/trace_vfs.h"

namespace tenure::sim {
namespace {

using base::TraceStep;
using Kind = TraceStep::Kind;
using Texts = std::set<std::string>;

std::string DirectoryOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

/// What no sync has covered yet, of everything that a trace did below a directory.
class Ledger {
 public:
  Ledger(const base::Trace& trace, std::string root) : root_(std::move(root)) {
    for (const TraceStep& step : trace) Follow(step);
  }
  /// Files whose content is not durable.
  Texts content() const {
    Texts found;
    for (const auto& [path, file] : files_) {
      if (dirty_.contains(file) && !IsVolatile(path)) found.insert(Shown(path));
    }
    return found;
  }
  /// Names that came or went and may still be lost, or come back.
  Texts names() const {
    Texts found;
    for (const auto& [dir, paths] : pending_) {
      for (const std::string& path : paths) found.insert(Shown(path));
    }
    return found;
  }
  /// Files and directories that got their name before everything in them was durable.
  const Texts& named_early() const { return named_early_; }

 private:
  /// Memory, locks, and what SQLite's file can do without.
  static bool IsVolatile(const std::string& path) {
    for (const char* end : {"-wal", "-shm", "-journal", "/ingest.shm", "/members.lock"}) {
      if (path.ends_with(end)) return true;
    }
    return path.find("/ingest.shm") != std::string::npos;  // while it is being made
  }
  std::string Shown(const std::string& path) const { return path.substr(root_.size() + 1); }
  std::uint64_t FileOf(const TraceStep& step) {
    if (step.file != 0) return step.file;
    const auto found = files_.find(step.path);
    return found == files_.end() ? 0 : found->second;
  }
  void NameChanged(const std::string& path) {
    if (!IsVolatile(path)) pending_[DirectoryOf(path)].insert(path);
  }
  static bool IsIn(const std::string& path, const std::string& dir) { return path.starts_with(dir + "/"); }
  template <class Map>
  static void Move(Map& map, const std::string& from, const std::string& to) {
    Map moved;
    for (auto& [path, value] : map) {
      moved[path == from || IsIn(path, from) ? to + path.substr(from.size()) : path] = std::move(value);
    }
    map = std::move(moved);
  }

  void Follow(const TraceStep& step) {
    if (!IsIn(step.path, root_) && step.path != root_) return;
    switch (step.kind) {
      case Kind::kCreate:
        files_[step.path] = step.file;
        NameChanged(step.path);
        break;
      case Kind::kMakeDirectory:
        NameChanged(step.path);
        break;
      case Kind::kWrite:
      case Kind::kTruncate:
      case Kind::kAllocate:
        dirty_.insert(FileOf(step));
        break;
      case Kind::kSyncData:
      case Kind::kSyncAll:
        dirty_.erase(FileOf(step));
        break;
      case Kind::kRemove:
        files_.erase(step.path);
        pending_.erase(step.path);
        NameChanged(step.path);
        break;
      case Kind::kSyncDirectory:
        pending_.erase(step.path);
        break;
      case Kind::kRename:
        NoteEarlyName(step);
        Move(files_, step.path, step.to);
        Move(pending_, step.path, step.to);
        for (auto& [dir, paths] : pending_) {
          paths.erase(step.path);
          if (IsIn(dir, step.to) || dir == step.to) {
            Texts moved;
            for (const std::string& path : paths) moved.insert(dir + path.substr(path.rfind('/')));
            paths = std::move(moved);
          }
        }
        NameChanged(step.to);
        break;
      default:
        break;
    }
  }
  void NoteEarlyName(const TraceStep& step) {
    for (const auto& [path, file] : files_) {
      const bool here = path == step.path || IsIn(path, step.path);
      if (here && dirty_.contains(file) && !IsVolatile(path))
        named_early_.insert(Shown(path) + " as " + Shown(step.to));
    }
    // A segment links to the one before it.
    if (step.to.ends_with(".seg")) {
      for (const std::string& path : pending_[DirectoryOf(step.to)]) {
        if (path.ends_with(".seg")) named_early_.insert(Shown(step.to) + " before the name of " + Shown(path));
      }
    }
    for (const auto& [dir, paths] : pending_) {
      if (dir != step.path && !IsIn(dir, step.path)) continue;
      for (const std::string& path : paths) named_early_.insert("the name of " + Shown(path) + " in " + Shown(step.to));
    }
  }

  const std::string root_;
  std::map<std::string, std::uint64_t> files_;
  std::set<std::uint64_t> dirty_;
  std::map<std::string, Texts> pending_;  ///< By directory.
  Texts named_early_;
};

template <typename T>
T Need(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}
void Need(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.error().message);
}

class Durable : public ::testing::Test {
 protected:
  Durable() {
    options_.env = &env_;
    options_.background = false;
    options_.writer = "sim@sim";
    store_.emplace(Need(Store::Create(dir_, FewSlots(), options_)));
  }
  void Commit(int count) {
    for (int i = 0; i < count; ++i) Need(CommitPlanned(*store_, env_, next_++, /*large=*/false));
  }
  void Open() { store_.emplace(Need(Store::Open(dir_, options_))); }
  /// The next opening begins a new epoch, and so a segment.
  void ReopenWithoutSharedMemory() {
    store_.reset();
    Need(env_.Remove(layout_.shared_segment()));
    Open();
  }
  std::vector<std::string> Segments() {
    std::vector<std::string> found;
    for (const std::string& name : Need(env_.List(layout_.journal()))) {
      if (name.ends_with(".seg") && !name.starts_with("damaged")) found.push_back(layout_.journal() + "/" + name);
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  /// Somebody else's doing: durable at once.
  void Damage(const std::string& path, std::uint64_t offset) {
    const auto file = Need(env_.Open(path, base::OpenMode::kReadWrite));
    std::array<std::byte, 1> byte{};
    ASSERT_EQ(Need(file->ReadAt(offset, byte)), 1u);
    byte[0] ^= std::byte{0xff};
    Need(file->WriteAt(offset, byte));
    Need(file->SyncAll());
  }
  void Repair() {
    recovery::RepairOptions options;
    options.accept_loss = true;
    const recovery::RepairReport report = Need(recovery::Repair(env_, layout_, options));
    EXPECT_TRUE(report.changed);
    for (const std::string& action : report.actions) actions_ += action + "\n";
  }
  void ExpectAllDurable() {
    const Ledger ledger(env_.CopyTrace(), scratch_.path());
    EXPECT_EQ(ledger.content(), Texts{});
    EXPECT_EQ(ledger.names(), Texts{});
    EXPECT_EQ(ledger.named_early(), Texts{});
  }

  SimScratch scratch_;
  const std::string dir_ = scratch_ / "store";
  const recovery::Layout layout_{dir_ + "/.tenure"};
  SimEnv env_{7};
  const TracedSqlite traced_{env_, scratch_.path()};
  OpenOptions options_;
  std::optional<Store> store_;
  std::string actions_;
  int next_ = 0;
};

TEST_F(Durable, AStoreThatIsMade) { ExpectAllDurable(); }

TEST_F(Durable, EachCommit) {
  for (int i = 0; i < 3; ++i) {
    Commit(1);
    ExpectAllDurable();
  }
}

TEST_F(Durable, WhatIsFoundWhenSharedMemoryIsLost) {
  Commit(3);
  ReopenWithoutSharedMemory();
  ExpectAllDurable();
}

/// A successor named its segment and failed before the name was durable; the next one must not link to it like that.
TEST_F(Durable, TheNameOfASegmentThatIsLinkedTo) {
  Commit(1);
  const std::size_t segments = Segments().size();
  for (const Kind failing : {Kind::kSyncData, Kind::kSyncDirectory}) {
    // The second directory sync of a takeover is that of the new name.
    int left = failing == Kind::kSyncData ? 1 : 2;
    env_.SetFaultPlan([&left, failing](std::uint64_t, Kind call, const std::string& path) -> Status {
      if (call != failing || --left != 0) return {};
      return base::MakeError(ErrorCode::kIo, path + ": injected by the test");
    });
    EXPECT_FALSE(CommitPlanned(*store_, env_, next_++, /*large=*/false).ok());
    env_.SetFaultPlan({});
  }
  ASSERT_EQ(Segments().size(), segments + 1) << "it was named";
  Commit(1);
  ASSERT_EQ(Segments().size(), segments + 2);
  // What the failed sync should have covered lies behind a seal: nobody's.
  const Ledger ledger(env_.CopyTrace(), scratch_.path());
  EXPECT_EQ(ledger.names(), Texts{});
  EXPECT_EQ(ledger.named_early(), Texts{});
}

TEST_F(Durable, ASpare) {
  Commit(1);
  journal::SegmentFactory factory(env_, layout_.journal());
  Need(factory.PrepareSpare(4 << 20, [] { return false; }));
  ExpectAllDurable();
}

TEST_F(Durable, ACompaction) {
  Commit(4);
  ReopenWithoutSharedMemory();
  Commit(2);
  ASSERT_GT(Need(store_->Compact()).segments_removed, 0u);
  ExpectAllDurable();
  // Old checkpoints go too.
  for (int i = 0; i < 2; ++i) {
    Commit(1);
    (void)Need(store_->Compact());
    ExpectAllDurable();
  }
}

TEST_F(Durable, ACompactionWithoutADirectoryForCheckpoints) {
  Commit(2);
  Need(env_.RemoveAll(layout_.checkpoints()));
  Need(env_.SyncDirectory(layout_.root));
  (void)Need(store_->Compact());
  ExpectAllDurable();
}

TEST_F(Durable, ACheckpointThatIsRemoved) {
  Commit(1);
  (void)Need(store_->Compact());
  Commit(1);
  (void)Need(store_->Compact());
  Need(recovery::RemoveOldCheckpoints(env_, layout_, 1));
  ExpectAllDurable();
}

TEST_F(Durable, ANextGenerationOfTheIndex) {
  Commit(4);
  const auto impl = Need(StoreImpl::Open(dir_, options_));
  Need(impl->context->build_next_index());
  ExpectAllDurable();
}

TEST_F(Durable, AnIndexInAFileOfItsOwn) {
  Commit(4);
  (void)Need(recovery::BuildIndex(env_, layout_, scratch_ / "index.db", {}));
  EXPECT_EQ(Ledger(env_.CopyTrace(), scratch_.path()).content(), Texts{});
}

TEST_F(Durable, AnIndexWhoseDirectoryIsGone) {
  Commit(4);
  store_.reset();
  Need(env_.RemoveAll(layout_.index()));
  Open();
  ExpectAllDurable();
}

TEST_F(Durable, ACopy) {
  Commit(4);
  EXPECT_EQ(Need(store_->Backup(scratch_ / "copy")), 4u);
  ExpectAllDurable();
}

TEST_F(Durable, ACopyWithACheckpoint) {
  Commit(4);
  ReopenWithoutSharedMemory();
  Commit(2);
  ASSERT_GT(Need(store_->Compact()).segments_removed, 0u);
  (void)Need(store_->Backup(scratch_ / "copy"));
  ExpectAllDurable();
}

TEST_F(Durable, ARepairThatBeginsASegmentAndSetsOthersAside) {
  Commit(4);
  ReopenWithoutSharedMemory();
  Commit(2);
  (void)Need(store_->CatchUp());
  store_.reset();
  Damage(Segments().back(), 3);
  Repair();
  EXPECT_NE(actions_.find("rename the damaged segment"), std::string::npos) << actions_;
  EXPECT_NE(actions_.find("rename the index file"), std::string::npos) << actions_;
  EXPECT_NE(actions_.find("remove"), std::string::npos) << actions_;
  ExpectAllDurable();
}

TEST_F(Durable, ARepairThatExtendsASegment) {
  Commit(4);
  store_.reset();
  {
    const auto file = Need(env_.Open(Segments().back(), base::OpenMode::kReadWrite));
    Need(file->Truncate(Need(file->Size()) - 4096));
    Need(file->SyncAll());
  }
  Repair();
  EXPECT_NE(actions_.find("extend"), std::string::npos) << actions_;
  ExpectAllDurable();
}

TEST_F(Durable, ARepairThatSetsACheckpointAside) {
  Commit(4);
  (void)Need(store_->Compact());
  store_.reset();
  const auto checkpoints = Need(recovery::ListCheckpoints(env_, layout_));
  ASSERT_EQ(checkpoints.size(), 1u);
  Damage(checkpoints[0].path, 3);
  Repair();
  EXPECT_NE(actions_.find("rename the checkpoint"), std::string::npos) << actions_;
  ExpectAllDurable();
}

}  // namespace
}  // namespace tenure::sim
