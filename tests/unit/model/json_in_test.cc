#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "model_testing.h"
#include "store/model/json.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

using namespace testing;
using testing::Json;

const std::string kDigestGiven = "sha256:" + std::string(64, 'a');

TEST(ParseOperation, EveryMemberOfEveryKind) {
  auto put = ParseOperation(R"({"op":"put","name":"a/b","version":"1","digest":")" + kDigestGiven +
                            R"(","size":5,"mediaType":"m","urls":["u","v"],"annotations":{"b":1,"a":[true]},)"
                            R"("if_absent":true,"if_revision":7,"if_digest":"d","base":3,)"
                            R"("lease":"tok","request_id":"r1","on_conflict":"merge"})");
  ASSERT_TRUE(Ok(put));
  const Operation& op = put->operation;
  EXPECT_EQ(op.kind, OpKind::kPut);
  EXPECT_EQ(op.name, "a/b");
  EXPECT_EQ(op.version, "1");
  EXPECT_EQ(op.digest, kDigestGiven);
  EXPECT_EQ(op.size, 5u);
  EXPECT_EQ(op.media_type, "m");
  EXPECT_EQ(op.urls, (std::vector<std::string>{"u", "v"}));
  EXPECT_EQ(op.annotations, R"({"a":[true],"b":1})");
  EXPECT_TRUE(op.if_absent);
  EXPECT_EQ(op.if_revision, 7u);
  EXPECT_EQ(op.if_digest, "d");
  EXPECT_EQ(op.base, 3u);
  EXPECT_EQ(put->lease, "tok");
  EXPECT_EQ(put->request_id, "r1");
  EXPECT_EQ(put->on_conflict, "merge");

  auto patch = ParseOperation(R"({"op":"patch","name":"a","version":"1","annotations":{"x":null}})");
  ASSERT_TRUE(Ok(patch));
  EXPECT_EQ(patch->operation.kind, OpKind::kPatch);
  EXPECT_EQ(patch->operation.annotations, R"({"x":null})");
  EXPECT_FALSE(patch->lease || patch->request_id || patch->on_conflict);

  auto del = ParseOperation(R"({"op":"delete","name":"a","version":"1","with_tags":true})");
  ASSERT_TRUE(Ok(del));
  EXPECT_EQ(del->operation.kind, OpKind::kDelete);
  EXPECT_TRUE(del->operation.with_tags);

  auto set = ParseOperation(R"({"op":"set_tag","name":"a","tag":"prod","version":"2","if_version":"1"})");
  ASSERT_TRUE(Ok(set));
  EXPECT_EQ(set->operation.kind, OpKind::kSetTag);
  EXPECT_EQ(set->operation.tag, "prod");
  EXPECT_EQ(set->operation.version, "2");
  EXPECT_EQ(set->operation.if_version, "1");

  auto unset = ParseOperation(R"({"op":"delete_tag","name":"a","tag":"prod"})");
  ASSERT_TRUE(Ok(unset));
  EXPECT_EQ(unset->operation.kind, OpKind::kDeleteTag);
  EXPECT_EQ(unset->operation.tag, "prod");
}

TEST(ParseOperation, OptionalMembersOfAPutStayAbsent) {
  auto put = ParseOperation(R"({"op":"put","name":"a","version":"1"})");
  ASSERT_TRUE(Ok(put));
  EXPECT_EQ(put->operation.digest, "");
  EXPECT_FALSE(put->operation.size.has_value());
  EXPECT_EQ(put->operation.annotations, "{}");
  EXPECT_FALSE(put->operation.if_absent);
  EXPECT_FALSE(put->operation.if_revision || put->operation.base);
}

