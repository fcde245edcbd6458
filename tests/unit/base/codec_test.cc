#include "store/base/codec.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

#include "base_testing.h"

namespace tenure::base {
namespace {

Bytes VarintOf(std::uint64_t v) {
  Bytes out;
  Encoder(out).Varint(v);
  return out;
}

Bytes Raw(std::initializer_list<int> values) {
  Bytes out;
  for (const int v : values) out.push_back(static_cast<std::byte>(v));
  return out;
}

TEST(Codec, FixedWidthIsLittleEndian) {
  Bytes out;
  Encoder encoder(out);
  encoder.U8(0x01);
  encoder.U32(0x05040302);
  encoder.U64(0x0D0C0B0A09080706);
  EXPECT_EQ(out, Raw({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}));
}

TEST(Codec, VarintBytes) {
  EXPECT_EQ(VarintOf(0), Raw({0}));
  EXPECT_EQ(VarintOf(127), Raw({0x7F}));
  EXPECT_EQ(VarintOf(128), Raw({0x80, 0x01}));
  EXPECT_EQ(VarintOf(300), Raw({0xAC, 0x02}));
  EXPECT_EQ(VarintOf(std::numeric_limits<std::uint64_t>::max()),
            Raw({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}));
}

TEST(Codec, VarintRefusesOverlongAndOverflowing) {
  for (const Bytes& bad : {Raw({0x80, 0x00}), Raw({0xFF, 0x80, 0x00}), Raw({0x80}), Raw({}),
                           Raw({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02}),
                           Raw({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x81, 0x00})}) {
    Decoder decoder(bad);
    EXPECT_EQ(decoder.Varint(), 0u);
    EXPECT_FALSE(decoder.ok()) << bad.size() << " bytes";
  }
}

TEST(Codec, AfterAFailureEverythingIsZero) {
  const Bytes in = Raw({5, 6, 7, 8, 9});
  Decoder decoder(in);
  EXPECT_EQ(decoder.U64(), 0u);
  EXPECT_FALSE(decoder.ok());
  EXPECT_EQ(decoder.U8(), 0u);
  EXPECT_EQ(decoder.U32(), 0u);
  EXPECT_EQ(decoder.Varint(), 0u);
  EXPECT_EQ(decoder.Signed(), 0);
  EXPECT_TRUE(decoder.Text(100).empty());
  EXPECT_TRUE(decoder.Raw(1).empty());
  EXPECT_FALSE(decoder.ok());
}

TEST(Codec, TextRefusesMoreThanAllowedOrThere) {
  Bytes out;
  Encoder(out).Text("artifact");
  Decoder fits(out);
  EXPECT_EQ(fits.Text(8), "artifact");
  EXPECT_TRUE(fits.ok() && fits.empty());
  Decoder over_limit(out);
  EXPECT_TRUE(over_limit.Text(7).empty());
  EXPECT_FALSE(over_limit.ok());
  out.pop_back();
  Decoder cut(out);
  EXPECT_TRUE(cut.Text(8).empty());
  EXPECT_FALSE(cut.ok());
  const Bytes huge = VarintOf(std::numeric_limits<std::uint64_t>::max());
  Decoder overflow(huge);
  EXPECT_TRUE(overflow.Text(std::numeric_limits<std::size_t>::max()).empty());
  EXPECT_FALSE(overflow.ok());
}

TEST(Codec, SignedExtremes) {
  for (const std::int64_t v : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1},
                               std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    Bytes out;
    Encoder(out).Signed(v);
    Decoder decoder(out);
    EXPECT_EQ(decoder.Signed(), v);
    EXPECT_TRUE(decoder.ok() && decoder.empty());
  }
  Bytes minus_one;
  Encoder(minus_one).Signed(-1);
  EXPECT_EQ(minus_one, Raw({1}));
}

RC_GTEST_PROP(CodecProperty, RoundTrip,
              (std::uint8_t a, std::uint32_t b, std::uint64_t c, std::uint64_t d, unsigned shift, std::int64_t e,
               const std::string& f)) {
  d >>= shift % 64;  // all lengths of varints
  Bytes out;
  Encoder encoder(out);
  encoder.U8(a);
  encoder.U32(b);
  encoder.U64(c);
  encoder.Varint(d);
  encoder.Signed(e);
  encoder.Text(f);
  encoder.Raw(AsBytes(f));
  Decoder decoder(out);
  RC_ASSERT(decoder.U8() == a);
  RC_ASSERT(decoder.U32() == b);
  RC_ASSERT(decoder.U64() == c);
  RC_ASSERT(decoder.Varint() == d);
  RC_ASSERT(decoder.Signed() == e);
  RC_ASSERT(decoder.Text(f.size()) == f);
  RC_ASSERT(AsText(decoder.Raw(f.size())) == f);
  RC_ASSERT(decoder.ok() && decoder.empty());
}

RC_GTEST_PROP(CodecProperty, WhateverDecodesIsTheOneEncoding, (const std::vector<std::uint8_t>& raw)) {
  Bytes in;
  for (const std::uint8_t v : raw) in.push_back(std::byte{v});
  Decoder decoder(in);
  const std::uint64_t v = decoder.Varint();
  if (decoder.ok()) RC_ASSERT(VarintOf(v) == Bytes(in.begin(), in.begin() + static_cast<long>(decoder.position())));
}

RC_GTEST_PROP(CodecProperty, EveryTruncationFails, (const std::string& text, std::uint64_t v)) {
  Bytes out;
  Encoder encoder(out);
  encoder.Varint(v);
  encoder.Text(text);
  for (std::size_t size = 0; size < out.size(); ++size) {
    Decoder decoder(ByteView(out).first(size));
    decoder.Varint();
    decoder.Text(text.size());
    RC_ASSERT(!decoder.ok());
  }
}

}  // namespace
}  // namespace tenure::base
