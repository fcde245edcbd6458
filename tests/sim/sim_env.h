// The machine of a simulation: a RecordingEnv whose randomness and clocks are seeded too, so that a
// run writes the same bytes, under the same names, every time it is repeated.
//
// `boot` tells one boot of the simulated machine from the next: shared memory of an earlier one is
// foreign. Thread-safe, but only a run with one thread is repeatable.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <random>
#include <span>

#include "store/base/recording_env.h"
#include "tenure/options.h"

namespace tenure::sim {

/// One thread writes in a simulation: lanes for 64 would mostly be zeros that each rebuilt disk is filled with.
inline CreateOptions FewSlots() {
  CreateOptions options;
  options.writer_slots = 4;
  return options;
}

class SimEnv final : public base::RecordingEnv {
 public:
  explicit SimEnv(std::uint64_t seed, std::uint8_t boot = 1)
      : RecordingEnv(base::Env::Posix()), dice_(seed), wall_ms_(kBegin + kBootMs * boot) {
    std::array<std::byte, 16> id{};
    id.fill(std::byte{boot});
    SetBootId(id);
  }

  void Random(std::span<std::byte> out) override {
    const std::lock_guard lock(mutex_);
    for (std::byte& b : out) b = static_cast<std::byte>(dice_());
  }
  /// A millisecond per look.
  TimeMs WallMs() const override { return wall_ms_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t BoottimeMs() const override { return boottime_ms_.fetch_add(1, std::memory_order_relaxed); }

 private:
  static constexpr TimeMs kBegin = 1'750'000'000'000;
  static constexpr TimeMs kBootMs = 100'000'000;
  std::mutex mutex_;
  std::mt19937_64 dice_;
  mutable std::atomic<TimeMs> wall_ms_;
  mutable std::atomic<std::uint64_t> boottime_ms_{1'000};
};

}  // namespace tenure::sim