TEST(ParseOperation, Refusals) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"", "not valid JSON"},
      {"[]", "object is needed"},
      {"{}", "member \"op\" is missing"},
      {R"({"op":1})", "member \"op\": expected a string, got number"},
      {R"({"op":"rename"})", "unknown op \"rename\""},
      {R"({"op":"put"})", "member \"name\" is missing"},
      {R"({"op":"put","name":"a"})", "member \"version\" is missing"},
      {R"({"op":"patch","name":"a","version":"1"})", "member \"annotations\" is missing"},
      {R"({"op":"set_tag","name":"a","version":"1"})", "member \"tag\" is missing"},
      {R"({"op":"put","name":"a","version":"1","sizes":1})", "operation \"put\": unknown member \"sizes\""},
      {R"({"op":"put","name":"a","version":"1","tag":"x"})", "unknown member \"tag\""},
      {R"({"op":"delete","name":"a","version":"1","digest":"x"})", "unknown member \"digest\""},
      {R"({"op":"delete_tag","name":"a","tag":"t","version":"1"})", "unknown member \"version\""},
      {R"({"op":"patch","name":"a","version":"1","annotations":{},"if_absent":true})", "unknown member \"if_absent\""},
      {R"({"op":"put","op":"put","name":"a","version":"1"})", "member \"op\" appears twice"},
      {R"({"op":"put","name":"a","version":"1","annotations":{"k":{"a":1,"a":2}}})",
       "member \"annotations.k.a\" appears twice"},
      {R"({"op":"put","name":1,"version":"1"})", "member \"name\": expected a string, got number"},
      {R"({"op":"put","name":"a","version":null})", "member \"version\": expected a string, got null"},
      {R"({"op":"put","name":"a","version":"1","size":"5"})",
       "member \"size\": expected a whole number, 0 or above, got string"},
      {R"({"op":"put","name":"a","version":"1","size":-5})", "got a negative number"},
      {R"({"op":"put","name":"a","version":"1","size":5.0})", "got a fraction"},
      {R"({"op":"put","name":"a","version":"1","size":18446744073709551616})",
       "member \"size\" is an integer beyond 64 bits"},
      {R"({"op":"put","name":"a","version":"1","urls":"u"})",
       "member \"urls\": expected an array of strings, got string"},
      {R"({"op":"put","name":"a","version":"1","urls":["u",1]})", "expected an array of strings, got number"},
      {R"({"op":"put","name":"a","version":"1","annotations":[]})",
       "member \"annotations\": expected an object, got array"},
      {R"({"op":"put","name":"a","version":"1","annotations":"{}"})", "expected an object, got string"},
      {R"({"op":"put","name":"a","version":"1","if_absent":1})", "member \"if_absent\": expected true or false"},
      {R"({"op":"put","name":"a","version":"1","if_revision":"1"})", "member \"if_revision\": expected a whole number"},
      {R"({"op":"put","name":"a","version":"1","base":true})", "member \"base\": expected a whole number"},
      {R"({"op":"put","name":"a","version":"1","lease":1})", "member \"lease\": expected a string"},
      {R"({"op":"put","name":"a","version":"1","on_conflict":"win"})", "unknown strategy \"win\""},
      {R"({"op":"put","name":"a","version":"1"} x)", "not valid JSON"}};
  for (const auto& [text, says] : table) EXPECT_TRUE(Refused(ParseOperation(text), says)) << text;
}

TEST(ParseOperation, EveryStrategyIsKnown) {
  for (const char* strategy : {"reject", "last-writer-wins", "first-writer-wins", "merge", "merge-or-park", "park"}) {
    auto op =
        ParseOperation(std::string(R"({"op":"delete","name":"a","version":"1","on_conflict":")") + strategy + "\"}");
    ASSERT_TRUE(Ok(op));
    EXPECT_EQ(op->on_conflict, strategy);
  }
}

TEST(ParseOperation, HostileInputIsRefusedCalmly) {
  EXPECT_TRUE(Refused(ParseOperation(std::string(1u << 20, '['))));
  EXPECT_TRUE(Refused(ParseOperation(R"({"op":"put","annotations":)" + std::string(1u << 20, '['))));
  EXPECT_TRUE(Fails(ParseOperation(std::string(9u << 20, ' ')), ErrorCode::kTooLarge, "the JSON text"));
}

TEST(ParseOperation, AnnotationsMayReachTheirOwnDepthLimit) {
  std::string deep = "1";
  for (std::size_t i = 0; i < kJsonDepthMax; ++i) deep = "{\"a\":" + deep + "}";
  auto parsed = ParseOperation(R"({"op":"put","name":"a","version":"1","annotations":)" + deep + "}");
  ASSERT_TRUE(Ok(parsed));
  EXPECT_TRUE(Ok(Normalise(parsed->operation)));
  EXPECT_TRUE(Refused(ParseOperation(R"({"op":"put","name":"a","version":"1","annotations":{"a":)" + deep + "}}"),
                      "nested deeper"));
}

Operation AnyOperation() {
  Operation op;
  op.kind = static_cast<OpKind>(*rc::gen::inRange(0, 5));
  const bool on_tag = op.kind == OpKind::kSetTag || op.kind == OpKind::kDeleteTag;
  const auto text = [] {
    return *rc::gen::elementOf(std::vector<std::string>{"a", "b/c", "x\"y", "caf\xC3\xA9", "1.2", "p\\q"});
  };
  op.name = text();
  if (op.kind != OpKind::kDeleteTag) op.version = text();
  if (on_tag) op.tag = text();
  if (op.kind == OpKind::kPut) {
    if (AnyBool()) op.digest = text();
    if (AnyBool()) op.size = AnyNumber();
    if (AnyBool()) op.media_type = text();
    if (AnyBool()) op.urls = {text(), text()};
    op.if_absent = AnyBool();
  }
  if (op.kind == OpKind::kPut || op.kind == OpKind::kPatch) op.annotations = AnyObject(2).dump();
  if (op.kind == OpKind::kDelete) op.with_tags = AnyBool();
  if (!on_tag && AnyBool()) op.if_revision = AnyNumber();
  if (!on_tag && AnyBool()) op.if_digest = text();
  if (op.kind == OpKind::kSetTag && AnyBool()) op.if_version = text();
  if (AnyBool()) op.base = AnyNumber();
  return op;
}

