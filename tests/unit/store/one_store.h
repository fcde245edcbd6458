// One store in one process, for tests of the library: in a scratch directory, over an environment of the test's choice.
// Each test ends with a verification of everything: journal, chain, state hash, and all rows against a replay.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "store/base/recording_env.h"
#include "store/recovery/config.h"
#include "store/recovery/verify.h"
#include "tenure/store.h"
#include "tests/support/scratch.h"

namespace tenure::testing {

/// The machine's own, recorded.
struct RecordedEnv : base::RecordingEnv {
  RecordedEnv() : RecordingEnv(base::Env::Posix()) {}
};

template <typename Env>
class OneStore : public ::testing::Test {
 protected:
  OneStore() { Open(true); }

  void Open(bool create = false) {
    store_.reset();
    OpenOptions options;
    options.env = &env_;
    options.writer = "tester@here";
    options.background = background_;
    auto store = create ? Store::Create(scratch_.path(), {}, options) : Store::Open(scratch_.path(), options);
    ASSERT_TRUE(store.ok()) << store.error().message;
    store_.emplace(std::move(store).value());
  }
  void TearDown() override {
    if (left_damaged_) return;
    if (store_) {
      EXPECT_TRUE(store_->CatchUp().ok());
    }
    store_.reset();
    const auto layout = recovery::FindStore(env_, scratch_.path());
    ASSERT_TRUE(layout.ok()) << layout.error().message;
    recovery::VerifyOptions options;
    options.deep = true;
    const auto report = recovery::Verify(env_, *layout, options);
    ASSERT_TRUE(report.ok()) << report.error().message;
    for (const Error& problem : report->problems) ADD_FAILURE() << problem.message;
  }
  void Reopen() { Open(); }
  Store& store() { return *store_; }

  Scratch scratch_;
  Env env_;
  bool left_damaged_ = false;  // set by a test that breaks the store
  bool background_ = false;    // false: the index lags until somebody reads
  std::optional<Store> store_;
};

}  // namespace tenure::testing
