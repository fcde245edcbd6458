// The published schemas against the code: what is printed is valid, what is accepted is described.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>

#include "model_testing.h"
#include "schema_check.h"
#include "store/model/json.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

using namespace testing;
using testing::Json;

Json Schema(const std::string& name) {
  const auto root = std::filesystem::path(TENURE_SOURCES);
  std::ifstream file(root / "schemas" / (name + ".schema.json"));
  EXPECT_TRUE(file.is_open()) << name;
  return Json::parse(file);
}

const std::vector<std::string> kSchemas = {"artifact", "operation", "event", "error", "receipt", "policy", "conflict"};

/// Every object schema within `schema`, with where it is.
void EachProperty(const Json& schema, const std::string& at,
                  const std::function<void(const Json&, const std::string&)>& visit) {
  if (schema.is_array()) {
    for (const Json& item : schema) EachProperty(item, at + "[]", visit);
  }
  if (!schema.is_object()) return;
  for (const auto& item : schema.items()) {
    const std::string inner = at + "/" + item.key();
    if (item.key() == "examples") continue;
    if (item.key() == "properties") {
      for (const auto& property : item.value().items()) visit(property.value(), inner + "/" + property.key());
    }
    EachProperty(item.value(), inner, visit);
  }
}

TEST(Schemas, AreDescribedAndTheirExamplesAreValid) {
  for (const std::string& name : kSchemas) {
    const Json schema = Schema(name);
    EXPECT_EQ(schema.at("$schema"), "https://json-schema.org/draft/2020-12/schema") << name;
    EXPECT_EQ(schema.at("$id"), "urn:tenure:schema:" + name);
    EXPECT_FALSE(schema.at("title").get<std::string>().empty());
    EXPECT_FALSE(schema.at("description").get<std::string>().empty());
    ASSERT_FALSE(schema.at("examples").empty()) << name;
    const SchemaCheck check(schema);
    for (const Json& example : schema.at("examples")) EXPECT_EQ(check.Why(example), "") << name << ' ' << example;
    EachProperty(schema, name, [&](const Json& property, const std::string& at) {
      const bool described = property.contains("description") || property.contains("$ref") ||
                             property.contains("const") || property.contains("properties");
      EXPECT_TRUE(described) << at;
    });
  }
}

TEST(Schemas, ExamplesOfTheDefinitionsAreValid) {
  for (const std::string& name : kSchemas) {
    const Json schema = Schema(name);
    if (!schema.contains("$defs")) continue;
    for (const auto& definition : schema.at("$defs").items()) {
      const SchemaCheck check(definition.value());
      if (!definition.value().contains("examples")) continue;
      for (const Json& example : definition.value().at("examples"))
        EXPECT_EQ(check.Why(example), "") << name << ' ' << definition.key();
    }
  }
}

TEST(Schemas, ErrorListsExactlyTheCodes) {
  std::vector<std::string> codes;
  for (int code = 0; code <= static_cast<int>(ErrorCode::kOutOfMemory); ++code) {
    codes.emplace_back(ErrorCodeName(static_cast<ErrorCode>(code)));
  }
  for (const char* of_the_command_line : {"usage", "interrupted", "partial"}) codes.emplace_back(of_the_command_line);
  const Json schema = Schema("error");
  EXPECT_EQ(schema.at("properties").at("error").at("properties").at("code").at("enum").get<std::vector<std::string>>(),
            codes);
  std::vector<std::string> explained;
  for (const Json& row : schema.at("$defs").at("codes").at("oneOf")) {
    explained.push_back(row.at("const"));
    EXPECT_FALSE(row.at("description").get<std::string>().empty());
  }
  EXPECT_EQ(explained, codes);
}

