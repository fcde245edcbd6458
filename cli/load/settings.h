// What `tenure-load` is told to do. Values; no state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/args.h"
#include "tenure/result.h"

namespace tenure::cli::load {

enum class Distribution : std::uint8_t {
  kUniform,      ///< Every size from the smallest to the largest is as likely.
  kFixed,        ///< The largest.
  kExponential,  ///< Above the smallest, a quarter of the span at the mean; longer ones are cut to the largest.
};
enum class Pattern : std::uint8_t { kRandom, kZero, kSequence, kText };

struct Settings {
  unsigned writers = 1;
  std::uint64_t seed = 0;
  std::uint64_t size_min = 10;
  std::uint64_t size_max = 10'000;
  Distribution distribution = Distribution::kUniform;
  Pattern pattern = Pattern::kRandom;
  unsigned batch = 1;                    ///< Blocks that a writer produces, then writes together.
  unsigned cells = 64;                   ///< Of each half of the double buffer.
  std::optional<std::uint64_t> blocks;   ///< Each writer stops after so many.
  std::optional<std::uint64_t> span_ms;  ///< All stop after so long.
  std::vector<int> cores;                ///< Writer i runs on cores[i % size]; empty: anywhere.
  std::string store;                     ///< Empty: into a double buffer in memory.
  bool json = false;
};

/// The options as they were written.
struct RawSettings {
  std::optional<std::uint64_t> writers, seed, batch, cells, blocks;
  std::string size, distribution, pattern, duration, affinity, store;
  bool json = false;
  void Define(Args& args);
};

/// kInvalidArgument names the option. `allowed` are the cores that this process may use; `seed` is the one for
/// want of a better.
Result<Settings> SettingsOf(const RawSettings& raw, const std::vector<int>& allowed, std::uint64_t seed);

const char* NameOf(Distribution distribution);
const char* NameOf(Pattern pattern);

/// "250ms", "1.5s", "2m", "1h"; a bare number is seconds.
Result<std::uint64_t> ParseDurationMs(const std::string& text, const std::string& what);

}  // namespace tenure::cli::load
