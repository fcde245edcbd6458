// `tenure-replay` as a process, on sound and on damaged stores.
#include <array>
#include <filesystem>
#include <fstream>
#include <optional>

#include "store/base/codec.h"
#include "store/base/hash.h"
#include "store/journal/format.h"
#include "tests/cli/fixture.h"

namespace tenure::testing {
namespace {

namespace fs = std::filesystem;
namespace at = journal::frame_at;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class ReplayTest : public StoreTest {
 protected:
  struct Frame {
    std::string path;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };

  static std::string Program() { return fs::path(TENURE_PROGRAM).parent_path() / "tenure-replay"; }
  Launch ReplayCommand(const std::vector<std::string>& arguments) const {
    Launch launch;
    launch.arguments = {Program()};
    launch.arguments.insert(launch.arguments.end(), arguments.begin(), arguments.end());
    launch.directory = dir();
    return launch;
  }
  Finished Replay(const std::vector<std::string>& arguments) const { return RunToEnd(ReplayCommand(arguments)); }
  std::string ReplayOk(const std::vector<std::string>& arguments) const {
    const Finished finished = Replay(arguments);
    EXPECT_EQ(finished.status, 0) << ::testing::PrintToString(arguments) << "\n" << finished.out << finished.err;
    return finished.out;
  }

  void Fill(int entries) {
    for (int i = 0; i < entries; ++i) {
      Ok({"put", "app/a" + std::to_string(i) + ":1", "--digest", kDigestA, "--size", std::to_string(i)});
    }
    Ok({"tag", "set", "app/a0@prod", "1"});
    Ok({"put", "app/a1:1", "--digest", kDigestB});
    Ok({"stats"});  // applies everything
  }
  std::string Export() const { return Ok({"export", "jsonl"}); }
  std::string root() const { return dir() + "/.tenure"; }

  std::vector<Frame> Frames() const {
    std::vector<Frame> frames;
    for (const Json& one : ParseLines(ReplayOk({"inspect", "--frames", "--format", "jsonl"}))) {
      frames.push_back({root() + "/journal/" + one["segment"].get<std::string>(), one["offset"], one["bytes"]});
    }
    return frames;
  }

  /// Changes bytes of a file in place.
  static void Edit(const std::string& path, std::uint64_t offset, const std::string& bytes) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    ASSERT_TRUE(file.good());
  }
  static std::string Bytes(const std::string& path, std::uint64_t offset, std::size_t count) {
    return ReadFile(path).substr(offset, count);
  }

  /// Changes a byte of a frame's payload, and makes both CRCs right again.
  static void EditAndMend(const Frame& frame) {
    std::string bytes = Bytes(frame.path, frame.offset, frame.bytes);
    const std::string header = Bytes(frame.path, 0, journal::kSegmentHeaderBytes);
    const std::size_t target = bytes.find("app/a");
    ASSERT_NE(target, std::string::npos);
    bytes[target] = 'A';
    const std::string salt = header.substr(journal::segment_at::kSalt, 8);
    const auto crc = [&salt](std::string_view data) {
      const std::uint32_t value = base::Crc32c(base::AsBytes(data), base::Crc32c(base::AsBytes(salt)));
      std::string text(4, '\0');
      base::StoreLe(reinterpret_cast<std::byte*>(text.data()), value);
      return text;
    };
    bytes.replace(at::kPayloadCrc, 4, crc(std::string_view(bytes).substr(journal::kFrameHeaderBytes)));
    const std::string_view protected_part =
        std::string_view(bytes).substr(at::kEpoch, journal::kFrameHeaderBytes - at::kEpoch);
    bytes.replace(at::kHeaderCrc, 4, crc(protected_part));
    Edit(frame.path, frame.offset, bytes);
  }

