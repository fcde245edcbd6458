// Waiting for leases, and holding them by a process: kills, stops, circles.
#include <memory>

#include "tests/cli/lease_testing.h"

namespace tenure::testing {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Longer than a test may take: a wait that ends has ended for its reason.
constexpr char kLong[] = "1h";

class LeaseWaitCli : public LeaseTest {
 protected:
  /// Holds `scope` until it is told to end by a line on its input; says "held" first.
  std::unique_ptr<Child> Hold(const std::string& scope, const std::string& then = "read line") const {
    auto child =
        std::make_unique<Child>(Command({"with-lease", scope, "--ttl", kLong, "--", "sh", "-c", "echo held; " + then}));
    EXPECT_EQ(child->ReadLine(), "held");
    return child;
  }
  std::unique_ptr<Child> Wait(const std::string& scope, const std::string& script) const {
    return std::make_unique<Child>(Command({"with-lease", scope, "--wait", kLong, "--", "sh", "-c", script}));
  }
};

TEST_F(LeaseWaitCli, WaitersAreServedInTheOrderOfArrival) {
  constexpr int kWaiters = 16;
  const std::string token = Acquire({"a", "--ttl", kLong});
  std::vector<std::unique_ptr<Child>> waiters;
  for (int i = 0; i < kWaiters; ++i) {
    waiters.push_back(Wait("a", "echo " + std::to_string(i) + " >>order"));
    AwaitQueued("a", i + 1);
  }
  Ok({"lease", "release", token});
  std::string expected;
  for (int i = 0; i < kWaiters; ++i) {
    EXPECT_EQ(waiters[static_cast<std::size_t>(i)]->WaitForEnd().status, 0);
    expected += std::to_string(i) + "\n";
  }
  EXPECT_EQ(ReadFile(dir() + "/order"), expected);
}

TEST_F(LeaseWaitCli, AKilledHolderFreesItsLeaseAtOnce) {
  const auto holder = Hold("a", "exec sleep 10000");
  const auto waiter = Wait("a", "echo mine");
  AwaitQueued("a", 1);
  holder->Signal(SIGKILL);
  EXPECT_EQ(waiter->ReadLine(), "mine");
  EXPECT_EQ(waiter->WaitForEnd().status, 0);
  // The command of the killed holder has died with it: its output ends.
  EXPECT_EQ(holder->ReadLine(), "");
  EXPECT_THAT(Ok({"log", "--format", "jsonl"}), HasSubstr("lease_orphan"));
}

TEST_F(LeaseWaitCli, AKilledHolderIsNoObstacleToAWriteEither) {
  const auto holder = Hold("a", "exec sleep 10000");
  Fails({"put", "a:1"}, 11, "lease_held");
  holder->Signal(SIGKILL);
  EXPECT_EQ(holder->WaitForEnd().status, -SIGKILL);
  Ok({"put", "a:1"});
}

TEST_F(LeaseWaitCli, AKilledWaiterLeavesNoTrace) {
  const std::string token = Acquire({"a", "--ttl", kLong});
  const auto first = Wait("a", "echo first");
  AwaitQueued("a", 1);
  const auto second = Wait("a", "echo second");
  AwaitQueued("a", 2);
  first->Signal(SIGKILL);
  (void)first->WaitForEnd();
  AwaitQueued("a", 1);
  Ok({"lease", "release", token});
  EXPECT_EQ(second->ReadLine(), "second");
  EXPECT_EQ(second->WaitForEnd().status, 0);
  Acquire({"a"});
}

TEST_F(LeaseWaitCli, AWaiterThatGivesUpLeavesTheQueue) {
  const std::string token = Acquire({"a", "--ttl", kLong});
  const Json error = Fails({"lease", "acquire", "a", "--wait", "50ms"}, 11, "lease_held");
  EXPECT_THAT(error.at("message").get<std::string>(), HasSubstr("waited 50 ms"));
  AwaitQueued("a", 0);
}

TEST_F(LeaseWaitCli, NobodyOvertakesTheQueue) {
  const std::string token = Acquire({"a:1", "--ttl", kLong});
  // Wants all of a, so it waits for a:1; a:2 is free, but behind it in the queue.
  const auto waiter = Wait("a", "read line");
  AwaitQueued("a:1", 1);
  const Json error = Fails({"lease", "acquire", "a:2"}, 11, "lease_held");
  EXPECT_THAT(error.at("message").get<std::string>(), HasSubstr("1 requests wait before you"));
  Ok({"lease", "release", token});
  waiter->Write("\n");
  EXPECT_EQ(waiter->WaitForEnd().status, 0);
}

TEST_F(LeaseWaitCli, AStoppedWaiterHoldsNobodyUp) {
  const std::string token = Acquire({"a", "--ttl", kLong});
  const auto stopped = Wait("a", "echo first");
  AwaitQueued("a", 1);
  const auto second = Wait("a", "echo second");
  AwaitQueued("a", 2);
  stopped->Signal(SIGSTOP);
  Ok({"lease", "release", token});
  EXPECT_EQ(second->ReadLine(), "second");
  EXPECT_EQ(second->WaitForEnd().status, 0);
  stopped->Signal(SIGCONT);
  EXPECT_EQ(stopped->ReadLine(), "first");
  EXPECT_EQ(stopped->WaitForEnd().status, 0);
}

TEST_F(LeaseWaitCli, AnExpiredLeaseLetsTheNextOneIn) {
  Acquire({"a", "--ttl", "100ms"});
  EXPECT_EQ(Tenure({"lease", "acquire", "a", "--wait", kLong}).status, 0);
}

TEST_F(LeaseWaitCli, AWriteMayWaitForALeaseToEnd) {
  const auto holder = Hold("a");
  Child put(Command({"put", "a:1", "--wait", kLong}));
  Fails({"put", "a:1", "--wait", "20ms"}, 11, "lease_held");
  holder->Write("\n");
  EXPECT_EQ(holder->WaitForEnd().status, 0);
  EXPECT_EQ(put.WaitForEnd().status, 0);
}

TEST_F(LeaseWaitCli, ACircleOfThreeIsRefusedWhereItCloses) {
  const std::string program = Command({}).arguments[0];
  const auto wants = [&](const std::string& scope) {
    return "read line; " + program + " --json lease acquire " + scope + " --wait 1h --purpose wants-" + scope +
           " 2>err-" + scope + "; echo status $?; read line";
  };
  const auto a = Hold("a", wants("b"));
  const auto b = Hold("b", wants("c"));
  const auto c = Hold("c", wants("a"));
  a->Write("\n");
  AwaitQueued("b", 1);
  b->Write("\n");
  AwaitQueued("c", 1);
  c->Write("\n");
  EXPECT_EQ(c->ReadLine(), "status 11");
  const Json error = ParseJson(ReadFile(dir() + "/err-a")).at("error");
  EXPECT_EQ(error.at("code"), "deadlock");
  const std::string message = error.at("message");
  for (const char* part : {"wants-a", "wants-b", "wants-c"}) EXPECT_THAT(message, HasSubstr(part));
  // The one that was refused gives way, and the others get on.
  c->Write("\n");
  EXPECT_EQ(c->WaitForEnd().status, 0);
  EXPECT_THAT(b->ReadLine(), HasSubstr("tnl-"));
  EXPECT_EQ(b->ReadLine(), "status 0");
  b->Write("\n");
  EXPECT_EQ(b->WaitForEnd().status, 0);
  EXPECT_THAT(a->ReadLine(), HasSubstr("tnl-"));
  a->Write("\n");
  EXPECT_EQ(a->WaitForEnd().status, 0);
}

TEST_F(LeaseWaitCli, AWriteThatWouldCloseACircleIsRefused) {
  const std::string program = Command({}).arguments[0];
  const auto a = Hold("a", "read line; " + program + " lease acquire b --wait 1h 2>err-b; echo status $?; read line");
  const auto b = Hold("b", "read line; " + program + " --json put a:1 --wait 1h 2>err-a; echo status $?; read line");
  a->Write("\n");
  AwaitQueued("b", 1);
  b->Write("\n");
  EXPECT_EQ(b->ReadLine(), "status 11");
  const Json error = ParseJson(ReadFile(dir() + "/err-a")).at("error");
  EXPECT_EQ(error.at("code"), "deadlock");
  EXPECT_THAT(std::string(error.at("message")), HasSubstr("(to write) waits for lease"));
  b->Write("\n");
  EXPECT_EQ(b->WaitForEnd().status, 0);
  EXPECT_THAT(a->ReadLine(), HasSubstr("tnl-"));
  EXPECT_EQ(a->ReadLine(), "status 0");
  a->Write("\n");
  EXPECT_EQ(a->WaitForEnd().status, 0);
}

TEST_F(LeaseWaitCli, ALineOfManyWaitsAndThoseBehindDoNotOvertakeIt) {
  const std::string token = Acquire({"a", "--ttl", kLong});
  Child apply(Command({"apply", "--each", "--wait", kLong}));
  apply.Write(R"({"op":"put","name":"a","version":"1","size":1})"
              "\n"
              R"({"op":"put","name":"a","version":"1","size":2})"
              "\n"
              R"({"op":"put","name":"b","version":"1"})"
              "\n");
  while (OkJson({"doctor"})["lease_waiters"].empty()) {
  }
  Fails({"get", "b:1"}, 4, "not_found");
  Ok({"lease", "release", token});
  for (int line = 1; line <= 3; ++line) {
    const Json answer = ParseJson(apply.ReadLine());
    EXPECT_EQ(answer["line"], line);
    EXPECT_EQ(answer["ok"], true) << answer;
    EXPECT_EQ(answer["revision"], line == 2 ? 2 : 1);
  }
  EXPECT_EQ(apply.Wait().status, 0);
  EXPECT_EQ(OkJson({"get", "a:1"})["size"], 2);
}

TEST_F(LeaseWaitCli, AnImportWaitsForTheTransactionsThatNeedIt) {
  std::string lines;
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    lines += std::string(R"({"name":")") + name + "\",\"version\":\"1\"}\n";
  }
  const auto holder = Hold("c");
  const Finished refused = Tenure({"--json", "import", "jsonl", "--batch", "1", "--wait", "20ms"}, lines);
  EXPECT_EQ(refused.status, 11) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("waited 20 ms"));
  Child import(Command({"--json", "import", "jsonl", "--batch", "1", "--wait", kLong}));
  import.Write(lines);
  import.CloseInput();
  while (OkJson({"doctor"})["lease_waiters"].empty()) {
  }
  Fails({"get", "c:1"}, 4, "not_found");
  holder->Write("\n");
  EXPECT_EQ(holder->WaitForEnd().status, 0);
  const Finished done = import.WaitForEnd();
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_EQ(SplitLines(Ok({"list", "--format", "jsonl"})).size(), 5u);
}

