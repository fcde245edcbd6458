// The stronger claim about a store: the order of LSNs is itself a linearization. Cheap to check, without a search.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/linear/wgl.h"

namespace tenure::linear {

/// A committed call, of any object.
struct Stamped {
  std::uint64_t lsn = 0;
  std::uint64_t called = 0;
  std::uint64_t returned = kNever;
};

/// No call that was over before another began has the higher LSN, and none two have the same. Else: which, in words.
inline std::optional<std::string> CheckRealTime(std::vector<Stamped> calls) {
  std::sort(calls.begin(), calls.end(), [](const Stamped& a, const Stamped& b) { return a.lsn < b.lsn; });
  const Stamped* latest = nullptr;  // called last, of those with lower LSNs
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const Stamped& call = calls[i];
    if (i > 0 && calls[i - 1].lsn == call.lsn) return "two calls were told LSN " + std::to_string(call.lsn);
    if (latest != nullptr && call.returned < latest->called) {
      return "LSN " + std::to_string(call.lsn) + " was returned at " + std::to_string(call.returned) +
             ", before the call of LSN " + std::to_string(latest->lsn) + " at " + std::to_string(latest->called);
    }
    if (latest == nullptr || call.called > latest->called) latest = &call;
  }
  return std::nullopt;
}

/// Plays the calls of one object (with their LSNs) in the order of LSNs: each must have had the output that it had.
template <class Model>
std::optional<std::string> CheckReplay(std::vector<std::pair<std::uint64_t, Call<Model>>> calls,
                                       typename Model::State state = {}) {
  std::stable_sort(calls.begin(), calls.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [lsn, call] : calls) {
    auto next = Model::Step(state, call.input, call.told());
    if (!next) {
      return "at LSN " + std::to_string(lsn) + ", this cannot have been: " + Model::Text(call.input, call.told());
    }
    state = std::move(*next);
  }
  return std::nullopt;
}

}  // namespace tenure::linear
