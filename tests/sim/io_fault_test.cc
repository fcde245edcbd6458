// Every recordable call of a short life of a store fails once, fails from there on, or finds no space.
//
//   TENURE_SIM_FAULT_STEP=1    every call index, not every third one for the faults that stay
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>

#include "store/base/error.h"
#include "tests/sim/history.h"
#include "tests/sim/sim_env.h"
#include "tests/sim/sim_scratch.h"

namespace tenure::sim {
namespace {

using Kind = base::TraceStep::Kind;

constexpr int kBefore = 6;
constexpr int kAfter = 10;

enum class Fault { kIoOnce, kIoSticky, kNoSpaceOnce };

bool Writes(Kind kind) { return kind != Kind::kRead; }

Error Injected(Fault fault, const std::string& path) {
  Error error = base::MakeError(fault == Fault::kNoSpaceOnce ? ErrorCode::kNoSpace : ErrorCode::kIo,
                                path + ": injected by the test");
  error.path = path;
  return error;
}

/// One life of a store, with a fault at one call; what it was told is in the environment's marks.
class Life {
 public:
  Life(Fault fault, std::uint64_t index, const std::string& dir) : dir_(dir), env_(index + 1) {
    options_.env = &env_;
    options_.background = false;
    options_.writer = "sim@sim";
    env_.SetFaultPlan([this, fault, index](std::uint64_t call, Kind kind, const std::string& path) -> Status {
      const bool here = fault == Fault::kIoSticky ? call >= index : call == index;
      // Space is what writing needs.
      if (!here || (fault == Fault::kNoSpaceOnce && !Writes(kind))) return {};
      const bool frame = path.ends_with(".seg") && (kind == Kind::kWrite || kind == Kind::kSyncData);
      if (frame) frame_failed_ = true;
      return Injected(fault, path);
    });
  }

  /// Returns violations. Errors are no violation, as long as they say what failed.
  Violations Live() {
    {
      auto store = Store::Create(dir_, FewSlots(), options_);
      if (!store.ok()) return Ended("create", store.error());
      env_.Mark("created");
      Commit(*store, 0, kBefore);
    }
    {
      auto store = Store::Open(dir_, options_);
      if (!store.ok()) return Ended("open", store.error());
      Commit(*store, kBefore, kAfter);
      const auto compacted = store->Compact();
      if (!compacted.ok()) Failed("compact", compacted.error());
      Commit(*store, kAfter, kAfter + 1);
    }
    calls_ = env_.calls();
    return std::move(violations_);
  }

  /// The fault is gone: the store must be there and hold what it promised.
  Violations Afterwards() {
    env_.SetFaultPlan({});
    const base::Trace trace = env_.CopyTrace();
    Expected expected = ExpectedAt(trace, trace.size(), /*large=*/false);
    auto store = Store::Open(dir_, options_);
    if (!store.ok() && store.error().code == ErrorCode::kNoStore && !expected.created) {
      store = Store::Create(dir_, FewSlots(), options_);
      if (!store.ok()) return {"init cannot be repeated: " + store.error().message};
    }
    if (!store.ok()) return {"opening without faults: " + store.error().message};
    Violations violations = CheckLog(*store, expected);
    const auto receipt = CommitPlanned(*store, env_, 500, false);
    if (!receipt.ok()) violations.push_back("a commit without faults: " + receipt.error().message);
    expected.submitted.insert(500);
    if (receipt.ok()) expected.acknowledged[500] = receipt->lsn;
    for (const std::string& violation : CheckLog(*store, expected)) violations.push_back(violation);
    const std::string root = store->path();
    store = Error{};
    for (const std::string& violation : CheckVerify(env_, root)) violations.push_back(violation);
    return violations;
  }

  /// How many calls the life made.
  std::uint64_t calls() const { return calls_; }

