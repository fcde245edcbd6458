#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "model_testing.h"
#include "store/model/effect.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

using namespace testing;

base::Bytes Encoded(const CommittedTxn& txn) {
  base::Bytes bytes;
  base::Encoder out(bytes);
  EncodeTxn(txn, out);
  return bytes;
}

Result<CommittedTxn> Decoded(const base::Bytes& bytes, Lsn lsn = 7, TimeMs time_ms = 1000) {
  base::Decoder in(bytes);
  return DecodeTxn(in, lsn, time_ms);
}

/// Decoding must fail or give a value whose encoding is exactly what was consumed.
void ExpectCanonicalOrRefused(const base::Bytes& bytes, Lsn lsn, TimeMs time_ms) {
  base::Decoder in(bytes);
  auto txn = DecodeTxn(in, lsn, time_ms);
  if (!txn.ok()) {
    const ErrorCode code = txn.error().code;
    RC_ASSERT(code == ErrorCode::kCorruption || code == ErrorCode::kUnsupported);
    return;
  }
  const base::Bytes consumed(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(in.position()));
  RC_ASSERT(Encoded(*txn) == consumed);
}

CommittedTxn SmallPut() {
  CommittedTxn txn;
  txn.lsn = 7;
  txn.time_ms = 1000;
  txn.writer = "ci@host";
  Effect& effect = txn.effects.emplace_back();
  effect.entry.name = "release/app";
  effect.entry.version = "1.4.2";
  effect.entry.revision = 1;
  effect.entry.created_at_ms = 1000;
  return txn;
}

RC_GTEST_PROP(EffectCodec, RoundTripsEveryValue, ()) {
  const CommittedTxn txn = AnyTxn();
  const base::Bytes bytes = Encoded(txn);
  base::Decoder in(bytes);
  auto back = DecodeTxn(in, txn.lsn, txn.time_ms);
  RC_ASSERT(back.ok());
  RC_ASSERT(*back == txn);
  RC_ASSERT(in.empty());
}

RC_GTEST_PROP(EffectCodec, MemoryThatIsUsedAgainKeepsNothing, ()) {
  CommittedTxn scratch = AnyTxn();
  for (int i = 0; i < 3; ++i) {
    const CommittedTxn txn = AnyTxn();
    base::Bytes bytes = Encoded(txn);
    // A failure half-way leaves anything behind; the next one must not see it.
    base::Decoder cut(base::ByteView(bytes).first(bytes.size() / 2));
    RC_ASSERT(!DecodeTxnInto(cut, txn.lsn, txn.time_ms, scratch).ok());
    base::Decoder in(bytes);
    RC_ASSERT(DecodeTxnInto(in, txn.lsn, txn.time_ms, scratch).ok());
    RC_ASSERT(scratch == txn);
  }
}

RC_GTEST_PROP(EffectCodec, ChangedBytesAreRefusedOrCanonical, ()) {
  const CommittedTxn txn = AnyTxn();
  base::Bytes bytes = Encoded(txn);
  const auto changes = *rc::gen::inRange(1, 4);
  for (int i = 0; i < changes; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    switch (*rc::gen::inRange(0, 3)) {
      case 0:
        bytes[at] = std::byte{*rc::gen::arbitrary<std::uint8_t>()};
        break;
      case 1:
        bytes[at] ^= std::byte{static_cast<std::uint8_t>(1u << *rc::gen::inRange(0, 8))};
        break;
      default:
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), std::byte{*rc::gen::arbitrary<std::uint8_t>()});
    }
  }
  ExpectCanonicalOrRefused(bytes, txn.lsn, txn.time_ms);
}

RC_GTEST_PROP(EffectCodec, ArbitraryBytesAreRefusedOrCanonical, ()) {
  const auto raw = *rc::gen::arbitrary<std::vector<std::uint8_t>>();
  base::Bytes bytes;
  for (const std::uint8_t b : raw) bytes.push_back(std::byte{b});
  ExpectCanonicalOrRefused(bytes, AnyNumber(), 5);
}

RC_GTEST_PROP(EffectCodec, EveryTruncationIsRefused, ()) {
  const CommittedTxn txn = AnyTxn();
  const base::Bytes bytes = Encoded(txn);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    base::Decoder in(base::ByteView(bytes.data(), length));
    RC_ASSERT(!DecodeTxn(in, txn.lsn, txn.time_ms).ok());
  }
}

