// The short paths of Ring, compiled into their callers. Included by ring.h only.
#pragma once

#include "store/base/error.h"
#include "store/ingest/ring.h"

namespace tenure::ingest {
namespace ring_detail {

using Word = std::uint64_t __attribute__((may_alias));

/// A load that the compiler can neither repeat nor split: what was checked is what is used.
inline std::uint64_t LoadOnce(const std::byte* from) { return *reinterpret_cast<const volatile Word*>(from); }

/// How far ahead of a side's position its next lines are asked for: they come from the other core's cache,
/// and the next header is not known to lie where it does before this one has arrived.
inline constexpr std::uint64_t kAheadBytes = 512;

inline void PrefetchToWrite(const std::byte* line) {
#if defined(__x86_64__)
  // The built-in becomes a read prefetch where PREFETCHW is not assumed; processors without it ignore it.
  asm volatile("prefetchw %0" : : "m"(*line));
#else
  __builtin_prefetch(line, 1);
#endif
}

}  // namespace ring_detail

inline void Ring::CopyIn(std::uint64_t position, base::ByteView from) {
  if (from.empty()) return;
  const std::uint64_t offset = position & mask_;
  const std::size_t first = std::min<std::size_t>(from.size(), mask_ + 1 - offset);
  std::memcpy(data_ + offset, from.data(), first);
  if (first < from.size()) std::memcpy(data_, from.data() + first, from.size() - first);
}

inline void Ring::CopyOut(std::uint64_t position, std::span<std::byte> to) const {
  if (to.empty()) return;
  const std::uint64_t offset = position & mask_;
  const std::size_t first = std::min<std::size_t>(to.size(), mask_ + 1 - offset);
  std::memcpy(to.data(), data_ + offset, first);
  if (first < to.size()) std::memcpy(to.data() + first, data_, to.size() - first);
}

inline void Ring::PutHeader(std::uint64_t position, const RecordHeader& header) {
  const HeaderWords words = HeaderWords::Of(header);
  // Positions are multiples of 8 and so is the capacity: a word never wraps around, a header may.
  for (std::uint64_t i = 0; i < 3; ++i) {
    std::memcpy(data_ + ((position + 8 * i) & mask_), &words.words[i], sizeof words.words[i]);
  }
}

inline void Ring::PutRecord(std::uint64_t position, RecordHeader header, base::ByteView payload) {
  if ((header.flags & kUnchecked) == 0) header.checksum = RecordChecksum(header, payload);
  PutHeader(position, header);
  CopyIn(position + sizeof header, payload);
}

inline void Ring::PublishTail(std::uint64_t tail, std::uint64_t records) {
  producer_.written += records;
  producer_.bytes += tail - producer_.tail;
  producer_.tail = tail;
  // Only what the consumer is known to have left.
  const std::uint64_t ahead = tail + ring_detail::kAheadBytes;
  if (ahead + 128 - producer_.head_seen <= mask_ + 1) {
    ring_detail::PrefetchToWrite(data_ + (ahead & mask_));
    ring_detail::PrefetchToWrite(data_ + ((ahead + 64) & mask_));
  }
  control_->written.store(producer_.written, std::memory_order_relaxed);
  control_->bytes.store(producer_.bytes, std::memory_order_relaxed);
  // T: the consumer that sees this tail sees the bytes below it.
  control_->tail.store(tail, std::memory_order_release);
}

inline bool Ring::TryWrite(std::uint16_t type, std::uint16_t flags, std::uint64_t timestamp_ns,
                           base::ByteView payload) {
  const std::uint64_t end = producer_.tail + RecordBytes(payload.size());
  if (!HasSpace(end)) return Overflow();
  TENURE_CHECK(type != 0);
  PutRecord(producer_.tail, {static_cast<std::uint32_t>(payload.size()), type, flags, timestamp_ns, 0, 0}, payload);
  PublishTail(end, 1);
  return true;
}

inline ReadFault Ring::TakeRecord(RecordHeader& header, base::Bytes& payload) {
  ReadFault fault = ReadFault::kEmpty;
  if (consumer_.head == consumer_.tail_seen && !LookAtTail(fault)) return fault;
  const std::uint64_t available = consumer_.tail_seen - consumer_.head;
  if (available < sizeof(RecordHeader)) return ReadFault::kTruncated;
  if (available >= ring_detail::kAheadBytes + 128) {
    const std::uint64_t ahead = consumer_.head + ring_detail::kAheadBytes;
    __builtin_prefetch(data_ + (ahead & mask_));
    __builtin_prefetch(data_ + ((ahead + 64) & mask_));
  }
  HeaderWords words;
  for (std::uint64_t i = 0; i < 3; ++i) {
    words.words[i] = ring_detail::LoadOnce(data_ + ((consumer_.head + 8 * i) & mask_));
  }
  header = words.Header();
  fault = CheckHeader(header, available);
  if (fault != ReadFault::kNone) return fault;
  payload.resize(header.size);
  CopyOut(consumer_.head + sizeof header, payload);
  // What is judged and handed out is the copy: the compiler must not read the ring again in its place.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if ((header.flags & kUnchecked) == 0 || header.checksum != 0) {
    fault = CheckPayload(header, payload);
    if (fault != ReadFault::kNone) return fault;
  }
  consumer_.head += RecordBytes(header.size);
  return ReadFault::kNone;
}

inline void Ring::PublishHead(std::uint64_t records) {
  consumer_.read += records;
  control_->read.store(consumer_.read, std::memory_order_relaxed);
  // H: the producer that sees this head overwrites only what has been copied out.
  control_->head.store(consumer_.head, std::memory_order_release);
}

inline ReadFault Ring::TryRead(RecordCopy& out) {
  const ReadFault fault = TakeRecord(out.header, out.payload);
  if (fault == ReadFault::kNone) PublishHead(1);
  return fault;
}

template <typename Each>
Ring::BatchRead Ring::ReadBatch(std::size_t max, Each&& each) {
  BatchRead result{0, ReadFault::kNone};
  RecordHeader header;
  while (result.count < max) {
    result.fault = TakeRecord(header, scratch_);
    if (result.fault != ReadFault::kNone) break;
    ++result.count;
    each(static_cast<const RecordHeader&>(header), base::ByteView(scratch_));
  }
  if (result.count > 0) PublishHead(result.count);
  return result;
}

}  // namespace tenure::ingest
