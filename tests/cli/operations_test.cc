// verify, compact, backup, stats, doctor: a store is looked at, damaged, copied, trimmed.
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "tests/cli/fixture.h"

namespace tenure::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class Operations : public StoreTest {
 protected:
  void FillSome() const {
    for (int i = 1; i <= 4; ++i) Ok({"put", "app:1", "--set", "v=" + std::to_string(i)});
    Ok({"tag", "set", "app@prod", "1"});
  }
  /// Path of the one segment of a small store.
  std::string Segment() const {
    for (const auto& file : std::filesystem::directory_iterator(dir() + "/.tenure/journal")) {
      const std::string name = file.path().filename();
      if (name.rfind("spare", 0) != 0 && file.path().extension() == ".seg") return file.path();
    }
    ADD_FAILURE() << "no segment";
    return {};
  }
  static void FlipByte(const std::string& path, off_t offset) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    unsigned char byte = 0;
    ASSERT_EQ(::pread(fd, &byte, 1, offset), 1);
    byte ^= 1;
    ASSERT_EQ(::pwrite(fd, &byte, 1, offset), 1);
    ::close(fd);
  }
};

TEST_F(Operations, VerifyOfAHealthyStore) {
  FillSome();
  const std::string text = Ok({"verify"});
  EXPECT_THAT(text, HasSubstr("result        ok\n"));
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"verify"}, {"verify", "--deep"}}) {
    const Json report = OkJson(arguments);
    EXPECT_EQ(report["ok"], true);
    EXPECT_EQ(report["last_lsn"], 5);
    EXPECT_EQ(report["transactions"], 5);
    EXPECT_EQ(report["problems"], Json::array());
    EXPECT_EQ(report["state_hash_checked"], true);
    EXPECT_THAT(report["chain_head"].get<std::string>(), MatchesRegex("[0-9a-f]{64}"));
  }
}

TEST_F(Operations, DamageIsExitThirteenWithFileAndOffset) {
  FillSome();
  constexpr off_t kInFirstFrame = 4096 + 170;  // behind the segment's and the frame's header
  FlipByte(Segment(), kInFirstFrame);
  const Finished finished = Tenure({"verify", "--json"});
  EXPECT_EQ(finished.status, 13) << finished.err;
  const Json report = ParseJson(finished.out);
  EXPECT_EQ(report["ok"], false);
  ASSERT_FALSE(report["problems"].empty());
  EXPECT_EQ(report["problems"][0]["code"], "corruption");
  EXPECT_EQ(report["problems"][0]["path"], Segment());
  EXPECT_EQ(report["problems"][0]["offset"], 4096);
  const Finished text = Tenure({"verify"});
  EXPECT_EQ(text.status, 13);
  EXPECT_THAT(text.out, HasSubstr(Segment()));
  EXPECT_THAT(text.out, HasSubstr("offset 4096"));
  FlipByte(Segment(), kInFirstFrame);
  Ok({"verify"});
}

TEST_F(Operations, StatsCount) {
  FillSome();
  Ok({"put", "gone:1"});
  Ok({"rm", "gone:1"});
  const Json stats = OkJson({"stats"});
  EXPECT_EQ(stats["path"], dir() + "/.tenure");
  EXPECT_EQ(stats["durable_lsn"], 7);
  EXPECT_EQ(stats["applied_lsn"], 7);
  EXPECT_EQ(stats["entries"], 1);
  EXPECT_EQ(stats["tombstones"], 1);
  EXPECT_EQ(stats["tags"], 1);
  EXPECT_EQ(stats["history_rows"], 4);
  EXPECT_EQ(stats["members"], 1);
  EXPECT_EQ(stats["incarnation"], 1);
  EXPECT_GT(stats["journal_bytes"], 0);
  EXPECT_THAT(stats["state_hash"].get<std::string>(), MatchesRegex("[0-9a-f]{32}"));
  EXPECT_THAT(Ok({"stats"}), HasSubstr("durable lsn"));
  EXPECT_THAT(Ok({"stats", "--format", "tsv"}), HasSubstr("entries\t1\n"));
}