RC_GTEST_PROP(EffectCodec, ResultsRoundTrip, ()) {
  const std::vector<OpResult> results = AnyResults();
  base::Bytes bytes;
  base::Encoder out(bytes);
  EncodeResults(results, out);
  base::Decoder in(bytes);
  RC_ASSERT(DecodeResults(in) == results);
  RC_ASSERT(in.ok() && in.empty());
}

TEST(EffectCodec, EverySingleByteChangeOfASmallPut) {
  CommittedTxn txn = SmallPut();
  txn.request_id = "r1";
  txn.body_hash = {1, 2};
  txn.results.resize(1);
  txn.effects[0].entry.urls = {"https://x"};
  txn.effects[0].entry.annotations = R"({"k":1})";
  const base::Bytes good = Encoded(txn);
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      base::Bytes bytes = good;
      bytes[at] = std::byte{static_cast<std::uint8_t>(value)};
      base::Decoder in(bytes);
      auto back = DecodeTxn(in, txn.lsn, txn.time_ms);
      if (!back.ok()) continue;
      base::Bytes consumed(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(in.position()));
      ASSERT_EQ(Encoded(*back), consumed) << "byte " << at << " = " << value;
    }
  }
}

TEST(EffectCodec, SmallPutIsSmall) {
  // flags, writer, uid, count, kind, flags, name, version, revision, created
  EXPECT_EQ(Encoded(SmallPut()).size(), 1u + 8 + 1 + 1 + 1 + 1 + 12 + 6 + 1 + 2);
}

// A default that is written out although its flag could say so would be a second encoding of a value.
TEST(EffectCodec, SecondEncodingsAreRefused) {
  struct Row {
    const char* what;
    std::uint64_t flags;
    std::function<void(base::Encoder&)> parts;
  };
  const std::vector<Row> rows = {
      {"origin of nothing", 1u << 0, [](base::Encoder& o) { o.Varint(0), o.Varint(0), o.Varint(0); }},
      {"empty request id", 1u << 2, [](base::Encoder& o) { o.Text(""); }},
      {"zero body hash", 1u << 3, [](base::Encoder& o) { o.U64(0), o.U64(0); }},
      {"no results", 1u << 4, [](base::Encoder& o) { o.Varint(0); }},
      {"receipt elsewhere, at 0", 1u << 7, [](base::Encoder& o) { o.Varint(0); }},
      {"receipt elsewhere, here", 1u << 7, [](base::Encoder& o) { o.Varint(7); }},
      {"receipt here and elsewhere", (1u << 1) | (1u << 7), [](base::Encoder& o) { o.Varint(6); }}};
  for (const Row& row : rows) {
    base::Bytes bytes;
    base::Encoder out(bytes);
    out.Varint(row.flags);
    out.Text("w");
    out.Varint(0);
    row.parts(out);
    out.Varint(0);
    EXPECT_TRUE(Fails(Decoded(bytes), ErrorCode::kCorruption, "bad")) << row.what;
  }
  base::Bytes here;
  base::Encoder out(here);
  out.Varint(1u << 1), out.Text("w"), out.Varint(0), out.Varint(0);
  EXPECT_TRUE(Ok(Decoded(here, 7)));
  EXPECT_TRUE(Fails(Decoded(here, 0), ErrorCode::kCorruption, "bad receipt"));
}

TEST(EffectCodec, SecondEncodingsOfAPutAreRefused) {
  const auto decode = [](std::uint8_t flags, const std::function<void(base::Encoder&)>& parts, const char* name = "n") {
    base::Bytes bytes;
    base::Encoder out(bytes);
    out.Varint(0), out.Text("w"), out.Varint(0), out.Varint(1);
    out.U8(1), out.U8(flags), out.Text(name), out.Text("v"), out.Varint(1), out.Signed(0);
    parts(out);
    return Decoded(bytes);
  };
  const auto nothing = [](base::Encoder&) {};
  const auto empty = [](base::Encoder& o) { o.Text(""); };
  EXPECT_TRUE(Ok(decode(0, nothing)));
  EXPECT_TRUE(Fails(decode(0, nothing, ""), ErrorCode::kCorruption, "bad name"));
  EXPECT_TRUE(Fails(decode(1u << 0, empty), ErrorCode::kCorruption, "bad digest"));
  EXPECT_TRUE(Ok(decode(1u << 1, [](base::Encoder& o) { o.Varint(0); }))) << "size 0 is not no size";
  EXPECT_TRUE(Fails(decode(1u << 2, empty), ErrorCode::kCorruption, "bad media type"));
  EXPECT_TRUE(Fails(decode(1u << 3, [](base::Encoder& o) { o.Varint(0); }), ErrorCode::kCorruption, "number of urls"));
  EXPECT_TRUE(
      Fails(decode(1u << 4, [](base::Encoder& o) { o.Text("{}"); }), ErrorCode::kCorruption, "bad annotations"));
}