 private:
  void Commit(Store& store, int from, int to) {
    for (int i = from; i < to; ++i) {
      frame_failed_ = false;
      const auto receipt = CommitPlanned(store, env_, i, /*large=*/false);
      if (receipt.ok() && frame_failed_) {
        violations_.push_back("transaction " + std::to_string(i) + " was acknowledged though its write or sync failed");
      }
      if (!receipt.ok()) Failed("commit", receipt.error());
      const auto got = store.Get("pkg/0:0");
      if (!got.ok() && got.error().code != ErrorCode::kNotFound) Failed("get", got.error());
    }
  }
  Violations Ended(const std::string& what, const Error& error) {
    Failed(what, error);
    calls_ = env_.calls();
    return std::move(violations_);
  }
  void Failed(const std::string& what, const Error& error) {
    // In the store, or the directory above, where its name is.
    const bool names_a_path = error.message.find(dir_.substr(0, dir_.rfind('/'))) != std::string::npos;
    const bool fits =
        error.code == ErrorCode::kIo || error.code == ErrorCode::kNoSpace || error.code == ErrorCode::kOutcomeUnknown;
    if (!names_a_path) violations_.push_back(what + " failed without naming a path: " + error.message);
    if (!fits) {
      violations_.push_back(what + " failed with " + std::string(ErrorCodeName(error.code)) + ": " + error.message);
    }
  }

  const std::string dir_;
  SimEnv env_;
  OpenOptions options_;
  Violations violations_;
  std::uint64_t calls_ = 0;
  bool frame_failed_ = false;
};

void EveryIndex(Fault fault, std::uint64_t step) {
  SimScratch scratch;
  int failures = 0;
  std::uint64_t index = 0;
  for (; failures < 5; index += step) {
    const std::string dir = scratch / "store";
    std::filesystem::remove_all(dir);
    Life life(fault, index, dir);
    Violations violations = life.Live();
    const bool ended = life.calls() <= index;
    for (const std::string& violation : life.Afterwards()) violations.push_back(violation);
    if (!violations.empty()) {
      ++failures;
      ADD_FAILURE() << "fault at call " << index << ":\n" << Joined(violations);
    }
    if (ended) break;
  }
  std::printf("%llu call indexes, step %llu\n", static_cast<unsigned long long>(index),
              static_cast<unsigned long long>(step));
  EXPECT_GT(index, 100u) << "the workload makes more calls than that";
}

std::uint64_t Step() { return NumberFromEnvironment("TENURE_SIM_FAULT_STEP", 3); }

TEST(IoFault, EioOnceAtEveryCall) { EveryIndex(Fault::kIoOnce, 1); }

TEST(IoFault, EioFromEveryCallOn) { EveryIndex(Fault::kIoSticky, Step()); }

TEST(IoFault, NoSpaceOnceAtEveryCall) { EveryIndex(Fault::kNoSpaceOnce, Step()); }

/// A full disk: writes are refused, reads go on, and room brings the writes back.
TEST(IoFault, ReadsWorkWhileTheDiskIsFull) {
  SimScratch scratch;
  SimEnv env(1);
  OpenOptions options;
  options.env = &env;
  options.background = false;
  auto store = Store::Create(scratch / "store", FewSlots(), options);
  ASSERT_TRUE(store.ok()) << store.error().message;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(CommitPlanned(*store, env, i, false).ok());
  env.SetFaultPlan([](std::uint64_t, Kind kind, const std::string& path) -> Status {
    if (kind == Kind::kAllocate || kind == Kind::kWrite) return Injected(Fault::kNoSpaceOnce, path);
    return {};
  });
  for (int i = 5; i < 8; ++i) {
    const auto receipt = CommitPlanned(*store, env, i, false);
    ASSERT_FALSE(receipt.ok());
    EXPECT_TRUE(receipt.error().code == ErrorCode::kNoSpace || receipt.error().code == ErrorCode::kOutcomeUnknown)
        << receipt.error().message;
    const auto entry = store->Get("pkg/4:0");
    ASSERT_TRUE(entry.ok()) << entry.error().message;
    EXPECT_EQ(entry->lsn, 5u);
    EXPECT_EQ(store->List({}).value().size(), 6u) << "five packages and one that is shared";
  }
  env.SetFaultPlan({});
  const auto receipt = CommitPlanned(*store, env, 8, false);
  ASSERT_TRUE(receipt.ok()) << "space brings it back, without a restart: " << receipt.error().message;
  EXPECT_EQ(receipt->lsn, 6u);
  const base::Trace trace = env.CopyTrace();
  EXPECT_EQ(Joined(CheckLog(*store, ExpectedAt(trace, trace.size(), false))), "");
}

}  // namespace
}  // namespace tenure::sim
