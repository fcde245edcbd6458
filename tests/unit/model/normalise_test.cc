#include <gtest/gtest.h>

#include <functional>

#include "model_testing.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

using namespace testing;

const std::string kSomeDigest = "sha256:" + std::string(64, 'a');

Operation Op(OpKind kind) {
  Operation op;
  op.kind = kind;
  op.name = "release/app";
  if (kind != OpKind::kDeleteTag) op.version = "1.4.2";
  if (kind == OpKind::kSetTag || kind == OpKind::kDeleteTag) op.tag = "prod";
  return op;
}

constexpr OpKind kAllKinds[] = {OpKind::kPut, OpKind::kPatch, OpKind::kDelete, OpKind::kSetTag, OpKind::kDeleteTag};

/// What is said to be normal already is not touched by normalising, and nothing else is said to be.
TEST(Normalise, IsNormalSaysWhatNormalisingWouldChange) {
  const std::vector<std::function<void(Operation&)>> changes = {
      [](Operation&) {},
      [](Operation& o) { o.annotations = R"({"a":1,"b":[true,null,"x"]})"; },
      [](Operation& o) { o.annotations = R"({"b":1,"a":2})"; },   // in another order
      [](Operation& o) { o.annotations = R"({ "a" : 1 })"; },     // with spaces
      [](Operation& o) { o.annotations = R"({"a":1.0})"; },       // another spelling of a number
      [](Operation& o) { o.annotations = R"({"a":"\u0041"})"; },  // and of a character
      [](Operation& o) { o.annotations = "[]"; },
      [](Operation& o) { o.annotations = "{\"a\":\"" + std::string(kEntryBytesMax, 'a') + "\"}"; },
      [](Operation& o) { o.name = "a//b"; },
      [](Operation& o) { o.version = "1 2"; },
      [](Operation& o) { o.digest = "sha256:00"; },
      [](Operation& o) { o.digest = kSomeDigest; },
      [](Operation& o) { o.tag = "other"; },
      [](Operation& o) { o.kind = OpKind::kSetPolicy, o.glob = "**", o.policy = PolicySpec{}; },
      [](Operation& o) { o.kind = static_cast<OpKind>(99); }};
  std::size_t normal = 0;
  for (const OpKind kind : kAllKinds) {
    for (const auto& change : changes) {
      for (const std::size_t copies : {1u, 2u}) {
        Operation op = Op(kind);
        change(op);
        Transaction txn;
        for (std::size_t i = 0; i < copies; ++i) txn.Delete("x", "1") = op;
        const auto normalised = NormaliseTransaction(txn);
        const bool same = normalised.ok() && normalised->front().annotations == op.annotations &&
                          BodyHash(*normalised) == BodyHash(std::span(txn.operations()));
        EXPECT_TRUE(same || !IsNormal(txn))
            << OpKindName(kind) << " " << op.annotations.substr(0, 40) << " " << op.name;
        normal += IsNormal(txn) ? 1 : 0;
      }
    }
  }
  EXPECT_GE(normal, 20u) << "what is plain is seen";
  EXPECT_FALSE(IsNormal(Transaction{}));
  Transaction large;
  for (int i = 0; i < 17; ++i) {
    Operation op = Op(OpKind::kPut);
    op.annotations = "{\"a\":\"" + std::string(1'000'000, 'a') + "\"}";
    large.Delete("x", "1") = op;
    EXPECT_EQ(IsNormal(large), i < 16) << "the limit of the whole is 16 MiB";
  }
}

// Which kinds take a member; every other kind refuses it by name.
struct MemberRule {
  const char* member;
  std::function<void(Operation&)> set;
  std::vector<OpKind> kinds;
};

TEST(Normalise, MembersBelongToTheirKinds) {
  using enum OpKind;
  const std::vector<MemberRule> rules = {
      {"digest", [](Operation& o) { o.digest = kSomeDigest; }, {kPut}},
      {"size", [](Operation& o) { o.size = 0; }, {kPut}},
      {"mediaType", [](Operation& o) { o.media_type = "a/b"; }, {kPut}},
      {"urls", [](Operation& o) { o.urls = {"https://x"}; }, {kPut}},
      {"annotations", [](Operation& o) { o.annotations = R"({"a":1})"; }, {kPut, kPatch}},
      {"with_tags", [](Operation& o) { o.with_tags = true; }, {kDelete}},
      {"if_absent", [](Operation& o) { o.if_absent = true; }, {kPut}},
      {"if_revision", [](Operation& o) { o.if_revision = 1; }, {kPut, kPatch, kDelete}},
      {"if_digest", [](Operation& o) { o.if_digest = kSomeDigest; }, {kPut, kPatch, kDelete}},
      {"if_version", [](Operation& o) { o.if_version = "1"; }, {kSetTag}},
      {"base", [](Operation& o) { o.base = 1; }, {kPut, kPatch, kDelete, kSetTag, kDeleteTag}},
      {"tag", [](Operation& o) { o.tag = "t"; }, {kSetTag, kDeleteTag}},
      {"version", [](Operation& o) { o.version = "1"; }, {kPut, kPatch, kDelete, kSetTag}}};
  for (const MemberRule& rule : rules) {
    for (const OpKind kind : kAllKinds) {
      Operation op = Op(kind);
      rule.set(op);
      const bool takes = std::find(rule.kinds.begin(), rule.kinds.end(), kind) != rule.kinds.end();
      const Status status = Normalise(op);
      if (takes) {
        EXPECT_TRUE(Ok(status)) << rule.member;
      } else {
        EXPECT_TRUE(Refused(status, std::string("takes no \"") + rule.member + '"')) << static_cast<int>(kind);
      }
    }
  }
}

