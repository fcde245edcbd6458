// What the handles of one store do with leases: acquire and wait, renew, release, break, list, and turn tokens into
// what a transaction presents. Thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lease/scope.h"
#include "lease/token.h"
#include "store/commit/context.h"
#include "store/commit/group.h"
#include "store/lease_keeper.h"
#include "tenure/lease.h"

namespace tenure {

class LeaseService {
 public:
  LeaseService(const commit::Context& context, commit::Group& group)
      : context_(context), group_(group), cells_(context.member), keeper_(context.env, context.member) {}

  Result<std::shared_ptr<KeptLease>> Acquire(const AcquireOptions& options);
  Result<LeaseInfo> Renew(const std::string& token, std::optional<std::chrono::milliseconds> ttl);
  Result<Receipt> Release(const std::string& token);
  Result<Receipt> Break(Lsn id, const std::string& reason);
  /// Ends the leases that are over. Commits only when there are any.
  Status Reap();
  /// When the next open lease expires, on CLOCK_BOOTTIME.
  std::optional<std::uint64_t> EarliestDeadline() const { return cells_.EarliestDeadline(); }
  /// Fills in left_ms; false when it is over.
  bool Describe(LeaseInfo& info, std::uint32_t slot) const;

  /// What `options` presents. kInvalidArgument for what is no token; kLeaseUnknown for tokens of other stores.
  Result<std::vector<commit::PresentedLease>> Presented(const CommitOptions& options) const;
  /// Waits until the lease that refused a write may be over, and at most `wait_ms` of the options over all attempts.
  /// `attempt` is made again and again until it ends otherwise.
  Result<Receipt> RetryWhileHeld(const commit::Request& request, const CommitOptions& options,
                                 const std::function<Result<Receipt>()>& attempt);

  LeaseKeeper& keeper() { return keeper_; }

 private:
  Result<Receipt> Submit(commit::LeaseAction action, const std::string& writer,
                         std::vector<commit::PresentedLease> presented = {});
  Result<Receipt> AcquireOrWait(const AcquireOptions& options, const std::vector<lease::Scope>& scopes,
                                commit::LeaseAction action);
  Result<std::shared_ptr<KeptLease>> MakeKept(const AcquireOptions& options, const LeaseInfo& info,
                                              const lease::Token& token, const Receipt& receipt) const;
  Result<Receipt> ReleaseToken(const lease::Token& token);
  Result<lease::Token> OwnToken(const std::string& text) const;
  Result<std::vector<commit::PresentedLease>> Held(const AcquireOptions& options) const;
  std::uint32_t StoreTag() const { return lease::StoreTag(context_.journal_id); }
  std::uint64_t PatienceMs() const { return context_.commit_ttl_ns / 1'000'000; }

  const commit::Context& context_;
  commit::Group& group_;
  ingest::LeaseCells cells_;
  LeaseKeeper keeper_;
};

}  // namespace tenure
