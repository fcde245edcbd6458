// The index cannot be brought up to date, because its file system is full, or has become read-only. What was
// acknowledged is read nevertheless.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "store/base/error.h"
#include "store/store_impl.h"
#include "tenure/store.h"
#include "tests/support/failing_statements.h"
#include "tests/unit/store/one_store.h"

namespace tenure {
namespace {

using ::testing::ElementsAre;
using testing::FailingStatements;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Time passes when the test says so.
struct HeldClock : testing::RecordedEnv {
  std::uint64_t MonotonicNs() const override { return now_ns; }
  std::uint64_t now_ns = 1'000'000'000'000;
};

class FullDiskReads : public testing::OneStore<HeldClock> {
 protected:
  FullDiskReads() {
    const char* before = std::getenv("TMPDIR");
    if (before != nullptr) tmpdir_before_ = before;
    ::setenv("TMPDIR", temporary_.path().c_str(), 1);
  }
  ~FullDiskReads() override {
    FailingStatements::RefuseCommits("");
    tmpdir_before_ ? ::setenv("TMPDIR", tmpdir_before_->c_str(), 1) : ::unsetenv("TMPDIR");
  }
  void Fill(int code = 13) {
    FailingStatements::RefuseCommits(std::filesystem::canonical(scratch_.path()).string() + "/.tenure/index", code);
  }
  /// There is room again, and it is time to look for it.
  void Free() {
    FailingStatements::RefuseCommits("");
    env_.now_ns += 2'000'000'000;
  }
  Lsn Put(const std::string& name, const std::string& version = "1", std::uint64_t size = 1) {
    return Commit([&](Transaction& txn) { txn.Put({.name = name, .version = version, .size = size}); });
  }
  template <typename Fill>
  Lsn Commit(Fill fill) {
    Transaction txn;
    fill(txn);
    const auto receipt = store().Commit(txn);
    EXPECT_TRUE(receipt.ok()) << receipt.error().message;
    return receipt.ok() ? receipt->lsn : 0;
  }
  std::vector<std::string> Keys(const ReadOptions& read = {}) {
    ListOptions options;
    options.read = read;
    const auto rows = store().List(options);
    EXPECT_TRUE(rows.ok()) << rows.error().message;
    std::vector<std::string> keys;
    if (rows.ok()) {
      for (const ArtifactEntry& row : *rows) keys.push_back(row.name + ":" + row.version);
    }
    return keys;
  }
  std::uint64_t SizeOf(const std::string& ref, const ReadOptions& read = {}) {
    const auto row = store().Get(ref, read);
    EXPECT_TRUE(row.ok()) << row.error().message;
    return row.ok() ? row->size.value_or(0) : 0;
  }
  /// Copies in the temporary directory.
  std::vector<std::string> Copies() const {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(temporary_.path()))
      names.push_back(file.path().string());
    return names;
  }
  std::shared_ptr<StoreImpl> Impl() {
    OpenOptions options;
    options.env = &env_;
    options.background = false;
    auto impl = StoreImpl::Open(scratch_.path(), options);
    EXPECT_TRUE(impl.ok());
    return *impl;
  }

