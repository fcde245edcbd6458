// Allocation number n of a short life of a store fails, for n = 1, 2, …: once; with the 49 behind it; and with several
// writers and the library's threads at work, where the same n is another allocation in every run.
//
//   TENURE_ALLOC_ALL=1         every index instead of the check run's selection
//   TENURE_ALLOC_FROM=1000     from there on
//   TENURE_ALLOC_ONLY=17       this one; a failure prints it
//
// A program of its own: it has its own operator new.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>

#include "store/model/json_memory.h"
#include "store/store_impl.h"
#include "tenure/store.h"
#include "tests/sim/alloc_life.h"
#include "tests/sim/sim_scratch.h"

namespace tenure::sim {
namespace {

/// Nobody waits for the time to live of AllocLife: whoever has no memory says so at once.
constexpr std::int64_t kSlowMs = 10'000;
constexpr unsigned kHangSeconds = 120;

std::uint64_t index_now = 0;

void Die(const char* what) {
  char text[160];
  const int length = std::snprintf(text, sizeof text, "%s: TENURE_ALLOC_ONLY=%llu\n", what,
                                   static_cast<unsigned long long>(index_now));
  (void)!::write(2, text, static_cast<std::size_t>(length));
  std::abort();
}

struct Selection {
  std::uint64_t span = 1;  ///< So many in a row fail.
  bool crowd = false;
  std::uint64_t first = 0;   ///< Every index up to here,
  std::uint64_t spread = 0;  ///< and so many over the rest.
};

class AllocFault : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    CountSqliteMemory();
    std::set_terminate([] { Die("terminated by an exception"); });
    std::signal(SIGALRM, [](int) { Die("nothing moves any more"); });
  }

  /// Returns how many allocations there were.
  std::uint64_t LiveWith(std::uint64_t index, const Selection& plan) {
    index_now = index;
    const std::string dir = scratch_ / "store";
    std::filesystem::remove_all(dir);
    ::alarm(kHangSeconds);
    const auto began = std::chrono::steady_clock::now();
    std::uint64_t allocations = 0;
    Violations violations;
    {
      AllocLife life(dir, plan.crowd);
      FailAllocations(index, plan.span);
      life.Live();
      std::uint64_t failed = 0;
      allocations = StopFailing(&failed);
      life.Afterwards();
      violations = life.violations();
      failed_ += failed;
      refused_ += life.refused();
    }
    ::alarm(0);
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began).count();
    if (took > kSlowMs) violations.push_back("it took " + std::to_string(took) + " ms");
    if (!violations.empty()) {
      ++failures_;
      ADD_FAILURE() << "TENURE_ALLOC_ONLY=" << index << "\n" << Joined(violations);
    }
    return allocations;
  }

  /// What a life must give back.
  struct Held {
    std::int64_t blocks = 0;
    std::int64_t descriptors = 0;
  };
  static Held HeldNow() {
    Held held{LiveBlocks(), 0};
    for (const auto& descriptor : std::filesystem::directory_iterator("/proc/self/fd")) {
      static_cast<void>(descriptor);
      ++held.descriptors;
    }
    return held;
  }

  void Try(std::uint64_t index, const Selection& plan) {
    LiveWith(index, plan);
    ++tried_;
    const Held held = HeldNow();
    const bool more = held.blocks > held_.blocks || held.descriptors > held_.descriptors;
    if (!more || failures_ != 0) return;  // a failure is kept, too
    // Something that is made once and kept? Then not again.
    LiveWith(index, plan);
    held_ = HeldNow();
    if (failures_ != 0) return;
    if (held_.blocks > held.blocks || held_.descriptors > held.descriptors) {
      ++failures_;
      ADD_FAILURE() << "TENURE_ALLOC_ONLY=" << index << ": " << held_.blocks - held.blocks << " blocks and "
                    << held_.descriptors - held.descriptors << " descriptors were not given back";
    }
  }

  void Run(const Selection& plan) {
    std::uint64_t most = 0;
    // Whatever is made once and kept is made now.
    for (int i = 0; i < 3; ++i) most = std::max(most, LiveWith(0, plan));
    held_ = HeldNow();
    ASSERT_EQ(failures_, 0) << "sound without failures";
    if (const std::uint64_t only = NumberFromEnvironment("TENURE_ALLOC_ONLY", 0); only != 0) return Try(only, plan);
    const bool all = NumberFromEnvironment("TENURE_ALLOC_ALL", 0) != 0;
    const std::uint64_t rest = most > plan.first ? most - plan.first : 0;
    const std::uint64_t step = all || plan.spread == 0 ? 1 : std::max<std::uint64_t>(1, rest / plan.spread);
    for (std::uint64_t index = NumberFromEnvironment("TENURE_ALLOC_FROM", 1); index <= most && failures_ < 5;
         index += index < plan.first ? 1 : step) {
      Try(index, plan);
    }
    std::printf("%llu indexes of about %llu allocations, %llu failed, %lld calls refused\n",
                static_cast<unsigned long long>(tried_), static_cast<unsigned long long>(most),
                static_cast<unsigned long long>(failed_), static_cast<long long>(refused_));
  }

  SimScratch scratch_;
  Held held_;
  std::uint64_t tried_ = 0;
  std::uint64_t failed_ = 0;
  std::int64_t refused_ = 0;
  int failures_ = 0;
};