TEST(Normalise, ValuesAreValidated) {
  const auto refuse = [](OpKind kind, const std::function<void(Operation&)>& set, const char* says,
                         ErrorCode code = ErrorCode::kInvalidArgument) {
    Operation op = Op(kind);
    set(op);
    EXPECT_TRUE(Fails(Normalise(op), code, says));
  };
  refuse(
      OpKind::kPut, [](Operation& o) { o.name = "a@b"; }, "name");
  refuse(
      OpKind::kPut, [](Operation& o) { o.version = ""; }, "version");
  refuse(
      OpKind::kSetTag, [](Operation& o) { o.version = "a b"; }, "version");
  refuse(
      OpKind::kSetTag, [](Operation& o) { o.tag = ""; }, "tag");
  refuse(
      OpKind::kDeleteTag, [](Operation& o) { o.tag = "a b"; }, "tag");
  refuse(
      OpKind::kPut, [](Operation& o) { o.digest = "sha256:1"; }, "digest");
  refuse(
      OpKind::kPut, [](Operation& o) { o.if_digest = ""; }, "digest");
  refuse(
      OpKind::kSetTag, [](Operation& o) { o.if_version = ""; }, "version");
  refuse(
      OpKind::kPut, [](Operation& o) { o.media_type = "\n"; }, "mediaType");
  refuse(
      OpKind::kPut,
      [](Operation& o) {
        o.urls = {"x", ""};
      },
      "url");
  refuse(
      OpKind::kPut, [](Operation& o) { o.size = std::uint64_t{1} << 63; }, "size");
  refuse(
      OpKind::kPut, [](Operation& o) { o.annotations = "[]"; }, "annotations: a JSON object is needed");
  refuse(
      OpKind::kPut, [](Operation& o) { o.annotations = ""; }, "annotations: not valid JSON");
  refuse(
      OpKind::kPatch, [](Operation& o) { o.annotations = "null"; }, "patch: a JSON object is needed");
  refuse(
      OpKind::kPut, [](Operation& o) { o.kind = static_cast<OpKind>(9); }, "kind 9");
  refuse(
      OpKind::kPut, [](Operation& o) { o.urls.assign(1025, "u"); }, "1025 urls", ErrorCode::kTooLarge);
  Operation op = Op(OpKind::kPut);
  op.urls.assign(1024, "u");
  op.size = (std::uint64_t{1} << 63) - 1;
  EXPECT_TRUE(Ok(Normalise(op)));
}

TEST(Normalise, AnnotationsBecomeCanonicalAndAPatchKeepsItsNulls) {
  Operation op = Op(OpKind::kPut);
  op.annotations = " { \"b\" : 1.50, \"a\" : [ 1 , 2 ] } ";
  ASSERT_TRUE(Ok(Normalise(op)));
  EXPECT_EQ(op.annotations, R"({"a":[1,2],"b":1.5})");
  op = Op(OpKind::kPatch);
  op.annotations = R"({"b":null, "a":{"c":null}})";
  ASSERT_TRUE(Ok(Normalise(op)));
  EXPECT_EQ(op.annotations, R"({"a":{"c":null},"b":null})");
}

TEST(Normalise, ErrorsNameTheKey) {
  Operation op = Op(OpKind::kPut);
  op.digest = "x";
  EXPECT_EQ(Normalise(op).error().key, "release/app:1.4.2");
  op = Op(OpKind::kSetTag);
  op.if_version = "a b";
  EXPECT_EQ(Normalise(op).error().key, "release/app@prod");
  op = Op(OpKind::kPut);
  op.name = "bad:name";
  EXPECT_EQ(Normalise(op).error().key, "");
}

