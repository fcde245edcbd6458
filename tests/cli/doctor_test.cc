// doctor: members, commit lease, writer slots, and what to do; with real processes that run, stop and die.
#include <signal.h>
#include <unistd.h>

#include <filesystem>

#include "cli/doctor_advice.h"
#include "tests/cli/fixture.h"

namespace tenure::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

class Doctor : public StoreTest {
 protected:
  Launch At(const std::string& fail_point, const std::vector<std::string>& arguments) const {
    Launch launch = Command(arguments);
    launch.environment["TENURE_FAILPOINT"] = fail_point;
    return launch;
  }
  /// `apply --each` that has committed one line and waits for the next: it holds a writer slot.
  std::unique_ptr<Child> Writer() const {
    auto child = std::make_unique<Child>(Command({"apply", "--each"}));
    child->Write(R"({"op":"put","name":"w","version":"1"})"
                 "\n");
    EXPECT_EQ(ParseJson(child->ReadLine())["ok"], true);
    // It lingers a moment with the lease after its answer.
    while (OkJson({"doctor"})["commit_lease"]["state"] == "owned") {
    }
    return child;
  }
  static void Stop(Child& child) {
    child.Signal(SIGSTOP);
    ASSERT_TRUE(child.WaitStopped());
  }
  static std::string Texts(const Json& report, const char* list, const char* member) {
    std::string text;
    for (const Json& item : report[list]) {
      text += item[member].get<std::string>() + "\n" + item["remedy"].get<std::string>() + "\n";
    }
    return text;
  }
  static std::string Warnings(const Json& report) { return Texts(report, "warnings", "warning"); }
  static std::string Notes(const Json& report) { return Texts(report, "notes", "note"); }
};

TEST_F(Doctor, AnIdleStore) {
  Ok({"put", "a:1"});
  const Json report = OkJson({"doctor"});
  EXPECT_EQ(report["shared_memory"], "sound");
  EXPECT_EQ(report["members"], 0);  // doctor does not join
  EXPECT_EQ(report["processes"], Json::array());
  EXPECT_EQ(report["slots"], Json::array());
  EXPECT_EQ(report["writer_slots"], 64);
  EXPECT_EQ(report["writer_slots_free"], 64);
  EXPECT_EQ(report["durable_lsn"], 1);
  EXPECT_EQ(report["resolved_lsn"], 1);
  const Json& lease = report["commit_lease"];
  EXPECT_EQ(lease["state"], "free");
  EXPECT_EQ(lease["epoch"], report["epoch"]);
  EXPECT_EQ(lease["pid"], Json());
  EXPECT_GT(lease["heartbeat"], 0);
  EXPECT_EQ(lease["watched_ms"], Json());  // nothing is queued: one look is enough
  EXPECT_EQ(report["index_path"],
            report["index_directory"].get<std::string>() + "/" + report["index_generation"].get<std::string>());
  const std::string text = Ok({"doctor"});
  EXPECT_THAT(text, HasSubstr("\ncommitter          free\n"));
  EXPECT_THAT(text, HasSubstr("\nwriter slots free  64\n"));
  EXPECT_THAT(text, Not(HasSubstr("PROCESS")));
}

