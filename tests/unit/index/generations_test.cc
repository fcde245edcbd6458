#include "store/index/generations.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <utility>

#include "store/base/recording_env.h"
#include "tests/unit/index/index_testing.h"

namespace tenure::index {
namespace {

class Generations : public ::testing::Test {
 protected:
  std::string Build(Generator& generator, std::size_t txns) {
    const std::string path = BuildingPath(env_, dir_.path());
    auto writer = Must(IndexWriter::Create(path, kStoreId, {}));
    Must(writer->Apply(generator.Frames(txns)));
    return path;
  }
  std::string PathOf(const Generation& generation) const { return dir_ / GenerationFileName(generation); }
  void WriteCurrent(const std::string& text) const {
    std::ofstream(dir_ / "CURRENT", std::ios::trunc | std::ios::binary) << text;
  }
  std::optional<Generation> Current() { return Must(CurrentGeneration(env_, dir_.path())); }
  std::vector<std::string> Files() { return Must(env_.List(dir_.path())); }

  base::Env& env_ = base::Env::Posix();
  Scratch dir_;
};

TEST_F(Generations, NamesHaveOneSpelling) {
  const Generation generation{0xab, 12};
  EXPECT_EQ(GenerationFileName(generation), "00000000000000ab-12.db");
  EXPECT_EQ(ParseGenerationFileName("00000000000000ab-12.db"), generation);
  EXPECT_EQ(ParseGenerationFileName("ffffffffffffffff-18446744073709551615.db"), (Generation{~0ull, ~0ull}));
  for (const char* name : {"", ".db", "00000000000000ab-.db", "00000000000000ab-012.db", "00000000000000AB-12.db",
                           "ab-12.db", "00000000000000ab-12.db-wal", "00000000000000ab-12", "00000000000000ab-+1.db",
                           "00000000000000ab--1.db", "0x000000000000ab-12.db", "00000000000000ab_12.db",
                           "building-00.db", "00000000000000ab-18446744073709551616.db"}) {
    EXPECT_FALSE(ParseGenerationFileName(name).has_value()) << name;
  }
}

TEST_F(Generations, PublishedBuildsAreCompleteAndAlone) {
  Generator generator(21);
  const std::string building = Build(generator, 40);
  EXPECT_TRUE(Must(ListGenerations(env_, dir_.path())).empty()) << "a build is no generation";
  EXPECT_FALSE(Current().has_value());
  Must(Publish(env_, dir_.path(), building, {1, 0}));
  EXPECT_EQ(Current(), (Generation{1, 0}));
  EXPECT_EQ(Files(), (std::vector<std::string>{"0000000000000001-0.db", "CURRENT"}));
  ExpectSame(*Must(IndexReader::Open(PathOf({1, 0}), true)), generator.plain());
  auto writer = Must(IndexWriter::Open(PathOf({1, 0})));
  Must(writer->Apply(std::vector{generator.NextFrame(4)}));
  ExpectSame(*Must(IndexReader::Open(PathOf({1, 0}))), generator.plain());
}

TEST_F(Generations, PublishingAgainOrLateIsHarmless) {
  Generator generator(22);
  const std::string first = Build(generator, 5);
  Must(Publish(env_, dir_.path(), first, {1, 0}));
  Must(Publish(env_, dir_.path(), first, {1, 0}));
  EXPECT_EQ(Current(), (Generation{1, 0}));
  // Somebody went on while this publication of an older generation was held up.
  Generator other(23);
  Must(Publish(env_, dir_.path(), Build(other, 5), {3, 0}));
  Generator late(24);
  Must(Publish(env_, dir_.path(), Build(late, 5), {2, 7}));
  EXPECT_EQ(Current(), (Generation{3, 0}));
  // A name is never taken from another build.
  Generator same(25);
  const std::string rival = Build(same, 3);
  const Status taken = Publish(env_, dir_.path(), rival, {3, 0});
  ASSERT_FALSE(taken.ok());
  EXPECT_EQ(taken.error().code, ErrorCode::kExists);
  ExpectSame(*Must(IndexReader::Open(PathOf({3, 0}))), other.plain());
}

TEST_F(Generations, AnInterruptedPublicationIsTakenUp) {
  Generator generator(26);
  const std::string building = Build(generator, 5);
  Must(Publish(env_, dir_.path(), building, {1, 0}));
  std::filesystem::remove(dir_ / "CURRENT");  // as if it had stopped behind the rename
  EXPECT_EQ(Current(), (Generation{1, 0}));
  Must(Publish(env_, dir_.path(), building, {1, 0}));
  EXPECT_TRUE(std::filesystem::exists(dir_ / "CURRENT"));
}

TEST_F(Generations, WhatIsNoFinishedIndexIsNotPublished) {
  const std::string path = BuildingPath(env_, dir_.path());
  EXPECT_EQ(Publish(env_, dir_.path(), path, {1, 0}).error().code, ErrorCode::kNotFound);
  std::ofstream(path) << std::string(8192, 'x');
  EXPECT_EQ(Publish(env_, dir_.path(), path, {1, 0}).error().code, ErrorCode::kCorruption);
  const std::string half = BuildingPath(env_, dir_.path());
  {
    auto writer = Must(IndexWriter::Create(half, kStoreId, {}));
    Must(writer->ApplyBulk(std::vector{FrameOf({PutTxn(1, "a", "1")})}));
  }
  EXPECT_EQ(Publish(env_, dir_.path(), half, {1, 0}).error().code, ErrorCode::kCorruption);
  EXPECT_FALSE(Current().has_value());
}

TEST_F(Generations, TheBuildIsSyncedBeforeItIsNamedAndTheDirectoryBeforeCurrent) {
  base::RecordingEnv recording(env_);
  Generator generator(27);
  const std::string building = Build(generator, 5);
  Must(Publish(recording, dir_.path(), building, {1, 0}));
  using Kind = base::TraceStep::Kind;
  std::vector<std::string> steps;
  for (const base::TraceStep& step : recording.TakeTrace()) {
    if (step.kind == Kind::kSyncAll && step.path == building) steps.push_back("sync");
    if (step.kind == Kind::kRename && step.path == building) steps.push_back("rename");
    if (step.kind == Kind::kRename && step.to == dir_ / "CURRENT") steps.push_back("current");
    if (step.kind == Kind::kSyncDirectory) steps.push_back("directory");
  }
  EXPECT_EQ(steps, (std::vector<std::string>{"sync", "rename", "directory", "current", "directory"}));
}

TEST_F(Generations, AMissingOrSenselessCurrentMeansTheNewestCompleteOne) {
  for (const Generation& generation : {Generation{1, 0}, Generation{1, 10}, Generation{1, 9}}) {
    Generator generator(28);
    Must(Publish(env_, dir_.path(), Build(generator, 2), generation));
  }
  EXPECT_EQ(Current(), (Generation{1, 10}));
  EXPECT_EQ(Must(ListGenerations(env_, dir_.path())), (std::vector<Generation>{{1, 0}, {1, 9}, {1, 10}}));
  WriteCurrent("0000000000000001-9.db\n");
  EXPECT_EQ(Current(), (Generation{1, 9})) << "CURRENT decides when it names one that is there";
  for (const std::string& text :
       {std::string(), std::string("\n"), std::string("0000000000000001-11.db\n"), std::string("../elsewhere.db"),
        std::string("\0\xff\0", 3), std::string(9000, 'a'), std::string("0000000000000001-9.db\n\n")}) {
    WriteCurrent(text);
    EXPECT_EQ(Current(), (Generation{1, 10})) << text;
  }
  Build(*std::make_unique<Generator>(29), 2);
  std::ofstream(dir_ / "0000000000000009-0.db-wal");
  std::ofstream(dir_ / "0000000000000009-0.db.tmp");
  EXPECT_EQ(Current(), (Generation{1, 10})) << "builds and companions are no generations";
}

TEST_F(Generations, RemovingKeepsTheLiveOneAndWhatIsNewer) {
  for (const Generation& generation : {Generation{1, 0}, Generation{1, 1}, Generation{2, 0}}) {
    Generator generator(30);
    Must(Publish(env_, dir_.path(), Build(generator, 2), generation));
    Must(IndexWriter::Open(PathOf(generation)));  // leaves -wal and -shm
  }
  Generator generator(31);
  Build(generator, 2);  // abandoned, with its -wal and -shm
  std::ofstream(dir_ / "CURRENT.tmp-0011");
  std::ofstream(dir_ / "0000000000000000-4.db-wal");  // left by an interrupted removal
  std::ofstream(dir_ / "notes.txt");
  Must(RemoveOlder(env_, dir_.path(), {1, 1}));
  Must(RemoveLeftovers(env_, dir_.path()));
  EXPECT_EQ(Files(),
            (std::vector<std::string>{"0000000000000001-1.db", "0000000000000001-1.db-shm", "0000000000000001-1.db-wal",
                                      "0000000000000002-0.db", "0000000000000002-0.db-shm", "0000000000000002-0.db-wal",
                                      "CURRENT", "notes.txt"}));
  Must(RemoveOlder(env_, dir_.path(), {1, 1}));
}

/// Something that happens when SQLite has opened a database by its name, and has not read it yet.
class WhenOpened {
 public:
  explicit WhenOpened(std::function<void()> action) {
    action_ = std::move(action);
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(&Opened));
  }
  ~WhenOpened() { sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(&Opened)); }
  WhenOpened(const WhenOpened&) = delete;
  WhenOpened& operator=(const WhenOpened&) = delete;

