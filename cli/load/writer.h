// One writer thread: produce, write, account, until it is told to stop or has done its share.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/load/account.h"
#include "cli/load/generator.h"
#include "cli/load/sink.h"
#include "store/base/histogram.h"

namespace tenure::cli::load {

class Writer {
 public:
  Writer(const Settings& settings, Sink& sink, unsigned number, const std::atomic<bool>& stop);
  /// The thread's body. A failure ends this writer and no other.
  void Run();

  Counts Snapshot() const { return account_.Snapshot(); }

  // When Run has returned.
  const base::Histogram& latency() const { return latency_; }
  const base::Hash128& content() const { return content_; }
  double seconds() const { return seconds_; }
  /// Why it ended early; empty when it did not.
  const std::string& failure() const { return failure_; }

 private:
  bool Produce();
  bool Deliver();
  void Finish(std::size_t taken, std::uint64_t full);
  bool TakeBuffer(Block& block);

  const Settings& settings_;
  Sink& sink_;
  const unsigned number_;
  const std::atomic<bool>& stop_;
  Generator generator_;
  Pool pool_;
  std::vector<Block> blocks_;
  std::uint64_t written_ = 0;
  std::uint64_t left_;
  Account account_;
  base::Histogram latency_;
  base::Hash128 content_;
  double seconds_ = 0;
  std::string failure_;
};

}  // namespace tenure::cli::load
