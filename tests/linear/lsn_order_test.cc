// The order of LSNs as a linearization.
#include "tests/linear/lsn_order.h"

#include <gtest/gtest.h>

#include "tests/linear/key_model.h"

namespace tenure::linear {
namespace {

TEST(LinearLsnOrder, OverlappingCallsMayHaveAnyOrder) {
  EXPECT_EQ(CheckRealTime({{1, 10, 20}, {2, 5, 30}, {3, 25, 26}}), std::nullopt);
  EXPECT_EQ(CheckRealTime({{1, 10, 20}, {2, 5, kNever}}), std::nullopt);
}

TEST(LinearLsnOrder, RefusesWhatContradictsTime) {
  EXPECT_NE(CheckRealTime({{2, 10, 20}, {1, 21, 30}}), std::nullopt);
  EXPECT_NE(CheckRealTime({{9, 1, 2}, {3, 1, 50}, {4, 40, 50}}), std::nullopt) << "not only of neighbours";
}

TEST(LinearLsnOrder, RefusesAnLsnTwice) { EXPECT_NE(CheckRealTime({{2, 10, 20}, {2, 10, 20}}), std::nullopt); }

TEST(LinearLsnOrder, ReplayFindsTheOutputThatDoesNotFit) {
  const auto put = [](std::uint64_t value, std::uint64_t revision) {
    return Call<KeyModel>{0, 0, 0, {KeyModel::Do::kPut, value}, KeyModel::Output{KeyModel::Answer::kDone, revision}};
  };
  EXPECT_EQ(CheckReplay<KeyModel>({{5, put(70, 2)}, {3, put(71, 1)}}), std::nullopt);
  const auto wrong = CheckReplay<KeyModel>({{5, put(70, 1)}, {3, put(71, 2)}});
  ASSERT_NE(wrong, std::nullopt);
  EXPECT_NE(wrong->find("at LSN 3"), std::string::npos) << *wrong;
}

}  // namespace
}  // namespace tenure::linear
