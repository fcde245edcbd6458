// A small closed store whose journal a test changes byte by byte.
//
// Whatever cannot be done is thrown as std::runtime_error: it is the test that is wrong then.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/journal/format.h"
#include "store/recovery/verify.h"
#include "tests/sim/history.h"

namespace tenure::sim {

/// A frame of the live chain, and what its checksums are seeded with.
struct FrameSpan {
  std::string path;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  Lsn first_lsn = 0;
  Lsn last_lsn = 0;
  std::uint64_t epoch = 0;
  std::uint64_t salt = 0;
};

/// A store of a few transactions in `dir`, everything applied to its index.
class ClosedStore {
 public:
  ClosedStore(const std::string& dir, int transactions);
  recovery::Layout layout() const { return recovery::Layout{dir_ + "/.tenure"}; }
  const std::string& dir() const { return dir_; }
  const Expected& expected() const { return expected_; }
  /// All frames, in order; they lie in one segment.
  const std::vector<FrameSpan>& frames() const { return frames_; }
  const FrameSpan& middle() const { return frames_[frames_.size() / 2]; }
  const FrameSpan& last() const { return frames_.back(); }

 private:
  const std::string dir_;
  Expected expected_;
  std::vector<FrameSpan> frames_;
};

base::Bytes ReadBytes(const std::string& path, std::uint64_t begin, std::uint64_t end);
void WriteBytes(const std::string& path, std::uint64_t begin, base::ByteView bytes);
/// Flips `bits` of one byte; the same again puts it back.
void FlipBits(const std::string& path, std::uint64_t offset, std::byte bits = std::byte{0x10});
void ZeroFrame(const FrameSpan& frame);
/// Changes one letter of the payload. Mends its checksums, and the chain hash too if asked: then only
/// what follows can tell.
void EditFrame(const FrameSpan& frame, bool mend_chain);

}  // namespace tenure::sim
