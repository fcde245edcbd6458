// What somebody is told about a lease: who has it, for how long, and what to do.
#include "lease/messages.h"

#include <gtest/gtest.h>

namespace tenure::lease {
namespace {

LeaseInfo HolderOf(std::vector<std::string> scopes) {
  LeaseInfo holder;
  holder.id = 12;
  holder.scopes = std::move(scopes);
  holder.writer = "builder@host";
  holder.pid = 77;
  holder.age_ms = 5'000;
  holder.left_ms = 25'000;
  return holder;
}

TEST(LeaseMessages, DurationsAreAsPreciseAsTheyAreShort) {
  const std::pair<std::uint64_t, const char*> cases[] = {
      {0, "0 ms"},
      {999, "999 ms"},
      {1'000, "1 s"},
      {59'999, "59 s"},
      {60'000, "1 min"},
      {61'000, "1 min 1 s"},
      {3'599'000, "59 min 59 s"},
      {3'600'000, "1 h"},
      {3'659'000, "1 h"},
      {3'660'000, "1 h 1 min"},
      {86'400'000, "24 h"},
  };
  for (const auto& [ms, text] : cases) EXPECT_EQ(Duration(ms), text) << ms;
}

TEST(LeaseMessages, WhoeverIsRefusedLearnsWhoHoldsIt) {
  const Error plain = HeldError("lib/a:1", HolderOf({"lib/a:1"}), false);
  EXPECT_EQ(plain.code, ErrorCode::kLeaseHeld);
  EXPECT_EQ(plain.message, "lib/a:1: builder@host (pid 77) has held lease 12 for 5 s; 25 s are left");
  EXPECT_EQ(plain.hint, "wait for it (--wait 30s), or end it: tenure lease break 12 --reason WHY");
  EXPECT_EQ(plain.retry_after_ms, 25'000u);
  EXPECT_EQ(plain.lsn, 12u);

  LeaseInfo all = HolderOf({"lib/**", "tools/cc"});
  all.mode = LeaseMode::kShared;
  all.host = "build-1";
  all.purpose = "release 4";
  all.waiters = 3;
  EXPECT_EQ(HeldError("lib/a:1", all, false).message,
            "lib/a:1: builder@host (pid 77 on build-1, release 4) has held the shared lease 12 on lib/** tools/cc for "
            "5 s; 25 s are left; 3 wait before you");
  const Error own = HeldError("lib/a:1", HolderOf({}), true);
  EXPECT_EQ(
      own.message,
      "lib/a:1: builder@host (pid 77) has held lease 12 for 5 s; 25 s are left; it is your own: a holder conflicts "
      "with itself");
  EXPECT_EQ(own.hint, "release it first, or acquire all scopes in one request");
}

TEST(LeaseMessages, EachWayToLoseALeaseHasItsCodeAndItsRemedy) {
  using Kind = WriteVerdict::Kind;
  WriteVerdict verdict;
  verdict.id = 12;
  verdict.key = "lib/a:1";
  const LeaseInfo other = HolderOf({"lib/a:1"});
  struct Case {
    Kind kind;
    ErrorCode code;
    const char* says;
  };
  const Case cases[] = {
      {Kind::kExpired, ErrorCode::kLeaseExpired, "lease 12 has expired, or the process that held it has died"},
      {Kind::kBroken, ErrorCode::kLeaseBroken,
       "lease 12 was broken by an administrator; 'tenure log --from 12' shows the reason"},
      {Kind::kNotCovering, ErrorCode::kLeaseNotCovering, "lease 12 does not cover lib/a:1"},
      {Kind::kShared, ErrorCode::kLeaseNotCovering, "lease 12 is shared, so it entitles nobody to write lib/a:1"},
      {Kind::kUnknown, ErrorCode::kLeaseUnknown,
       "lease 12 is not held: it was released, has ended, or the token is another's"},
  };
  for (const Case& c : cases) {
    verdict.kind = c.kind;
    const Error error = LostError(verdict, nullptr);
    EXPECT_EQ(error.code, c.code) << c.says;
    EXPECT_EQ(error.message, c.says);
    EXPECT_FALSE(error.hint.empty()) << c.says;
    EXPECT_EQ(error.lsn, 12u);
    EXPECT_EQ(error.key, "lib/a:1");
  }
  verdict.kind = Kind::kFenced;
  verdict.other = 15;
  EXPECT_EQ(LostError(verdict, nullptr).message, "lease 12 has ended, and lib/a:1 is under lease 15 now");
  const Error fenced = LostError(verdict, &other);
  EXPECT_EQ(fenced.code, ErrorCode::kFenced);
  EXPECT_EQ(fenced.message, "lease 12 has ended, and lib/a:1 is under lease 15 now, held by builder@host (pid 77)");
}

TEST(LeaseMessages, HowALeaseEndedIsSaidAsFarAsItIsKnown) {
  const auto ended = [](model::EffectKind kind) { return Table::Ended{kind, {}}; };
  const Table::Ended broken = ended(model::EffectKind::kBreakLease), released = ended(model::EffectKind::kReleaseLease),
                     expired = ended(model::EffectKind::kExpireLease),
                     orphaned = ended(model::EffectKind::kOrphanLease);
  EXPECT_EQ(NotHeldError(12, nullptr).code, ErrorCode::kLeaseUnknown);
  EXPECT_EQ(NotHeldError(12, &broken).code, ErrorCode::kLeaseBroken);
  EXPECT_EQ(NotHeldError(12, &broken).hint, "'tenure log --from 12' shows the reason; acquire a new lease");
  EXPECT_EQ(NotHeldError(12, &expired).code, ErrorCode::kLeaseExpired);
  EXPECT_EQ(NotHeldError(12, &orphaned).code, ErrorCode::kLeaseExpired);
  EXPECT_EQ(NotHeldError(12, &released).code, ErrorCode::kLeaseUnknown);
  EXPECT_EQ(NotHeldError(12, &released).message, "lease 12 was released");
}

TEST(LeaseMessages, ALimitAndAQueueNameTheirNumbers) {
  EXPECT_EQ(ExhaustedError(16'384).code, ErrorCode::kLeasesExhausted);
  EXPECT_EQ(ExhaustedError(16'384).message, "16384 leases are held, which is the limit");
  EXPECT_EQ(QueuedError("lib/a:1", 2).message, "lib/a:1: nobody holds a lease of it, but 2 requests wait before you");
}

}  // namespace
}  // namespace tenure::lease
