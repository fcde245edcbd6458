// Where blocks go: a double buffer in memory, emptied and checked by a thread of its own, or a store.
//
// Write is called by all writers at once, each with its own number; Finish once, when none writes any more.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "cli/load/settings.h"
#include "store/base/hash.h"
#include "tenure/result.h"

namespace tenure::cli::load {

/// A block in a buffer that has room for this many bytes in front of the data.
inline constexpr std::size_t kBlockRoom = 16;
struct Block {
  std::byte* buffer = nullptr;
  std::size_t size = 0;
  std::uint64_t produced_ns = 0;
  std::span<std::byte> data() const { return {buffer + kBlockRoom, size}; }
};

enum class Attempt : std::uint8_t {
  kTaken,
  kFull,    ///< Not now; nothing is wrong.
  kFailed,  ///< This writer cannot go on.
};

/// What came out at the other end.
struct Drained {
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t lost = 0;        ///< Numbers that were left out.
  std::uint64_t duplicates = 0;  ///< Numbers that came again, or late.
  std::uint64_t damaged = 0;     ///< Checksums that differ.
  base::Hash128 content;
};

/// A sum over blocks, in any order, of a hash of writer, number and content.
base::Hash128 ContentHash(unsigned writer, std::uint64_t number, base::ByteView data);

class Sink {
 public:
  virtual ~Sink() = default;
  /// Writes blocks[taken …] as numbers first + taken …, counting `taken` up. `why` is set with kFailed.
  virtual Attempt Write(unsigned writer, std::uint64_t first, std::span<const Block> blocks, std::size_t& taken,
                        Error& why) = 0;
  virtual Drained Finish() { return {}; }
};

Result<std::unique_ptr<Sink>> MakeBufferSink(const Settings& settings);
Result<std::unique_ptr<Sink>> MakeStoreSink(const Settings& settings);

}  // namespace tenure::cli::load