  testing::Scratch temporary_;
  std::optional<std::string> tmpdir_before_;
};

TEST_F(FullDiskReads, OfEveryKindSeeWhatWasAcknowledged) {
  Put("a", "1", 10);
  ASSERT_TRUE(store().CatchUp().ok());
  const Lsn before = Put("a", "1", 20);
  Put("b");
  Commit([](Transaction& txn) { txn.SetTag("b", "newest", "1"); });
  const Lsn applied = store().Stats()->applied_lsn;
  Fill();
  const Lsn last = Put("a", "1", 30);
  EXPECT_EQ(SizeOf("a:1"), 30u);
  EXPECT_EQ(SizeOf("a"), 30u);
  EXPECT_EQ(store().Get("b@newest")->revision, 1u);
  ReadOptions then;
  then.at = At{before, std::nullopt};
  EXPECT_EQ(SizeOf("a:1", then), 20u);
  EXPECT_THAT(Keys(), ElementsAre("a:1", "b:1"));
  EXPECT_THAT(*store().Tags("", {}), SizeIs(1));
  EXPECT_THAT(*store().History("a:1", {}), SizeIs(3));
  const auto stats = store().Stats();
  ASSERT_TRUE(stats.ok()) << stats.error().message;
  EXPECT_EQ(stats->entries, 2u);
  EXPECT_EQ(stats->durable_lsn, last);
  EXPECT_EQ(stats->applied_lsn, applied) << "of the index, not of the copy";
  EXPECT_THAT(Copies(), SizeIs(1)) << "one for all reads";
  Free();
}

TEST_F(FullDiskReads, GoOnWhereTheFileSystemHasBecomeReadOnly) {
  Put("a", "1", 10);
  Fill(8);
  Put("a", "1", 20);
  EXPECT_EQ(SizeOf("a:1"), 20u);
  EXPECT_THAT(Keys(), ElementsAre("a:1"));
  EXPECT_THAT(Copies(), SizeIs(1));
  Free();
  EXPECT_EQ(SizeOf("a:1"), 20u);
  EXPECT_THAT(Copies(), IsEmpty());
}

TEST_F(FullDiskReads, FollowWhatIsCommittedMeanwhile) {
  Put("a");
  Fill();
  EXPECT_THAT(Keys(), ElementsAre("a:1"));
  for (std::uint64_t i = 2; i < 20; ++i) {
    Put("a", "1", i);
    Put("n", std::to_string(i));
    EXPECT_EQ(SizeOf("a:1"), i);
    EXPECT_THAT(Keys(), SizeIs(i));
  }
  EXPECT_THAT(Copies(), SizeIs(1));
  Free();
}

/// What is told of the copy is told by a callback that may read itself.
TEST_F(FullDiskReads, MayBeMadeByWhoIsToldOfThem) {
  Put("a");
  store_.reset();
  std::vector<std::string> keys;
  int told = 0;
  OpenOptions options;
  options.env = &env_;
  options.background = false;
  options.log = [&](const char*, const std::string& message) {
    if (message.find("reading from a copy in ") == std::string::npos) return;
    ++told;
    keys = Keys();
  };
  auto store = Store::Open(scratch_.path(), options);
  ASSERT_TRUE(store.ok()) << store.error().message;
  store_.emplace(std::move(store).value());
  Fill();
  Put("b");
  EXPECT_THAT(Keys(), ElementsAre("a:1", "b:1"));
  EXPECT_THAT(keys, ElementsAre("a:1", "b:1"));
  EXPECT_EQ(told, 1);
  Free();
}

/// Transactions that change no row take an LSN, too.
TEST_F(FullDiskReads, PassTransactionsWithoutRows) {
  Put("a");
  Fill();
  EXPECT_THAT(Keys(), ElementsAre("a:1"));
  for (int i = 0; i < 2; ++i) {
    auto lease = store().Acquire({.scopes = {"a"}});
    ASSERT_TRUE(lease.ok()) << lease.error().message;
    EXPECT_TRUE(lease->Release().ok());
    EXPECT_THAT(Keys(), ElementsAre("a:1"));
    Transaction same;
    same.Put({.name = "a", .version = "1", .size = 1});
    CommitOptions options;
    options.request_id = "r" + std::to_string(i);
    ASSERT_TRUE(store().Commit(same, options).ok());
    EXPECT_THAT(Keys(), ElementsAre("a:1"));
  }
  EXPECT_THAT(Copies(), SizeIs(1));
  Free();
}

TEST_F(FullDiskReads, EndWithTheFullDisk) {
  Put("a");
  Fill();
  EXPECT_THAT(Keys(), ElementsAre("a:1"));
  FailingStatements::RefuseCommits("");
  EXPECT_THAT(Keys(), ElementsAre("a:1"));
  EXPECT_THAT(Copies(), SizeIs(1)) << "it is not looked for room at every read";
  Free();
  EXPECT_THAT(Keys(), ElementsAre("a:1"));
  EXPECT_THAT(Copies(), IsEmpty());
  EXPECT_EQ(store().Stats()->applied_lsn, 1u);
}

TEST_F(FullDiskReads, AndWithTheirStore) {
  Put("a");
  Fill();
  EXPECT_THAT(Keys(), ElementsAre("a:1"));
  EXPECT_THAT(Copies(), SizeIs(1));
  store_.reset();
  EXPECT_THAT(Copies(), IsEmpty());
  FailingStatements::RefuseCommits("");
}

TEST_F(FullDiskReads, AListingOutlivesTheCopyThatItIsOf) {
  for (int i = 0; i < 400; ++i) Put("e/" + std::to_string(1000 + i), "1", 7);
  Fill();
  int rows = 0;
  const Status listed = store().ForEach({}, [&](const ArtifactEntry& row) {
    EXPECT_EQ(row.size, 7u);
    if (++rows == 1) {
      EXPECT_THAT(Copies(), SizeIs(1));
      Free();
      EXPECT_EQ(SizeOf("e/1399:1"), 7u);
      EXPECT_THAT(Copies(), IsEmpty());
    }
    return true;
  });
  EXPECT_TRUE(listed.ok()) << listed.error().message;
  EXPECT_EQ(rows, 400);
}

TEST_F(FullDiskReads, WithoutRoomForACopyBothAreNamed) {
  Put("a");
  ::setenv("TMPDIR", "/nowhere", 1);
  Fill();
  const auto rows = store().List({});
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().code, ErrorCode::kNoSpace);
  EXPECT_THAT(rows.error().message, HasSubstr("/.tenure/index/"));
  EXPECT_THAT(rows.error().message, HasSubstr("/nowhere"));
  EXPECT_THAT(rows.error().hint, HasSubstr("free space on the file system"));
  EXPECT_THAT(rows.error().hint, HasSubstr("TMPDIR"));
  env_.now_ns += 2'000'000'000;
  Fill(8);
  const auto on_read_only = store().List({});
  ASSERT_FALSE(on_read_only.ok());
  EXPECT_EQ(on_read_only.error().code, ErrorCode::kReadOnly);
  EXPECT_THAT(on_read_only.error().hint, HasSubstr("make it writable again"));
  ReadOptions snapshot;
  snapshot.consistency = Consistency::kSnapshot;
  EXPECT_THAT(Keys(snapshot), IsEmpty()) << "as of what is applied";
  ::setenv("TMPDIR", temporary_.path().c_str(), 1);
  EXPECT_THAT(Keys(), ElementsAre("a:1"));
  Free();
}

