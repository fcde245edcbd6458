// Blocks into a double buffer; a thread empties it and checks what arrives.
//
// In a cell: u64 number of the block, u32 CRC32C of the data, u32 its size, the data.
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "cli/load/patience.h"
#include "cli/load/sink.h"
#include "store/base/codec.h"
#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/ingest/double_buffer_drain.h"

namespace tenure::cli::load {
namespace {

/// Longer than a thread of this process is ever kept from running; a claim is then written again.
constexpr std::uint64_t kBoundNs = 10'000'000'000;

std::uint64_t DrainClockNs() { return base::Env::Posix().MonotonicNs(); }

class BufferSink : public Sink {
 public:
  BufferSink(std::unique_ptr<std::byte, void (*)(void*)> memory, ingest::DoubleBuffer buffer, unsigned writers)
      : memory_(std::move(memory)), buffer_(buffer), expected_(writers, 0), thread_([this] { DrainAll(); }) {}

  ~BufferSink() override {
    closing_.store(true, std::memory_order_release);
    if (thread_.joinable()) thread_.join();
  }

  Attempt Write(unsigned writer, std::uint64_t first, std::span<const Block> blocks, std::size_t& taken,
                Error& why) override {
    for (; taken < blocks.size(); ++taken) {
      if (Status status = MayWrite(); !status.ok()) {
        why = std::move(status).error();
        return Attempt::kFailed;
      }
      const Block& block = blocks[taken];
      base::StoreLe<std::uint64_t>(block.buffer, first + taken);
      base::StoreLe<std::uint32_t>(block.buffer + 8, base::Crc32c(block.data()));
      base::StoreLe<std::uint32_t>(block.buffer + 12, static_cast<std::uint32_t>(block.size));
      const auto result = buffer_.Write({writer, 1}, 1, block.produced_ns, {block.buffer, kBlockRoom + block.size});
      if (result == ingest::WriteResult::kFull) return Attempt::kFull;
      if (result == ingest::WriteResult::kInvalid) {
        why = base::MakeError(ErrorCode::kInternal, "the double buffer refused a block as invalid");
        return Attempt::kFailed;
      }
    }
    return Attempt::kTaken;
  }

  Drained Finish() override {
    closing_.store(true, std::memory_order_release);
    thread_.join();
    return drained_;
  }

 private:
  static Status MayWrite() {
    TENURE_FAIL_POINT_STATUS("load.write");
    return {};
  }

  void Check(const ingest::Drain::Collected& got) {
    ++drained_.blocks;
    const bool whole =
        got.fault == ingest::ReadFault::kNone && got.payload.size() >= kBlockRoom && got.owner.slot < expected_.size();
    const base::ByteView data = whole ? got.payload.subspan(kBlockRoom) : base::ByteView();
    if (!whole || base::LoadLe<std::uint32_t>(got.payload.data() + 8) != base::Crc32c(data) ||
        base::LoadLe<std::uint32_t>(got.payload.data() + 12) != data.size()) {
      ++drained_.damaged;
      return;
    }
    drained_.bytes += data.size();
    const auto number = base::LoadLe<std::uint64_t>(got.payload.data());
    std::uint64_t& expected = expected_[got.owner.slot];
    if (number < expected) {
      ++drained_.duplicates;
    } else {
      drained_.lost += number - expected;
      expected = number + 1;
    }
    drained_.content += ContentHash(got.owner.slot, number, data);
  }

  void DrainAll() {
    ingest::Drain drain(buffer_, 1);
    TENURE_CHECK(drain.TakeOver());
    Patience patience;
    // Twice nothing after the writers have left: once for each half.
    for (int idle = 0; idle < 2;) {
      const bool closing = closing_.load(std::memory_order_acquire);
      const std::uint64_t before = drain.counters().released;
      const std::uint32_t waiting = drain.Collect(
          DrainClockNs(), kBoundNs, [](ingest::CellOwner) { return false; },
          [&](const ingest::Drain::Collected& got) {
            Check(got);
            TENURE_CHECK(drain.Release(got.cell, got.word));
          });
      const bool pending = drain.Pending();
      const bool swapped = (pending || closing) && drain.Swap() == ingest::Drain::Swapped::kYes;
      const bool nothing = drain.counters().released == before && waiting == 0 && !pending;
      idle = nothing && closing && swapped ? idle + 1 : 0;
      if (nothing && !closing) patience.Wait();
      if (!nothing) patience.Reset();
    }
  }

  std::unique_ptr<std::byte, void (*)(void*)> memory_;
  ingest::DoubleBuffer buffer_;
  std::vector<std::uint64_t> expected_;  // the drain thread's, as drained_ is until it has been joined
  Drained drained_;
  std::atomic<bool> closing_{false};
  std::thread thread_;
};

}  // namespace

base::Hash128 ContentHash(unsigned writer, std::uint64_t number, base::ByteView data) {
  const base::Hash128 content = base::Xxh128(data);
  const std::uint64_t words[4] = {writer, number, content.low, content.high};
  return base::Xxh128(std::as_bytes(std::span(words)));
}

Result<std::unique_ptr<Sink>> MakeBufferSink(const Settings& settings) {
  const auto payload_bytes = static_cast<std::uint32_t>(kBlockRoom + settings.size_max);
  const std::size_t bytes = (ingest::DoubleBuffer::BytesFor(settings.cells, payload_bytes) + 63) / 64 * 64;
  std::unique_ptr<std::byte, void (*)(void*)> memory(static_cast<std::byte*>(std::aligned_alloc(64, bytes)),
                                                     &std::free);
  if (memory == nullptr) {
    return base::MakeError(ErrorCode::kNoSpace, "no memory for a double buffer of " + std::to_string(bytes) + " bytes",
                           "lower --cells or --size");
  }
  TENURE_ASSIGN(ingest::DoubleBuffer buffer,
                ingest::DoubleBuffer::Create({memory.get(), bytes}, settings.cells, payload_bytes));
  return std::unique_ptr<Sink>(std::make_unique<BufferSink>(std::move(memory), buffer, settings.writers));
}

}  // namespace tenure::cli::load
