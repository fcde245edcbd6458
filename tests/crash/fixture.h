// What the crash tests share: worker processes with fail points, what they were told, and the check of
// everything that must hold afterwards.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <ostream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "store/recovery/verify.h"
#include "tenure/store.h"
#include "tests/support/child.h"
#include "tests/support/dump.h"
#include "tests/support/scratch.h"

namespace tenure {

using testing::Child;
using testing::Dump;
using testing::Scratch;

inline constexpr int kTransactions = 700;  // 3 KiB each: segments of 1 MiB and 2 MiB fill up

struct Scenario {
  const char* point;
  int hit;  ///< Killed the n-th time it gets there.
};

inline void PrintTo(const Scenario& scenario, std::ostream* out) {
  *out << scenario.point << " at hit " << scenario.hit;
}

inline std::string Name(const ::testing::TestParamInfo<Scenario>& info) {
  std::string name = info.param.point;
  for (char& c : name) {
    if (c == '.') c = '_';
  }
  return name + "_" + std::to_string(info.param.hit);
}

class Crash : public ::testing::TestWithParam<Scenario> {
 protected:
  explicit Crash(const CreateOptions& create = {}) {
    auto store = Store::Create(scratch_.path(), create);
    EXPECT_TRUE(store.ok()) << store.error().message;
  }

  Child Start(const std::vector<std::string>& arguments, const std::string& fail_points = "") {
    std::vector<std::string> command{CRASH_WORKER, scratch_.path()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return Child(command, fail_points.empty() ? std::vector<std::string>{}
                                              : std::vector<std::string>{"TENURE_FAILPOINT=" + fail_points});
  }
  static std::string Stop(const Scenario& scenario) {
    return std::string(scenario.point) + "=stop@" + std::to_string(scenario.hit);
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
      if (verb == "reject") rejected_ += line + "\n";
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
  std::string rejected_;
};

}  // namespace tenure
