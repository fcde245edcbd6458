// The worked example of docs/journal-format.md, made by the product's own code with clock and
// randomness fixed. A change of any byte here is a change of the format.
#include <gmock/gmock.h>

#include <cstdlib>

#include "tests/unit/journal/journal_fixture.h"

namespace tenure::journal {
namespace {

class Golden : public JournalTest {
 protected:
  void SetUp() override {
    env.wall_ms = 1'767'225'600'000;  // 2026-01-01T00:00:00Z
    env.random = [](std::span<std::byte> out) {
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(0xa0 + i);
    };
    SegmentHeader header = HeaderAfter(store_id, {1, 1}, Genesis());
    header.capacity = 8192;
    header.incarnation = 1;
    for (std::size_t i = 0; i < header.boot_id.size(); ++i) header.boot_id[i] = static_cast<std::byte>(0xf0 + i);
    auto segment = factory.Create(header, 8192);
    ASSERT_TRUE(segment.ok()) << segment.error().message;
    writer = Writer::Open(env, factory, *segment, StartOf(segment->header)).value();

    model::CommittedTxn txn;
    txn.lsn = 1;
    txn.time_ms = 1'767'225'600'250;
    txn.writer = "ci@build7";
    txn.uid = 1000;
    txn.receipt_lsn = 1;
    model::Effect& effect = txn.effects.emplace_back();
    effect.entry.name = "release/app";
    effect.entry.version = "1.4.2";
    effect.entry.size = 512;
    effect.entry.created_at_ms = txn.time_ms;
    effect.entry.revision = 1;
    Batch batch;
    batch.first_lsn = 1;
    batch.count = 1;
    batch.time_ms = txn.time_ms;
    batch.boottime_ms = 86'400'000;
    batch.state_hash = {0x0123456789abcdef, 0x0f1e2d3c4b5a6978};
    batch.buffer.resize(kFrameHeaderBytes);
    base::Encoder out(batch.buffer);
    model::EncodeTxn(txn, out);
    ASSERT_TRUE(writer->Append(batch).ok());
    bytes = ReadAll(Path(1, 1));
    // For the documentation: TENURE_GOLDEN_OUT=FILE keeps the example.
    if (const char* to = std::getenv("TENURE_GOLDEN_OUT")) WriteAll(to, bytes);
  }
  std::string HexAt(std::size_t offset, std::size_t length) const {
    return base::Hex(base::ByteView(bytes).subspan(offset, length));
  }
  base::Bytes bytes;
};

/// Checked once against an independent implementation of CRC32C and SHA-256; pinned since.
TEST_F(Golden, SegmentHeader) {
  EXPECT_EQ(HexAt(0, 184),
            "54454e555253454701000000001000000102030405060708090a0b0c0d0e0f10"
            "0100000000000000010000000000000001000000000000000000000000000000"
            "0000000000000000000000000000000000000000000000000000000000000000"
            "00000000000000006baed519aaa8f993317882499b6f48f69f9ed60ac5423c95"
            "c5ef0027bd9cb1420020000000000000010000000000000000a8da769b010000"
            "a0a1a2a3a4a5a6a7f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
  EXPECT_EQ(HexAt(4092, 4), "a7209f09");
}

TEST_F(Golden, Frame) {
  EXPECT_EQ(HexAt(4096, 160),
            "544e46521d960a00010000000000000001000000000000000100000000000000"
            "2b00000022c3de54faa8da769b010000005c260500000000efcdab8967452301"
            "78695a4b3c2d1e0f6baed519aaa8f993317882499b6f48f69f9ed60ac5423c95"
            "c5ef0027bd9cb142672c049653e51c1945ff8e5f479213e8e1e17adf9e2b2658"
            "89f9cf55ee7dfefe000000000000000000000000000000000000000000000000");
  EXPECT_EQ(HexAt(4256, 56),
            "02096369406275696c6437e8070101020b72656c656173652f61707005312e34"
            "2e3201f4a3d5edee66800400000000000000000000000000");
}

}  // namespace
}  // namespace tenure::journal
