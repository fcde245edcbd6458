// kill -9 at named places, with another process writing at the same time: afterwards every
// acknowledged transaction is there exactly once, with its LSN; nothing is there twice; the journal,
// its chain, the index and the state hash verify; and the index equals a rebuild.
//
// Every point must be reached in its scenario, or the test fails: a point that nobody passes proves
// nothing.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <ostream>
#include <set>
#include <sstream>

#include "store/recovery/verify.h"
#include "tenure/store.h"
#include "tests/support/child.h"
#include "tests/support/dump.h"
#include "tests/support/scratch.h"

namespace tenure {
namespace {

using testing::Child;
using testing::Dump;
using testing::Scratch;

constexpr int kTransactions = 700;  // 3 KiB each: segments of 1 MiB and 2 MiB fill up

struct Scenario {
  const char* point;
  int hit;  ///< Killed the n-th time it gets there.
};

void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.point << " at hit " << scenario.hit; }

std::string Name(const ::testing::TestParamInfo<Scenario>& info) {
  std::string name = info.param.point;
  for (char& c : name) {
    if (c == '.') c = '_';
  }
  return name + "_" + std::to_string(info.param.hit);
}

class Crash : public ::testing::TestWithParam<Scenario> {
 protected:
  Crash() {
    auto store = Store::Create(scratch_.path());
    EXPECT_TRUE(store.ok()) << store.error().message;
  }

  Child Start(const std::vector<std::string>& arguments, const std::string& fail_points = "") {
    std::vector<std::string> command{CRASH_WORKER, scratch_.path()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return Child(command, fail_points.empty() ? std::vector<std::string>{}
                                              : std::vector<std::string>{"TENURE_FAILPOINT=" + fail_points});
  }
  static std::string Kill(const Scenario& scenario) {
    return std::string(scenario.point) + "=kill@" + std::to_string(scenario.hit);
  }

  /// Collects what a worker was told.
  void Note(const std::string& output) {
    std::istringstream lines(output);
    std::string verb, id;
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      words >> verb >> id;
      ASSERT_NE(verb, "error") << line;
      Lsn lsn = 0;
      if (verb == "ack") {
        words >> lsn;
        // A retry is answered with the first receipt.
        const auto [it, fresh] = acknowledged_.emplace(id, lsn);
        EXPECT_EQ(it->second, lsn) << id << " was acknowledged with two LSNs";
        (void)fresh;
      }
    }
  }

  void CheckEverything() {
    auto store = Store::Open(scratch_.path());
    ASSERT_TRUE(store.ok()) << store.error().message;
    std::map<std::string, std::set<Lsn>> committed;
    Lsn expected = store->Stats()->oldest_log_lsn;
    const auto logged = store->Log(expected, 0, [&](const Event& event) {
      EXPECT_TRUE(event.lsn == expected || event.lsn + 1 == expected) << "LSNs are dense";
      if (event.lsn == expected) ++expected;
      if (!event.request_id.empty()) committed[event.request_id].insert(event.lsn);
      return true;
    });
    ASSERT_TRUE(logged.ok()) << logged.error().message;
    for (const auto& [id, lsns] : committed) EXPECT_EQ(lsns.size(), 1u) << id << " was applied twice";
    const Lsn oldest = store->Stats()->oldest_log_lsn;
    for (const auto& [id, lsn] : acknowledged_) {
      if (lsn < oldest) continue;  // compacted away; its state is in the checkpoint
      ASSERT_TRUE(committed.contains(id)) << id << " was acknowledged at LSN " << lsn << " and is gone";
      EXPECT_EQ(*committed[id].begin(), lsn) << id;
    }
    const std::string dump = Dump(*store);
    store = Error{};
    const recovery::Layout layout{scratch_ / ".tenure"};
    const auto report = recovery::Verify(base::Env::Posix(), layout, {});
    ASSERT_TRUE(report.ok()) << report.error().message;
    for (const Error& problem : report->problems) ADD_FAILURE() << problem.message;
    EXPECT_TRUE(report->state_hash_checked);
    std::filesystem::remove_all(layout.index());
    store = Store::Open(scratch_.path());
    ASSERT_TRUE(store.ok()) << store.error().message;
    EXPECT_EQ(Dump(*store), dump) << "the index equals a replay of the journal";
  }

