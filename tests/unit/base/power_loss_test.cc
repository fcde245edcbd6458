// Traces whose possible outcomes are known: over many seeds exactly those must come out.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "base_testing.h"
#include "store/base/error.h"
#include "store/base/recording_env.h"

namespace tenure::base {
namespace {

using StepKind = TraceStep::Kind;
using Outcomes = std::set<std::string>;
constexpr std::uint64_t kSeeds = 120;

/// Builds a trace as a test writes it down. Everything is below /s.
class Script {
 public:
  Script& Create(const std::string& name) { return Add(StepKind::kCreate, name); }
  Script& Write(const std::string& name, std::uint64_t offset, const std::string& data) {
    Add(StepKind::kWrite, name).trace_.back().offset = offset;
    trace_.back().data = BytesOf(data);
    return *this;
  }
  Script& Truncate(const std::string& name, std::uint64_t size) { return Sized(StepKind::kTruncate, name, size); }
  Script& Allocate(const std::string& name, std::uint64_t size) { return Sized(StepKind::kAllocate, name, size); }
  Script& SyncData(const std::string& name) { return Add(StepKind::kSyncData, name); }
  Script& SyncAll(const std::string& name) { return Add(StepKind::kSyncAll, name); }
  Script& SyncFailed(const std::string& name) { return Add(StepKind::kSyncFailed, name); }
  Script& Rename(const std::string& from, const std::string& to) {
    Add(StepKind::kRename, from).trace_.back().to = "/s/" + to;
    return *this;
  }
  Script& Remove(const std::string& name) { return Add(StepKind::kRemove, name); }
  Script& MakeDirectory(const std::string& name) { return Add(StepKind::kMakeDirectory, name); }
  Script& SyncDirectory(const std::string& name) { return Add(StepKind::kSyncDirectory, name); }
  /// Makes `name` durable with `content`.
  Script& Durable(const std::string& name, const std::string& content) {
    return Create(name).Write(name, 0, content).SyncAll(name).SyncDirectory("");
  }
  const Trace& trace() const { return trace_; }

 private:
  Script& Add(StepKind kind, const std::string& name) {
    TraceStep step;
    step.kind = kind;
    step.path = name.empty() ? "/s" : "/s/" + name;
    trace_.push_back(step);
    return *this;
  }
  Script& Sized(StepKind kind, const std::string& name, std::uint64_t size) {
    Add(kind, name).trace_.back().offset = size;
    return *this;
  }
  Trace trace_;
};

/// "name=content name=content", directories as "name/"; runs of a letter as letter and count.
std::string Describe(Env& env, const std::string& dir, const std::string& prefix = "") {
  std::string text;
  const std::vector<std::string> names = *env.List(dir);
  for (const std::string& name : names) {
    const std::string path = dir + "/" + name;
    if (!text.empty()) text += " ";
    if (env.List(path).ok()) {
      text += prefix + name + "/";
      const std::string below = Describe(env, path, prefix + name + "/");
      if (!below.empty()) text += " " + below;
      continue;
    }
    text += prefix + name + "=";
    const Bytes content = *ReadFile(env, path);
    for (std::size_t i = 0; i < content.size();) {
      std::size_t end = i;
      while (end < content.size() && content[end] == content[i]) ++end;
      const char c = static_cast<char>(content[i]);
      text += (c == 0 ? '0' : c) + std::to_string(end - i);
      i = end;
    }
  }
  return text;
}

class PowerLossTest : public ::testing::Test {
 protected:
  Result<std::uint64_t> Rebuild(const Trace& trace, const std::string& source, const PowerLoss& loss,
                                std::string* out) {
    EXPECT_TRUE(env_.RemoveAll(dir_ / "t").ok());
    auto hash = RebuildAfterPowerLoss(env_, trace, source, dir_ / "t", loss);
    if (hash.ok()) *out = Describe(env_, dir_ / "t");
    return hash;
  }
  Outcomes OutcomesOf(const Trace& trace, std::size_t steps, const std::string& source = "/s") {
    Outcomes seen;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      std::string outcome;
      const auto hash = Rebuild(trace, source, {steps, seed, 512}, &outcome);
      EXPECT_TRUE(hash.ok()) << (hash.ok() ? "" : hash.error().message) << " seed " << seed;
      if (!hash.ok()) break;
      seen.insert(outcome);
    }
    return seen;
  }
  Outcomes OutcomesOf(const Script& script) { return OutcomesOf(script.trace(), script.trace().size()); }

