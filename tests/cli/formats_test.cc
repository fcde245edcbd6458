// The parsers of imports, without a store: what they take, and what they refuse without falling over.
#include "cli/formats/formats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "cli/formats/full_line.h"
#include "cli/formats/import_plan.h"
#include "cli/formats/shard.h"
#include "store/model/json.h"
#include "tests/cli/fixture.h"

namespace tenure::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kHexA[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

class FormatsTest : public ::testing::Test {
 protected:
  struct Parsed {
    std::vector<Record> records;
    std::vector<std::string> invalid;  ///< "LINE: message"
  };

  Parsed Parse(const std::string& format_name, const std::string& text) {
    const std::string path = temporary_.path() + "/input";
    tenure::testing::WriteFile(path, text);
    const auto format = FindImportFormat(format_name);
    EXPECT_TRUE(format.ok());
    auto input = Input::Open(path, (*format)->line_bytes_max);
    EXPECT_TRUE(input.ok());
    const auto source = (*format)->open(**input);
    Parsed parsed;
    for (;;) {
      Record record;
      Error why;
      const auto kind = source->Next(record, why);
      EXPECT_TRUE(kind.ok());
      if (!kind.ok() || *kind == EntrySource::Kind::kEnd) break;
      if (*kind == EntrySource::Kind::kInvalid) {
        parsed.invalid.push_back(std::to_string(source->line()) + ": " + why.message);
      } else {
        EXPECT_EQ(*kind, EntrySource::Kind::kRecord);
        parsed.records.push_back(std::move(record));
      }
    }
    EXPECT_TRUE((*input)->Finish().ok());
    return parsed;
  }

  tenure::testing::TemporaryDirectory temporary_;
};

std::string StanzaText(const std::string& more = {}) {
  return "Package: 0ad\nArchitecture: amd64\nVersion: 1:0.0.26-3+b1~x\nSHA256: " + std::string(kHexA) + "\n" + more;
}

TEST_F(FormatsTest, DebStanzaBecomesAnEntry) {
  const Parsed parsed = Parse("deb-packages", StanzaText("Size: 7891488\nFilename: pool/main/0/0ad/0ad.deb\n"
                                                         "Section: games\nPriority: optional\n"
                                                         "Maintainer: Ä <a@example.org>\n"
                                                         "Description: Real-time \"strategy\"\n more text\n"
                                                         "Depends: a, b\n"));
  ASSERT_EQ(parsed.records.size(), 1u);
  EXPECT_THAT(parsed.invalid, IsEmpty());
  const ArtifactEntry& entry = *parsed.records[0].entry;
  EXPECT_EQ(entry.name, "0ad/amd64");
  EXPECT_EQ(entry.version, "1:0.0.26-3+b1~x");
  EXPECT_EQ(entry.digest, "sha256:" + std::string(kHexA));
  EXPECT_EQ(entry.size, std::optional<std::uint64_t>(7891488));
  EXPECT_EQ(entry.media_type, "application/vnd.debian.binary-package");
  EXPECT_THAT(entry.urls, ElementsAre("pool/main/0/0ad/0ad.deb"));
  EXPECT_EQ(entry.annotations,
            "{\"description\":\"Real-time \\\"strategy\\\"\",\"maintainer\":\"Ä <a@example.org>\","
            "\"priority\":\"optional\",\"section\":\"games\"}");
}

TEST_F(FormatsTest, DebStanzasAreSeparatedByBlankLines) {
  const Parsed parsed = Parse("deb-packages", "\n\n" + StanzaText() + " \r\n\n" + StanzaText() + "\n\n");
  EXPECT_EQ(parsed.records.size(), 2u);
  EXPECT_THAT(parsed.invalid, IsEmpty());
}

TEST_F(FormatsTest, DebFieldNamesAreTheSameInAnyCase) {
  const Parsed parsed =
      Parse("deb-packages", "PACKAGE:a\narchitecture:\tall \nVersion:1\nsha256: " + std::string(kHexA));
  ASSERT_EQ(parsed.records.size(), 1u);
  EXPECT_EQ(parsed.records[0].entry->name, "a/all");
}

struct BadStanza {
  const char* name;
  std::string text;
  const char* message;
};

TEST_F(FormatsTest, DebStanzaThatIsWrongIsNamedAndTheNextOneRead) {
  const std::vector<BadStanza> table = {
      {"no version", "Package: a\nArchitecture: all\nSHA256: x\n", "no field 'version'"},
      {"empty package", "Package:\nArchitecture: all\nVersion: 1\nSHA256: x\n", "no field 'package'"},
      {"no colon", StanzaText("garbage\n"), "expected 'Field: value' (line 5)"},
      {"colon first", StanzaText(": x\n"), "expected 'Field: value'"},
      {"twice", StanzaText("Version: 2\n"), "the field 'version' is there twice (line 5)"},
      {"continuation first", " x\n" + StanzaText(), "begins with a continuation line"},
      {"size", StanzaText("Size: 12k\n"), "size"},
      {"negative size", StanzaText("Size: -1\n"), "size"},
      {"huge size", StanzaText("Size: 99999999999999999999999\n"), "size"},
      {"no UTF-8", StanzaText("Maintainer: \xff\xfe\n"), "'maintainer' is not valid UTF-8"},
      {"long line", StanzaText("Description: " + std::string(2u << 20, 'x') + "\n"), "longer than"},
  };
  for (const BadStanza& row : table) {
    SCOPED_TRACE(row.name);
    const Parsed parsed = Parse("deb-packages", row.text + "\n" + StanzaText());
    EXPECT_EQ(parsed.records.size(), 1u);
    ASSERT_EQ(parsed.invalid.size(), 1u);
    EXPECT_THAT(parsed.invalid[0], HasSubstr(row.message));
    EXPECT_EQ(parsed.invalid[0].substr(0, 3), "1: ");
  }
}

TEST_F(FormatsTest, PackageListsAreFoundByTheirNames) {
  const std::string dir = temporary_.path() + "/lists";
  base::Env& env = base::Env::Posix();
  const auto none = PackageLists(env, dir);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(none.error().hint, HasSubstr("apt-get update"));
  ASSERT_TRUE(env.CreateDirectory(dir).ok());
  for (const char* name : {"a_Packages", "b_Packages.lz4", "c_InRelease", "d_Packages.diff", "e_Packages.gz"}) {
    tenure::testing::WriteFile(dir + "/" + name, "");
  }
  const auto found = PackageLists(env, dir);
  ASSERT_TRUE(found.ok());
  EXPECT_THAT(*found, ElementsAre(dir + "/a_Packages", dir + "/b_Packages.lz4", dir + "/e_Packages.gz"));
}

TEST_F(FormatsTest, JsonlReadsEntriesAndTags) {
  const Parsed parsed = Parse("jsonl",
                              "{\"name\":\"a/b\",\"version\":\"1\",\"annotations\":{\"z\":1,\"a\":[true]}}\n\n"
                              "{\"tag\":{\"name\":\"a/b\",\"tag\":\"prod\",\"version\":\"1\"}}");
  ASSERT_EQ(parsed.records.size(), 2u);
  EXPECT_EQ(parsed.records[0].entry->annotations, "{\"a\":[true],\"z\":1}");
  EXPECT_EQ(parsed.records[1].tag->tag, "prod");
}

TEST_F(FormatsTest, JsonlLineThatIsWrongIsNamedAndTheNextOneRead) {
  const std::vector<std::string> table = {"{",
                                          "[]",
                                          "null",
                                          "{\"name\":\"a\"}",
                                          "{\"name\":\"a\",\"version\":1}",
                                          "{\"name\":\"a\",\"version\":\"1\",\"sise\":3}",
                                          "{\"name\":\"a\",\"name\":\"a\",\"version\":\"1\"}",
                                          "{\"name\":\"a\",\"version\":\"1\"} x",
                                          std::string("{\"name\":\"a\0\",\"version\":\"1\"}", 27),
                                          "{\"name\":\"\xff\",\"version\":\"1\"}",
                                          "{\"tag\":{\"name\":\"a\",\"tag\":\"t\"}}",
                                          "{\"name\":\"a\",\"version\":\"1\",\"annotations\":" +
                                              std::string(100'000, '[') + std::string(100'000, ']') + "}",
                                          std::string(17u << 20, ' ')};
  for (const std::string& line : table) {
    SCOPED_TRACE(line.substr(0, 60));
    const Parsed parsed = Parse("jsonl", line + "\n{\"name\":\"a\",\"version\":\"2\"}\n");
    EXPECT_EQ(parsed.records.size(), 1u);
    ASSERT_EQ(parsed.invalid.size(), 1u);
    EXPECT_EQ(parsed.invalid[0].substr(0, 3), "1: ");
  }
}

TEST_F(FormatsTest, JsonlTakesTheNewestRevisionOfAFullExport) {
  ArtifactEntry newest;
  newest.name = "a";
  newest.version = "1";
  newest.revision = 3;
  newest.lsn = 9;
  newest.writer = "w";
  ArtifactEntry older = newest;
  older.revision = 2;
  older.deleted = true;
  ArtifactEntry oldest = newest;
  oldest.revision = 1;
  ArtifactEntry gone = newest;
  gone.version = "2";
  gone.deleted = true;
  ArtifactEntry gone_before = gone;
  gone_before.revision = 2;
  gone_before.deleted = false;
  TagEntry tag;
  tag.name = "a";
  tag.tag = "t";
  tag.version = "1";
  tag.revision = 2;
  TagEntry tag_before = tag;
  tag_before.revision = 1;
  tag_before.version = "2";
  std::string text;
  for (const ArtifactEntry& row : {newest, older, oldest, gone, gone_before}) text += FullLine(row) + "\n";
  for (const TagEntry& row : {tag, tag_before}) text += FullLine(row) + "\n";
  const Parsed parsed = Parse("jsonl", text);
  EXPECT_THAT(parsed.invalid, IsEmpty());
  ASSERT_EQ(parsed.records.size(), 2u);
  EXPECT_EQ(parsed.records[0].entry->revision, 3u);
  EXPECT_EQ(parsed.records[1].tag->version, "1");
}

TEST_F(FormatsTest, FullLinesHaveTheirMembersSorted) {
  ArtifactEntry entry;
  entry.name = "a";
  entry.version = "1";
  entry.digest = "sha256:" + std::string(kHexA);
  entry.size = 3;
  entry.media_type = "text/plain";
  entry.urls = {"u\"1", "u2"};
  entry.annotations = "{\"k\":1}";
  entry.created_at_ms = 1;
  entry.updated_at_ms = 2;
  entry.writer = "w";
  entry.revision = 4;
  entry.lsn = 5;
  const tenure::testing::Json parsed = tenure::testing::ParseJson(FullLine(entry));
  EXPECT_EQ(parsed.dump(), FullLine(entry));  // the library sorts members
  EXPECT_EQ(parsed.size(), 12u);
}

TEST_F(FormatsTest, NoBytesMakeAParserFail) {
  const auto seed = static_cast<std::uint32_t>(std::random_device{}());
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string valid_deb = StanzaText("Size: 1\n") + "\n" + StanzaText("Description: x\n y\n");
  const std::string valid_json = "{\"name\":\"a\",\"version\":\"1\",\"urls\":[\"u\"],\"annotations\":{\"a\":{}}}\n";
  for (int round = 0; round < 300; ++round) {
    const bool deb = round % 2 == 0;
    std::string text = deb ? valid_deb : valid_json + valid_json;
    for (std::uint32_t edits = random() % 8 + 1; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.insert(at, text.substr(random() % text.size(), random() % 40));
          break;
        default:
          text.erase(at, random() % 20);
      }
      if (text.empty()) text = "x";
    }
    const Parsed parsed = Parse(deb ? "deb-packages" : "jsonl", text);
    EXPECT_LE(parsed.records.size() + parsed.invalid.size(), text.size());
  }
}

/// Reads to the end and tells how the program that unpacked it ended.
Status ReadThrough(const std::string& path) {
  auto input = Input::Open(path, 1000);
  EXPECT_TRUE(input.ok());
  std::string_view line;
  for (;;) {
    const auto kind = (*input)->lines().Next(line);
    EXPECT_TRUE(kind.ok());
    if (!kind.ok() || *kind == LineReader::Kind::kEnd) return (*input)->Finish();
  }
}

TEST_F(FormatsTest, CompressedInputThatIsDamagedIsAnErrorAndNotAnEnd) {
  const std::string path = temporary_.path() + "/x";
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += std::to_string(i * 7919) + "\n";
  tenure::testing::WriteFile(path, text);
  ASSERT_EQ(std::system(("gzip -k " + path).c_str()), 0);
  EXPECT_TRUE(ReadThrough(path + ".gz").ok());
  const std::string packed = tenure::testing::ReadFile(path + ".gz");
  for (const std::string& damaged : {std::string("this is not gzip"), packed.substr(0, packed.size() / 2)}) {
    tenure::testing::WriteFile(path + ".gz", damaged);
    const Status finished = ReadThrough(path + ".gz");
    ASSERT_FALSE(finished.ok());
    EXPECT_EQ(finished.error().code, ErrorCode::kIo);
    EXPECT_THAT(finished.error().message, HasSubstr(path));
  }
}

TEST_F(FormatsTest, MissingFilesAreNamed) {
  for (const char* name : {"/none", "/none.xz"}) {
    const auto input = Input::Open(temporary_.path() + name, 1000);
    ASSERT_FALSE(input.ok());
    EXPECT_EQ(input.error().code, ErrorCode::kIo);
    EXPECT_THAT(input.error().message, HasSubstr(temporary_.path() + name));
  }
}

TEST(ShardTest, SharesCoverEverythingOnceAndOverlapAsAsked) {
  const std::uint64_t kCount = 8;
  std::vector<std::uint64_t> extra(kCount + 1, 0);
  std::vector<std::uint64_t> own(kCount + 1, 0);
  for (int i = 0; i < 20'000; ++i) {
    const std::string name = "pkg" + std::to_string(i);
    std::uint64_t owners = 0;
    for (std::uint64_t number = 1; number <= kCount; ++number) {
      Shard shard{number, kCount, 0};
      const bool mine = shard.Takes(name, "1");
      owners += mine ? 1 : 0;
      own[number] += mine ? 1 : 0;
      shard.overlap_percent = 20;
      EXPECT_TRUE(!mine || shard.Takes(name, "1"));
      extra[number] += !mine && shard.Takes(name, "1") ? 1 : 0;
    }
    EXPECT_EQ(owners, 1u) << name;
  }
  for (std::uint64_t number = 1; number <= kCount; ++number) {
    EXPECT_NEAR(static_cast<double>(own[number]), 2'500, 350);
    EXPECT_NEAR(static_cast<double>(extra[number]), 500, 150);
  }
}

TEST(ShardTest, ParsesOnlyWhatIsAShare) {
  EXPECT_EQ(ParseShard("8/8")->number, 8u);
  EXPECT_EQ(ParseShard("1/1")->count, 1u);
  for (const char* text :
       {"0/8", "9/8", "1", "/", "1/", "/8", "-1/8", "1/8/9", "a/b", "1/0", "1/99999999999999999999"}) {
    EXPECT_FALSE(ParseShard(text).ok()) << text;
  }
}

TEST(ImportPlanTest, UrlsAreUnitedInOrderWithoutRepeats) {
  EXPECT_THAT(UnitedUrls({"b", "a"}, {"a", "c", "c"}), ElementsAre("b", "a", "c"));
  EXPECT_THAT(UnitedUrls({}, {"x", "x"}), ElementsAre("x"));
}

}  // namespace
}  // namespace tenure::cli
