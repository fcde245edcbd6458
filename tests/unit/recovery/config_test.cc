#include "store/recovery/config.h"

#include <gmock/gmock.h>

#include <sys/stat.h>
#include <unistd.h>

#include "store/base/error.h"
#include "store/base/recording_env.h"
#include "tests/support/fault_sweep.h"
#include "tests/unit/recovery/fixture.h"

namespace tenure::recovery {
namespace {

using ::testing::HasSubstr;

class ConfigTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) {
    Must(base::WriteFileDurably(store.env(), store.layout().config(), base::AsBytes(text)));
  }
  std::string Text() { return std::string(base::AsText(HandMadeStore::Read(store.layout().config()))); }
  std::string Replaced(const std::string& from, const std::string& to) {
    std::string text = Text();
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from << " in " << text;
    return text.replace(at, from.size(), to);
  }
  HandMadeStore store;
};

TEST_F(ConfigTest, ReadsBackWhatWasWritten) {
  Config config = store.config();
  config.incarnation = 7;
  config.created_at_ms = 1'767'323'045'678;
  config.shared_with_group = true;
  config.allow_any_file_system = true;
  Must(WriteConfig(store.env(), store.layout(), config));
  const Config read = Must(ReadConfig(store.env(), store.layout()));
  EXPECT_EQ(read.format, 1u);
  EXPECT_EQ(read.store_id, config.store_id);
  EXPECT_EQ(read.journal_id, config.journal_id);
  EXPECT_EQ(read.incarnation, 7u);
  EXPECT_EQ(read.created_at_ms, config.created_at_ms);
  EXPECT_TRUE(read.shared_with_group);
  EXPECT_TRUE(read.allow_any_file_system);
}

TEST_F(ConfigTest, IgnoresUnknownMembersAndMissingOptions) {
  Write(Replaced("\"format\": 1", "\"format\": 1, \"colour\": {\"deep\": [1]}"));
  EXPECT_TRUE(ReadConfig(store.env(), store.layout()).ok());
  Write(Replaced("\"options\"", "\"something\""));
  const Config read = Must(ReadConfig(store.env(), store.layout()));
  EXPECT_FALSE(read.shared_with_group);
}

TEST_F(ConfigTest, RefusesANewerFormatByName) {
  Write(Replaced("\"format\": 1", "\"format\": 2"));
  const auto read = ReadConfig(store.env(), store.layout());
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(read.error().message, HasSubstr("format 2"));
}

TEST_F(ConfigTest, NamesTheDamagedMember) {
  const struct {
    const char *from, *to, *named;
  } cases[] = {{"\"format\": 1", "\"format\": 0", "format"},
               {"\"incarnation\": 1", "\"incarnation\": -1", "incarnation"},
               {"\"store_id\": \"", "\"store_id\": \"x", "store_id"},
               {"\"journal_id\"", "\"journal_ed\"", "journal_id"},
               {"\"created_at\": \"", "\"created_at\": \"never ", "created_at"},
               {"\"shared_with_group\": false", "\"shared_with_group\": 1", "shared_with_group"},
               {"\"format\"", "\"formal\"", "member 'format' is missing"},
               {"\"incarnation\"", "\"incarnatio\"", "member 'incarnation' is missing"},
               {"\"incarnation\": 1", "\"incarnation\": \"1\"", "member 'incarnation' is no whole number"},
               {"\"created_at\": \"", "\"created_at\": 17, \"was\": \"", "member 'created_at' is no string"},
               {"\"writer_slots\": ", "\"writer_slots\": 9999", "bad member 'writer_slots' is over"},
               {"\"writer_slots\": ", "\"writer_slots\": -", "bad member 'writer_slots' is no whole number"},
               {"\"options\": {", "\"options\": 7, \"were\": {", "member 'options' is no object"}};
  const std::string sound = Text();
  for (const auto& c : cases) {
    Write(sound);
    Write(Replaced(c.from, c.to));
    const auto read = ReadConfig(store.env(), store.layout());
    ASSERT_FALSE(read.ok()) << c.named;
    EXPECT_EQ(read.error().code, ErrorCode::kCorruption) << c.named;
    EXPECT_THAT(read.error().message, HasSubstr(c.named));
    EXPECT_EQ(read.error().path, store.layout().config());
  }
}