  /// The problem of `verify --json` that names this place.
  static std::optional<Json> ProblemAt(const Finished& verified, const Frame& frame) {
    const Json report = ParseJson(verified.out);
    for (const Json& problem : report["problems"]) {
      if (problem.value("path", "") == frame.path && problem.value("offset", std::uint64_t{0}) == frame.offset) {
        return problem;
      }
    }
    return std::nullopt;
  }
};

TEST_F(ReplayTest, InspectListsSegmentsFramesTransactionsAndEffects) {
  Fill(3);
  const std::vector<Json> segments = ParseLines(ReplayOk({"inspect", "--format", "jsonl"}));
  ASSERT_EQ(segments.size(), 1u);
  EXPECT_EQ(segments[0]["state"], "open");
  EXPECT_EQ(segments[0]["first_lsn"], 1);
  const std::vector<Json> frames = ParseLines(ReplayOk({"inspect", "--frames", "--format", "jsonl"}));
  ASSERT_EQ(frames.size(), 5u);
  EXPECT_EQ(frames[0]["offset"], journal::kSegmentHeaderBytes);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    EXPECT_EQ(frames[i]["first_lsn"], i + 1);
    EXPECT_EQ(frames[i]["transactions"], 1);
    EXPECT_EQ(frames[i]["effects"], 1);
    if (i > 0) {
      EXPECT_EQ(frames[i]["prev_chain"], frames[i - 1]["chain"]);
      EXPECT_EQ(frames[i]["offset"].get<int>(), frames[i - 1]["offset"].get<int>() + frames[i - 1]["bytes"].get<int>());
    }
  }
  const std::vector<Json> transactions =
      ParseLines(ReplayOk({"inspect", "--transactions", "--from", "2", "--to", "4", "--format", "jsonl"}));
  ASSERT_EQ(transactions.size(), 3u);
  EXPECT_EQ(transactions[0]["lsn"], 2);
  EXPECT_EQ(ReplayOk({"inspect", "--effects", "--format", "jsonl"}), Ok({"log", "--format", "jsonl"}));
  EXPECT_THAT(ReplayOk({"inspect", "--frames"}), HasSubstr("FIRST LSN"));
}

TEST_F(ReplayTest, InspectShowsBytes) {
  Fill(1);
  const Frame frame = Frames()[0];
  const std::string name = fs::path(frame.path).filename();
  const std::string shown = ReplayOk({"inspect", "--segment", name, "--hex", "0x1000", "--bytes", "32"});
  EXPECT_THAT(shown, HasSubstr("# first_lsn 1\n"));
  EXPECT_THAT(shown, HasSubstr("00001000  54 4e 46 52"));
  const Json json = ParseJson(ReplayOk({"inspect", "--segment", name, "--hex", "0", "--bytes", "8", "--json"}));
  EXPECT_EQ(json["hex"], "54454e5552534547");
  EXPECT_EQ(json["segment_header"]["first_lsn"], "1");
  EXPECT_EQ(Replay({"inspect", "--segment", name, "--hex", "99999999999"}).status, 4);
  EXPECT_EQ(Replay({"inspect", "--segment", "nothing"}).status, 4);
  EXPECT_EQ(Replay({"inspect", "--hex", "0"}).status, 2);
  EXPECT_EQ(Replay({"inspect", "--segment", name, "--hex", "0xZZ"}).status, 2);
}

TEST_F(ReplayTest, UsageAndMissingStores) {
  EXPECT_EQ(Replay({}).status, 2);
  EXPECT_EQ(Replay({"nothing"}).status, 2);
  EXPECT_EQ(Replay({"--help"}).status, 0);
  EXPECT_EQ(Replay({"verify", "--help"}).status, 0);
  EXPECT_EQ(Replay({"help", "diff"}).status, 0);
  EXPECT_EQ(Replay({"--version"}).status, 0);
  EXPECT_EQ(Replay({"verify", "--what"}).status, 2);
  const Finished none = Replay({"-C", "/nonexistent/here", "verify", "--json"});
  EXPECT_EQ(none.status, 10);
  EXPECT_EQ(ErrorOf(none)["code"], "no_store");
}

TEST_F(ReplayTest, VerifyOfASoundStore) {
  Fill(4);
  const Json report = ParseJson(ReplayOk({"verify", "--deep", "--json"}));
  EXPECT_EQ(report["ok"], true);
  EXPECT_EQ(report["last_lsn"], 6);
  EXPECT_EQ(report["frames"], 6);
  EXPECT_EQ(report["state_hash_checked"], true);
  // A head of any moment is found, another store's is not.
  const std::string head = SplitLines(Ok({"log", "--head"}))[0];
  Ok({"put", "later:1"});
  ReplayOk({"verify", "--expect-head", head});
  std::string wrong = head;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  EXPECT_EQ(Replay({"verify", "--expect-head", wrong}).status, 13);
  EXPECT_EQ(Replay({"verify", "--expect-head", "xyz"}).status, 2);
  ReplayOk({"verify", "--to-lsn", "3"});
  EXPECT_EQ(Replay({"verify", "--to-lsn", "99"}).status, 4);
}