// For each kind and each member that any kind has: the schema allows it exactly when ParseOperation does.
TEST(Schemas, OperationMembersAreThoseOfTheParser) {
  const Json schema = Schema("operation");
  const SchemaCheck check(schema);
  std::map<std::string, Json> members;  // each with a value of its type
  for (const Json& branch : schema.at("oneOf")) {
    for (const Json& example : branch.at("examples")) {
      for (const auto& item : example.items()) members[item.key()] = item.value();
    }
  }
  members["if_revision"] = 1;
  members["if_digest"] = members.at("digest");
  members["unheard_of"] = 1;
  members.erase("op");
  for (const Json& branch : schema.at("oneOf")) {
    for (const auto& property : branch.at("properties").items()) {
      EXPECT_TRUE(property.key() == "op" || members.count(property.key())) << property.key() << " is in no example";
    }
    Json minimal = Json::object();
    for (const Json& name : branch.at("required")) {
      if (name == "op") {
        minimal["op"] = branch.at("properties").at("op").at("const");
      } else {
        minimal[name.get<std::string>()] = members.at(name);
      }
    }
    EXPECT_EQ(check.Why(minimal), "");
    ASSERT_TRUE(Ok(ParseOperation(minimal.dump())));
    for (const auto& [name, value] : members) {
      Json with = minimal;
      with[name] = value;
      EXPECT_EQ(check.Why(with).empty(), ParseOperation(with.dump()).ok()) << with;
      if (!minimal.contains(name)) continue;
      Json without = minimal;
      without.erase(name);
      EXPECT_FALSE(check.Why(without).empty()) << without;
      EXPECT_FALSE(ParseOperation(without.dump()).ok()) << without;
    }
  }
  for (const Json& example : schema.at("examples")) {
    auto parsed = ParseOperation(example.dump());
    ASSERT_TRUE(Ok(parsed)) << example;
    EXPECT_TRUE(Ok(Normalise(parsed->operation))) << example;
  }
}

ArtifactEntry FullEntry() {
  ArtifactEntry e;
  e.name = "release/app";
  e.version = "1.4.2";
  e.digest = "sha256:" + std::string(64, 'a');
  e.size = 5;
  e.media_type = "text/plain";
  e.urls = {"https://x"};
  e.annotations = R"({"a":1})";
  e.created_at_ms = 1;
  e.updated_at_ms = 2;
  e.writer = "w";
  e.revision = 3;
  e.lsn = 4;
  return e;
}

void ExpectPrints(const std::string& schema_name, const std::string& line) {
  const Json schema = Schema(schema_name);
  const Json value = Json::parse(line);
  EXPECT_EQ(SchemaCheck(schema).Why(value), "") << line;
  // Readers may meet unknown members; tenure itself prints none that the schema does not describe.
  for (const auto& item : value.items()) EXPECT_TRUE(schema.at("properties").contains(item.key())) << item.key();
}

TEST(Schemas, WhatIsPrintedIsDescribed) {
  const ArtifactEntry e = FullEntry();
  ExpectPrints("artifact", EntryJson(e));
  ExpectPrints("artifact", ExportEntryJson(e));

  Event event;
  event.lsn = 4;
  event.writer = "w";
  event.request_id = "r";
  event.op = "put";
  event.entry = e;
  ExpectPrints("event", EventJson(event));
  event.entry.reset();
  event.op = "set_tag";
  event.tag = TagEntry();
  event.tag->name = "a";
  event.tag->tag = "t";
  event.tag->version = "1";
  ExpectPrints("event", EventJson(event));
  event.tag.reset();
  for (const char* op : {"trim_history", "prune_requests", "trim_journal", "request"}) {
    event.op = op;
    event.below_lsn = 9;
    ExpectPrints("event", EventJson(event));
  }

  event.below_lsn = 0;
  event.op = "put";
  event.entry = e;
  event.merged_base = 2;
  ExpectPrints("event", EventJson(event));
  event.entry.reset();
  event.op = "set_policy";
  Policy policy;
  policy.glob = "a/**";
  policy.immutable = true;
  policy.require_lease = false;
  policy.on_conflict = ConflictStrategy::kMergeOrPark;
  policy.schema = R"({"required":["digest"]})";
  policy.keep_history = true;
  policy.writer = "w";
  policy.time_ms = 5;
  event.glob = policy.glob;
  event.policy = std::make_shared<const Policy>(policy);
  ExpectPrints("event", EventJson(event));
  ExpectPrints("policy", PolicyJson(policy));
  event.policy.reset();
  event.glob.clear();
  ParkedConflict parked;
  parked.id = {42, 1};
  parked.name = "release/app";
  parked.rest = "1.4.2";
  parked.base_revision = 1;
  parked.reason = "r";
  parked.writer = "w";
  parked.time_ms = 5;
  parked.entry = {e, e, e};
  parked.entry.ours->revision = 0;
  event.op = "park";
  event.parked = std::make_shared<const ParkedConflict>(parked);
  event.conflict = "42.1";
  ExpectPrints("event", EventJson(event));
  ExpectPrints("conflict", ConflictJson(parked));
  event.parked.reset();
  event.op = "resolve";
  event.take = "ours";
  ExpectPrints("event", EventJson(event));
  event.take.clear();
  event.conflict.clear();
  event.cursor = CursorEntry();
  event.cursor->name = "mirror";
  event.cursor->lsn = 3;
  event.cursor->effects = 2;
  for (const char* op : {"set_cursor", "delete_cursor"}) {
    event.op = op;
    ExpectPrints("event", EventJson(event));
  }

  Receipt receipt;
  receipt.outcome = Outcome::kParked;
  receipt.lsn = 4;
  receipt.time_ms = 5;
  receipt.replayed = true;
  receipt.results.resize(2);
  ExpectPrints("receipt", ReceiptJson(receipt));

  Error error;
  error.message = "m";
  error.hint = "h";
  error.path = "p";
  error.offset = 1;
  error.key = "a:1";
  error.revision = 2;
  error.lsn = 3;
  auto holder = std::make_shared<LeaseInfo>();
  holder->id = 4;
  holder->scopes = {"a/**"};
  holder->host = "h";
  holder->purpose = "p";
  error.holder = holder;
  error.retry_after_ms = 5;
  ExpectPrints("error", ErrorJson(error));
  const Json schema = Schema("error");
  const Json& inner = schema.at("properties").at("error").at("properties");
  const Json printed = Json::parse(ErrorJson(error)).at("error");
  EXPECT_EQ(printed.size(), inner.size());
  for (const auto& item : printed.items()) EXPECT_TRUE(inner.contains(item.key())) << item.key();
}

