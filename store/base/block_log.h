// Memory for many small blocks that are given back in nearly the order in which they were taken: one behind the other
// in chunks, and a chunk goes when its last block has gone. Taking one is an addition, giving one back a subtraction,
// and what is taken together lies together. A block that stays keeps its chunk.
//
//   chunk: [ link to chunk | block | link to chunk | block | … ]      64 KiB each, or 2 MiB once there are many
//
// One thread at a time, giving back included. The log lives longer than its blocks.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "store/base/large_block.h"

namespace tenure::base {

class BlockLog {
  struct Chunk;

 public:
  static constexpr std::size_t kSmallChunkBytes = 64u << 10;
  /// From so many bytes in small chunks on, chunks are large ones.
  static constexpr std::size_t kSmallBytesMax = 2u << 20;

  BlockLog();
  BlockLog(const BlockLog&) = delete;
  BlockLog& operator=(const BlockLog&) = delete;
  ~BlockLog();

  struct GiveBack {
    void operator()(std::byte* block) const noexcept;
  };
  using Block = std::unique_ptr<std::byte, GiveBack>;

  /// `bytes` bytes on a boundary of 8, nothing in them set. Throws std::bad_alloc.
  Block Take(std::size_t bytes);
  /// The same from malloc, for a block that has no log.
  static Block TakeAlone(std::size_t bytes);

  /// Held, blocks that were given back included.
  std::size_t memory_bytes() const { return small_bytes_ + large_bytes_; }

 private:
  Chunk* Grow(std::size_t bytes);
  void Drop(Chunk* chunk) noexcept;

  std::vector<std::unique_ptr<Chunk>> chunks_;
  Chunk* open_ = nullptr;  // blocks are taken from it
  std::size_t small_bytes_ = 0, large_bytes_ = 0;
};

}  // namespace tenure::base
