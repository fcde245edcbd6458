#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "model_testing.h"
#include "store/model/json.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

using namespace testing;
using testing::Json;

ArtifactEntry Full() {
  ArtifactEntry e;
  e.name = "release/app";
  e.version = "1.4.2";
  e.digest = "sha256:ab";
  e.size = 0;
  e.media_type = "text/plain";
  e.urls = {"https://x", "https://y"};
  e.annotations = R"({"team":"core"})";
  e.created_at_ms = 1'767'323'045'678;
  e.updated_at_ms = 1'767'323'045'679;
  e.writer = "ci@host";
  e.revision = 7;
  e.lsn = 42;
  return e;
}

TEST(JsonOut, EntryInItsDocumentedOrder) {
  EXPECT_EQ(EntryJson(Full()),
            R"({"name":"release/app","version":"1.4.2","digest":"sha256:ab","size":0,"mediaType":"text/plain",)"
            R"("urls":["https://x","https://y"],"annotations":{"team":"core"},"createdAt":"2026-01-02T03:04:05.678Z",)"
            R"("updatedAt":"2026-01-02T03:04:05.679Z","writer":"ci@host","revision":7,"lsn":42})");
}

TEST(JsonOut, AbsentMembersAreLeftOut) {
  ArtifactEntry e;
  e.name = "a";
  e.version = "1";
  e.updated_at_ms = 1;
  e.writer = "w";
  e.revision = 2;
  e.lsn = 3;
  EXPECT_EQ(EntryJson(e),
            R"({"name":"a","version":"1","updatedAt":"1970-01-01T00:00:00.001Z","writer":"w","revision":2,"lsn":3})");
  e.deleted = true;
  EXPECT_EQ(
      EntryJson(e),
      R"({"name":"a","version":"1","updatedAt":"1970-01-01T00:00:00.001Z","writer":"w","revision":2,"lsn":3,"deleted":true})");
  EXPECT_EQ(ExportEntryJson(e), R"({"name":"a","version":"1"})");
}