TEST_F(ReplayTest, FlippedBytesAreNamedBySegmentAndOffset) {
  Fill(6);
  const std::vector<Frame> frames = Frames();
  ASSERT_EQ(frames.size(), 8u);
  for (const std::size_t which : {std::size_t{0}, std::size_t{3}, frames.size() - 1}) {
    const Frame& frame = frames[which];
    for (const std::uint64_t within : {std::uint64_t{at::kFirstLsn}, std::uint64_t{at::kChain},
                                       std::uint64_t{journal::kFrameHeaderBytes + 3}, frame.bytes - 9}) {
      SCOPED_TRACE("frame " + std::to_string(which) + " byte " + std::to_string(within));
      const std::string before = Bytes(frame.path, frame.offset + within, 1);
      Edit(frame.path, frame.offset + within, std::string(1, static_cast<char>(before[0] ^ 0x10)));
      const Finished verified = Replay({"verify", "--json"});
      EXPECT_EQ(verified.status, 13);
      EXPECT_TRUE(ProblemAt(verified, frame)) << verified.out;
      EXPECT_EQ(Tenure({"verify"}).status, 13);
      Edit(frame.path, frame.offset + within, before);
    }
  }
  ReplayOk({"verify", "--deep"});
}

TEST_F(ReplayTest, AnEditWithItsCrcMendedIsFound) {
  Fill(4);
  const std::vector<Frame> frames = Frames();
  for (const std::size_t which : {std::size_t{1}, std::size_t{3}}) {
    SCOPED_TRACE(which);
    const std::string before = Bytes(frames[which].path, frames[which].offset, frames[which].bytes);
    EditAndMend(frames[which]);
    const Finished verified = Replay({"verify", "--json"});
    EXPECT_EQ(verified.status, 13);
    const auto problem = ProblemAt(verified, frames[which]);
    ASSERT_TRUE(problem) << verified.out;
    EXPECT_THAT((*problem)["message"].get<std::string>(), ::testing::Not(HasSubstr("CRC")));
    Edit(frames[which].path, frames[which].offset, before);
  }
}

TEST_F(ReplayTest, AnAppliedFrameThatIsCutOffIsNoTornTail) {
  Fill(4);
  const Frame last = Frames().back();
  Edit(last.path, last.offset, std::string(last.bytes, '\0'));
  const Finished verified = Replay({"verify", "--json"});
  EXPECT_EQ(verified.status, 13);
  EXPECT_TRUE(ProblemAt(verified, last)) << verified.out;
  // With shared memory gone, as after a reboot, opening must find it out by itself.
  fs::remove(root() + "/ingest.shm");
  const Json error = Fails({"get", "app/a0:1"}, 13, "corruption");
  EXPECT_EQ(error["path"], last.path);
  EXPECT_GE(error["offset"], last.offset);
  EXPECT_LE(error["offset"], last.offset + last.bytes);
  EXPECT_EQ(Replay({"verify"}).status, 13);
}

TEST_F(ReplayTest, RebuildWithoutIndexAndCheckpointsGivesTheSameExport) {
  Fill(5);
  Ok({"rm", "app/a3:1"});
  Ok({"stats"});
  const std::string before = Ok({"export", "jsonl", "--full"});
  const std::string head = Ok({"log", "--head"});
  fs::remove_all(root() + "/index");
  fs::remove_all(root() + "/checkpoints");
  fs::create_directory(root() + "/checkpoints");
  const Json report = ParseJson(ReplayOk({"rebuild", "--json"}));
  EXPECT_EQ(report["applied_lsn"], 8);
  EXPECT_EQ(report["from_checkpoint_lsn"], 0);
  EXPECT_EQ(report["live"], true);
  EXPECT_EQ(Ok({"export", "jsonl", "--full"}), before);
  EXPECT_EQ(Ok({"log", "--head"}), head);
  ReplayOk({"verify", "--deep"});
}

TEST_F(ReplayTest, RebuildReplacesAnIndexThatIsInUse) {
  Fill(3);
  // A process that has the store open, and goes on with it afterwards.
  Child writer(Command({"apply", "--each"}));
  writer.Write("{\"op\":\"put\",\"name\":\"w\",\"version\":\"1\"}\n");
  EXPECT_THAT(writer.ReadLine(), HasSubstr("\"ok\":true"));
  const std::string before = Ok({"doctor", "--index-path"});
  ReplayOk({"rebuild"});
  EXPECT_NE(Ok({"doctor", "--index-path"}), before);
  writer.Write("{\"op\":\"put\",\"name\":\"w\",\"version\":\"2\",\"if_absent\":true}\n");
  EXPECT_THAT(writer.ReadLine(), HasSubstr("\"ok\":true"));
  writer.Write("{\"op\":\"put\",\"name\":\"w\",\"version\":\"1\",\"if_absent\":true}\n");
  EXPECT_THAT(writer.ReadLine(), HasSubstr("exists"));
  EXPECT_EQ(writer.Wait().status, 3);
  EXPECT_EQ(OkJson({"stats"})["entries"], 5);
  ReplayOk({"verify", "--deep"});
}

