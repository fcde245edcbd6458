// What may be counted on while somebody commits: to submit costs no system call, and who floods delays nobody else.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "store/base/failpoint.h"
#include "store/store_impl.h"
#include "tenure/store.h"
#include "tests/support/scratch.h"
#include "tests/support/system_calls.h"
#include "tests/unit/store/held_lease.h"

namespace tenure {
namespace {

class BusyCommitter : public ::testing::Test {
 protected:
  BusyCommitter() {
    auto store = Store::Create(scratch_.path());
    EXPECT_TRUE(store.ok()) << store.error().message;
    store_.emplace(std::move(store).value());
    impl_ = *StoreImpl::Open(scratch_.path(), {});
  }

  static Transaction PutOf(const std::string& name) {
    Transaction txn;
    txn.Put({.name = name, .version = "1"});
    return txn;
  }
  void Submit(const Transaction& txn, std::vector<Ticket>& tickets) {
    auto ticket = store_->Submit(txn);
    ASSERT_TRUE(ticket.ok()) << ticket.error().message;
    tickets.push_back(std::move(ticket).value());
  }
  static std::vector<Lsn> LsnsOf(std::vector<Ticket>& tickets) {
    std::vector<Lsn> lsns;
    for (Ticket& ticket : tickets) {
      const auto receipt = ticket.Wait();
      EXPECT_TRUE(receipt.ok()) << receipt.error().message;
      lsns.push_back(receipt.ok() ? receipt->lsn : 0);
    }
    return lsns;
  }

  testing::Scratch scratch_;
  std::optional<Store> store_;
  std::shared_ptr<StoreImpl> impl_;
};

/// A committing thread that stays in the middle of a batch: it has answered the first operation, and goes on when told.
class HeldInBatch {
 public:
  HeldInBatch() {
    base::SetFailPointHook([this](const char* name) {
      if (std::string_view(name) != "commit.answered" || !armed_.exchange(false)) return;
      inside_.set_value();
      go_on_.get_future().wait();
    });
  }
  ~HeldInBatch() { base::SetFailPointHook({}); }

  void Arm() {
    inside_ = {};
    go_on_ = {};
    armed_ = true;
  }
  void AwaitInside() { inside_.get_future().wait(); }
  void GoOn() { go_on_.set_value(); }

 private:
  std::atomic<bool> armed_{false};
  std::promise<void> inside_, go_on_;
};

TEST(BusyCommittingThread, ToSubmitMakesNoSystemCall) {
  testing::SystemCallWatch watch;
  if (!watch.available()) GTEST_SKIP() << "this machine cannot count system calls";
  constexpr int kSubmitted = 40;
  const testing::Scratch scratch;
  HeldInBatch held;
  {
    Store store = *Store::Create(scratch.path());
    // The first rounds make what a thread keeps: its slot, places for what it has in flight, memory.
    for (int round = 0; round < 4; ++round) {
      std::vector<Transaction> txns(kSubmitted + 1);
      for (std::size_t i = 0; i < txns.size(); ++i) txns[i].Put({.name = "a", .version = "1", .size = i});
      std::vector<Ticket> tickets;
      tickets.reserve(txns.size());
      const auto submit = [&](const Transaction& txn) { tickets.push_back(*store.Submit(txn)); };
      held.Arm();
      submit(txns.back());
      held.AwaitInside();
      const auto submit_all = [&] { std::for_each(txns.begin(), txns.end() - 1, submit); };
      std::vector<int> calls;
      round < 3 ? submit_all() : void(calls = watch.During(submit_all));
      held.GoOn();
      for (Ticket& ticket : tickets) EXPECT_TRUE(ticket.Wait().ok());
      // A machine whose clock is no good asks the kernel for the time.
      std::erase(calls, SYS_clock_gettime);
      EXPECT_TRUE(calls.empty()) << "the first one is number " << calls.front();
    }
  }
}

TEST_F(BusyCommitter, AFloodDelaysNobodyElse) {
  constexpr int kFlooders = 3;
  constexpr int kFlood = 300;  // nearly as many as a thread may have in flight
  constexpr int kServedInARow = 8;
  for (int round = 0; round < 5; ++round) {
    std::vector<Ticket> flood;
    std::vector<Ticket> trickle;
    testing::WhileLeaseIsHeld(*impl_, [&] {
      for (int flooder = 0; flooder < kFlooders; ++flooder) {
        std::thread([&] {
          for (int i = 0; i < kFlood; ++i) {
            Submit(PutOf("flood/" + std::to_string(flooder) + "/" + std::to_string(i) + "/" + std::to_string(round)),
                   flood);
          }
        }).join();
      }
      // Behind all of them, from a thread that has a lane of its own.
      std::thread([&] { Submit(PutOf("trickle/" + std::to_string(round)), trickle); }).join();
    });
    const std::vector<Lsn> flooded = LsnsOf(flood);
    const auto [first, last] = std::minmax_element(flooded.begin(), flooded.end());
    EXPECT_EQ(*last - *first, static_cast<Lsn>(kFlooders * kFlood));
    EXPECT_LE(LsnsOf(trickle).front(), *first + kFlooders * kServedInARow) << "in its turn: not behind all of them";
  }
}

}  // namespace
}  // namespace tenure
