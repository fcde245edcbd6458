#include "store/base/hash.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <numeric>

#include "base_testing.h"
#include "store/base/hash_internal.h"

namespace tenure::base {
namespace {

Bytes Filled(std::size_t size, int value) { return Bytes(size, static_cast<std::byte>(value)); }

Bytes Counting(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(i);
  return out;
}

std::string ShaHex(std::string_view text) { return Hex(Sha256Of(AsBytes(text))); }

// RFC 3720, appendix B.4, and the check value of the CRC catalogue.
TEST(Crc32c, KnownVectors) {
  Bytes descending = Counting(32);
  std::reverse(descending.begin(), descending.end());
  for (const auto crc : {Crc32c, Crc32cByTable}) {
    EXPECT_EQ(crc({}, 0), 0u);
    EXPECT_EQ(crc(AsBytes("123456789"), 0), 0xE3069283u);
    EXPECT_EQ(crc(Filled(32, 0), 0), 0x8A9136AAu);
    EXPECT_EQ(crc(Filled(32, 0xFF), 0), 0x62A8AB43u);
    EXPECT_EQ(crc(Counting(32), 0), 0x46DD794Eu);
    EXPECT_EQ(crc(descending, 0), 0x113FDB5Cu);
  }
}

TEST(Crc32c, EverySingleBitMatters) {
  Bytes data = Counting(100);
  const std::uint32_t whole = Crc32c(data);
  for (std::size_t bit = 0; bit < 8 * data.size(); ++bit) {
    data[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    EXPECT_NE(Crc32c(data), whole) << "bit " << bit;
    data[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
  }
}

RC_GTEST_PROP(Crc32cProperty, HardwareEqualsTableAtAnyAlignmentAndSeed, (const std::string& text, std::uint32_t seed)) {
  const ByteView data = AsBytes(text);
  for (std::size_t skip = 0; skip <= std::min<std::size_t>(data.size(), 8); ++skip) {
    RC_ASSERT(Crc32c(data.subspan(skip), seed) == Crc32cByTable(data.subspan(skip), seed));
  }
}

RC_GTEST_PROP(Crc32cProperty, ExtendsInPieces, (const std::string& a, const std::string& b, std::uint32_t seed)) {
  RC_ASSERT(Crc32c(AsBytes(a + b), seed) == Crc32c(AsBytes(b), Crc32c(AsBytes(a), seed)));
}

// FIPS 180-4 examples.
TEST(Sha256, KnownVectors) {
  EXPECT_EQ(ShaHex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(ShaHex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(ShaHex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(ShaHex(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, StartsAnewAfterFinish) {
  Sha256 hash;
  hash.Update(AsBytes("a"));
  hash.Update(AsBytes("bc"));
  EXPECT_EQ(hash.Finish(), Sha256Of(AsBytes("abc")));
  EXPECT_EQ(hash.Finish(), Sha256Of({}));
  hash.Update(AsBytes("abc"));
  EXPECT_EQ(hash.Finish(), Sha256Of(AsBytes("abc")));
}

RC_GTEST_PROP(Sha256Property, PiecesEqualTheWhole, (const std::vector<std::string>& pieces)) {
  Sha256 hash;
  for (const std::string& piece : pieces) hash.Update(AsBytes(piece));
  const std::string whole = std::accumulate(pieces.begin(), pieces.end(), std::string());
  RC_ASSERT(hash.Finish() == Sha256Of(AsBytes(whole)));
}

// The digests that xxh128sum prints.
TEST(Xxh128, KnownVectors) {
  EXPECT_EQ(Hex(Xxh128({})), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(Hex(Xxh128(AsBytes("a"))), "a96faf705af16834e6c632b61e964e1f");
  EXPECT_EQ(Hex(Xxh128(AsBytes("abc"))), "06b05ab6733a618578af5f94892f3950");
}

TEST(Hash128, CarriesAndBorrows) {
  Hash128 sum{~std::uint64_t{0}, 1};
  sum += Hash128{1, 0};
  EXPECT_EQ(sum, (Hash128{0, 2}));
  sum -= Hash128{1, 0};
  EXPECT_EQ(sum, (Hash128{~std::uint64_t{0}, 1}));
  Hash128 zero;
  zero -= Hash128{1, 0};
  EXPECT_EQ(zero, (Hash128{~std::uint64_t{0}, ~std::uint64_t{0}}));
}

RC_GTEST_PROP(Hash128Property, RowsEnterAndLeaveInAnyOrder, (std::vector<std::string> rows)) {
  Hash128 sum;
  for (const std::string& row : rows) sum += Xxh128(AsBytes(row));
  std::reverse(rows.begin(), rows.end());
  std::rotate(rows.begin(), rows.begin() + static_cast<long>(rows.size() / 3), rows.end());
  Hash128 other;
  for (const std::string& row : rows) other += Xxh128(AsBytes(row));
  RC_ASSERT(sum == other);
  for (const std::string& row : rows) sum -= Xxh128(AsBytes(row));
  RC_ASSERT(sum == Hash128{});
}

TEST(Hex, ParsesBothCasesAndRefusesTheRest) {
  std::array<std::byte, 2> out{};
  EXPECT_TRUE(FromHex("0aFf", out));
  EXPECT_EQ(Hex(out), "0aff");
  for (const char* bad : {"", "0aF", "0aFf0", "0aFg", "0a f", "-1ff", "0x0a"}) {
    EXPECT_FALSE(FromHex(bad, out)) << bad;
  }
  EXPECT_EQ(Hex(Hash128{0x1, 0xABC}), "0000000000000abc0000000000000001");
}

}  // namespace
}  // namespace tenure::base
