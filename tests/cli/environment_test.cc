// The program in environments that it cannot choose: small and read-only file systems, foreign owners, few descriptors,
// little memory, other namespaces, memory of another version. Those that need a right which the tests do not have are
// skipped.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <memory>

#include "tests/cli/lease_testing.h"

namespace tenure::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// Longer than a test may take: a wait that ends has ended for its reason.
constexpr char kForLong[] = "1h";

class Environment : public LeaseTest {
 protected:
  /// Runs a shell script in dir(), with $tenure in it. Fails the test unless it ends with 0; returns what it printed.
  std::string Script(const std::string& script, const std::vector<std::string>& prefix = {}) const {
    Launch launch = Command({});
    launch.environment["tenure"] = launch.arguments[0];
    launch.environment["dir"] = dir();
    launch.arguments = {"/usr/bin/env"};  // looks for it along the PATH
    launch.arguments.insert(launch.arguments.end(), prefix.begin(), prefix.end());
    launch.arguments.insert(launch.arguments.end(), {"sh", "-ec", script});
    const Finished finished = RunToEnd(launch);
    EXPECT_EQ(finished.status, 0) << finished.out << finished.err;
    return finished.out + finished.err;
  }
  static bool Can(const std::vector<std::string>& command) {
    Launch launch;
    launch.arguments = {"/usr/bin/env"};
    launch.arguments.insert(launch.arguments.end(), command.begin(), command.end());
    launch.arguments.emplace_back("true");
    return RunToEnd(launch).status == 0;
  }
};

#define NEEDS(...) \
  if (!Can({__VA_ARGS__})) GTEST_SKIP() << "not allowed here"

TEST_F(Environment, AFullFileSystemRefusesWritesAndSpaceBringsThemBack) {
  NEEDS("unshare", "-m");
  const std::string said = Script(R"sh(
    mkdir small; mount -t tmpfs -o size=12m tmpfs small
    $tenure init small/s 2>init.err; cd small/s
    $tenure put first:1 --size 1 2>../../err; $tenure list >/dev/null 2>&1
    dd if=/dev/zero of=../filler bs=4k 2>/dev/null || true
    big=$(head -c 60000 /dev/zero | tr '\0' x)
    acked=0
    while $tenure --json put "big/$acked:1" --set "x=\"$big\"" >"$dir/out" 2>"$dir/err"; do acked=$((acked + 1)); done
    grep -c no_space "$dir/err"
    $tenure get first:1 --format json | grep -c '"size":1'
    rm ../filler
    $tenure put later:1
    test "$($tenure list --format jsonl 2>/dev/null | wc -l)" -eq $((acked + 2))
    $tenure verify --deep)sh",
                                  {"unshare", "-m"});
  EXPECT_THAT(said, HasSubstr("committed later:1"));
}

