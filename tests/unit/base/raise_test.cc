#include "store/base/raise.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <utility>

namespace tenure::base {
namespace {

/// An atomic that something happens to between a look at it and what follows.
struct Interrupted {
  std::atomic<std::uint32_t> word{0};
  std::function<void()> between;

  std::uint32_t load(std::memory_order order = std::memory_order_seq_cst) {
    const std::uint32_t seen = word.load(order);
    if (auto now = std::exchange(between, nullptr)) now();
    return seen;
  }
  void store(std::uint32_t value) { word.store(value); }
  bool compare_exchange_weak(std::uint32_t& seen, std::uint32_t to, std::memory_order order) {
    return word.compare_exchange_weak(seen, to, order);
  }
  bool compare_exchange_strong(std::uint32_t& seen, std::uint32_t to, std::memory_order order) {
    return word.compare_exchange_strong(seen, to, order);
  }
};

TEST(Raise, ToTheHighest) {
  std::atomic<std::uint64_t> word{5};
  Raise(word, std::uint64_t{7});
  EXPECT_EQ(word.load(), 7u);
  Raise(word, std::uint64_t{6});
  EXPECT_EQ(word.load(), 7u);
}

TEST(Raise, WhatSomebodyElseHasRaisedHigherMeanwhileStays) {
  Interrupted word;
  word.between = [&] { word.word = 9; };
  Raise(word, 7u);
  EXPECT_EQ(word.word.load(), 9u);
}

TEST(Raise, GoesOnFromWhatSomebodyElseHasRaisedLess) {
  Interrupted word;
  word.between = [&] { word.word = 3; };
  Raise(word, 7u);
  EXPECT_EQ(word.word.load(), 7u);
}

TEST(Raise, OfNumbersThatGoRound) {
  const auto behind = [](std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(b - a) > 0; };
  std::atomic<std::uint32_t> word{0xfffffffe};
  Raise(word, 3u, behind);
  EXPECT_EQ(word.load(), 3u);
  Raise(word, 0xffffffffu, behind);
  EXPECT_EQ(word.load(), 3u);
}

}  // namespace
}  // namespace tenure::base