RC_GTEST_PROP(OperationJson, IsReadBackAsItWas, ()) {
  const Operation op = AnyOperation();
  auto parsed = ParseOperation(OperationJson(op));
  RC_ASSERT(parsed.ok());
  RC_ASSERT(parsed->operation.kind == op.kind);
  RC_ASSERT(BodyHash({parsed->operation}) == BodyHash({op}));
  RC_ASSERT(OperationJson(parsed->operation) == OperationJson(op));
}

TEST(ParseImportLine, ReadsExportFullAndTagLines) {
  auto entry = ParseImportLine(
      R"({"annotations":{"t":1},"digest":"d","mediaType":"m","name":"a","size":5,"urls":["u"],"version":"1"})");
  ASSERT_TRUE(Ok(entry));
  ASSERT_TRUE(entry->entry && !entry->tag);
  EXPECT_EQ(entry->entry->annotations, R"({"t":1})");
  EXPECT_EQ(entry->entry->size, 5u);
  EXPECT_EQ(entry->entry->revision, 0u);

  auto full = ParseImportLine(
      R"({"name":"a","version":"1","createdAt":"2026-01-02T03:04:05.678Z","updatedAt":"2026-01-03T00:00:00.000Z","writer":"w","revision":3,"lsn":9,"deleted":true})");
  ASSERT_TRUE(Ok(full));
  ASSERT_TRUE(full->entry);
  EXPECT_EQ(full->entry->created_at_ms, 1'767'323'045'678);
  EXPECT_EQ(full->entry->writer, "w");
  EXPECT_EQ(full->entry->revision, 3u);
  EXPECT_EQ(full->entry->lsn, 9u);
  EXPECT_TRUE(full->entry->deleted);

  for (const char* line :
       {R"({"tag":{"name":"a","tag":"prod","version":"1"}})", R"({"name":"a","tag":"prod","version":"1"})"}) {
    auto tag = ParseImportLine(line);
    ASSERT_TRUE(Ok(tag)) << line;
    ASSERT_TRUE(tag->tag && !tag->entry);
    EXPECT_EQ(tag->tag->name, "a");
    EXPECT_EQ(tag->tag->tag, "prod");
    EXPECT_EQ(tag->tag->version, "1");
  }
}

TEST(ParseImportLine, Refusals) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"{}", "entry: member \"name\" is missing"},
      {R"({"name":"a"})", "entry: member \"version\" is missing"},
      {R"({"name":"a","version":"1","colour":"red"})", "entry: unknown member \"colour\""},
      {R"({"name":"a","version":"1","createdAt":"yesterday"})", "member \"createdAt\": time \"yesterday\""},
      {R"({"name":"a","version":"1","createdAt":5})", "member \"createdAt\": expected a time as a string"},
      {R"({"name":"a","version":"1","deleted":"yes"})", "member \"deleted\": expected true or false"},
      {R"({"tag":{"name":"a","tag":"prod"}})", "tag: member \"version\" is missing"},
      {R"({"tag":{"name":"a","version":"1"}})", "tag: member \"tag\" is missing"},
      {R"({"tag":{"name":"a","tag":"b","version":"1","x":1}})", "tag: unknown member \"x\""},
      {R"({"tag":{"name":"a","tag":"b","version":"1"},"name":"a"})",
       "tag: member \"tag\": expected a string, got object"},
      {"7", "object is needed"}};
  for (const auto& [text, says] : table) EXPECT_TRUE(Refused(ParseImportLine(text), says)) << text;
}

RC_GTEST_PROP(ParseImportLine, ReadsBackBothForms, ()) {
  const auto text = [] { return *rc::gen::elementOf(std::vector<std::string>{"a", "b/c", "caf\xC3\xA9", "\x01"}); };
  ArtifactEntry e;
  e.name = text();
  e.version = text();
  if (AnyBool()) e.digest = text();
  if (AnyBool()) e.size = AnyNumber();
  if (AnyBool()) e.media_type = text();
  if (AnyBool()) e.urls = {text()};
  e.annotations = AnyObject(2).dump();
  auto plain = ParseImportLine(ExportEntryJson(e));
  RC_ASSERT(plain.ok() && plain->entry == e);
  e.created_at_ms = *rc::gen::inRange<TimeMs>(0, 253'402'300'799'999);
  e.updated_at_ms = *rc::gen::inRange<TimeMs>(0, 253'402'300'799'999);
  e.writer = text();
  e.revision = AnyNumber();
  e.lsn = AnyNumber();
  e.deleted = AnyBool();
  auto full = ParseImportLine(EntryJson(e));
  RC_ASSERT(full.ok() && full->entry == e);
  TagEntry t;
  t.name = text();
  t.tag = text();
  t.version = text();
  auto tag = ParseImportLine(ExportTagJson(t));
  RC_ASSERT(tag.ok() && tag->tag == t);
  t.updated_at_ms = e.updated_at_ms;
  t.writer = text();
  t.revision = AnyNumber();
  t.lsn = AnyNumber();
  auto full_tag = ParseImportLine(TagJson(t));
  RC_ASSERT(full_tag.ok() && full_tag->tag == t);
}

}  // namespace
}  // namespace tenure::model