TEST_F(Doctor, AWriterAtWork) {
  const auto writer = Writer();
  const Json report = OkJson({"doctor"});
  EXPECT_EQ(report["members"], 1);
  ASSERT_EQ(report["processes"].size(), 1u);
  const Json& process = report["processes"][0];
  EXPECT_EQ(process["pid"], writer->pid());
  EXPECT_EQ(process["uid"], ::getuid());
  EXPECT_EQ(process["alive"], true);
  EXPECT_EQ(process["visible"], true);
  EXPECT_EQ(process["stopped"], false);
  EXPECT_THAT(process["started"].get<std::string>(), MatchesRegex("20[0-9][0-9]-.*Z"));
  ASSERT_EQ(report["slots"].size(), 1u);
  const Json& slot = report["slots"][0];
  EXPECT_EQ(slot["state"], "active");
  EXPECT_EQ(slot["pid"], writer->pid());
  EXPECT_EQ(slot["member"], process["slot"]);
  EXPECT_EQ(slot["thread"], writer->pid());  // its main thread
  EXPECT_EQ(slot["submitted"], slot["popped"]);
  EXPECT_EQ(slot["waiting"], 0);
  EXPECT_EQ(slot["quarantined"], false);
  EXPECT_EQ(slot["index_lane"]["records"], 1);
  EXPECT_GT(slot["index_lane"]["bytes"], 0);
  EXPECT_EQ(slot["index_lane"]["overflowed"], 0);
  EXPECT_EQ(slot["detail_lane"]["records"], 0);
  EXPECT_EQ(report["writer_slots_free"], 63);
  const std::string pid = std::to_string(writer->pid());
  const std::string text = Ok({"doctor"});
  EXPECT_THAT(text, HasSubstr("\nPROCESS  STATE"));
  EXPECT_THAT(text, HasSubstr("\n" + pid));
  EXPECT_THAT(text, HasSubstr("1 writer slot\n"));
  EXPECT_THAT(Warnings(report), Not(HasSubstr(pid)));
  EXPECT_EQ(writer->Wait().status, 0);
  EXPECT_EQ(OkJson({"doctor"})["writer_slots_free"], 64);
}

TEST_F(Doctor, AStoppedWriterAndThenADeadOne) {
  const auto writer = Writer();
  const std::string pid = std::to_string(writer->pid());
  Stop(*writer);
  const Json stopped = OkJson({"doctor"});
  EXPECT_EQ(stopped["processes"][0]["stopped"], true);
  EXPECT_THAT(Warnings(stopped), AllOf(HasSubstr("process " + pid + " is stopped and holds 1 writer slot"),
                                       HasSubstr("'kill -CONT " + pid + "'"), HasSubstr("'kill -9 " + pid + "'")));
  EXPECT_THAT(Ok({"doctor"}), AllOf(HasSubstr("\nwhat to do\nwarning: "), ContainsRegex("\n" + pid + " +stopped ")));
  writer->Signal(SIGKILL);
  EXPECT_EQ(writer->Wait().status, -SIGKILL);
  const Json dead = OkJson({"doctor"});
  EXPECT_EQ(dead["members"], 0);
  ASSERT_EQ(dead["processes"].size(), 1u);
  EXPECT_EQ(dead["processes"][0]["pid"], std::stoi(pid));
  EXPECT_EQ(dead["processes"][0]["alive"], false);
  EXPECT_EQ(dead["processes"][0]["stopped"], false);
  EXPECT_THAT(Warnings(dead), Not(HasSubstr(pid)));
  EXPECT_THAT(Notes(dead), HasSubstr("1 writer slot belongs to processes that died"));
}

TEST_F(Doctor, LeasesAndWhoWaitsForThem) {
  Ok({"lease", "acquire", "free/**", "--ttl", "1h"});
  Child holder(Command({"with-lease", "a", "--ttl", "1h", "--", "sh", "-c", "echo held; read line"}));
  ASSERT_EQ(holder.ReadLine(), "held");
  Child waiter(Command({"lease", "acquire", "a", "--wait", "1h"}));
  Json report = OkJson({"doctor"});
  while (report["lease_waiters"].empty()) report = OkJson({"doctor"});
  EXPECT_EQ(report["lease_waiters"][0]["for"], "lease");
  EXPECT_EQ(report["lease_waiters"][0]["pid"], waiter.pid());
  ASSERT_EQ(report["leases"].size(), 2u);
  EXPECT_EQ(report["leases_held"], 2);
  const Json listed = OkJson({"lease", "list"});
  for (int i = 0; i < 2; ++i) {
    const Json& lease = report["leases"][i];
    EXPECT_EQ(lease["lease_id"], listed[i]["lease_id"]);
    EXPECT_EQ(lease["state"], "held");
    EXPECT_LE(lease["left_ms"], 3'600'000);
    EXPECT_GT(lease["left_ms"], 3'000'000);
  }
  EXPECT_EQ(report["leases"][0]["bound"], false);
  EXPECT_EQ(report["leases"][0]["pid"], Json());
  EXPECT_EQ(report["leases"][1]["bound"], true);
  EXPECT_EQ(report["leases"][1]["pid"], holder.pid());
  const std::string pid = std::to_string(holder.pid());
  EXPECT_THAT(Ok({"doctor"}), AllOf(ContainsRegex("\n[0-9]+ +held +[0-9]+ ms +" + pid + " *\n"),
                                    ContainsRegex("\n[0-9]+ +a lease +" + std::to_string(waiter.pid()) + " +no"),
                                    ContainsRegex("\n" + pid + " +running .* 1 lease")));
  Stop(holder);
  EXPECT_THAT(Warnings(OkJson({"doctor"})),
              AllOf(HasSubstr("process " + pid + " is stopped and holds 1 lease, for another"),
                    HasSubstr("'tenure lease break'")));
  holder.Signal(SIGCONT);
  holder.Write("\n");
  EXPECT_EQ(holder.WaitForEnd().status, 0);
  EXPECT_EQ(waiter.WaitForEnd().status, 0);
  const Json after = OkJson({"doctor"});
  EXPECT_EQ(after["leases"].size(), 2u);  // the waiter's own, unbound
  EXPECT_EQ(after["lease_waiters"], Json::array());
}

