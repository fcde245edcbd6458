#include "store/commit/ownership.h"

#include <algorithm>

#include "store/base/error.h"
#include "store/base/failpoint.h"

namespace tenure::commit {
namespace {

using base::Pair64;

class KernelLockOwnership final : public Ownership {
 public:
  explicit KernelLockOwnership(ingest::Membership& member) : member_(member), area_(member.segment().commit()) {}

  Result<Claim> Acquire() override {
    TENURE_RETURN_IF_ERROR(member_.lock_file().Lock(base::LockKind::kExclusive, ingest::kTurnByte, 1));
    return Enter();
  }

  Result<std::optional<Claim>> TryAcquire() override {
    TENURE_ASSIGN(const bool mine, member_.lock_file().TryLock(base::LockKind::kExclusive, ingest::kTurnByte, 1));
    if (!mine) return std::optional<Claim>();
    return std::optional<Claim>(Enter());
  }

  bool Publish(std::uint64_t epoch, Lsn from, Lsn to) override {
    Pair64 expected{epoch, from};
    return area_.durable.CompareExchange(expected, {epoch, to});
  }

  void Release(bool clean) override {
    if (clean) {
      Pair64 mine{epoch_, MyWord()};
      TENURE_CHECK(area_.owner.CompareExchange(mine, {epoch_, 0}));
    }
    TENURE_FAIL_POINT("turn.before_unlock");
    (void)member_.lock_file().Unlock(ingest::kTurnByte, 1);
  }

  Lsn DurableLsn() const override { return area_.durable.Load().second; }

 private:
  std::uint64_t MyWord() const { return ingest::OwnerWord(member_.slot(), member_.generation()); }

  /// Under the lock, nobody else changes owner or durable word: the loops below run once, and stay
  /// correct should a zombie of an earlier turn ever touch the words.
  Claim Enter() {
    Pair64 owner = area_.owner.Load();
    Claim claim;
    for (;;) {
      claim.took_over = owner.second != 0;
      claim.epoch = claim.took_over ? std::max(owner.first, area_.durable.Load().first) + 1 : owner.first;
      if (area_.owner.CompareExchange(owner, {claim.epoch, MyWord()})) break;
    }
    epoch_ = claim.epoch;
    TENURE_FAIL_POINT("turn.claimed");
    // Re-stamp: from here on nothing of an older epoch can be published.
    Pair64 durable = area_.durable.Load();
    while (durable.first < claim.epoch && !area_.durable.CompareExchange(durable, {claim.epoch, durable.second})) {
    }
    claim.durable_lsn = area_.durable.Load().second;
    TENURE_FAIL_POINT("turn.restamped");
    return claim;
  }

  ingest::Membership& member_;
  ingest::CommitArea& area_;
  std::uint64_t epoch_ = 0;
};

}  // namespace

std::unique_ptr<Ownership> MakeKernelLockOwnership(ingest::Membership& member) {
  return std::make_unique<KernelLockOwnership>(member);
}

}  // namespace tenure::commit
