// Batches that are decided while others are flushed, with faults of the disk in between: every operation has one
// outcome, and what was acknowledged is there, once.
#include "store/store_impl.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "store/base/error.h"
#include "tests/unit/store/one_store.h"

namespace tenure {
namespace {

using Kind = base::TraceStep::Kind;

bool IsFrame(Kind kind, const std::string& path) { return path.ends_with(".seg") && kind == Kind::kSyncData; }

/// For as long as the disk refuses a takeover, it is tried again every few milliseconds, and said every five seconds.
TEST(NobodyCanCommit, IsNotSaidAtEveryTry) {
  const testing::Scratch scratch;
  testing::RecordedEnv env;
  std::atomic<int> said{0}, tried{0};
  OpenOptions options;
  options.env = &env;
  options.commit_ttl_ms = 20;
  options.log = [&](const char*, const std::string& message) {
    if (message.starts_with("taking over the commit lease failed")) ++said;
  };
  auto store = Store::Create(scratch.path(), {}, options);
  ASSERT_TRUE(store.ok()) << store.error().message;
  env.SetFaultPlan([&](std::uint64_t, Kind kind, const std::string& path) -> Status {
    const bool journal = path.find("/journal") != std::string::npos;
    if (!journal || kind == Kind::kRead) return {};
    if (kind == Kind::kSyncDirectory) ++tried;
    return base::MakeError(ErrorCode::kReadOnly, path + ": injected by the test");
  });
  const std::uint64_t began_ns = env.MonotonicNs();
  Transaction txn;
  txn.Put({.name = "a", .version = "1"});
  auto ticket = store->Submit(txn);
  while (tried < 10) std::this_thread::yield();
  EXPECT_GE(said, 1);
  EXPECT_LE(static_cast<std::uint64_t>(said), 1 + (env.MonotonicNs() - began_ns) / 5'000'000'000);
  env.SetFaultPlan({});
  if (ticket.ok()) (void)ticket->Wait();
}

class PipelineTest : public testing::OneStore<testing::RecordedEnv> {
 protected:
  PipelineTest() {
    background_ = true;
    Reopen();
  }

  /// Frames are full after a few of them, so that the flusher writes while the next one is gathered.
  static Transaction LargePut(const std::string& name, int i) {
    Transaction txn;
    PutSpec spec;
    spec.name = name;
    spec.version = std::to_string(i);
    spec.annotations = "{\"n\":\"" + std::string(40'000, static_cast<char>('a' + i % 26)) + "\"}";
    txn.Put(spec);
    return txn;
  }

  struct Told {
    std::map<std::string, Lsn> acknowledged;  // by reference
    int rejected = 0;
    int unknown = 0;
  };
  /// Writers with many operations outstanding each.
  Told RunWriters(int writers, int each) {
    std::vector<Told> told(writers);
    std::vector<std::thread> threads;
    for (int w = 0; w < writers; ++w) {
      threads.emplace_back([&, w] {
        std::vector<std::pair<std::string, Ticket>> tickets;
        const std::string name = "w" + std::to_string(w);
        for (int i = 0; i < each; ++i) {
          auto ticket = store().Submit(LargePut(name, i));
          ASSERT_TRUE(ticket.ok()) << ticket.error().message;
          tickets.emplace_back(name + ":" + std::to_string(i), std::move(ticket).value());
        }
        for (auto& [reference, ticket] : tickets) {
          const auto receipt = ticket.Wait();
          if (receipt.ok()) {
            told[w].acknowledged[reference] = receipt->lsn;
          } else if (receipt.error().code == ErrorCode::kOutcomeUnknown || receipt.error().code == ErrorCode::kIo) {
            ++told[w].unknown;
          } else {
            EXPECT_EQ(receipt.error().code, ErrorCode::kNoSpace) << receipt.error().message;
            ++told[w].rejected;
          }
        }
      });
    }
    for (auto& thread : threads) thread.join();
    Told all;
    for (const Told& mine : told) {
      all.acknowledged.insert(mine.acknowledged.begin(), mine.acknowledged.end());
      all.rejected += mine.rejected;
      all.unknown += mine.unknown;
    }
    return all;
  }

  void ExpectThere(const Told& told) {
    for (const auto& [reference, lsn] : told.acknowledged) {
      const auto entry = store().Get(reference);
      ASSERT_TRUE(entry.ok()) << reference << ": " << entry.error().message;
      EXPECT_EQ(entry->lsn, lsn) << reference;
      EXPECT_EQ(entry->revision, 1u) << reference << " was applied twice";
    }
  }
};

TEST_F(PipelineTest, ManyOutstandingAreAllCommittedInOrder) {
  std::atomic<int> flushes{0};
  env_.SetFaultPlan([&](std::uint64_t, Kind kind, const std::string& path) -> Status {
    flushes += IsFrame(kind, path) ? 1 : 0;
    return {};
  });
  const Told told = RunWriters(4, 60);
  env_.SetFaultPlan({});  // the background thread outlives what it refers to
  EXPECT_EQ(told.acknowledged.size(), 240u);
  EXPECT_GE(flushes.load(), 5) << "of a frame each";
  std::map<std::string, Lsn> last;
  for (int w = 0; w < 4; ++w) {
    for (int i = 1; i < 60; ++i) {
      const std::string name = "w" + std::to_string(w) + ":";
      ASSERT_LT(told.acknowledged.at(name + std::to_string(i - 1)), told.acknowledged.at(name + std::to_string(i)));
    }
  }
  ExpectThere(told);
}

TEST_F(PipelineTest, AFailedSyncVoidsWhatWasDecidedBehindIt) {
  std::atomic<int> flushes{0};
  env_.SetFaultPlan([&](std::uint64_t, Kind kind, const std::string& path) -> Status {
    if (!IsFrame(kind, path)) return {};
    const int now = ++flushes;
    return now == 3 || now == 6 ? base::MakeError(ErrorCode::kIo, path + ": injected by the test") : Status();
  });
  const Told told = RunWriters(4, 60);
  EXPECT_GE(flushes.load(), 7) << "it went on after both";
  // Through lanes nothing is lost: whoever takes over commits it.
  EXPECT_EQ(told.acknowledged.size(), 240u);
  EXPECT_EQ(told.unknown, 0);
  env_.SetFaultPlan({});
  Reopen();
  ExpectThere(told);
}

TEST_F(PipelineTest, AFullDiskFailsOneBatchAndVoidsWhatWasDecidedBehindIt) {
  std::atomic<int> full{0};
  env_.SetFaultPlan([&](std::uint64_t, Kind kind, const std::string& path) -> Status {
    // Segments of 1 MiB and more are made as the writers go on: some of them find no space.
    const bool makes = kind == Kind::kAllocate && path.find("/journal/") != std::string::npos;
    if (!makes || full.load() >= 3) return {};
    ++full;
    return base::MakeError(ErrorCode::kNoSpace, path + ": injected by the test");
  });
  const Told told = RunWriters(4, 60);
  EXPECT_EQ(static_cast<int>(told.acknowledged.size()) + told.rejected, 240);
  EXPECT_GT(told.acknowledged.size(), 100u);
  env_.SetFaultPlan({});
  Reopen();
  ExpectThere(told);
  const auto stats = store().List();
  ASSERT_TRUE(stats.ok());
  EXPECT_EQ(stats->size(), told.acknowledged.size()) << "what was rejected is not there";
}

TEST_F(PipelineTest, AStoreThatIsClosedCommitsWhatIsOnItsWay) {
  std::vector<Ticket> tickets;
  for (int i = 0; i < 200; ++i) {
    auto ticket = store().Submit(LargePut("closing", i));
    ASSERT_TRUE(ticket.ok()) << ticket.error().message;
    tickets.push_back(std::move(ticket).value());
  }
  tickets.clear();
  Reopen();
  EXPECT_EQ(store().List()->size(), 200u);
}

}  // namespace
}  // namespace tenure