TEST_F(Doctor, WithoutSharedMemory) {
  Ok({"put", "a:1"});
  const std::string segment = dir() + "/.tenure/ingest.shm";
  std::filesystem::remove(segment);
  const Json missing = OkJson({"doctor"});
  EXPECT_EQ(missing["shared_memory"], "missing");
  EXPECT_EQ(missing["durable_lsn"], Json());
  EXPECT_EQ(missing["members"], 0);
  EXPECT_THAT(Notes(missing), HasSubstr("nothing to do: the next process to open the store makes it anew"));
  EXPECT_FALSE(std::filesystem::exists(segment));  // looking made none
  WriteFile(segment, "not a segment");
  const Json foreign = OkJson({"doctor"});
  EXPECT_EQ(foreign["shared_memory"], "foreign");
  EXPECT_EQ(ReadFile(segment), "not a segment");
  Ok({"put", "b:1"});
  EXPECT_EQ(OkJson({"doctor"})["durable_lsn"], 2);
}

TEST_F(Doctor, SharedMemoryLostBesideALivingMember) {
  const auto writer = Writer();
  std::filesystem::remove(dir() + "/.tenure/ingest.shm");
  const Json report = OkJson({"doctor"});
  EXPECT_EQ(report["members"], 1);
  EXPECT_EQ(report["processes"][0]["pid"], writer->pid());  // found by its lock
  EXPECT_THAT(Warnings(report), HasSubstr("stop process " + std::to_string(writer->pid()) + ";"));
}

