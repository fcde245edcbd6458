#include "cli/load/generator.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <string_view>

#include "store/base/error.h"
#include "store/base/failpoint.h"

namespace tenure::cli::load {
namespace {

constexpr std::string_view kWords[] = {"artifact ", "index ",  "commit ", "writer ",  "journal ", "release ",
                                       "build ",    "digest ", "tag ",    "version ", "lease ",   "epoch ",
                                       "frame ",    "batch ",  "store ",  "segment\n"};

Status MayAllocate() {
  TENURE_FAIL_POINT_STATUS("load.allocate");
  return {};
}

}  // namespace

std::uint64_t Random::Next() {
  std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

std::uint64_t Random::Below(std::uint32_t bound) {
  for (;;) {
    const std::uint64_t product = (Next() >> 32) * bound;
    const auto low = static_cast<std::uint32_t>(product);
    if (low >= bound || low >= (0 - bound) % bound) return product >> 32;
  }
}

Generator::Generator(const Settings& settings, unsigned writer)
    : settings_(settings), random_(Random(settings.seed ^ Random(writer + 1).Next()).Next()) {}

std::size_t Generator::NextSize() {
  const std::uint64_t span = settings_.size_max - settings_.size_min;
  switch (settings_.distribution) {
    case Distribution::kUniform:
      return settings_.size_min + random_.Below(static_cast<std::uint32_t>(span + 1));
    case Distribution::kFixed:
      return settings_.size_max;
    case Distribution::kExponential: {
      const double above = -std::log(random_.Unit()) * static_cast<double>(span) / 4;
      return settings_.size_min + static_cast<std::uint64_t>(std::min(above, static_cast<double>(span)));
    }
  }
  return settings_.size_max;
}

void Generator::Fill(std::span<std::byte> block) {
  ++count_;
  switch (settings_.pattern) {
    case Pattern::kRandom:
      for (std::size_t at = 0; at < block.size(); at += 8) {
        const std::uint64_t word = random_.Next();
        std::memcpy(block.data() + at, &word, std::min<std::size_t>(8, block.size() - at));
      }
      return;
    case Pattern::kZero:
      std::memset(block.data(), 0, block.size());
      return;
    case Pattern::kSequence:
      for (std::size_t at = 0; at < block.size(); ++at) block[at] = static_cast<std::byte>(count_ + at);
      return;
    case Pattern::kText:
      for (std::size_t at = 0; at < block.size();) {
        const std::string_view word = kWords[random_.Next() % std::size(kWords)];
        const std::size_t bytes = std::min(word.size(), block.size() - at);
        std::memcpy(block.data() + at, word.data(), bytes);
        at += bytes;
      }
      return;
  }
}

std::byte* Pool::Take() {
  if (!free_.empty()) {
    std::byte* buffer = free_.back();
    free_.pop_back();
    return buffer;
  }
  if (!MayAllocate().ok()) return nullptr;
  std::unique_ptr<std::byte[]> made(new (std::nothrow) std::byte[bytes_]);
  if (made == nullptr) return nullptr;
  all_.push_back(std::move(made));
  return all_.back().get();
}

}  // namespace tenure::cli::load
