#include "store/journal/read_ahead.h"

#include <utility>

#include "store/base/error.h"
#include "store/base/guarded.h"
#include "store/journal/payload.h"

namespace tenure::journal {
namespace {

constexpr std::uint64_t kReadAheadBytes = 512u << 10;
constexpr std::size_t kBlockFramesMax = 1024;
constexpr std::size_t kBlocksAhead = 4;
/// Above this the memory of a block's frames is given back rather than used again: it grew to the
/// largest frame that each place ever held.
constexpr std::size_t kReadAheadBytesKept = 4 * kReadAheadBytes;

}  // namespace

ReadAhead::ReadAhead(Reader& reader, std::string dir, Lsn limit, Lsn durable, bool helper)
    : reader_(reader), dir_(std::move(dir)), limit_(limit), durable_(durable) {
  if (!helper) return;
  {
    const base::MutexLock lock(mutex_);
    empty_.resize(kBlocksAhead);
    filled_.reserve(kBlocksAhead + 1);
  }
  helping_ = helper_.Start([this] { HelperMain(); });
}

ReadAhead::~ReadAhead() {
  {
    const base::MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  helper_.Join();
}

void ReadAhead::Fill(Block& block) {
  block.used = block.next = 0;
  std::size_t held_bytes = 0;
  for (const RawFrame& raw : block.frames) held_bytes += raw.payload.capacity();
  if (held_bytes > kReadAheadBytesKept) block.frames.clear();
  for (std::uint64_t bytes = 0; bytes < kReadAheadBytes && block.used < kBlockFramesMax;) {
    if (block.used == block.frames.size()) block.frames.emplace_back();
    RawFrame& raw = block.frames[block.used];
    FrameFault fault = FrameFault::kNone;
    block.stop = reader_.NextRaw(limit_, durable_, raw, fault);
    if (!block.stop.ok() || *block.stop != Stop::kFrame) return;
    ++block.used;
    bytes += FrameBytes(raw.header.payload_bytes);
  }
}

/// Nothing may be thrown in the helper's thread, whose error is the reading thread's to report.
void ReadAhead::FillGuarded(Block& block) {
  block.stop = base::Guarded([&]() -> Result<Stop> {
    Fill(block);
    return std::move(block.stop);
  });
}

void ReadAhead::HelperMain() {
  for (bool more = true; more;) {
    Block block;
    {
      base::MutexLock lock(mutex_);
      while (empty_.empty() && !stopping_) changed_.Wait(mutex_);
      if (stopping_) return;
      block = std::move(empty_.back());
      empty_.pop_back();
    }
    FillGuarded(block);
    more = block.stop.ok() && *block.stop == Stop::kFrame;
    {
      const base::MutexLock lock(mutex_);
      filled_.push_back(std::move(block));
    }
    changed_.NotifyAll();
  }
}

/// The next block becomes the current one.
void ReadAhead::TakeBlock() {
  if (!helping_) {
    Fill(current_);
    return;
  }
  base::MutexLock lock(mutex_);
  empty_.push_back(std::move(current_));
  changed_.NotifyAll();
  while (filled_.empty()) changed_.Wait(mutex_);
  current_ = std::move(filled_.front());
  filled_.erase(filled_.begin());
}

Result<Stop> ReadAhead::Next(Frame& frame) {
  while (current_.next == current_.used) {
    // A block that ended in anything but a frame was the last one.
    if (!current_.stop.ok() || *current_.stop != Stop::kFrame) return current_.stop;
    TakeBlock();
  }
  // A frame that cannot be decoded stays the next one, and so does its error.
  const RawFrame& raw = current_.frames[current_.next];
  TENURE_RETURN_IF_ERROR(
      DecodePayloadInto(raw.header, raw.payload, dir_ + "/" + SegmentFileName(raw.segment), raw.offset, frame.txns));
  ++current_.next;
  frame.header = raw.header;
  frame.segment = raw.segment;
  frame.offset = raw.offset;
  frame.after = raw.after;
  return Stop::kFrame;
}

}  // namespace tenure::journal
