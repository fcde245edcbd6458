// Signals and kills in the middle of a commit, at exact places: the process stops itself at a fail point.
#include <signal.h>

#include "tests/cli/fixture.h"

namespace tenure::testing {
namespace {

using ::testing::HasSubstr;

#ifdef TENURE_TESTING

class Interrupt : public StoreTest {
 protected:
  Launch At(const std::string& fail_point, const std::vector<std::string>& arguments) const {
    Launch launch = Command(arguments);
    launch.environment["TENURE_FAILPOINT"] = fail_point;
    return launch;
  }
};

TEST_F(Interrupt, TheOutcomeIsToldBeforeItEnds) {
  int lsn = 0;
  for (const auto& [signal, status] : {std::pair(SIGINT, 130), std::pair(SIGTERM, 143)}) {
    Child child(At("journal.after_write=stop", {"put", "app:" + std::to_string(signal), "--json"}));
    ASSERT_TRUE(child.WaitStopped());
    child.Signal(signal);
    child.Signal(SIGCONT);
    const Finished finished = child.Wait();
    EXPECT_EQ(finished.status, status);
    EXPECT_EQ(finished.err, "");
    EXPECT_EQ(ParseJson(finished.out)["lsn"], ++lsn);
  }
  EXPECT_EQ(OkJson({"list"}).size(), 2u);
}

TEST_F(Interrupt, ARejectionIsToldToo) {
  Ok({"put", "app:1"});
  // Decided, and not told yet.
  Child child(At("turn.before_release=stop", {"put", "app:1", "--if-absent"}));
  if (child.WaitStopped()) {
    child.Signal(SIGINT);
    child.Signal(SIGCONT);
  }
  const Finished finished = child.Wait();
  EXPECT_EQ(finished.status, 130);
  EXPECT_EQ(finished.out, "");
  EXPECT_THAT(finished.err, HasSubstr("app:1"));
}

TEST_F(Interrupt, ASecondSignalEndsItWithTheRequestId) {
  for (const int second : {SIGTERM, SIGALRM}) {  // SIGALRM is what the grace period ends with
    const std::string key = "app:" + std::to_string(second);
    const std::string id = "r-" + std::to_string(second);
    Child child(At("journal.after_write=stop", {"put", key, "--request-id", id, "--json"}));
    ASSERT_TRUE(child.WaitStopped());
    child.Signal(SIGINT);
    child.Signal(second);
    child.Signal(SIGCONT);
    const Finished finished = child.Wait();
    EXPECT_EQ(finished.status, 130);
    EXPECT_EQ(finished.out, "");
    const Json error = ErrorOf(finished);
    EXPECT_EQ(error.value("code", ""), "outcome_unknown");
    EXPECT_THAT(error.value("message", ""), HasSubstr("tenure outcome " + id));
    // It was written, so either it counts already or it is applied now; never twice.
    EXPECT_EQ(OkJson({"put", key, "--request-id", id})["revision"], 1);
    EXPECT_EQ(OkJson({"history", key}).size(), 1u);
  }
}

TEST_F(Interrupt, AWriteThatWaitsForALeaseEndsAtOnce) {
  const Json lease = OkJson({"lease", "acquire", "app", "--ttl", "1h"});
  Child awake(At("wait.before_sleep=stop", {"put", "app:1", "--wait", "1h", "--json"}));
  ASSERT_TRUE(awake.WaitStopped());
  awake.Signal(SIGINT);
  awake.Signal(SIGCONT);
  const Finished finished = awake.Wait();
  EXPECT_EQ(finished.status, 130);
  EXPECT_EQ(finished.out, "");
  EXPECT_EQ(ErrorOf(finished).value("code", ""), "lease_held");
  Ok({"lease", "release", lease.at("token")});
  EXPECT_EQ(OkJson({"put", "app:1"}).at("lsn"), 3) << "the write that waited left nothing behind";
}

TEST_F(Interrupt, WhatAKilledWriterLeftIsSetAsideAndSaid) {
  Ok({"put", "app:1"});
  Child child(At("journal.after_write=kill", {"put", "app:2"}));
  EXPECT_EQ(child.Wait().status, -SIGKILL);
  const Finished next = Tenure({"put", "app:3"});
  EXPECT_EQ(next.status, 0);
  EXPECT_EQ(next.out, "committed app:3 revision 1 lsn 2\n");
  EXPECT_THAT(next.err, HasSubstr("bytes were set aside in " + dir() + "/.tenure/journal/"));
  EXPECT_THAT(next.err, HasSubstr("(never acknowledged)"));
  EXPECT_EQ(OkJson({"list"}).size(), 2u);
  Ok({"verify", "--deep"});
}

#endif

}  // namespace
}  // namespace tenure::testing