TEST_F(ReplayTest, RebuildToAPointOfThePast) {
  Fill(3);
  const std::string at3 = Ok({"export", "jsonl", "--at", "3"});
  EXPECT_EQ(Replay({"rebuild", "--to-lsn", "3"}).status, 2);
  const Json report = ParseJson(ReplayOk({"rebuild", "--to-lsn", "3", "--output", "past.db", "--json"}));
  EXPECT_EQ(report["applied_lsn"], 3);
  EXPECT_EQ(report["live"], false);
  EXPECT_EQ(report["path"], dir() + "/past.db");
  EXPECT_EQ(Replay({"rebuild", "--to-lsn", "3", "--output", "past.db"}).status, 5);
  const std::string time = ParseLines(Ok({"log", "--format", "jsonl"}))[2]["time"];
  const Json by_time = ParseJson(ReplayOk({"rebuild", "--to-time", time, "--output", "time.db", "--json"}));
  EXPECT_GE(by_time["applied_lsn"], 3);
  EXPECT_EQ(Replay({"rebuild", "--to-lsn", "99", "--output", "never.db"}).status, 4);
  EXPECT_FALSE(fs::exists(dir() + "/never.db"));
  EXPECT_FALSE(at3.empty());
}

TEST_F(ReplayTest, RepairRefusesLossUnlessItIsAccepted) {
  Fill(5);
  const std::string at4 = Ok({"export", "jsonl", "--at", "4"});
  const std::vector<Frame> frames = Frames();
  const Frame& bad = frames[4];
  Edit(bad.path, bad.offset + journal::kFrameHeaderBytes, "XXXX");
  const std::string damaged = ReadFile(bad.path);

  const Finished dry = Replay({"repair", "-n", "--json"});
  EXPECT_EQ(dry.status, 13);
  const Json plan = ParseJson(dry.out);
  EXPECT_EQ(plan["changed"], false);
  EXPECT_EQ(plan["last_good_lsn"], 4);
  EXPECT_EQ(plan["last_known_lsn"], 7);
  EXPECT_FALSE(plan["lost"].empty());

  const Finished refused = Replay({"repair", "--json"});
  EXPECT_EQ(refused.status, 13);
  EXPECT_EQ(ErrorOf(refused)["code"], "corruption");
  EXPECT_EQ(ReadFile(bad.path), damaged);

  const Finished accepted = Replay({"repair", "--accept-loss", "-y", "--json"});
  EXPECT_EQ(accepted.status, 0) << accepted.err;
  EXPECT_EQ(ParseJson(accepted.out)["changed"], true);
  EXPECT_THAT(accepted.err, HasSubstr("lost: "));
  EXPECT_EQ(Export(), at4);
  EXPECT_EQ(OkJson({"stats"})["durable_lsn"], 4);
  ReplayOk({"verify", "--deep"});
  Ok({"put", "new:1"});
  EXPECT_EQ(OkJson({"get", "new:1"})["lsn"], 5);
  EXPECT_TRUE(fs::exists(bad.path));  // kept, as an orphan or sealed
  ReplayOk({"verify", "--deep"});
}

TEST_F(ReplayTest, RepairOfASoundStoreChangesNothing) {
  Fill(2);
  const std::string before = Ok({"log", "--head"});
  const Json report = ParseJson(ReplayOk({"repair", "--json"}));
  EXPECT_EQ(report["changed"], false);
  EXPECT_TRUE(report["damage"].empty());
  EXPECT_EQ(Ok({"log", "--head"}), before);
}

