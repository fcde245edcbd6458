// A commit lease that somebody holds: what is submitted meanwhile stays queued.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <thread>
#include <vector>

#include "store/base/error.h"
#include "store/store_impl.h"

namespace tenure::testing {

/// Runs `queue` while a maintenance transaction that waits for it holds the lease.
inline void WhileLeaseIsHeld(StoreImpl& store, const std::function<void()>& queue) {
  std::promise<void> inside, go_on;
  const std::function<Result<std::vector<model::Effect>>(commit::Heads&, Lsn)> wait = [&](commit::Heads&, Lsn) {
    inside.set_value();
    go_on.get_future().wait();
    return Result<std::vector<model::Effect>>(base::MakeError(ErrorCode::kBusy, "nothing to do"));
  };
  std::thread holder([&] {
    commit::Pending pending;
    pending.work.maintenance = &wait;
    EXPECT_EQ(store.group->CommitAlone(pending).error().code, ErrorCode::kBusy);
  });
  inside.get_future().wait();
  queue();
  go_on.set_value();
  holder.join();
}

}  // namespace tenure::testing