/// What the index lags behind by is read from a copy elsewhere; with no room there either, both places are named.
TEST_F(Environment, AFullFileSystemIsRead) {
  NEEDS("unshare", "-m");
  const std::string said = Script(R"sh(
    mkdir small tmp; mount -t tmpfs -o size=12m tmpfs small
    export TMPDIR="$dir/tmp"
    $tenure init small/s 2>init.err; cd small/s
    $tenure put first:1 --size 1 2>../../err; $tenure list >/dev/null 2>&1
    dd if=/dev/zero of=../filler bs=4k 2>/dev/null || true
    big=$(head -c 60000 /dev/zero | tr '\0' x)
    acked=0
    while $tenure --json put "big/$acked:1" --set "x=\"$big\"" >"$dir/out" 2>"$dir/err"; do acked=$((acked + 1)); done
    grep -c no_space "$dir/err"
    echo "acknowledged $acked"
    last="big/$((acked - 1)):1"
    $tenure get "$last" --format json 2>../../err | grep -c '"revision":1'
    grep -c 'reading from a copy in '"$dir/tmp" ../../err
    $tenure --json get "big/$acked:1" 2>../../err || echo "unacknowledged $?"
    test "$($tenure list --format jsonl 2>/dev/null | wc -l)" -eq $((acked + 1))
    test "$($tenure export jsonl 2>/dev/null | wc -l)" -eq $((acked + 1))
    $tenure history "$last" >/dev/null 2>&1; $tenure tag list >/dev/null 2>&1; $tenure conflicts list >/dev/null 2>&1
    $tenure stats --format json 2>/dev/null | grep -c "\"entries\":$((acked + 1)),"
    $tenure log >/dev/null 2>&1; $tenure lease list 2>/dev/null; $tenure verify 2>/dev/null
    test -z "$(ls "$dir/tmp")"
    status=0; TMPDIR=/nowhere $tenure --json list 2>"$dir/err" || status=$?
    echo "without room $status"; cat "$dir/err"
    rm ../filler
    $tenure --json list >/dev/null 2>"$dir/err"; grep -c copy "$dir/err" || true
    $tenure verify --deep)sh",
                                  {"unshare", "-m"});
  EXPECT_THAT(said, HasSubstr("unacknowledged 4"));
  EXPECT_THAT(said, HasSubstr("without room 1"));
  EXPECT_THAT(said, HasSubstr("\"code\":\"no_space\""));
  EXPECT_THAT(said, HasSubstr("/nowhere"));
}

TEST_F(Environment, AReadOnlyFileSystemIsReadAndRefusesWrites) {
  NEEDS("unshare", "-m");
  // b:1 and its tag are in the journal only, a:1 in the WAL of the index.
  const std::string said = Script(R"sh(
    mkdir disk tmp; mount -t tmpfs -o size=32m tmpfs disk
    export TMPDIR="$dir/tmp"
    $tenure init disk/s 2>/dev/null; cd disk/s
    $tenure put a:1 --size 6; $tenure put a:1 --size 7; $tenure list >/dev/null
    $tenure put b:1; $tenure tag set b@newest 1
    mount -o remount,ro ..
    $tenure verify
    $tenure get a:1 --format json | grep -c '"size":7'
    $tenure get b@newest --format json | grep -c '"revision":1'
    $tenure get a:1 --at 1 --format json | grep -c '"size":6'
    $tenure list --format jsonl; $tenure history a:1; $tenure log; $tenure lease list; $tenure conflicts list
    $tenure export jsonl >"$dir/before"
    $tenure stats --format json | grep -c '"index_path":"'"$dir"'/disk/s/.tenure/index/'
    $tenure doctor
    $tenure backup "$dir/copy"; $tenure -C "$dir/copy" export jsonl | cmp - "$dir/before"
    status=0; $tenure --json put c:1 2>"$dir/err" || status=$?
    echo "refused with $status"; cat "$dir/err"
    test -z "$(ls "$dir/tmp")"
    status=0; TMPDIR=/nowhere $tenure --json get a:1 2>"$dir/err" || status=$?
    echo "without room $status"; cat "$dir/err"
    mount -o remount,rw ..; rm -r .tenure/index; mount -o remount,ro ..
    $tenure export jsonl | cmp - "$dir/before"
    mount -o remount,rw ..
    $tenure put c:1
    $tenure verify --deep)sh",
                                  {"unshare", "-m"});
  EXPECT_THAT(said, HasSubstr("refused with 1"));
  EXPECT_THAT(said, HasSubstr("\"code\":\"read_only\""));
  EXPECT_THAT(said, HasSubstr("without room 1"));
  EXPECT_THAT(said, HasSubstr("set TMPDIR to another directory"));
  EXPECT_THAT(said, HasSubstr("committed c:1"));
}