TEST_F(Operations, DoctorDescribes) {
  FillSome();
  const Json report = OkJson({"doctor"});
  EXPECT_EQ(report["store"], dir() + "/.tenure");
  EXPECT_EQ(report["durable_lsn"], 5);
  EXPECT_EQ(report["format"], 1);
  EXPECT_TRUE(report["warnings"].is_array());
  EXPECT_THAT(report["sqlite_version"].get<std::string>(), MatchesRegex("3\\..*"));
  for (const char* member : {"journal", "index_path", "file_system", "free_bytes", "epoch", "applied_lsn", "members"}) {
    EXPECT_TRUE(report.contains(member)) << member;
  }
  const std::string index = Ok({"doctor", "--index-path"});
  EXPECT_EQ(index, report["index_path"].get<std::string>() + "\n");
  EXPECT_TRUE(std::filesystem::exists(index.substr(0, index.size() - 1)));
}

TEST_F(Operations, DoctorOfAStoreThatDoesNotOpen) {
  FillSome();
  WriteFile(dir() + "/.tenure/tenure.json", "{\"format\":999}");
  const Finished finished = Tenure({"doctor", "--json"});
  EXPECT_EQ(finished.status, 1) << finished.err;
  const Json report = ParseJson(finished.out);
  EXPECT_FALSE(report["warnings"].empty());
  Fails({"put", "app:1"}, 1, "unsupported");
}

TEST_F(Operations, BackupIsAStoreOfItsOwn) {
  FillSome();
  EXPECT_EQ(Ok({"backup", "copy"}), "copied lsn 5 to " + dir() + "/copy/.tenure\n");
  EXPECT_EQ(Ok({"-C", "copy", "list", "--format", "tsv"}), Ok({"list", "--format", "tsv"}));
  Ok({"-C", "copy", "verify", "--deep"});
  const Json copy = OkJson({"-C", "copy", "stats"});
  const Json original = OkJson({"stats"});
  EXPECT_NE(copy["store_id"], original["store_id"]);
  EXPECT_EQ(copy["incarnation"], 2);
  EXPECT_EQ(copy["state_hash"], original["state_hash"]);
  Fails({"backup", "copy"}, 1, "already_a_store");
  EXPECT_EQ(OkJson({"-C", "copy", "put", "app:2"})["lsn"], 6);
  EXPECT_EQ(OkJson({"put", "app:3"})["lsn"], 6);
  EXPECT_EQ(OkJson({"backup", "copy2"})["lsn"], 6);
}

TEST_F(Operations, CompactDropsHistoryBelow) {
  FillSome();
  const Json plan = OkJson({"compact", "--before", "4", "-n"});
  EXPECT_EQ(plan["dry_run"], true);
  EXPECT_EQ(plan["history_rows_removed"], 2);  // replaced at 2 and 3
  EXPECT_EQ(OkJson({"get", "app:1", "--at", "1"})["annotations"]["v"], 1);
  const Json done = OkJson({"compact", "--before", "4", "-y"});
  EXPECT_EQ(done["history_rows_removed"], 2);
  EXPECT_EQ(done["before_lsn"], 4);
  Fails({"get", "app:1", "--at", "1"}, 4, "compacted");
  EXPECT_EQ(OkJson({"get", "app:1", "--at", "4"})["annotations"]["v"], 4);
  EXPECT_EQ(OkJson({"get", "app:1"})["revision"], 4);
  Ok({"verify", "--deep"});
  EXPECT_THAT(Ok({"compact"}), HasSubstr("checkpoint lsn"));
  Fails({"compact", "--before", "999"}, 4, "not_found");
  Fails({"compact", "--before", "soon"}, 2, "invalid_argument");
}

}  // namespace
}  // namespace tenure::testing