TEST_F(LeaseWaitCli, WaitingForOneselfIsACircleToo) {
  const std::string token = Acquire({"a", "--ttl", kLong});
  const Json error = ErrorOf(RunToEnd(WithTokens({"--json", "lease", "acquire", "a:1", "--wait", kLong}, token)));
  EXPECT_EQ(error.at("code"), "deadlock");
}

TEST_F(LeaseWaitCli, AStoppedHolderIsFenced) {
  const std::string program = Command({}).arguments[0];
  Child holder(Command(
      {"with-lease", "a", "--ttl", "200ms", "--", "sh", "-c",
       "trap '' TERM; echo held; read line; " + program + " put a:1 >/dev/null 2>&1; echo status $?; read line"}));
  ASSERT_EQ(holder.ReadLine(), "held");
  holder.Signal(SIGSTOP);
  // It expires because nobody renews it; another one gets the scope, and writes.
  const std::string token = Acquire({"a", "--wait", kLong});
  Ok({"put", "a:1", "--size", "7", "--lease", token});
  // Its command goes on, and writes under the old lease: refused.
  holder.Write("\n");
  EXPECT_EQ(holder.ReadLine(), "status 12");
  EXPECT_EQ(OkJson({"get", "a:1"}).at("revision"), 1);
  holder.Signal(SIGCONT);
  holder.Write("\n");
  const Finished finished = holder.WaitForEnd();
  EXPECT_EQ(finished.status, 125);
  // Told by the thread that renews, or by the release, whichever comes first.
  EXPECT_THAT(finished.err, AnyOf(HasSubstr("the lease is lost"), HasSubstr("has expired")));
}