TEST(JsonOut, ExportIsSortedAndCarriesOnlyContent) {
  const std::string text = ExportEntryJson(Full());
  EXPECT_EQ(
      text,
      R"({"annotations":{"team":"core"},"digest":"sha256:ab","mediaType":"text/plain","name":"release/app","size":0,)"
      R"("urls":["https://x","https://y"],"version":"1.4.2"})");
  EXPECT_EQ(Json::parse(text).dump(), text);
}

TEST(JsonOut, Tags) {
  TagEntry t;
  t.name = "a";
  t.tag = "prod";
  t.version = "1";
  t.updated_at_ms = 1;
  t.writer = "w";
  t.revision = 2;
  t.lsn = 3;
  EXPECT_EQ(
      TagJson(t),
      R"({"name":"a","tag":"prod","version":"1","updatedAt":"1970-01-01T00:00:00.001Z","writer":"w","revision":2,"lsn":3})");
  EXPECT_EQ(ExportTagJson(t), R"({"tag":{"name":"a","tag":"prod","version":"1"}})");
  t.deleted = true;
  t.version.clear();
  EXPECT_EQ(
      TagJson(t),
      R"({"name":"a","tag":"prod","updatedAt":"1970-01-01T00:00:00.001Z","writer":"w","revision":2,"lsn":3,"deleted":true})");
}

TEST(JsonOut, AnnotationsThatAreNoObjectStayVisibleAndTheLineStaysJson) {
  ArtifactEntry e = Full();
  e.annotations = "{ \"b\":1 , \"a\":2 }";
  EXPECT_EQ(Json::parse(EntryJson(e))["annotations"].dump(), R"({"a":2,"b":1})");
  for (const std::string& broken : std::vector<std::string>{"", "{", "[1]", "{} {}", "\xFF", R"({"a":1,"a":2})"}) {
    e.annotations = broken;
    const Json line = Json::parse(EntryJson(e));
    EXPECT_TRUE(line["annotations"].is_string()) << broken;
    EXPECT_EQ(line["lsn"], 42);
  }
}

TEST(JsonOut, Events) {
  Event event;
  event.lsn = 42;
  event.effect = 1;
  event.time_ms = 1'767'323'045'678;
  event.writer = "ci@host";
  event.uid = 1000;
  event.op = "put";
  event.entry = Full();
  const std::string head = R"({"lsn":42,"effect":1,"time":"2026-01-02T03:04:05.678Z","writer":"ci@host","uid":1000,)";
  EXPECT_EQ(EventJson(event),
            head + R"("op":"put","key":"release/app:1.4.2","revision":7,"digest":"sha256:ab","size":0,)"
                   R"("mediaType":"text/plain","urls":["https://x","https://y"],"annotations":{"team":"core"},)"
                   R"("createdAt":"2026-01-02T03:04:05.678Z"})");
  event.op = "delete";
  event.entry->deleted = true;
  event.request_id = "r1";
  EXPECT_EQ(EventJson(event), head + R"("request_id":"r1","op":"delete","key":"release/app:1.4.2","revision":7})");
  event.request_id.clear();
  event.entry.reset();
  event.op = "set_tag";
  event.tag = TagEntry();
  event.tag->name = "a";
  event.tag->tag = "prod";
  event.tag->version = "1";
  event.tag->revision = 3;
  EXPECT_EQ(EventJson(event), head + R"("op":"set_tag","key":"a@prod","revision":3,"version":"1"})");
  event.op = "delete_tag";
  event.tag->version.clear();
  event.tag->deleted = true;
  EXPECT_EQ(EventJson(event), head + R"("op":"delete_tag","key":"a@prod","revision":3})");
  event.tag.reset();
  event.op = "trim_history";
  event.below_lsn = 17;
  EXPECT_EQ(EventJson(event), head + R"("op":"trim_history","below_lsn":17})");
  event.below_lsn = 0;
  event.op = "request";
  event.request_id = "r2";
  EXPECT_EQ(EventJson(event), head + R"("request_id":"r2","op":"request"})");
}

TEST(JsonOut, Receipts) {
  Receipt receipt;
  receipt.lsn = 42;
  receipt.time_ms = 1'767'323'045'678;
  receipt.results.resize(1);
  receipt.results[0].revision = 7;
  EXPECT_EQ(ReceiptJson(receipt), R"({"lsn":42,"revision":7,"outcome":"committed","time":"2026-01-02T03:04:05.678Z"})");
  receipt.replayed = true;
  receipt.time_ms = 0;
  receipt.outcome = Outcome::kUnchanged;
  EXPECT_EQ(ReceiptJson(receipt), R"({"lsn":42,"revision":7,"outcome":"unchanged","replayed":true})");
  receipt.results.resize(2);
  receipt.results[1] = {Outcome::kUnchanged, 9};
  EXPECT_EQ(ReceiptJson(receipt), R"({"lsn":42,"revision":9,"outcome":"unchanged","replayed":true,"results":[)"
                                  R"({"outcome":"committed","revision":7},{"outcome":"unchanged","revision":9}]})");
  receipt.results.clear();
  receipt.replayed = false;
  EXPECT_EQ(ReceiptJson(receipt), R"({"lsn":42,"outcome":"unchanged"})");
}

TEST(JsonOut, Errors) {
  Error e;
  e.code = ErrorCode::kRevisionMismatch;
  e.message = "m";
  EXPECT_EQ(ErrorJson(e), R"({"error":{"code":"revision_mismatch","message":"m"}})");
  e.hint = "h";
  e.path = "/p\xFF";
  e.offset = 0;
  e.key = "a:1";
  e.revision = 8;
  e.lsn = 42;
  EXPECT_EQ(ErrorJson(e),
            "{\"error\":{\"code\":\"revision_mismatch\",\"message\":\"m\",\"hint\":\"h\",\"path\":\"/p\xEF\xBF\xBD\","
            "\"offset\":0,\"key\":\"a:1\",\"revision\":8,\"lsn\":42}}");
}

TEST(JsonOut, OutcomeNames) {
  EXPECT_STREQ(OutcomeName(Outcome::kCommitted), "committed");
  EXPECT_STREQ(OutcomeName(Outcome::kUnchanged), "unchanged");
}

TEST(QuoteJson, EveryByteAloneAndInvalidUtf8) {
  for (int c = 0; c < 128; ++c) {
    const std::string text(1, static_cast<char>(c));
    EXPECT_EQ(QuoteJson(text), Json(text).dump()) << c;
  }
  EXPECT_EQ(QuoteJson("a\xFF\xC3z\xC3\xA9"), "\"a\xEF\xBF\xBD\xEF\xBF\xBDz\xC3\xA9\"");
}

RC_GTEST_PROP(QuoteJson, GivesAStringLiteralForAnyBytes, ()) {
  const std::string text = AnyBytes(0, 40);
  const Json value = Json::parse(QuoteJson(text));
  RC_ASSERT(value.is_string());
  if (IsValidUtf8(text)) {
    RC_ASSERT(value.get<std::string>() == text);
    RC_ASSERT(QuoteJson(text) == Json(text).dump());
  }
}

}  // namespace
}  // namespace tenure::model