  Scratch scratch_;
  std::map<std::string, Lsn> acknowledged_;
};

class CrashWhileWriting : public Crash {};

TEST_P(CrashWhileWriting, LosesNothing) {
  Child victim = Start({"a", "write", std::to_string(kTransactions)}, Kill(GetParam()));
  Child other = Start({"b", "write", std::to_string(kTransactions)});
  const auto died = victim.Wait();
  const auto lived = other.Wait();
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.err;
  ASSERT_EQ(lived.exit_code, 0) << lived.out << lived.err;
  Note(died.out);
  Note(lived.out);
  // The victim's client tries everything again: what was applied is answered, the rest is applied.
  Child again = Start({"a", "write", std::to_string(kTransactions)});
  const auto retried = again.Wait();
  ASSERT_EQ(retried.exit_code, 0) << retried.out << retried.err;
  Note(retried.out);
  EXPECT_EQ(acknowledged_.size(), 2u * kTransactions);
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashWhileWriting,
                         ::testing::Values(Scenario{"turn.claimed", 3}, Scenario{"turn.restamped", 50},
                                           Scenario{"turn.before_unlock", 20}, Scenario{"commit.decided", 1},
                                           Scenario{"commit.decided", 333}, Scenario{"commit.before_publish", 1},
                                           Scenario{"commit.before_publish", 400}, Scenario{"commit.after_publish", 2},
                                           Scenario{"journal.before_write", 17}, Scenario{"journal.mid_write", 1},
                                           Scenario{"journal.mid_write", 250}, Scenario{"journal.after_write", 99},
                                           Scenario{"journal.after_sync", 123}, Scenario{"apply.before", 2},
                                           Scenario{"apply.after", 2}, Scenario{"index.begin", 3},
                                           Scenario{"index.before_commit", 2}, Scenario{"index.after_commit", 2}),
                         Name);

class CrashWhileSwitching : public Crash {};

/// Alone, so that it is this process that meets the end of a segment.
TEST_P(CrashWhileSwitching, LosesNothing) {
  const auto died = Start({"a", "write", std::to_string(kTransactions)}, Kill(GetParam())).Wait();
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.err;
  Note(died.out);
  for (const char* writer : {"b", "a"}) {
    const auto done = Start({writer, "write", std::to_string(kTransactions)}).Wait();
    ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
    Note(done.out);
  }
  EXPECT_EQ(acknowledged_.size(), 2u * kTransactions);
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashWhileSwitching,
                         ::testing::Values(Scenario{"journal.before_seal", 1}, Scenario{"journal.after_seal", 1},
                                           Scenario{"segment.header_written", 1}, Scenario{"segment.header_synced", 1},
                                           Scenario{"segment.renamed", 1}),
                         Name);

class CrashInTakeover : public Crash {};

TEST_P(CrashInTakeover, TheNextOneTakesOver) {
  Child first = Start({"a", "write", "100"}, "journal.mid_write=kill@30");
  const auto died = first.Wait();
  ASSERT_TRUE(died.killed()) << died.err;
  Note(died.out);
  Child second = Start({"b", "write", "50"}, Kill(GetParam()));
  const auto also_died = second.Wait();
  ASSERT_TRUE(also_died.killed()) << "never reached " << GetParam().point << "\n" << also_died.err;
  Note(also_died.out);
  for (const char* writer : {"a", "b", "c"}) {
    const auto done = Start({writer, "write", "100"}).Wait();
    ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
    Note(done.out);
  }
  EXPECT_EQ(acknowledged_.size(), 300u);
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashInTakeover,
                         ::testing::Values(Scenario{"turn.claimed", 1}, Scenario{"turn.restamped", 1},
                                           Scenario{"takeover.before_segment", 1},
                                           Scenario{"segment.header_written", 1}, Scenario{"segment.header_synced", 1},
                                           Scenario{"segment.renamed", 1}, Scenario{"takeover.after_segment", 1},
                                           Scenario{"journal.before_write", 1}, Scenario{"journal.after_sync", 1},
                                           Scenario{"commit.after_publish", 1}),
                         Name);

class CrashAfterSharedMemoryWasLost : public Crash {};

TEST_P(CrashAfterSharedMemoryWasLost, TheNextOneRecovers) {
  const auto before = Start({"a", "write", "90"}, "commit.after_publish=kill@85").Wait();
  ASSERT_TRUE(before.killed()) << before.err;
  Note(before.out);
  std::filesystem::remove(scratch_ / ".tenure/ingest.shm");
  const auto died = Start({"b", "write", "10"}, Kill(GetParam())).Wait();
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.err;
  Note(died.out);
  for (const char* writer : {"a", "b"}) {
    const auto done = Start({writer, "write", "90"}).Wait();
    ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
    Note(done.out);
  }
  EXPECT_EQ(acknowledged_.size(), 180u);
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashAfterSharedMemoryWasLost,
                         ::testing::Values(Scenario{"shm.exclusive", 1}, Scenario{"recovery.before_segment", 1},
                                           Scenario{"recovery.after_segment", 1},
                                           Scenario{"recovery.frame_rewritten", 1}, Scenario{"shm.before_rename", 1},
                                           Scenario{"segment.renamed", 1}),
                         Name);

class CrashWhileRebuilding : public Crash {};

TEST_P(CrashWhileRebuilding, TheNextOneRebuilds) {
  const auto before = Start({"a", "write", "120"}).Wait();
  ASSERT_EQ(before.exit_code, 0) << before.out;
  Note(before.out);
  std::filesystem::remove_all(scratch_ / ".tenure/index");
  const auto died = Start({"b", "open"}, Kill(GetParam())).Wait();
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.err;
  const auto done = Start({"b", "write", "20"}).Wait();
  ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
  Note(done.out);
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashWhileRebuilding,
                         ::testing::Values(Scenario{"rebuild.before_publish", 1},
                                           Scenario{"generation.before_rename", 1},
                                           Scenario{"generation.after_rename", 1}, Scenario{"generation.current", 1}),
                         Name);

class CrashWhileCompacting : public Crash {};

TEST_P(CrashWhileCompacting, TheStateStays) {
  const auto before = Start({"a", "write", std::to_string(kTransactions)}).Wait();
  ASSERT_EQ(before.exit_code, 0) << before.out;
  Note(before.out);
  const auto died = Start({"b", "compact"}, Kill(GetParam())).Wait();
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.err;
  const auto done = Start({"b", "write", "20"}).Wait();
  ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
  Note(done.out);
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashWhileCompacting,
                         ::testing::Values(Scenario{"checkpoint.before_rename", 1},
                                           Scenario{"checkpoint.after_rename", 1}, Scenario{"index.checkpoint", 1},
                                           Scenario{"compact.published", 1}, Scenario{"compact.segment_removed", 1}),
                         Name);

}  // namespace
}  // namespace tenure
