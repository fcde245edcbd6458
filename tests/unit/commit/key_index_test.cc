// The table of numbers, against a plain map: many keys share tags and places.
#include "store/commit/key_index.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <iterator>
#include <map>
#include <random>
#include <string>

namespace tenure::commit {
namespace {

TEST(KeyIndex, HasNothingUntilItIsGivenSomething) {
  KeyIndex index;
  EXPECT_EQ(index.Find(1, [](std::uint32_t) { return true; }), KeyIndex::kNone);
  index.Insert(1, 7);
  EXPECT_EQ(index.Find(1, [](std::uint32_t) { return true; }), 7u);
  EXPECT_EQ(index.Find(1, [](std::uint32_t) { return false; }), KeyIndex::kNone) << "another key of the same tag";
  index.Clear();
  EXPECT_EQ(index.size(), 0u);
  EXPECT_EQ(index.Find(1, [](std::uint32_t) { return true; }), KeyIndex::kNone);
}

TEST(KeyIndex, SaysWhatAPlainMapSays) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  KeyIndex index;
  std::map<std::uint32_t, std::uint32_t> tags;  // number to tag
  // Few tags, also at the end of the table, so that runs grow long, meet and wrap around.
  const auto any_tag = [&] {
    const auto low = static_cast<std::uint32_t>(random() % 24);
    return random() % 2 == 0 ? low : 0xffff'fff8 + low % 8;
  };
  const auto expect_all = [&] {
    ASSERT_EQ(index.size(), tags.size());
    for (const auto& [number, tag] : tags) {
      ASSERT_EQ(index.Find(tag, [n = number](std::uint32_t found) { return found == n; }), number);
    }
  };
  for (std::uint32_t step = 0; step < 20'000; ++step) {
    const bool add = tags.empty() || (tags.size() < 300 && random() % 2 == 0);
    if (add) {
      const std::uint32_t tag = any_tag();
      index.Insert(tag, step);
      tags.emplace(step, tag);
    } else {
      const auto gone = std::next(tags.begin(), static_cast<std::ptrdiff_t>(random() % tags.size()));
      const auto [number, tag] = *gone;
      index.Erase(tag, number);
      tags.erase(gone);
      ASSERT_EQ(index.Find(tag, [n = number](std::uint32_t found) { return found == n; }), KeyIndex::kNone);
    }
    if (step % 64 == 0) expect_all();
  }
  index.Reserve(5'000);
  expect_all();
}

}  // namespace
}  // namespace tenure::commit