TEST_F(ConfigTest, OptionsThatAreNotThereHaveTheirDefaults) {
  Write(Replaced("\"shared_with_group\"", "\"later_option\""));
  EXPECT_FALSE(Must(ReadConfig(store.env(), store.layout())).shared_with_group);
  Write(Replaced("\"writer_slots\"", "\"other_slots\""));
  EXPECT_EQ(Must(ReadConfig(store.env(), store.layout())).writer_slots, Config().writer_slots);
}

TEST_F(ConfigTest, WhatIsNoObjectIsNoConfig) {
  for (const char* text : {"[]", "7", "null"}) {
    Write(text);
    const auto read = ReadConfig(store.env(), store.layout());
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().code, ErrorCode::kCorruption);
    EXPECT_THAT(read.error().message, HasSubstr("not a JSON object"));
  }
  Write("");
  EXPECT_EQ(ReadConfig(store.env(), store.layout()).error().offset, 0u);
}

TEST_F(ConfigTest, NamesTheOffsetOfASyntaxError) {
  const std::string text = Text();
  Write(text.substr(0, 20));
  const auto read = ReadConfig(store.env(), store.layout());
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(read.error().offset, 20u);
}

/// Valid JSON, and a number that no type of ours holds.
TEST_F(ConfigTest, ANumberOutOfAllBoundsIsDamage) {
  Write(Replaced("\"incarnation\": 1", "\"incarnation\": 1e999"));
  const auto read = ReadConfig(store.env(), store.layout());
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(read.error().path, store.layout().config());
  EXPECT_THAT(read.error().message, HasSubstr("1e999"));
}

TEST_F(ConfigTest, OfSeveralDamagedMembersTheFirstIsNamed) {
  std::string text = Replaced("\"incarnation\": 1", "\"incarnation\": 0");
  Write(text.replace(text.find("\"options\": {"), 12, "\"options\": 7, \"was\": {"));
  const auto read = ReadConfig(store.env(), store.layout());
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, ErrorCode::kCorruption);
  EXPECT_THAT(read.error().message, HasSubstr("member 'incarnation' is no whole number of at least 1"));
}

TEST_F(ConfigTest, EveryTruncationIsAnErrorNotACrash) {
  const std::string text = Text();
  for (std::size_t bytes = 0; bytes + 2 < text.size(); ++bytes) {
    Write(text.substr(0, bytes));
    EXPECT_FALSE(ReadConfig(store.env(), store.layout()).ok()) << bytes;
  }
}

TEST_F(ConfigTest, FindsAStoreByEitherName) {
  EXPECT_EQ(Must(FindStore(store.env(), store.dir())).root, Must(store.env().Canonical(store.layout().root)));
  EXPECT_EQ(Must(FindStore(store.env(), store.layout().root)).root, Must(store.env().Canonical(store.layout().root)));
  const std::string link = store.dir() + "/link";
  ASSERT_EQ(symlink(store.layout().root.c_str(), link.c_str()), 0);
  EXPECT_EQ(Must(FindStore(store.env(), link)).root, Must(store.env().Canonical(store.layout().root)));
}

TEST_F(ConfigTest, SaysWhereThereIsNoStore) {
  const auto missing = FindStore(store.env(), store.dir() + "/nowhere");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kNoStore);
  const auto none = FindStore(store.env(), store.layout().journal());
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::kNoStore);
  EXPECT_THAT(none.error().hint, HasSubstr("tenure init"));
}

TEST_F(ConfigTest, AStoreWithoutItsConfigIsDamagedNotAbsent) {
  Must(store.env().Remove(store.layout().config()));
  const auto damaged = FindStore(store.env(), store.dir());
  ASSERT_FALSE(damaged.ok());
  EXPECT_EQ(damaged.error().code, ErrorCode::kCorruption);
  Must(store.env().Remove(store.SegmentPath()));
  const auto unfinished = FindStore(store.env(), store.dir());
  ASSERT_FALSE(unfinished.ok());
  EXPECT_EQ(unfinished.error().code, ErrorCode::kNoStore);
}