/// What is being written cannot be copied.
TEST_F(Environment, AReadOnlyViewOfAStoreInUseIsRefused) {
  NEEDS("unshare", "-m");
  Ok({"put", "a:1"});
  Launch launch = Command({"with-lease", "a", "--ttl", kForLong, "--", "sh", "-c", "echo held; read line || true"});
  Child holder(launch);
  ASSERT_EQ(holder.ReadLine(), "held");
  const std::string view = "mkdir view; mount --bind . view; mount -o remount,bind,ro view; ";
  const std::string said = Script(view + R"sh(
    status=0; $tenure -C view --json get a:1 2>err || status=$?
    echo "refused with $status"; cat err)sh",
                                  {"unshare", "-m"});
  EXPECT_THAT(said, HasSubstr("\"code\":\"busy\""));
  EXPECT_THAT(said, HasSubstr("open for writing elsewhere"));
  EXPECT_EQ(holder.Wait().status, 0);
  EXPECT_THAT(Script("mount --bind . view; mount -o remount,bind,ro view; $tenure -C view get a:1", {"unshare", "-m"}),
              HasSubstr("name         a\n"));
}

TEST_F(Environment, AnotherUserIsToldWhatToLookAt) {
  NEEDS("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups");
  Ok({"put", "a:1"});
  ASSERT_EQ(::chmod(dir().c_str(), 0755), 0);
  for (const char* command : {"get", "put"}) {
    Launch launch = Command({"-C", dir(), "--json", command, "a:1"});
    const std::vector<std::string> other = {"/usr/bin/env", "setpriv", "--reuid=65534", "--regid=65534",
                                            "--clear-groups"};
    launch.arguments.insert(launch.arguments.begin(), other.begin(), other.end());
    launch.directory = "/";
    const Json error = ErrorOf(RunToEnd(launch));
    EXPECT_EQ(error.at("code"), "io");
    EXPECT_THAT(std::string(error.at("message")), HasSubstr("Permission denied"));
    EXPECT_THAT(std::string(error.at("hint")), HasSubstr("owner and mode"));
  }
}

/// Each limit either suffices or is named.
// AddressSanitizer needs address space, and UBSan descriptors: it asks through a pipe whether an object can be read.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(Environment, WithFewDescriptors) {
  Ok({"put", "a:1"});
  int enough = 0;
  for (int limit = 5; limit <= 24; ++limit) {
    const std::string said = Script("ulimit -n " + std::to_string(limit) + R"sh(
      status=0; $tenure --json put a:1 --size )sh" +
                                    std::to_string(limit) + R"sh( || status=$?
      echo "status $status")sh");
    if (said.find("status 0\n") != std::string::npos) {
      ++enough;
    } else {
      EXPECT_THAT(said, HasSubstr("status 1\n")) << limit;
      EXPECT_THAT(said, HasSubstr("ulimit -n")) << limit;
    }
  }
  EXPECT_GT(enough, 8);
  EXPECT_EQ(OkJson({"get", "a:1"}).at("size"), 24);
  Ok({"verify", "--deep"});
}

TEST_F(Environment, WithLittleAddressSpace) {
  Ok({"put", "a:1"});
  bool enough = false;
  for (int kib = 20'000; kib <= 400'000; kib = kib * 5 / 4) {
    const std::string said = Script("ulimit -v " + std::to_string(kib) + R"sh(
      status=0; $tenure --json put a:1 --size )sh" +
                                    std::to_string(kib) + R"sh( || status=$?
      echo "status $status")sh");
    enough = said.find("status 0\n") != std::string::npos;
    // 127: the loader found no room for the program.
    if (said.find("status 127\n") != std::string::npos) continue;
    if (enough) continue;
    EXPECT_THAT(said, HasSubstr("status 1\n")) << kib;
    EXPECT_THAT(said, HasSubstr("out_of_memory")) << kib;
  }
  EXPECT_TRUE(enough);
  Ok({"verify", "--deep"});
}
#endif