/// The library that JSON trees come from allocates when it destroys them.
TEST_F(AllocFault, TreesAreTakenApartWithoutMemory) {
  std::uint64_t failed = 0;
  {
    const model::Json tree = model::Json::parse(R"({"a":[1,[2,3],{"b":{"c":["d"]}}],"e":{"f":{}}})");
    std::vector<model::Json> trees(100, tree);
    FailAllocations(1, UINT64_MAX / 2);
    trees.clear();
    StopFailing(&failed);
  }
  EXPECT_GE(failed, 100u) << "there was nothing to survive";
}

/// A handle that is closed while there is no memory leaves what it had queued in its lane. It is closed again when it
/// is taken apart, and waits for nobody then: nobody is left who would commit it. The next handle does.
TEST_F(AllocFault, AHandleIsClosedWithoutMemory) {
  const std::string dir = scratch_ / "store";
  const auto put = [](const std::string& name) {
    Transaction txn;
    txn.Put({.name = name, .version = "1"});
    return txn;
  };
  ::alarm(kHangSeconds);
  std::uint64_t failed = 0;
  {
    OpenOptions options;
    options.background = false;
    auto store = Store::Create(dir, {}, options);
    ASSERT_TRUE(store.ok()) << store.error().message;
    const auto impl = *StoreImpl::Open(dir, options);
    for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(store->Submit(put(name)).ok());
    FailAllocations(1, UINT64_MAX / 2);
    impl->group->Stop();
    StopFailing(&failed);
    EXPECT_EQ(impl->context->DurableLsn(), 0u) << "nothing was queued when it was closed";
  }
  ::alarm(0);
  EXPECT_GE(failed, 1u) << "there was nothing to survive";
  auto store = Store::Open(dir);
  ASSERT_TRUE(store.ok()) << store.error().message;
  ASSERT_TRUE(store->Commit(put("d")).ok());
  for (const char* name : {"a:1", "b:1", "c:1", "d:1"}) EXPECT_TRUE(store->Get(name).ok()) << name;
}

TEST_F(AllocFault, Once) { Run({1, false, 300, 300}); }

TEST_F(AllocFault, FiftyInARow) { Run({50, false, 0, 200}); }

TEST_F(AllocFault, InACrowd) { Run({1, true, 0, 150}); }

TEST_F(AllocFault, FiftyInARowInACrowd) { Run({50, true, 0, 50}); }

}  // namespace
}  // namespace tenure::sim