/// What is not known to be an unfinished 'init' is not called one: its files may be all that is left of a store.
TEST_F(ConfigTest, WithoutAConfigOnlyWhatCanBeLookedAtIsAnUnfinishedInit) {
  Must(store.env().Remove(store.layout().config()));
  Must(store.env().Remove(store.SegmentPath()));
  for (const bool directory : {true, false}) {
    if (directory) {
      Must(store.env().Open(store.layout().journal() + "/spare-1", base::OpenMode::kCreateNew));
    } else {
      Must(store.env().RemoveAll(store.layout().journal()));
    }
    const std::uint64_t calls = tenure::testing::FailEveryCall(
        [&](base::Env& env) -> Status {
          const auto found = FindStore(env, store.dir());
          EXPECT_FALSE(found.ok());
          if (found.error().code != ErrorCode::kNoStore) return found.error();
          EXPECT_THAT(found.error().message, HasSubstr("an interrupted 'init'"));
          return {};
        },
        [](const Status& answer, const std::string& path) { EXPECT_EQ(answer.ok(), path.empty()) << path; });
    EXPECT_EQ(calls, directory ? 5u : 4u);
  }
}

TEST_F(ConfigTest, TheStoreOfTheRootIsLookedForInTheRoot) {
  base::RecordingEnv env(store.env());
  std::string asked;
  env.SetFaultPlan([&](std::uint64_t, base::TraceStep::Kind, const std::string& path) -> Status {
    asked = path;
    return path == "/" ? Status() : base::MakeError(ErrorCode::kIo, path + ": not looked at by the test");
  });
  EXPECT_EQ(FindStore(env, "/").error().message, "/.tenure: not looked at by the test");
  EXPECT_EQ(asked, "/.tenure");
}

/// Says of every path that it is on one type of file system.
class TypedEnv : public base::RecordingEnv {
 public:
  explicit TypedEnv(std::string type) : RecordingEnv(base::Env::Posix()), type_(std::move(type)) {}
  Result<base::FileSystemInfo> FileSystem(const std::string&) const override {
    base::FileSystemInfo info;
    info.type = type_;
    return info;
  }

 private:
  std::string type_;
};

TEST(FileSystem, AllowsWarnsAndRefusesByType) {
  enum Answer { kYes, kWarns, kOnlyWhenAsked, kNever };
  const struct {
    const char* type;
    Answer answer;
  } cases[] = {{"ext4", kYes},
               {"xfs", kYes},
               {"ext3", kYes},
               {"ext2", kYes},
               {"squashfs", kYes},
               {"tmpfs", kWarns},
               {"overlayfs", kWarns},
               {"btrfs", kOnlyWhenAsked},
               {"zfs", kOnlyWhenAsked},
               {"bcachefs", kOnlyWhenAsked},
               {"0x1234", kOnlyWhenAsked},
               {"nfs", kNever},
               {"cifs", kNever},
               {"fuse", kNever},
               {"9p", kNever},
               {"ceph", kNever},
               {"smb2", kNever}};
  for (const auto& c : cases) {
    for (const bool asked : {false, true}) {
      TypedEnv env(c.type);
      int warnings = 0;
      const LogCallback log = [&](const char* level, const std::string& message) {
        EXPECT_STREQ(level, "warning");
        EXPECT_THAT(message, HasSubstr(c.type));
        ++warnings;
      };
      const Status checked = CheckFileSystem(env, "/somewhere", asked, log);
      const bool allowed = c.answer == kYes || c.answer == kWarns || (c.answer == kOnlyWhenAsked && asked);
      EXPECT_EQ(checked.ok(), allowed) << c.type << " asked " << asked;
      EXPECT_EQ(warnings, allowed && c.answer != kYes ? 1 : 0) << c.type;
      if (allowed) continue;
      EXPECT_EQ(checked.error().code, ErrorCode::kUnsupported);
      EXPECT_THAT(checked.error().message, HasSubstr(c.type));
      EXPECT_THAT(checked.error().hint, HasSubstr("ext4 or xfs"));
      EXPECT_EQ(checked.error().hint.find("allow-any") != std::string::npos, c.answer == kOnlyWhenAsked) << c.type;
    }
  }
}

}  // namespace
}  // namespace tenure::recovery
