// A double buffer in memory of the test's own, and a writer that can be stopped between its steps.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "store/ingest/double_buffer_drain.h"
#include "tests/unit/ingest/ring_testing.h"

namespace tenure::ingest {

/// The steps of DoubleBuffer::Write, one by one.
struct DoubleBufferSteps {
  using Claim = DoubleBuffer::Claim;
  static WriteResult ClaimCell(DoubleBuffer& buffer, CellOwner owner, Claim& claim) {
    return buffer.ClaimCell(owner, claim);
  }
  static std::uint32_t Round(const DoubleBuffer& buffer) { return buffer.Round(); }
  /// One attempt by a writer that saw `round` and was stopped then.
  static bool TryClaim(DoubleBuffer& buffer, std::uint32_t round, CellOwner owner, Claim& claim) {
    return buffer.TryClaim(round, owner, claim) == DoubleBuffer::Attempt::kClaimed;
  }
  static void Fill(const Claim& claim, std::uint16_t type, std::uint64_t timestamp_ns, base::ByteView payload) {
    DoubleBuffer::Fill(claim, type, timestamp_ns, payload);
  }
  static bool Publish(const Claim& claim, std::atomic<std::uint64_t>* place = nullptr) {
    return DoubleBuffer::Publish(claim, place);
  }
  static std::uint64_t PlaceOf(const Claim& claim) { return CellPlace(claim.number, ingest::SequenceOf(claim.word)); }
  static std::uint64_t SequenceOf(const Claim& claim) { return ingest::SequenceOf(claim.word); }
  static bool PrepareNext(Drain& drain, std::uint32_t round) { return drain.PrepareNext(round); }
  template <class Word>
  static bool MoveOn(Word& next_word, std::uint32_t round) {
    return Drain::MoveOn(next_word, round);
  }
  static Cell& CellAt(DoubleBuffer& buffer, std::uint32_t number) { return buffer.CellAt(0, number); }
};

inline constexpr CellOwner kMe{3, 7};
inline constexpr std::uint64_t kBound = 1000;

inline bool NobodyIsDead(CellOwner) { return false; }

struct SmallBuffer {
  static constexpr std::uint32_t kCells = 4;
  static constexpr std::uint32_t kPayload = 100;
  GuardedMemory memory{DoubleBuffer::BytesFor(kCells, kPayload)};
  DoubleBuffer buffer = DoubleBuffer::Create(memory.span(), kCells, kPayload).value();
  DoubleBufferControl& control() { return *reinterpret_cast<DoubleBufferControl*>(memory.data()); }

  WriteResult Write(std::uint64_t number, std::uint64_t* sequence = nullptr) {
    return buffer.Write(kMe, 1, number, Payload(number, 1 + number % kPayload), sequence);
  }
};

/// Collects and releases; keeps the timestamps, which the tests use as numbers.
struct Emptier {
  Drain& drain;
  std::vector<std::uint64_t> numbers;
  std::vector<std::uint64_t> sequences;
  std::uint32_t Collect(std::uint64_t now_ns, const Drain::Dead& dead = NobodyIsDead) {
    return drain.Collect(now_ns, kBound, dead, [&](const Drain::Collected& got) {
      EXPECT_EQ(got.fault, ReadFault::kNone);
      EXPECT_TRUE(drain.Release(got.cell, got.word));
      numbers.push_back(got.header.timestamp_ns);
      sequences.push_back(got.sequence);
    });
  }
};

}  // namespace tenure::ingest
