#include "store/ingest/feed_bell.h"

#include <climits>

#include "store/base/failpoint.h"
#include "store/base/futex.h"
#include "store/base/raise.h"

namespace tenure::ingest {
namespace {

/// Is `a` beyond `b`? They are never 2^31 apart: neither moves without the other.
bool Beyond(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) > 0; }

void RaiseTurn(std::atomic<std::uint32_t>& word, std::uint32_t to) {
  base::Raise(word, to, [](std::uint32_t a, std::uint32_t b) { return Beyond(b, a); });
}

}  // namespace

void FeedBell::Ring() {
  if (!Beyond(words_.wanted.load(std::memory_order_seq_cst), words_.woken.load(std::memory_order_seq_cst))) return;
  TENURE_FAIL_POINT("feed.before_wake");
  const std::uint32_t turn = words_.turn.fetch_add(1, std::memory_order_seq_cst) + 1;
  base::FutexWake(words_.turn, INT_MAX);
  RaiseTurn(words_.woken, turn);
}

void FeedBell::Sleep(std::chrono::nanoseconds timeout, const std::function<bool()>& anything) {
  const std::uint32_t turn = words_.turn.load(std::memory_order_seq_cst);
  RaiseTurn(words_.wanted, turn + 1);
  if (anything()) return;
  base::FutexWait(words_.turn, turn, timeout);
}

void FeedBell::WakeAll() {
  words_.turn.fetch_add(1, std::memory_order_seq_cst);
  base::FutexWake(words_.turn, INT_MAX);
}

}  // namespace tenure::ingest