TEST_F(Doctor, DamageInTheJournalHidesNothing) {
  const auto writer = Writer();
  const std::string journal = dir() + "/.tenure/journal";
  for (const auto& file : std::filesystem::directory_iterator(journal)) {
    if (file.path().extension() == ".seg") std::filesystem::resize_file(file.path(), 100'000);
  }
  const Finished finished = Tenure({"doctor", "--json"});
  EXPECT_EQ(finished.status, 13) << finished.err;
  const Json report = ParseJson(finished.out);
  EXPECT_THAT(Warnings(report), HasSubstr("the file ends here"));
  EXPECT_EQ(report["processes"][0]["pid"], writer->pid());
}

#ifdef TENURE_TESTING

TEST_F(Doctor, AStoppedOwnerOfTheCommitLeaseAndThenADeadOne) {
  Ok({"put", "a:1"});
  Child owner(At("commit.before_publish=stop", {"put", "b:1"}));
  ASSERT_TRUE(owner.WaitStopped());
  const std::string pid = std::to_string(owner.pid());
  const Json stopped = OkJson({"doctor"});
  EXPECT_EQ(stopped["commit_lease"]["state"], "owned");
  EXPECT_EQ(stopped["commit_lease"]["pid"], owner.pid());
  EXPECT_EQ(stopped["commit_lease"]["owner_alive"], true);
  EXPECT_THAT(Warnings(stopped), AllOf(HasSubstr("process " + pid + " is stopped and owns the commit lease"),
                                       HasSubstr("kill -CONT " + pid)));
  EXPECT_THAT(Ok({"doctor"}), HasSubstr("committer          process " + pid + "\n"));
  owner.Signal(SIGKILL);
  EXPECT_EQ(owner.Wait().status, -SIGKILL);
  for (int look = 0; look < 2; ++look) {  // doctor itself takes nothing over
    const Json dead = OkJson({"doctor"});
    EXPECT_EQ(dead["commit_lease"]["owner_alive"], false);
    EXPECT_EQ(dead["epoch"], stopped["epoch"]);
    EXPECT_THAT(Warnings(dead), HasSubstr("process " + pid + " is dead and still owns the commit lease"));
  }
  Ok({"put", "c:1"});
  const Json after = OkJson({"doctor"});
  EXPECT_GT(after["epoch"], stopped["epoch"]);
  EXPECT_EQ(after["durable_lsn"], 2);
  EXPECT_THAT(Warnings(after), Not(HasSubstr("commit lease")));
}

TEST_F(Doctor, AStoppedProcessWithQueuedOperations) {
  // It stops when its operation is queued and its committing thread has claimed the lease.
  Child writer(At("turn.claimed=stop", {"apply", "--each"}));
  writer.Write(R"({"op":"put","name":"q","version":"1"})"
               "\n");
  ASSERT_TRUE(writer.WaitStopped());
  const std::string pid = std::to_string(writer.pid());
  const Json report = OkJson({"doctor"});
  ASSERT_EQ(report["slots"].size(), 1u);
  EXPECT_EQ(report["slots"][0]["waiting"], 1);
  EXPECT_EQ(report["slots"][0]["submitted"], report["slots"][0]["popped"].get<int>() + 1);
  EXPECT_GT(report["commit_lease"]["watched_ms"], 0);
  EXPECT_EQ(report["commit_lease"]["progress"], false);
  EXPECT_THAT(Warnings(report),
              AllOf(HasSubstr("process " + pid + " is stopped and holds 1 writer slot with 1 queued operation"),
                    HasSubstr("process " + pid + " is stopped and owns the commit lease")));
  writer.Signal(SIGCONT);
  EXPECT_EQ(ParseJson(writer.ReadLine())["ok"], true);
  const Json after = OkJson({"doctor"});
  EXPECT_EQ(after["slots"][0]["waiting"], 0);
  EXPECT_EQ(after["commit_lease"]["watched_ms"], Json());
  EXPECT_EQ(writer.Wait().status, 0);
}

TEST_F(Doctor, AStoppedProcessWithTheTurnToApply) {
  Ok({"put", "a:1"});
  Child reader(At("index.before_commit=stop", {"list"}));
  ASSERT_TRUE(reader.WaitStopped());
  const Json report = OkJson({"doctor"});
  EXPECT_EQ(report["applier"], std::to_string(reader.pid()));
  EXPECT_THAT(Warnings(report),
              HasSubstr("process " + std::to_string(reader.pid()) + " is stopped and has the turn to apply"));
  reader.Signal(SIGCONT);
  EXPECT_EQ(reader.Wait().status, 0);
}

#endif

StoreDiagnosis Sound() {
  StoreDiagnosis d;
  d.writer_slots = 2;
  d.writer_slots_free = 2;
  return d;
}

std::string Advice(const StoreDiagnosis& d) {
  std::string text;
  for (const cli::Finding& finding : cli::AdviseOnStore(d)) {
    text += (finding.kind == cli::Finding::Kind::kWarning ? "W " : "N ") + finding.text + " | " + finding.remedy + "\n";
  }
  return text;
}

TEST(DoctorAdvice, NothingIsWrong) { EXPECT_EQ(Advice(Sound()), ""); }

TEST(DoctorAdvice, AllSlotsTaken) {
  StoreDiagnosis d = Sound();
  d.members.push_back({.slot = 7, .pid = 100, .alive = true});
  d.slots = {{.slot = 0, .member = 7, .pid = 100}, {.slot = 1, .member = 7, .pid = 100}};
  d.writer_slots_free = 0;
  EXPECT_THAT(Advice(d), HasSubstr("W all 2 writer slots are taken"));
  d.slots[1].member.reset();  // its process died: that slot can be had
  EXPECT_THAT(Advice(d), AllOf(Not(HasSubstr("are taken")), HasSubstr("N 1 writer slot belongs")));
}

TEST(DoctorAdvice, QuarantinedSlot) {
  StoreDiagnosis d = Sound();
  d.members.push_back({.slot = 7, .pid = 100, .alive = true});
  d.slots = {{.slot = 1, .member = 7, .pid = 100, .waiting = 3, .quarantined = true}};
  EXPECT_THAT(Advice(d),
              AllOf(HasSubstr("W writer slot 1 of process 100 was given up"), HasSubstr("restart process 100")));
}

TEST(DoctorAdvice, QueuedAndNothingMoves) {
  StoreDiagnosis d = Sound();
  d.members.push_back({.slot = 7, .pid = 100, .alive = true});
  d.slots.push_back({.slot = 1, .member = 7, .pid = 100, .waiting = 3});
  d.lease.watched_ms = 250;
  EXPECT_THAT(Advice(d), AllOf(HasSubstr("W 3 queued operations did not move"), HasSubstr("nobody commits")));
  d.lease.state = LeaseState::kOwned;
  d.lease.member = 7;
  d.lease.pid = 100;
  d.lease.owner_alive = true;
  EXPECT_THAT(Advice(d), AllOf(HasSubstr("the committer is process 100"), HasSubstr("kill -9 100")));
  d.lease.progress = true;
  EXPECT_EQ(Advice(d), "");
}

TEST(DoctorAdvice, LagAndWhoApplies) {
  StoreDiagnosis d = Sound();
  d.durable_lsn = cli::kLagHigh;
  EXPECT_EQ(Advice(d), "");
  d.durable_lsn = cli::kLagHigh + 1;
  EXPECT_THAT(Advice(d), AllOf(HasSubstr("100001 transactions behind"), HasSubstr("nobody has the turn to apply")));
  d.applying = true;
  d.applying_pid = 100;
  EXPECT_THAT(Advice(d), HasSubstr("process 100 has the turn to apply"));
}

TEST(DoctorAdvice, AbandonedLeaseAndTakeoverStorm) {
  StoreDiagnosis d = Sound();
  d.lease.state = LeaseState::kAbandoned;
  d.lease.epoch = 4;
  EXPECT_THAT(Advice(d), AllOf(HasSubstr("W the last committer gave up"), HasSubstr("(epoch 4)")));
  d.lease.state = LeaseState::kFree;
  d.lease.takeovers_unpublished = 2;
  EXPECT_THAT(Advice(d), HasSubstr("W 2 takeovers in a row"));
}

TEST(DoctorAdvice, SomebodyRepairs) {
  StoreDiagnosis d = Sound();
  d.shared_memory = SharedMemoryState::kMissing;
  d.held_exclusively = true;
  d.exclusive_pid = 100;
  EXPECT_THAT(Advice(d), AllOf(HasSubstr("N process 100 has the store to itself"), Not(HasSubstr("nothing to do"))));
}

TEST(DoctorAdvice, SqliteVersions) {
  for (const char* affected : {"3.7.0", "3.40.1", "3.51.2"}) EXPECT_EQ(cli::AdviseOnSqlite(affected).size(), 1u);
  for (const char* sound : {"3.6.23", "3.51.3", "4.0.0"}) EXPECT_TRUE(cli::AdviseOnSqlite(sound).empty()) << sound;
}

TEST(DoctorAdvice, FileSystems) {
  constexpr std::uint64_t kPlenty = 1ull << 40;
  EXPECT_TRUE(cli::AdviseOnFileSystem({"ext4", kPlenty, false}).empty());
  EXPECT_EQ(cli::AdviseOnFileSystem({"tmpfs", kPlenty, false}).size(), 1u);
  EXPECT_EQ(cli::AdviseOnFileSystem({"xfs", 1, false}).size(), 1u);
  EXPECT_EQ(cli::AdviseOnFileSystem({"btrfs", kPlenty, true}).size(), 2u);
}

}  // namespace
}  // namespace tenure::testing