TEST(Normalise, EntryLimitIsExact) {
  Operation op = Op(OpKind::kPut);
  const std::size_t other = OperationBytes(op) - op.annotations.size();
  const std::string frame = R"({"k":""})";
  const auto fill = [&](std::size_t total) {
    op.annotations = R"({"k":")" + std::string(total - other - frame.size(), 'x') + R"("})";
  };
  fill(kEntryBytesMax);
  EXPECT_TRUE(Ok(Normalise(op)));
  EXPECT_EQ(OperationBytes(op), kEntryBytesMax);
  fill(kEntryBytesMax + 1);
  EXPECT_TRUE(Fails(Normalise(op), ErrorCode::kTooLarge, "1048577 bytes"));
}

TEST(Normalise, OperationBytesCountEveryText) {
  Operation op = Op(OpKind::kPut);
  const std::size_t before = OperationBytes(op);
  op.urls = {"12", "345"};
  op.digest = "1234";
  op.media_type = "1";
  op.if_digest = "12";
  op.if_version = "123";
  EXPECT_EQ(OperationBytes(op), before + 2 + 3 + 4 + 1 + 2 + 3);
}

TEST(NormaliseTransaction, LimitsOfTheWhole) {
  EXPECT_TRUE(Refused(NormaliseTransaction(Transaction{}), "no operations"));

  Transaction many;
  for (std::size_t i = 0; i < kTxnOperationsMax; ++i) many.Delete("a", "1");
  auto normalised = NormaliseTransaction(many);
  ASSERT_TRUE(Ok(normalised));
  EXPECT_EQ(normalised->size(), kTxnOperationsMax);
  many.Delete("a", "1");
  EXPECT_TRUE(Fails(NormaliseTransaction(many), ErrorCode::kTooLarge, "10001 operations"));
}

TEST(NormaliseTransaction, ByteLimitIsExact) {
  Transaction txn;
  const auto put = [&txn](std::size_t bytes) {
    Operation op = Op(OpKind::kPut);
    const std::string frame = R"({"k":""})";
    const std::size_t fixed = OperationBytes(op) - 2 + frame.size();
    op.annotations = R"({"k":")" + std::string(bytes - fixed, 'x') + R"("})";
    txn.Append(std::move(op));
  };
  for (int i = 0; i < 15; ++i) put(kEntryBytesMax);
  put(kEntryBytesMax - 100);
  put(100);
  EXPECT_TRUE(Ok(NormaliseTransaction(txn)));
  txn.DeleteTag("a", "b");
  EXPECT_TRUE(Fails(NormaliseTransaction(txn), ErrorCode::kTooLarge, "reached at operation 18"));
}

TEST(NormaliseTransaction, NamesTheOperation) {
  Transaction txn;
  txn.Put({.name = "a", .version = "1", .digest = {}, .size = {}, .media_type = {}, .urls = {}});
  txn.Delete("a", "1/2");
  EXPECT_TRUE(Refused(NormaliseTransaction(txn), "operation 2: version \"1/2\""));
  Transaction one;
  one.Delete("a", "1/2");
  EXPECT_EQ(NormaliseTransaction(one).error().message.find("operation"), std::string::npos);
}

TEST(BodyHash, EveryFieldCounts) {
  std::vector<std::function<void(Operation&)>> changes = {[](Operation&) {},
                                                          [](Operation& o) { o.kind = OpKind::kPatch; },
                                                          [](Operation& o) { o.name = "x"; },
                                                          [](Operation& o) { o.version = "x"; },
                                                          [](Operation& o) { o.tag = "x"; },
                                                          [](Operation& o) { o.digest = "x"; },
                                                          [](Operation& o) { o.size = 0; },
                                                          [](Operation& o) { o.size = 1; },
                                                          [](Operation& o) { o.media_type = "x"; },
                                                          [](Operation& o) { o.urls = {"x"}; },
                                                          [](Operation& o) {
                                                            o.urls = {"", "x"};
                                                          },
                                                          [](Operation& o) { o.annotations = "{\"x\":1}"; },
                                                          [](Operation& o) { o.with_tags = true; },
                                                          [](Operation& o) { o.if_absent = true; },
                                                          [](Operation& o) { o.if_revision = 0; },
                                                          [](Operation& o) { o.if_digest = "x"; },
                                                          [](Operation& o) { o.if_version = "x"; },
                                                          [](Operation& o) { o.base = 0; },
                                                          [](Operation& o) { o.annotations = std::string(5000, 'x'); }};
  std::vector<base::Hash128> seen;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Operation op = Op(OpKind::kPut);
    changes[i](op);
    const base::Hash128 hash = BodyHash({op});
    EXPECT_EQ(hash, BodyHash({op}));
    EXPECT_EQ(std::count(seen.begin(), seen.end(), hash), 0) << i;
    seen.push_back(hash);
  }
  const Operation op = Op(OpKind::kPut);
  EXPECT_NE(BodyHash({op}), BodyHash({op, op}));
}

}  // namespace
}  // namespace tenure::model