/// Somebody else found room, applied, and compacted the journal that the copy would have gone on with.
TEST_F(FullDiskReads, ACopyThatCannotFollowIsMadeAnew) {
  Put("a");
  Fill();
  EXPECT_THAT(Keys(), ElementsAre("a:1"));
  const std::vector<std::string> first = Copies();
  FailingStatements::RefuseCommits("");
  {
    testing::RecordedEnv other_env;
    OpenOptions options;
    options.env = &other_env;
    options.background = false;
    auto other = Store::Open(scratch_.path(), options);
    ASSERT_TRUE(other.ok()) << other.error().message;
    for (std::uint64_t i = 0; other->Stats()->segments < 2; ++i) {
      Transaction large;
      const std::string fill(500'000, static_cast<char>('a' + i % 26));
      large.Put({.name = "large", .version = "1", .annotations = "{\"fill\":\"" + fill + "\"}"});
      ASSERT_TRUE(other->Commit(large).ok());
    }
    ASSERT_TRUE(other->CatchUp().ok());
    const auto report = other->Compact({});
    ASSERT_TRUE(report.ok()) << report.error().message;
    ASSERT_GT(report->segments_removed, 0u) << "or the copy can follow";
  }
  Fill();
  Put("z");
  EXPECT_THAT(Keys(), ElementsAre("a:1", "large:1", "z:1"));
  EXPECT_THAT(Copies(), SizeIs(1));
  EXPECT_NE(Copies(), first);
  Free();
}

/// Whatever fails while a copy is made or brought up to date, nothing of it stays, and the answer says what failed.
TEST_F(FullDiskReads, WhatFailsLeavesNothingBehind) {
  for (int i = 0; i < 5; ++i) Put("e/" + std::to_string(i));
  const auto impl = Impl();
  Fill();
  Error full = base::MakeError(ErrorCode::kNoSpace, "/index: full");
  int failed = 0;
  for (const bool of_sqlite : {true, false}) {
    bool all = false;
    for (std::uint64_t index = 0; !all && !HasFailure(); ++index) {
      IndexAside aside(*impl->context, *impl->pool);
      aside.NoteRefused(full);
      const std::uint64_t before = env_.calls();
      if (of_sqlite) {
        FailingStatements::FailAt(index);
      } else {
        env_.SetFaultPlan([&](std::uint64_t call, base::TraceStep::Kind, const std::string& path) -> Status {
          if (call != before + index) return {};
          return base::MakeError(ErrorCode::kIo, path + ": injected by the test");
        });
      }
      const auto view = aside.Take(5);
      const std::uint64_t calls = of_sqlite ? FailingStatements::Stop() : env_.calls() - before;
      env_.SetFaultPlan({});
      all = calls <= index;
      if (view.ok()) {
        EXPECT_EQ((*view)->ReadMark()->position.last_lsn, 5u) << index;
        continue;
      }
      ++failed;
      EXPECT_FALSE(all) << view.error().message;
      EXPECT_EQ(view.error().code, ErrorCode::kNoSpace) << view.error().message;
      EXPECT_THAT(view.error().message, HasSubstr("/index: full")) << index;
      EXPECT_THAT(view.error().message, HasSubstr("copy: ")) << index;
      EXPECT_THAT(Copies(), IsEmpty()) << index << ": " << view.error().message;
      const auto again = aside.Take(5);
      EXPECT_TRUE(again.ok()) << again.error().message;
    }
  }
  EXPECT_GT(failed, 10);
  EXPECT_THAT(Copies(), IsEmpty());
  Free();
}

}  // namespace
}  // namespace tenure