TEST(EffectCodec, UnknownKindIsFromANewerVersion) {
  CommittedTxn txn;
  txn.lsn = 7;
  txn.effects.resize(1);
  txn.effects[0].kind = EffectKind::kTrimHistory;
  txn.effects[0].below_lsn = 1;
  base::Bytes bytes = Encoded(txn);
  for (const int kind : {0, static_cast<int>(kLastEffectKind) + 1, 200}) {
    bytes[bytes.size() - 2] = std::byte{static_cast<std::uint8_t>(kind)};
    EXPECT_TRUE(Fails(Decoded(bytes), ErrorCode::kUnsupported, "written by a newer version of tenure"));
  }
  bytes[bytes.size() - 2] = std::byte{5};
  EXPECT_TRUE(Ok(Decoded(bytes)));
}

TEST(EffectCodec, UnknownFlagsAreFromANewerVersion) {
  base::Bytes bytes = Encoded(SmallPut());
  bytes[0] = std::byte{0x80};
  bytes.insert(bytes.begin() + 1, std::byte{8});
  EXPECT_TRUE(Fails(Decoded(bytes), ErrorCode::kUnsupported, "newer version"));

  bytes = Encoded(SmallPut());
  bytes[1 + 8 + 1 + 1 + 1] = std::byte{0x40};
  EXPECT_TRUE(Fails(Decoded(bytes), ErrorCode::kUnsupported, "newer version"));
}

TEST(EffectCodec, CountsAreBoundedByTheBytesThatAreThere) {
  base::Bytes bytes;
  base::Encoder out(bytes);
  out.Varint(0);
  out.Text("w");
  out.Varint(0);
  out.Varint(1'000'000);  // effects, and none follows
  EXPECT_TRUE(Fails(Decoded(bytes), ErrorCode::kCorruption, "more effects"));

  for (const std::uint64_t count : {std::uint64_t{1} << 62, UINT64_MAX}) {
    base::Bytes results;
    base::Encoder to(results);
    to.Varint(count);
    base::Decoder in(results);
    EXPECT_TRUE(DecodeResults(in).empty());
    EXPECT_FALSE(in.ok());
  }
}

TEST(EffectCodec, UnknownOutcomeFailsTheDecoder) {
  const base::Bytes bytes = {std::byte{1}, std::byte{4}, std::byte{0}};
  base::Decoder in(bytes);
  EXPECT_TRUE(DecodeResults(in).empty());
  EXPECT_FALSE(in.ok());
}

TEST(EffectCodec, ErrorsNameTheLsn) {
  auto failed = Decoded({}, 4711);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().lsn, Lsn{4711});
  EXPECT_NE(failed.error().message.find("LSN 4711"), std::string::npos);
}

TEST(EffectCodec, LimitsOfFieldsHoldInBothDirections) {
  CommittedTxn txn = SmallPut();
  ArtifactEntry& e = txn.effects[0].entry;
  e.name.assign(kNameBytesMax, 'n');
  e.version.assign(kVersionBytesMax, 'v');
  e.digest.assign(kDigestBytesMax, 'd');
  e.media_type.assign(kMediaTypeBytesMax, 'm');
  e.urls.assign(kUrlsMax, std::string(3, 'u'));
  e.urls[0].assign(kUrlBytesMax, 'u');
  e.annotations.assign(3 * kEntryBytesMax, 'a');
  txn.writer.assign(kWriterBytesMax, 'w');
  txn.request_id.assign(kRequestIdBytesMax, 'r');
  auto back = Decoded(Encoded(txn));
  ASSERT_TRUE(Ok(back));
  EXPECT_EQ(*back, txn);
}

using EffectCodecDeathTest = ::testing::Test;

TEST(EffectCodecDeathTest, WhatCouldNotBeReadBackIsNotWritten) {
  CommittedTxn txn = SmallPut();
  txn.effects[0].entry.name.clear();
  EXPECT_DEATH(Encoded(txn), "");
  txn = SmallPut();
  txn.effects[0].entry.version.assign(kVersionBytesMax + 1, 'v');
  EXPECT_DEATH(Encoded(txn), "");
  txn = SmallPut();
  txn.writer.assign(kWriterBytesMax + 1, 'w');
  EXPECT_DEATH(Encoded(txn), "");
}

}  // namespace
}  // namespace tenure::model