TEST_F(LeaseWaitCli, ACommitterThatDiesWithTheReleaseLosesNoWakeUp) {
  const std::string token = Acquire({"a", "--ttl", kLong});
  const auto waiter = Wait("a", "echo mine");
  AwaitQueued("a", 1);
  // Killed before the release counts: it never happened, and can be made again.
  Launch killed = Command({"lease", "release", token});
  killed.environment["TENURE_FAILPOINT"] = "commit.before_publish=kill";
  EXPECT_EQ(RunToEnd(killed).status, -SIGKILL);
  AwaitQueued("a", 1);
  // Killed behind that: the waiter is on its way by then.
  killed.environment["TENURE_FAILPOINT"] = "commit.after_publish=kill";
  EXPECT_EQ(RunToEnd(killed).status, -SIGKILL);
  EXPECT_EQ(waiter->ReadLine(), "mine");
  EXPECT_EQ(waiter->WaitForEnd().status, 0);
}

TEST_F(LeaseWaitCli, WithLeaseReturnsWhatItsCommandReturns) {
  const auto status = [&](const std::vector<std::string>& command) {
    std::vector<std::string> arguments = {"with-lease", "a", "--"};
    arguments.insert(arguments.end(), command.begin(), command.end());
    return Tenure(arguments).status;
  };
  EXPECT_EQ(status({"true"}), 0);
  EXPECT_EQ(status({"sh", "-c", "exit 7"}), 7);
  EXPECT_EQ(status({"sh", "-c", "kill -KILL $$"}), 128 + SIGKILL);
  EXPECT_EQ(status({"/no/such/program"}), 127);
  EXPECT_EQ(status({"/etc/passwd"}), 126);
  EXPECT_TRUE(OkJson({"lease", "list"}).empty());
  Acquire({"a"});
  EXPECT_EQ(status({"true"}), 124);
  EXPECT_EQ(Tenure({"-C", "nowhere", "with-lease", "a", "--", "true"}).status, 125);
}