TEST_F(ReplayTest, DiffOfPointsAndOfStores) {
  Fill(2);  // a0 (1), a1 (2), tag (3), a1 again (4)
  EXPECT_EQ(Replay({"diff", "4", "4"}).status, 0);
  const Finished past = Replay({"diff", "2", "4", "--format", "jsonl"});
  EXPECT_EQ(past.status, 1);
  const std::vector<Json> rows = ParseLines(past.out);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["change"], "changed");
  EXPECT_EQ(rows[0]["key"], "app/a1:1");
  EXPECT_EQ(rows[0]["a"]["digest"], kDigestA);
  EXPECT_EQ(rows[0]["b"]["digest"], kDigestB);
  EXPECT_EQ(rows[1]["change"], "added");
  EXPECT_EQ(rows[1]["key"], "app/a0@prod");
  const std::string other = dir() + "/other";
  Ok({"init", other});
  Ok({"-C", other, "import", "jsonl"}, Export());
  EXPECT_EQ(Replay({"diff", ".", other}).status, 0);
  EXPECT_EQ(Replay({"diff", ".", other, "--full"}).status, 1);
  Ok({"-C", other, "rm", "app/a1:1"});
  const Finished removed = Replay({"diff", ".", other});
  EXPECT_EQ(removed.status, 1);
  EXPECT_THAT(removed.out, HasSubstr("removed  app/a1:1"));
  Ok({"-C", other, "put", "app/a1:1", "--digest", kDigestB});
  // Policies count; conflicts and leases, which are named by LSNs, only with --full.
  const auto keys = [&](const std::vector<std::string>& options) {
    std::vector<std::string> arguments = {"diff", ".", other, "--format", "jsonl"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    std::vector<std::string> text;
    for (const Json& row : ParseLines(Replay(arguments).out)) {
      text.push_back(row["change"].get<std::string>() + " " + row["key"].get<std::string>());
    }
    return text;
  };
  Ok({"policy", "set", "app/**", "--immutable"});
  Ok({"lease", "acquire", "z"});
  EXPECT_THAT(keys({}), Contains("removed policy app/**"));
  Ok({"-C", other, "policy", "set", "app/**", "--no-immutable"});
  EXPECT_THAT(keys({}), AllOf(Contains("changed policy app/**"), Not(Contains(HasSubstr("lease")))));
  Ok({"-C", other, "policy", "set", "app/**", "--immutable"});
  EXPECT_THAT(keys({}), Not(Contains(HasSubstr("policy"))));
  EXPECT_THAT(keys({"--full"}), AllOf(Contains("changed policy app/**"), Contains(HasSubstr("removed lease "))));
  // Trouble is not "different".
  EXPECT_EQ(Replay({"diff", "0", "99"}).status, 4);
  EXPECT_EQ(Replay({"diff", ".", "/nonexistent/here"}).status, 10);
  const Frame frame = Frames()[1];
  Edit(frame.path, frame.offset + at::kChain, "XXXX");
  EXPECT_EQ(Replay({"diff", "1", "4"}).status, 13);
}

TEST_F(ReplayTest, FollowPrintsEventsAsTheyBecomeDurable) {
  Fill(1);  // three transactions
  EXPECT_EQ(ReplayOk({"follow", "--from", "1", "--until", "3"}), Ok({"log", "--format", "jsonl"}));
  EXPECT_EQ(SplitLines(ReplayOk({"follow", "--from", "2", "--count", "1"})).size(), 1u);
  Child follower(ReplayCommand({"follow", "--from", "4", "--until", "6"}));
  Ok({"put", "x:1"});
  EXPECT_EQ(ParseJson(follower.ReadLine())["key"], "x:1");
  Ok({"put", "x:2"});
  EXPECT_EQ(ParseJson(follower.ReadLine())["key"], "x:2");
  Ok({"tag", "set", "x@t", "2"});
  EXPECT_EQ(ParseJson(follower.ReadLine())["key"], "x@t");
  EXPECT_EQ(follower.Wait().status, 0);
  EXPECT_EQ(Replay({"follow", "--from", "0"}).status, 2);
}

TEST_F(ReplayTest, FollowGoesOnOverTakeovers) {
  Child follower(ReplayCommand({"follow", "--from", "1", "--count", "3"}));
  for (int i = 0; i < 3; ++i) {
    Child writer(Command({"apply", "--each"}));
    writer.Write("{\"op\":\"put\",\"name\":\"w\",\"version\":\"" + std::to_string(i) + "\"}\n");
    EXPECT_THAT(writer.ReadLine(), HasSubstr("\"ok\":true"));
    EXPECT_EQ(ParseJson(follower.ReadLine())["key"], "w:" + std::to_string(i));
    writer.Signal(SIGKILL);
    writer.Wait();
  }
  EXPECT_EQ(follower.Wait().status, 0);
}

}  // namespace
}  // namespace tenure::testing
