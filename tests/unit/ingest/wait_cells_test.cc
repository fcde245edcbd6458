// The cells of those who wait for a lease, read while they change hands.
#include "store/ingest/wait_cells.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "tests/support/scratch.h"

namespace tenure::ingest {
namespace {

class WaitCellsTest : public ::testing::Test {
 protected:
  WaitCellsTest()
      : member_(*Membership::Join(base::Env::Posix(), scratch_ / "members.lock", scratch_ / "ingest.shm", {}, 2,
                                  [](CommitArea&) { return Status(); })),
        cells_(*member_) {}

  testing::Scratch scratch_;
  std::unique_ptr<Membership> member_;
  WaitCells cells_;
};

TEST_F(WaitCellsTest, ShowWhatWasAnnouncedUntilItsOwnerLeaves) {
  const auto place = cells_.Claim(WaitState::kAnnounced, base::AsBytes("release/**"));
  ASSERT_TRUE(place.ok()) << place.error().message;
  int seen = 0;
  cells_.ForEach([&](const WaitCells::Seen& each) {
    ++seen;
    EXPECT_EQ(each.place.ticket, place->ticket);
    EXPECT_EQ(each.owner, member_->word());
    EXPECT_EQ(base::AsText(each.body), "release/**");
    return true;
  });
  EXPECT_EQ(seen, 1);
  cells_.Leave(*place);
  cells_.ForEach([&](const WaitCells::Seen&) {
    ADD_FAILURE() << "it has left";
    return true;
  });
}

/// A body is that of one ticket, whole, or is not shown. ThreadSanitizer sees each overlap.
TEST_F(WaitCellsTest, ABodyIsNeverPartlyTheNextOnes) {
  constexpr int kTimes = 3'000;
  constexpr std::size_t kBytes = 1'000;
  std::atomic<bool> done{false};
  std::thread others([&] {
    for (int i = 0; i < kTimes; ++i) {
      const base::Bytes body(kBytes, static_cast<std::byte>(i % 251));
      const auto place = cells_.Claim(WaitState::kAnnounced, body);
      if (!place.ok()) break;
      cells_.Leave(*place);
    }
    done = true;
  });
  do {
    cells_.ForEach([&](const WaitCells::Seen& each) {
      EXPECT_EQ(each.body, base::Bytes(kBytes, each.body.empty() ? std::byte{} : each.body.front()));
      return true;
    });
  } while (!done);
  others.join();
}

}  // namespace
}  // namespace tenure::ingest