  Env& env_ = Env::Posix();
  TempDir dir_;
};

TEST_F(PowerLossTest, SyncedContentStaysAndALaterWriteMay) {
  const Script script = Script().Durable("a", "xxxx").Write("a", 4, "yyyy");
  // The last: the size had grown, its data had not arrived.
  EXPECT_EQ(OutcomesOf(script), (Outcomes{"a=x4", "a=x4y4", "a=x404"}));
}

TEST_F(PowerLossTest, OverwrittenInPlaceIsOldOrNew) {
  EXPECT_EQ(OutcomesOf(Script().Durable("a", "xxxx").Write("a", 1, "yy")), (Outcomes{"a=x4", "a=x1y2x1"}));
}

TEST_F(PowerLossTest, ANameNeedsItsDirectorySynced) {
  const Script script = Script().Create("a").Write("a", 0, "xx").SyncAll("a");
  EXPECT_EQ(OutcomesOf(script), (Outcomes{"", "a=x2"}));
  EXPECT_EQ(OutcomesOf(Script(script).SyncDirectory("")), (Outcomes{"a=x2"}));
}

TEST_F(PowerLossTest, ANamedFileMayLackItsContent) {
  EXPECT_EQ(OutcomesOf(Script().Create("a").SyncDirectory("").Write("a", 0, "xx")), (Outcomes{"a=", "a=x2", "a=02"}));
}

TEST_F(PowerLossTest, LossAfterFewerSteps) {
  const Script script = Script().Durable("a", "xx").Durable("b", "yy");
  EXPECT_EQ(OutcomesOf(script.trace(), 4), (Outcomes{"a=x2"}));
  EXPECT_EQ(OutcomesOf(script.trace(), 0), (Outcomes{""}));
}

TEST_F(PowerLossTest, WritesAreTornAtUnitsOfTheFile) {
  // Offset 500 to 1100 touches the units [0,512), [512,1024), [1024,1536).
  const Script script = Script().Durable("a", std::string(2000, 'x')).Write("a", 500, std::string(600, 'y'));
  EXPECT_EQ(OutcomesOf(script),
            (Outcomes{"a=x2000", "a=x500y600x900", "a=x500y12x1488", "a=x512y512x976", "a=x1024y76x900",
                      "a=x500y524x976", "a=x500y12x512y76x900", "a=x512y588x900"}));
}

TEST_F(PowerLossTest, IndependentWritesAreReordered) {
  const Script script = Script().Durable("a", std::string(1024, 'x')).Write("a", 0, "y").Write("a", 600, "z");
  EXPECT_EQ(OutcomesOf(script), (Outcomes{"a=x1024", "a=y1x1023", "a=x600z1x423", "a=y1x599z1x423"}));
}

TEST_F(PowerLossTest, AUnitIsAsItOnceWas) {
  // Both writes are in one unit, so the later one is never there without the earlier.
  EXPECT_EQ(OutcomesOf(Script().Durable("a", "xxxx").Write("a", 0, "y").Write("a", 2, "z")),
            (Outcomes{"a=x4", "a=y1x3", "a=y1x1z1x1"}));
}

TEST_F(PowerLossTest, SyncDataCoversGrowthButNotShrinking) {
  const Script grown = Script().Durable("a", "xx").Allocate("a", 5);
  EXPECT_EQ(OutcomesOf(grown), (Outcomes{"a=x2", "a=x203"}));
  EXPECT_EQ(OutcomesOf(Script(grown).SyncData("a")), (Outcomes{"a=x203"}));
  const Script shrunk = Script().Durable("a", "xxxx").Truncate("a", 1).Write("a", 1, "y").SyncData("a");
  EXPECT_EQ(OutcomesOf(shrunk), (Outcomes{"a=x1y1", "a=x1y1x2"}));
  EXPECT_EQ(OutcomesOf(Script(shrunk).SyncAll("a")), (Outcomes{"a=x1y1"}));
}

TEST_F(PowerLossTest, WhatAFailedSyncShouldHaveCoveredStaysUncertain) {
  const Script failed = Script().Durable("a", std::string(1024, 'x')).Write("a", 0, "y").SyncFailed("a");
  const Script later = Script(failed).Write("a", 512, "z").SyncAll("a");
  EXPECT_EQ(OutcomesOf(later), (Outcomes{"a=x512z1x511", "a=y1x511z1x511"}));
  EXPECT_EQ(OutcomesOf(Script(failed).Write("a", 0, "w").SyncAll("a")), (Outcomes{"a=w1x1023"}));
}

TEST_F(PowerLossTest, ARenameIsAtomic) {
  const Script script = Script().Durable("a", "xx").Durable("b", "yy").Rename("b", "a");
  EXPECT_EQ(OutcomesOf(script), (Outcomes{"a=x2 b=y2", "a=y2"}));
  EXPECT_EQ(OutcomesOf(Script(script).SyncDirectory("")), (Outcomes{"a=y2"}));
}

TEST_F(PowerLossTest, ARenamedFileKeepsItsContentsState) {
  // Synced under the old name; the write through the new one is not.
  const Script script =
      Script().Durable("spare", "xx").Rename("spare", "1.seg").SyncDirectory("").Write("1.seg", 0, "y");
  EXPECT_EQ(OutcomesOf(script), (Outcomes{"1.seg=x2", "1.seg=y1x1"}));
}

TEST_F(PowerLossTest, ANumberedFileIsFollowedWhateverItsName) {
  Trace trace = Script()
                    .Create("spare")
                    .SyncDirectory("")
                    .Rename("spare", "1.seg")
                    .Create("spare")
                    .Write("spare", 0, "x")
                    .SyncAll("spare")
                    .SyncDirectory("")
                    .trace();
  trace[0].file = 1;
  trace[3].file = 2;
  trace[4].file = trace[5].file = 1;  // written through a handle that was opened under the old name
  EXPECT_EQ(OutcomesOf(trace, trace.size()), (Outcomes{"1.seg=x1 spare="}));
}

TEST_F(PowerLossTest, AnUnsyncedRenameOfAnUnsyncedFile) {
  const Script script = Script().Create("tmp").Write("tmp", 0, "x").SyncAll("tmp").Rename("tmp", "a");
  EXPECT_EQ(OutcomesOf(script), (Outcomes{"", "tmp=x1", "a=x1"}));
}

TEST_F(PowerLossTest, AFileHasOneNameAtATime) {
  const Script script = Script().Durable("a", "x").Rename("a", "b").Rename("b", "c");
  EXPECT_EQ(OutcomesOf(script), (Outcomes{"a=x1", "b=x1", "c=x1"}));
}

TEST_F(PowerLossTest, ANameUsedAnewHadBeenFreed) {
  // "a" durable, renamed, its name reused: whatever happens, the first file is never lost.
  const Script script = Script().Durable("a", "x").Rename("a", "b").Create("a");
  EXPECT_EQ(OutcomesOf(script), (Outcomes{"a=x1", "b=x1", "a= b=x1"}));
}

TEST_F(PowerLossTest, RemovalsNeedASyncToo) {
  const Script script = Script().Durable("a", "x").Durable("b", "y").Remove("a").Remove("b");
  EXPECT_EQ(OutcomesOf(script), (Outcomes{"", "a=x1", "b=y1", "a=x1 b=y1"}));
  EXPECT_EQ(OutcomesOf(Script(script).SyncDirectory("")), (Outcomes{""}));
}

TEST_F(PowerLossTest, ADirectoryNeedsItsParentSynced) {
  const Script script = Script().MakeDirectory("d").Create("d/a").SyncDirectory("d");
  EXPECT_EQ(OutcomesOf(script), (Outcomes{"", "d/ d/a="}));
  EXPECT_EQ(OutcomesOf(Script(script).SyncDirectory("")), (Outcomes{"d/ d/a="}));
  EXPECT_EQ(OutcomesOf(Script().MakeDirectory("d").Create("d/a").SyncDirectory("")), (Outcomes{"d/", "d/ d/a="}));
}

TEST_F(PowerLossTest, ARenameBetweenDirectoriesIsSettledByTheTarget) {
  const Script moved = Script().MakeDirectory("d").SyncDirectory("").Durable("a", "x").Rename("a", "d/a");
  EXPECT_EQ(OutcomesOf(Script(moved).SyncDirectory("")), (Outcomes{"a=x1 d/", "d/ d/a=x1"}));
  EXPECT_EQ(OutcomesOf(Script(moved).SyncDirectory("d")), (Outcomes{"d/ d/a=x1"}));
  EXPECT_EQ(OutcomesOf(Script(moved).Create("a").SyncDirectory("")), (Outcomes{"a= d/ d/a=x1"}));
}

TEST_F(PowerLossTest, RefusesWhatItCannotReplay) {
  std::string outcome;
  const auto code = [&](const Script& script, const PowerLoss& loss) {
    const auto hash = Rebuild(script.trace(), "/s", loss, &outcome);
    EXPECT_FALSE(hash.ok());
    return hash.ok() ? ErrorCode::kInternal : hash.error().code;
  };
  EXPECT_EQ(code(Script().Write("a", 0, "x"), {1, 0, 512}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(Script().Rename("a", "b"), {1, 0, 512}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(Script().Create("a").Create("a"), {2, 0, 512}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(Script().Create("a"), {2, 0, 512}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(Script().Create("a"), {1, 0, 0}), ErrorCode::kInvalidArgument);
  ASSERT_TRUE(WriteFileDurably(env_, dir_ / "occupied", AsBytes("x")).ok());
  EXPECT_EQ(RebuildAfterPowerLoss(env_, {}, "/s", dir_.path(), {}).error().code, ErrorCode::kExists);
}

TEST_F(PowerLossTest, AnEarlierDirectoryAndOtherFilesNeedNoSteps) {
  Trace trace = Script().Create("journal/1.seg").SyncDirectory("journal").trace();
  TraceStep elsewhere;
  elsewhere.kind = StepKind::kWrite;
  elsewhere.path = "/something/else";
  trace.push_back(elsewhere);
  EXPECT_EQ(OutcomesOf(trace, trace.size()), (Outcomes{"journal/ journal/1.seg="}));
}

TEST_F(PowerLossTest, EqualSeedsEqualOutcomesAndOthersDiffer) {
  Script script;
  for (int i = 0; i < 20; ++i) {
    const std::string name(1, static_cast<char>('a' + i));
    script.Create(name).Write(name, 0, std::string(2000, 'x'));
  }
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    std::string first;
    std::string second;
    const auto hash = Rebuild(script.trace(), "/s", {40, seed, 512}, &first);
    const auto again = Rebuild(script.trace(), "/s", {40, seed, 512}, &second);
    EXPECT_EQ(*hash, *again);
    EXPECT_EQ(first, second);
    hashes.insert(*hash);
  }
  EXPECT_GE(hashes.size(), 10u) << "a few seeds keep or drop everything; the rest must differ";
}

TEST_F(PowerLossTest, WriteFileDurablyIsAtomicAtEveryStep) {
  ASSERT_TRUE(env_.CreateDirectory(dir_ / "s").ok());
  RecordingEnv recording(env_);
  ASSERT_TRUE(WriteFileDurably(recording, dir_ / "s/a", AsBytes("xxx")).ok());
  recording.Mark("ack x");
  ASSERT_TRUE(WriteFileDurably(recording, dir_ / "s/a", AsBytes("yyyy")).ok());
  recording.Mark("ack y");
  const Trace trace = recording.TakeTrace();
  std::set<std::string> allowed = {"<none>", "xxx"};
  for (std::size_t steps = 0; steps <= trace.size(); ++steps) {
    if (steps > 0 && trace[steps - 1].path == "ack x") allowed = {"xxx", "yyyy"};
    if (steps > 0 && trace[steps - 1].path == "ack y") allowed = {"yyyy"};
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      ASSERT_TRUE(env_.RemoveAll(dir_ / "t").ok());
      ASSERT_TRUE(RebuildAfterPowerLoss(env_, trace, dir_ / "s", dir_ / "t", {steps, seed, 512}).ok());
      const auto content = ReadFile(env_, dir_ / "t/a");
      const std::string text = content.ok() ? std::string(AsText(*content)) : "<none>";
      EXPECT_EQ(allowed.count(text), 1u) << text << " after " << steps << " steps, seed " << seed;
    }
  }
}

// Appends with syncs in between: the synced prefix is always there, byte for byte, and no byte is ever
// anything but what was written there, or a zero that a lost write left.
RC_GTEST_FIXTURE_PROP(PowerLossTest, SyncedPrefixSurvives,
                      (const std::vector<std::uint16_t>& sizes, std::uint64_t seed)) {
  Script script = Script().Durable("a", "");
  std::string written;
  std::size_t synced = 0;
  for (const std::uint16_t size : sizes) {
    if (size % 4 == 0) {
      script.SyncData("a");
      synced = written.size();
      continue;
    }
    const std::string piece(size % 3000, static_cast<char>('a' + size % 26));
    script.Write("a", written.size(), piece);
    written += piece;
  }
  RC_ASSERT(env_.RemoveAll(dir_ / "t").ok());
  RC_ASSERT(RebuildAfterPowerLoss(env_, script.trace(), "/s", dir_ / "t", {script.trace().size(), seed, 512}).ok());
  const Bytes content = *ReadFile(env_, dir_ / "t/a");
  RC_ASSERT(content.size() >= synced);
  RC_ASSERT(content.size() <= written.size());
  for (std::size_t i = 0; i < content.size(); ++i) {
    const char c = static_cast<char>(content[i]);
    RC_ASSERT(c == written[i] || (i >= synced && c == 0));
  }
}

}  // namespace
}  // namespace tenure::base
