#include "cli/load/writer.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>

#include "cli/load/patience.h"
#include "cli/terminal.h"

namespace tenure::cli::load {
namespace {

/// How long a writer that was told to stop still tries to get rid of what it has produced.
constexpr std::uint64_t kLastTriesNs = 1'000'000'000;
constexpr std::chrono::milliseconds kNoMemoryPause{10};

std::uint64_t NowNs() { return base::Env::Posix().MonotonicNs(); }

}  // namespace

Writer::Writer(const Settings& settings, Sink& sink, unsigned number, const std::atomic<bool>& stop)
    : settings_(settings),
      sink_(sink),
      number_(number),
      stop_(stop),
      generator_(settings, number),
      pool_(kBlockRoom + settings.size_max),
      left_(settings.blocks.value_or(std::numeric_limits<std::uint64_t>::max())) {}

void Writer::Run() {
  if (!settings_.cores.empty() && !base::PinThisThread(settings_.cores[number_ % settings_.cores.size()])) {
    WriteStderr("tenure-load: writer " + std::to_string(number_) + " could not be bound to its core\n");
  }
  const std::uint64_t began_ns = NowNs();
  while (left_ > 0 && !stop_.load(std::memory_order_relaxed)) {
    if (!Produce() || !Deliver()) break;
  }
  seconds_ = static_cast<double>(NowNs() - began_ns) / 1e9;
}

/// False: told to stop while there was no memory.
bool Writer::TakeBuffer(Block& block) {
  for (bool told = false;; told = true) {
    block.buffer = pool_.Take();
    if (block.buffer != nullptr) return true;
    Counts counts;
    counts.allocation_failures = 1;
    account_.Add(counts);
    if (!told)
      WriteStderr("tenure-load: writer " + std::to_string(number_) + ": no memory for a block; trying again\n");
    if (stop_.load(std::memory_order_relaxed)) return false;
    std::this_thread::sleep_for(kNoMemoryPause);
  }
}

bool Writer::Produce() {
  const std::uint64_t count = std::min<std::uint64_t>(settings_.batch, left_);
  for (std::uint64_t i = 0; i < count; ++i) {
    Block block;
    if (!TakeBuffer(block)) break;
    block.produced_ns = NowNs();
    block.size = generator_.NextSize();
    generator_.Fill(block.data());
    blocks_.push_back(block);
  }
  left_ -= blocks_.size();
  return !blocks_.empty();
}

bool Writer::Deliver() {
  std::size_t taken = 0;
  std::uint64_t full = 0;
  std::uint64_t give_up_ns = 0;
  Patience patience;
  Error why;
  for (;;) {
    const std::size_t before = taken;
    const Attempt attempt = sink_.Write(number_, written_, blocks_, taken, why);
    if (attempt == Attempt::kTaken) break;
    if (attempt == Attempt::kFailed) {
      failure_ = why.message;
      WriteStderr("tenure-load: writer " + std::to_string(number_) + " has failed: " + failure_ + "\n");
      break;
    }
    ++full;
    if (taken > before) patience.Reset();
    patience.Wait();
    if (!stop_.load(std::memory_order_relaxed)) continue;
    if (give_up_ns == 0) give_up_ns = NowNs() + kLastTriesNs;
    if (NowNs() > give_up_ns) break;
  }
  Finish(taken, full);
  return failure_.empty();
}

/// Accounts the batch in one addition, whatever became of it.
void Writer::Finish(std::size_t taken, std::uint64_t full) {
  Counts counts;
  counts.full = full;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const Block& block = blocks_[i];
    ++counts.produced;
    counts.produced_bytes += block.size;
    if (i < taken) {
      ++counts.succeeded;
      counts.succeeded_bytes += block.size;
      content_ += ContentHash(number_, written_ + i, block.data());
    } else {
      ++counts.failed;
      counts.failed_bytes += block.size;
    }
    pool_.Give(block.buffer);
  }
  account_.Add(counts);
  const std::uint64_t now_ns = NowNs();
  for (std::size_t i = 0; i < taken; ++i) latency_.Record(now_ns - blocks_[i].produced_ns);
  written_ += taken;
  blocks_.clear();
}

}  // namespace tenure::cli::load
