#include "store/base/block_log.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "store/base/error.h"

namespace tenure::base {
namespace {

constexpr std::size_t kLinkBytes = sizeof(void*);
static_assert(kLinkBytes == 8, "links and blocks share their alignment");

std::size_t WithLink(std::size_t bytes) { return kLinkBytes + (bytes + 7) / 8 * 8; }

}  // namespace

struct BlockLog::Chunk {
  BlockLog* log = nullptr;
  std::size_t number = 0;  // in chunks_
  std::size_t bytes = 0;
  std::size_t used = 0;
  std::size_t blocks = 0;  // not given back
  std::unique_ptr<std::byte[]> small;
  LargeBlock large;
  std::byte* data() const { return large ? large.data() : small.get(); }
};

BlockLog::BlockLog() = default;

BlockLog::~BlockLog() {
  for (const std::unique_ptr<Chunk>& chunk : chunks_) TENURE_CHECK(chunk->blocks == 0);
}

/// With room for `bytes`. What is larger than a quarter of a chunk gets one of its own.
BlockLog::Chunk* BlockLog::Grow(std::size_t bytes) {
  auto chunk = std::make_unique<Chunk>();
  chunk->log = this;
  chunk->number = chunks_.size();
  if (bytes <= LargeBlock::kBytes / 4 && small_bytes_ >= kSmallBytesMax) {
    chunk->large = LargeBlock::Map();
    chunk->bytes = LargeBlock::kBytes;
  } else {
    chunk->bytes = bytes <= kSmallChunkBytes / 4 ? kSmallChunkBytes : bytes;
    chunk->small = std::make_unique_for_overwrite<std::byte[]>(chunk->bytes);
  }
  chunks_.push_back(std::move(chunk));
  Chunk* const made = chunks_.back().get();
  (made->large ? large_bytes_ : small_bytes_) += made->bytes;
  return made;
}

BlockLog::Block BlockLog::Take(std::size_t bytes) {
  const std::size_t wanted = WithLink(bytes);
  Chunk* chunk = open_;
  if (chunk == nullptr || chunk->bytes - chunk->used < wanted) {
    chunk = Grow(wanted);
    const bool shared = chunk->bytes > wanted;
    Chunk* const before = shared ? std::exchange(open_, chunk) : nullptr;
    if (before != nullptr && before->blocks == 0) Drop(before);
  }
  std::byte* const link = chunk->data() + chunk->used;
  std::memcpy(link, &chunk, kLinkBytes);
  chunk->used += wanted;
  ++chunk->blocks;
  return Block(link + kLinkBytes);
}

BlockLog::Block BlockLog::TakeAlone(std::size_t bytes) {
  auto memory = std::make_unique_for_overwrite<std::byte[]>(kLinkBytes + bytes);
  std::memset(memory.get(), 0, kLinkBytes);
  return Block(memory.release() + kLinkBytes);
}

void BlockLog::GiveBack::operator()(std::byte* block) const noexcept {
  std::byte* const link = block - kLinkBytes;
  Chunk* chunk = nullptr;
  std::memcpy(&chunk, link, kLinkBytes);
  if (chunk == nullptr) {
    delete[] link;
    return;
  }
  TENURE_CHECK(chunk->blocks > 0);
  if (--chunk->blocks > 0) return;
  // The open one starts again from its beginning.
  if (chunk == chunk->log->open_) {
    chunk->used = 0;
  } else {
    chunk->log->Drop(chunk);
  }
}

void BlockLog::Drop(Chunk* chunk) noexcept {
  (chunk->large ? large_bytes_ : small_bytes_) -= chunk->bytes;
  const std::size_t number = chunk->number;
  chunks_.back()->number = number;
  std::swap(chunks_[number], chunks_.back());
  chunks_.pop_back();
}

}  // namespace tenure::base