 private:
  static int Opened(sqlite3*, char**, const struct sqlite3_api_routines*) {
    if (const auto once = std::exchange(action_, {})) once();
    return SQLITE_OK;
  }
  static inline std::function<void()> action_;
};

/// Without its WAL a database is older than it was, or damaged: neither may be read, or written.
TEST_F(Generations, OneThatIsRemovedWhileItIsOpenedIsNotThere) {
  const auto open = [&](bool to_write, const Generation& generation) -> ErrorCode {
    if (to_write) {
      const auto writer = IndexWriter::Open(PathOf(generation));
      return writer.ok() ? ErrorCode::kInternal : writer.error().code;
    }
    const auto reader = IndexReader::Open(PathOf(generation));
    return reader.ok() ? ErrorCode::kInternal : reader.error().code;
  };
  for (const bool to_write : {false, true}) {
    for (const bool damaged : {false, true}) {
      Generator generator(32);
      Must(Publish(env_, dir_.path(), Build(generator, 4), {1, 1}));
      const auto plain = generator.plain();
      auto before = Must(IndexReader::Open(PathOf({1, 1})));
      WhenOpened removal([&] {
        Must(RemoveOlder(env_, dir_.path(), {1, 2}));
        // What a checkpoint that was not finished leaves in the database cannot be read without the WAL.
        if (damaged)
          std::ofstream(PathOf({1, 1}) + "-wal") << "not a WAL at all, and longer than its header of 32 bytes";
      });
      EXPECT_EQ(open(to_write, {1, 1}), ErrorCode::kNotFound);
      ExpectSame(*before, plain);
      before.reset();
      Must(RemoveOlder(env_, dir_.path(), {1, 2}));
      EXPECT_EQ(Files(), (std::vector<std::string>{"CURRENT"})) << "nor does anything of it stay";
    }
  }
}

}  // namespace
}  // namespace tenure::index
