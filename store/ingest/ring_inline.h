// The short paths of Ring, compiled into their callers. Included by ring.h only.
#pragma once

#include "store/base/error.h"
#include "store/ingest/ring.h"

namespace tenure::ingest {
namespace ring_detail {

using Word = std::uint64_t __attribute__((may_alias));

/// A load that the compiler can neither repeat nor split: what was checked is what is used.
inline std::uint64_t LoadOnce(const std::byte* from) { return *reinterpret_cast<const volatile Word*>(from); }

/// memcpy for the sizes of most records, without the call: 8 bytes at a time, the last ones overlapping. Not
/// wider, because a payload is often stored word by word just before, and a wider load would wait for that.
inline void Copy(std::byte* to, const std::byte* from, std::size_t bytes) {
  using Chunk = std::uint64_t;
  if (bytes < sizeof(Chunk) || bytes > 256) {
    if (bytes > 0) std::memcpy(to, from, bytes);
    return;
  }
  Chunk chunk;
  for (std::size_t at = 0; at + sizeof chunk < bytes; at += sizeof chunk) {
    std::memcpy(&chunk, from + at, sizeof chunk);
    std::memcpy(to + at, &chunk, sizeof chunk);
  }
  std::memcpy(&chunk, from + bytes - sizeof chunk, sizeof chunk);
  std::memcpy(to + bytes - sizeof chunk, &chunk, sizeof chunk);
}

}  // namespace ring_detail

inline void Ring::CopyIn(std::uint64_t position, base::ByteView from) {
  const std::uint64_t offset = position & mask_;
  const std::uint64_t room = mask_ + 1 - offset;
  if (from.size() <= room) return ring_detail::Copy(data_ + offset, from.data(), from.size());
  ring_detail::Copy(data_ + offset, from.data(), room);
  ring_detail::Copy(data_, from.data() + room, from.size() - room);
}

inline void Ring::CopyOut(std::uint64_t position, std::span<std::byte> to) const {
  const std::uint64_t offset = position & mask_;
  const std::uint64_t room = mask_ + 1 - offset;
  if (to.size() <= room) return ring_detail::Copy(to.data(), data_ + offset, to.size());
  ring_detail::Copy(to.data(), data_ + offset, room);
  ring_detail::Copy(to.data() + room, data_, to.size() - room);
}

inline void Ring::PutHeader(std::uint64_t position, const HeaderWords& header) {
  // Local copies: for all the compiler knows, a store of bytes may change the members.
  std::byte* const data = data_;
  const std::uint64_t mask = mask_;
  // Positions are multiples of 8 and so is the capacity: a word never wraps around, a header may.
  std::memcpy(data + (position & mask), &header.words[0], 8);
  std::memcpy(data + ((position + 8) & mask), &header.words[1], 8);
  std::memcpy(data + ((position + 16) & mask), &header.words[2], 8);
}

inline void Ring::PutRecord(std::uint64_t position, HeaderWords header, base::ByteView payload) {
  if ((header.flags() & kUnchecked) == 0) header.words[2] = RecordChecksum(header, payload);
  PutHeader(position, header);
  CopyIn(position + sizeof(RecordHeader), payload);
}

inline void Ring::PublishTail(std::uint64_t tail, std::uint64_t records) {
  producer_.written += records;
  producer_.bytes += tail - producer_.tail;
  producer_.tail = tail;
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
  PutRecord(producer_.tail, HeaderWords(payload.size(), type, flags, timestamp_ns), payload);
  PublishTail(end, 1);
  return true;
}

inline ReadFault Ring::TakeRecord(HeaderWords& header, base::Bytes& payload) {
  ReadFault fault = ReadFault::kEmpty;
  if (consumer_.head == consumer_.tail_seen && !LookAtTail(fault)) return fault;
  const std::uint64_t head = consumer_.head;
  const std::uint64_t available = consumer_.tail_seen - head;
  if (available < sizeof(RecordHeader)) return ReadFault::kTruncated;
  for (std::uint64_t i = 0; i < 3; ++i) header.words[i] = ring_detail::LoadOnce(data_ + ((head + 8 * i) & mask_));
  fault = CheckHeader(header, available);
  if (fault != ReadFault::kNone) return fault;
  if (payload.size() != header.size()) payload.resize(header.size());
  CopyOut(head + sizeof(RecordHeader), payload);
  // What is judged and handed out is the copy: the compiler must not read the ring again in its place.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  fault = CheckPayload(header, payload);
  if (fault != ReadFault::kNone) return fault;
  consumer_.head = head + RecordBytes(header.size());
  return ReadFault::kNone;
}

inline void Ring::PublishHead(std::uint64_t records) {
  consumer_.read += records;
  control_->read.store(consumer_.read, std::memory_order_relaxed);
  // H: the producer that sees this head overwrites only what has been copied out.
  control_->head.store(consumer_.head, std::memory_order_release);
}

inline ReadFault Ring::TryRead(RecordCopy& out) {
  HeaderWords header;
  const ReadFault fault = TakeRecord(header, out.payload);
  if (fault != ReadFault::kNone) return fault;
  out.header = header.Header();
  PublishHead(1);
  return fault;
}

template <typename Each>
Ring::BatchRead Ring::ReadBatch(std::size_t max, Each&& each) {
  BatchRead result{0, ReadFault::kNone};
  HeaderWords header;
  while (result.count < max) {
    result.fault = TakeRecord(header, scratch_);
    if (result.fault != ReadFault::kNone) break;
    ++result.count;
    each(header.Header(), base::ByteView(scratch_));
  }
  if (result.count > 0) PublishHead(result.count);
  return result;
}

}  // namespace tenure::ingest
