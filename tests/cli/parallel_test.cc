// Real processes at once on one store: nothing is lost, nothing is counted twice.
#include <algorithm>
#include <memory>
#include <set>

#include "tests/cli/fixture.h"

namespace tenure::testing {
namespace {

constexpr int kProcesses = 16;

class Parallel : public StoreTest {};

TEST_F(Parallel, SixteenPutsLoseNothing) {
  std::vector<std::unique_ptr<Child>> children;
  for (int i = 0; i < kProcesses; ++i) {
    children.push_back(std::make_unique<Child>(Command({"put", "app:" + std::to_string(i), "--json"})));
  }
  std::set<int> lsns;
  for (const auto& child : children) {
    const Finished finished = child->Wait();
    ASSERT_EQ(finished.status, 0) << finished.err;
    lsns.insert(ParseJson(finished.out)["lsn"].get<int>());
  }
  EXPECT_EQ(lsns.size(), std::size_t{kProcesses});
  EXPECT_EQ(*lsns.begin(), 1);
  EXPECT_EQ(*lsns.rbegin(), kProcesses);
  EXPECT_EQ(OkJson({"list"}).size(), std::size_t{kProcesses});
  Ok({"verify", "--deep"});
}

// Each writer adds its increments by compare-and-set: reads the revision, puts on that condition, and
// starts over when another one was faster. The driver keeps one attempt per writer under way.
TEST_F(Parallel, IncrementsOfOneKeyAreExact) {
  constexpr int kIncrements = 4;
  Ok({"put", "counter:1", "--set", "n=0"});
  struct Writer {
    std::unique_ptr<Child> attempt;
    int done = 0;
  };
  std::vector<Writer> writers(kProcesses);
  int conflicts = 0;
  const auto start = [this](Writer& writer, int revision) {
    writer.attempt = std::make_unique<Child>(Command({"put", "counter:1", "--set", "n=" + std::to_string(revision),
                                                      "--if-revision", std::to_string(revision), "--json"}));
  };
  const auto busy = [&] {
    return std::any_of(writers.begin(), writers.end(), [](const Writer& w) { return w.done < kIncrements; });
  };
  while (busy()) {
    const int seen = OkJson({"get", "counter:1"})["revision"];
    for (Writer& writer : writers) {
      if (writer.done < kIncrements) start(writer, seen);
    }
    int won = 0;
    for (Writer& writer : writers) {
      if (!writer.attempt) continue;
      const Finished finished = writer.attempt->Wait();
      writer.attempt.reset();
      if (finished.status == 0) {
        ++won;
        ++writer.done;
        EXPECT_EQ(ParseJson(finished.out)["revision"], seen + 1);
      } else {
        ++conflicts;
        ASSERT_EQ(finished.status, 5) << finished.err;
        ASSERT_EQ(ErrorOf(finished)["code"], "revision_mismatch");
      }
    }
    ASSERT_EQ(won, 1);
  }
  const Json entry = OkJson({"get", "counter:1"});
  EXPECT_EQ(entry["revision"], kProcesses * kIncrements + 1);
  EXPECT_EQ(entry["annotations"]["n"], kProcesses * kIncrements);
  EXPECT_GT(conflicts, 0);
}

TEST_F(Parallel, PipelinesOfSeveralProcessesInterleave) {
  constexpr int kLines = 400;
  std::vector<std::unique_ptr<Child>> children;
  for (int p = 0; p < 4; ++p) {
    std::string input;
    for (int i = 0; i < kLines; ++i) {
      input += R"({"op":"put","name":"p)" + std::to_string(p) + "/" + std::to_string(i) + R"(","version":"1"})" + "\n";
    }
    WriteFile(dir() + "/ops" + std::to_string(p), input);
    children.push_back(std::make_unique<Child>(Command({"apply", "--each", "ops" + std::to_string(p)})));
  }
  std::set<int> lsns;
  for (const auto& child : children) {
    const Finished finished = child->Wait();
    ASSERT_EQ(finished.status, 0) << finished.err;
    int last = 0;
    for (const Json& line : ParseLines(finished.out)) {
      const int lsn = line["lsn"];
      EXPECT_GT(lsn, last);  // one writer's lines commit in their order
      last = lsn;
      EXPECT_TRUE(lsns.insert(lsn).second);
    }
  }
  EXPECT_EQ(lsns.size(), std::size_t{4 * kLines});
  EXPECT_EQ(*lsns.rbegin(), 4 * kLines);  // dense
  Ok({"verify"});
}

TEST_F(Parallel, AKilledWriterBlocksNobody) {
  Child victim(Command({"apply", "--each"}));
  victim.Write("{\"op\":\"put\",\"name\":\"v\",\"version\":\"1\"}\n");
  EXPECT_EQ(ParseJson(victim.ReadLine())["ok"], true);
  victim.Signal(SIGKILL);
  EXPECT_EQ(victim.Wait().status, -SIGKILL);
  EXPECT_EQ(OkJson({"put", "w:1"})["lsn"], 2);
  EXPECT_EQ(OkJson({"get", "v:1"})["revision"], 1);
  Ok({"verify", "--deep"});
}

}  // namespace
}  // namespace tenure::testing