TEST_F(Environment, TwoPidNamespacesShareAStore) {
  const std::vector<std::string> elsewhere = {"/usr/bin/env", "unshare", "-pf", "--mount-proc", "--kill-child"};
  NEEDS("unshare", "-pf", "--mount-proc", "--kill-child");
  Launch launch = Command({"with-lease", "a", "--ttl", kForLong, "--", "sh", "-c", "echo held; read line"});
  launch.arguments.insert(launch.arguments.begin(), elsewhere.begin(), elsewhere.end());
  Child holder(launch);
  ASSERT_EQ(holder.ReadLine(), "held");
  const Json error = Fails({"put", "a:1"}, 11, "lease_held");
  EXPECT_LT(error.at("holder").at("pid"), 10) << "as its namespace counts";
  // Its process number means nothing here; that it lives, and that it dies, is seen all the same.
  Child waiter(Command({"put", "a:1", "--wait", kForLong}));
  while (OkJson({"doctor"})["lease_waiters"].empty()) {
  }
  holder.Signal(SIGKILL);
  EXPECT_EQ(waiter.WaitForEnd().status, 0);
  const std::string loop = "for i in $(seq 40); do $tenure put \"$0/$i:1\" --writer w >/dev/null; done";
  Script(loop + " & unshare -pf --mount-proc sh -c '" + loop + "' there; wait");
  EXPECT_EQ(ParseLines(Ok({"list", "--format", "jsonl"})).size(), 81u);
  Ok({"verify", "--deep"});
}

TEST_F(Environment, AnotherTimeNamespaceIsRefusedWhileSomebodyHasTheStoreOpen) {
  const std::vector<std::string> elsewhen = {"/usr/bin/env", "unshare", "-T", "--boottime", "1000000"};
  NEEDS("unshare", "-T", "--boottime", "1000000");
  const auto there = [&](std::vector<std::string> arguments) {
    Launch launch = Command(arguments);
    launch.arguments.insert(launch.arguments.begin(), elsewhen.begin(), elsewhen.end());
    return RunToEnd(launch);
  };
  const std::string token = Acquire({"a", "--ttl", kForLong});
  {
    Child watch(Command({"watch", "--from", "1"}));
    ASSERT_NE(watch.ReadLine(), "");
    const Json error = ErrorOf(there({"--json", "put", "a:1", "--lease", token}));
    EXPECT_EQ(error.at("code"), "foreign_segment");
    EXPECT_THAT(std::string(error.at("message")), HasSubstr("time namespace"));
    watch.Signal(SIGKILL);
    (void)watch.WaitForEnd();
  }
  // Alone it makes the memory anew: leases have one full time to live again, by its clock.
  EXPECT_EQ(there({"put", "a:1"}).status, 11);
  EXPECT_EQ(there({"put", "a:1", "--lease", token}).status, 0);
  Ok({"put", "a:1", "--size", "1", "--lease", token});
  Ok({"verify", "--deep"});
}

TEST_F(Environment, MemoryOfAnotherVersionIsRefusedWhileSomebodyUsesItAndThenMadeAnew) {
  Ok({"put", "a:1"});
  Child watch(Command({"watch", "--from", "1"}));
  ASSERT_NE(watch.ReadLine(), "");
  {
    std::fstream memory(dir() + "/.tenure/ingest.shm", std::ios::in | std::ios::out | std::ios::binary);
    memory.seekp(8);  // behind the magic: the version
    memory.put(static_cast<char>(99));
    ASSERT_TRUE(memory.flush().good());
  }
  const Json error = Fails({"put", "a:1", "--size", "1"}, 1, "foreign_segment");
  EXPECT_THAT(std::string(error.at("hint")), HasSubstr("stop the processes"));
  watch.Signal(SIGKILL);
  (void)watch.WaitForEnd();
  EXPECT_EQ(OkJson({"put", "a:1", "--size", "1"}).at("revision"), 2);
  Ok({"verify", "--deep"});
}

}  // namespace
}  // namespace tenure::testing