TEST_F(LeaseWaitCli, WithLeaseRenewsWhileItsCommandRuns) {
  const auto child = std::make_unique<Child>(
      Command({"with-lease", "a", "--ttl", "600ms", "--", "sh", "-c", "echo $TENURE_FENCING_TOKEN; sleep 2"}));
  const std::string token = child->ReadLine();
  EXPECT_EQ(child->WaitForEnd().status, 0) << "held for more than three times its time to live";
  EXPECT_THAT(Ok({"log", "--format", "jsonl"}), HasSubstr("lease_release"));
}

TEST_F(LeaseWaitCli, ABrokenLeaseEndsItsCommand) {
  const auto holder = Hold("a", "exec sleep 10000");
  Ok({"lease", "break", std::to_string(OkJson({"lease", "list"})[0].at("lease_id").get<int>()), "--reason", "x"});
  const Finished finished = holder->WaitForEnd();
  EXPECT_EQ(finished.status, 125);
  EXPECT_THAT(finished.err, HasSubstr("lost"));
}

TEST_F(LeaseWaitCli, SignalsAreHandedOn) {
  // A wait ends at once for a trap, a foreground command would be waited for.
  Child holder(Command({"with-lease", "a", "--", "sh", "-c",
                        "trap 'kill $! 2>/dev/null; echo got it; exit 3' USR1; echo held; sleep 10000 & wait"}));
  ASSERT_EQ(holder.ReadLine(), "held");
  holder.Signal(SIGUSR1);
  EXPECT_EQ(holder.ReadLine(), "got it");
  EXPECT_EQ(holder.WaitForEnd().status, 3);
}

TEST_F(LeaseWaitCli, NestedCommandsPresentAllTheirLeases) {
  const std::string program = Command({}).arguments[0];
  const Finished finished = Tenure({"with-lease", "a", "--", program, "with-lease", "b", "--", "sh", "-c",
                                    program + " put a:1 && " + program + " put b:1"});
  EXPECT_EQ(finished.status, 0) << finished.err;
}

}  // namespace
}  // namespace tenure::testing
