#include "lease/wait_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/base/codec.h"
#include "tests/unit/lease/lease_testing.h"

namespace tenure::lease {
namespace {

using testing::AllOpen;
using ::testing::HasSubstr;
using testing::Row;
using testing::Scopes;

Waiter Waits(std::uint64_t ticket, const std::vector<std::string>& scopes, std::vector<Lsn> holds = {}) {
  Waiter waiter;
  waiter.ticket = ticket;
  waiter.scopes = Scopes(scopes);
  waiter.holds = std::move(holds);
  waiter.name = "pid " + std::to_string(ticket);
  return waiter;
}

/// Holds what it presents.
Waiter Writes(std::uint64_t ticket, const std::vector<std::string>& keys, std::vector<Lsn> presents = {}) {
  Waiter waiter = Waits(ticket, keys, presents);
  waiter.kind = WaiterKind::kWrite;
  waiter.presents = std::move(presents);
  return waiter;
}

class WaitGraph : public ::testing::Test {
 protected:
  void SetUp() override {
    table_.Add(Row(1, {"a"}, 0));
    table_.Add(Row(2, {"b"}, 1));
    table_.Add(Row(3, {"c"}, 2));
  }
  std::optional<std::string> Circle(const std::vector<Waiter>& waiters, std::uint64_t from) {
    return FindCircle(table_, waiters, from, AllOpen());
  }
  Table table_;
};

TEST_F(WaitGraph, WaitingForSomebodyWhoDoesNotWaitIsNoCircle) { EXPECT_FALSE(Circle({Waits(10, {"a"}, {2})}, 10)); }

TEST_F(WaitGraph, TwoThatWaitForEachOther) {
  const auto circle = Circle({Waits(10, {"b"}, {1}), Waits(11, {"a"}, {2})}, 11);
  ASSERT_TRUE(circle);
  EXPECT_EQ(*circle, "pid 11 waits for lease 1 (a), held by pid 10; pid 10 waits for lease 2 (b), held by pid 11");
}

TEST_F(WaitGraph, Three) {
  const auto circle = Circle({Waits(10, {"b"}, {1}), Waits(11, {"c"}, {2}), Waits(12, {"a"}, {3})}, 12);
  ASSERT_TRUE(circle);
  EXPECT_THAT(*circle, HasSubstr("pid 12 waits for lease 1"));
  EXPECT_THAT(*circle, HasSubstr("pid 10 waits for lease 2"));
  EXPECT_THAT(*circle, HasSubstr("pid 11 waits for lease 3"));
}

TEST_F(WaitGraph, OneThatWaitsForItself) {
  const auto circle = Circle({Waits(10, {"a:1"}, {1})}, 10);
  ASSERT_TRUE(circle);
  EXPECT_EQ(*circle, "pid 10 waits for lease 1 (a), held by pid 10");
}

TEST_F(WaitGraph, AnEarlierRequestBlocksTooButNotALaterOne) {
  // 10 waits for b, held by 11; 11 wants d behind 10, which wants d as well.
  EXPECT_TRUE(Circle({Waits(10, {"b", "d"}), Waits(11, {"d"}, {2})}, 11));
  // The other way round, 11 was there first: it gets d, and then gives b back.
  EXPECT_FALSE(Circle({Waits(12, {"b", "d"}), Waits(11, {"d"}, {2})}, 11));
}

TEST_F(WaitGraph, ACircleElsewhereIsNobodyElsesRefusal) {
  EXPECT_FALSE(Circle({Waits(10, {"b"}, {1}), Waits(11, {"a"}, {2}), Waits(12, {"c"})}, 12));
}

TEST_F(WaitGraph, AWriteWaitsForTheLeasesThatItDoesNotPresent) {
  // 10 writes a:1 and b:1 under lease 1, and waits for lease 2 only.
  EXPECT_FALSE(Circle({Writes(10, {"a:1", "b:1"}, {1})}, 10));
  const auto circle = Circle({Writes(10, {"a:1", "b:1"}, {1}), Waits(11, {"a"}, {2})}, 11);
  ASSERT_TRUE(circle);
  EXPECT_EQ(*circle, "pid 11 waits for lease 1 (a), held by pid 10; pid 10 waits for lease 2 (b), held by pid 11");
  EXPECT_TRUE(Circle({Writes(10, {"a:1", "b:1"}, {1}), Waits(11, {"a"}, {2})}, 10));
  EXPECT_TRUE(Circle({Writes(10, {"b:1"}, {1}), Writes(11, {"a:1"}, {2})}, 11));
}

TEST_F(WaitGraph, AWriteThatDoesNotPresentWhatItHoldsWaitsForItself) {
  Waiter write = Writes(10, {"a:1"});
  write.holds = {1};
  EXPECT_TRUE(Circle({write}, 10));
}

TEST_F(WaitGraph, NobodyWaitsBehindAWriteNorAWriteBehindARequest) {
  // Requests for d would wait behind one another: see AnEarlierRequestBlocksTooButNotALaterOne.
  EXPECT_FALSE(Circle({Writes(10, {"b:1", "d:1"}), Waits(11, {"d"}, {2})}, 11));
  EXPECT_FALSE(Circle({Waits(10, {"b", "d"}), Writes(11, {"d:1"}, {2})}, 11));
}

TEST_F(WaitGraph, AWriteOfTooMuchToTellIsInNoCircle) {
  Waiter bell = Writes(10, {"**"}, {1});
  bell.kind = WaiterKind::kBell;
  EXPECT_FALSE(Circle({bell, Waits(11, {"a"}, {2})}, 11));
  EXPECT_FALSE(Circle({bell, Waits(11, {"a"}, {2})}, 10));
}

TEST_F(WaitGraph, ALeaseThatIsOverBlocksNobody) {
  const StandingOf over = [](const model::LeaseRow&) { return Standing::kExpired; };
  const std::vector<Waiter> waiters = {Waits(10, {"b"}, {1}), Waits(11, {"a"}, {2})};
  EXPECT_FALSE(FindCircle(table_, waiters, 11, over));
}

TEST(Waiter, ComesBackAsItWasEncodedAndDamageIsRefused) {
  Waiter waiter = Writes(0, {"a:1", "p/**"}, {7, 300});
  waiter.holds.push_back(301);
  base::Bytes bytes;
  EncodeWaiter(waiter, bytes);
  const auto back = DecodeWaiter(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->scopes, waiter.scopes);
  EXPECT_EQ(back->holds, waiter.holds);
  EXPECT_EQ(back->presents, waiter.presents);
  EXPECT_EQ(back->kind, waiter.kind);
  EXPECT_EQ(back->name, waiter.name);
  for (std::size_t end = 0; end < bytes.size(); ++end) {
    EXPECT_FALSE(DecodeWaiter(base::ByteView(bytes).first(end))) << end;
  }
}

TEST_F(WaitGraph, SomebodyWhoIsNotWaitingIsInNoCircle) { EXPECT_FALSE(Circle({Waits(10, {"a"}, {2})}, 99)); }

/// Two ways to the same waiter: looked at once, and the circle behind it is found.
TEST_F(WaitGraph, SeveralWaysToTheSameWaiter) {
  const std::vector<Waiter> waiters = {Waits(10, {"a", "b"}), Waits(11, {"c"}, {1}), Waits(12, {"c"}, {2}),
                                       Writes(13, {"d:1"}, {3})};
  EXPECT_FALSE(Circle(waiters, 10));
  table_.Add(Row(4, {"d"}, 3));
  std::vector<Waiter> closed = waiters;
  closed[0].holds = {4};
  closed[3].kind = WaiterKind::kAcquire;
  const auto circle = Circle(closed, 10);
  ASSERT_TRUE(circle);
  EXPECT_THAT(*circle, HasSubstr("pid 13 waits for lease 4 (d), held by pid 10"));
}

TEST(Waiter, TwoThatShareDoNotConflict) {
  Waiter a = Waits(1, {"a"}), b = Waits(2, {"a:1"}), c = Waits(3, {"c"});
  EXPECT_TRUE(Conflict(a, b));
  EXPECT_FALSE(Conflict(a, c));
  a.mode = LeaseMode::kShared;
  EXPECT_TRUE(Conflict(a, b)) << "one of them is exclusive";
  b.mode = LeaseMode::kShared;
  EXPECT_FALSE(Conflict(a, b));
}

/// In shared memory, where any member may have written it.
TEST(Waiter, AChangedByteIsRefusedOrMakesAnotherWaiter) {
  base::Bytes bytes;
  EncodeWaiter(Writes(0, {"a:1", "p/**"}, {7, 300}), bytes);
  int refused = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (unsigned value = 0; value < 256; ++value) {
      base::Bytes changed = bytes;
      changed[i] = static_cast<std::byte>(value);
      const auto waiter = DecodeWaiter(changed);
      refused += waiter ? 0 : 1;
      if (!waiter) continue;
      base::Bytes again;
      EncodeWaiter(*waiter, again);
      EXPECT_TRUE(DecodeWaiter(again));
    }
  }
  EXPECT_GT(refused, 1'000);
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(DecodeWaiter(bytes));
}

}  // namespace
}  // namespace tenure::lease