TEST(Schemas, EveryKindOfEffectHasItsEventName) {
  std::set<std::string> printed = {"request"};
  CommittedTxn txn;
  for (const EffectKind kind : AllEffectKinds()) {
    txn.effects.resize(1);
    txn.effects[0].rare = std::make_shared<const RareEffect>();
    txn.effects[0].lease.resize(1);
    txn.effects[0].kind = kind;
    printed.insert(EventOf(txn, 0).op);
  }
  const Json names = Schema("event").at("properties").at("op").at("enum");
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()), printed);
}

// The patterns of the schema and the validators of the code judge alike where a pattern can say it.
TEST(Schemas, PatternsAgreeWithTheValidators) {
  const Json defs = Schema("operation").at("$defs");
  const SchemaCheck name(defs.at("name")), version(defs.at("version")), tag(defs.at("tag")), digest(defs.at("digest"));
  const std::string hex(64, 'a');
  for (const std::string& text : std::vector<std::string>{"",
                                                          "a",
                                                          "a/b",
                                                          "@s/p",
                                                          "a/@b",
                                                          "a@b",
                                                          "a:b",
                                                          "/a",
                                                          "a/",
                                                          "a//b",
                                                          ".",
                                                          "..",
                                                          "a/..",
                                                          "../a",
                                                          "...",
                                                          "a/.b",
                                                          "@",
                                                          "@@",
                                                          "1.0",
                                                          "2:1",
                                                          "a b",
                                                          "prod",
                                                          "-x",
                                                          ".x",
                                                          "_x",
                                                          "x.y-z",
                                                          std::string(128, 'x'),
                                                          std::string(129, 'x'),
                                                          std::string(256, 'x'),
                                                          std::string(257, 'x'),
                                                          std::string(512, 'x'),
                                                          std::string(513, 'x'),
                                                          "sha256:" + hex,
                                                          "sha256:" + hex + "a",
                                                          "sha256:" + std::string(64, 'A'),
                                                          "sha512:" + hex,
                                                          "sha512:" + hex + hex,
                                                          "sha384:" + hex,
                                                          "blake3:" + hex,
                                                          "md5:" + std::string(31, '0'),
                                                          "md5:" + std::string(32, '0'),
                                                          "Md5:" + hex,
                                                          ":" + hex}) {
    EXPECT_EQ(name.Why(text).empty(), ValidateName(text).ok()) << text;
    EXPECT_EQ(version.Why(text).empty(), ValidateVersion(text).ok()) << text;
    EXPECT_EQ(tag.Why(text).empty(), ValidateTag(text).ok()) << text;
    EXPECT_EQ(digest.Why(text).empty(), ValidateDigest(text).ok()) << text;
  }
}

}  // namespace
}  // namespace tenure::model
