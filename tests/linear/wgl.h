// Is a recorded concurrent history linearizable? A search after Wing & Gong ("Testing and verifying concurrent
// objects", 1993) with Lowe's memoisation ("Testing for linearizability", 2017): walk over the calls and returns in
// order of time, let any call that is open take effect, step back at a return that found no place, and never look twice
// at the same set of calls in the same state. Histories are judged object by object, which is enough (Herlihy & Wing,
// "Linearizability", 1990).
//
// A Model has Input, Output, a State with == and Hash(), and
//   static std::optional<State> Step(const State&, const Input&, const Output*)   the state behind a call that had this
//       output (null: nobody knows it, and it took effect), or nothing when that cannot be
//   static std::string Text(const Input&, const Output*)
//
// A call of unknown outcome may take effect at any time after it was made, or never. A call of known outcome that
// leaves the state as it is takes effect as soon as it can: that loses no solution, and most of the search.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace tenure::linear {

inline constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

/// One call of one object. Times are of one clock, in any unit; calls at the time of a return overlap with it.
template <class Model>
struct Call {
  std::uint64_t process = 0;
  std::uint64_t called = 0;
  std::uint64_t returned = kNever;  ///< Only heeded when the output is known.
  typename Model::Input input;
  std::optional<typename Model::Output> output = std::nullopt;  ///< Absent: unknown outcome.
  const typename Model::Output* told() const { return output ? &*output : nullptr; }
};

struct Verdict {
  bool linearizable = false;
  bool decided = true;              ///< False: the search became too long.
  std::uint64_t steps = 0;          ///< Calls that were tried.
  std::vector<std::size_t> placed;  ///< The order found; when there is none, the longest attempt.
};

template <class Model>
class Search {
 public:
  using State = typename Model::State;

  Search(const std::vector<Call<Model>>& calls, State initial) : calls_(calls), state_(std::move(initial)) {
    seen_.bits.resize((calls.size() + 63) / 64);
    for (const Call<Model>& call : calls) known_left_ += call.output ? 1 : 0;
    LinkEvents();
  }

  Verdict Run(std::uint64_t steps_max) {
    std::uint32_t at = Settle();
    while (known_left_ > 0) {
      if (verdict_.steps > steps_max) {
        verdict_.decided = false;
        return Done();
      }
      const Event& event = events_[at];
      if (event.is_return) {
        if (!StepBack(at)) return Done();
        continue;
      }
      ++verdict_.steps;
      const Call<Model>& call = calls_[event.call];
      auto next = Model::Step(state_, call.input, call.told());
      if (next && !(*next == state_) && IsNew(event.call, *next)) {
        Place(at, std::move(*next), false);
        at = Settle();
      } else {
        at = event.next;
      }
    }
    verdict_.linearizable = true;
    return Done();
  }

 private:
  struct Event {
    std::uint64_t time = 0;
    bool is_return = false;
    std::uint32_t call = 0;
    std::uint32_t before = 0, next = 0;  // the list of what is not placed yet
  };
  struct Placed {
    std::uint32_t event;
    State before;
    bool forced;  // nothing else had to be tried
  };
  struct Seen {
    std::vector<std::uint64_t> bits;
    State state{};
    bool operator==(const Seen&) const = default;
  };
  struct HashSeen {
    std::size_t operator()(const Seen& seen) const {
      std::uint64_t hash = seen.state.Hash();
      for (const std::uint64_t word : seen.bits) hash = (hash ^ word) * 0x9e3779b97f4a7c15u + (hash >> 29);
      return hash;
    }
  };

  void LinkEvents() {
    events_.emplace_back();  // 0: the list's head
    for (std::uint32_t i = 0; i < calls_.size(); ++i) {
      const Call<Model>& call = calls_[i];
      events_.push_back({call.called, false, i});
      events_.push_back({call.output ? call.returned : kNever, true, i});
    }
    std::stable_sort(events_.begin() + 1, events_.end(), [&](const Event& a, const Event& b) {
      if (a.time != b.time) return a.time < b.time;
      if (a.is_return != b.is_return) return !a.is_return;
      return false;
    });
    return_of_.resize(calls_.size());
    for (std::uint32_t i = 0; i < events_.size(); ++i) {
      events_[i].before = i == 0 ? static_cast<std::uint32_t>(events_.size() - 1) : i - 1;
      events_[i].next = i + 1 == events_.size() ? 0 : i + 1;
      if (i > 0 && events_[i].is_return) return_of_[events_[i].call] = i;
    }
    events_[0].is_return = true;  // the end of the list is a place to step back at
  }

  void Unlink(std::uint32_t at) {
    events_[events_[at].before].next = events_[at].next;
    events_[events_[at].next].before = events_[at].before;
  }
  void Relink(std::uint32_t at) {
    events_[events_[at].before].next = at;
    events_[events_[at].next].before = at;
  }

  void Place(std::uint32_t at, State next, bool forced) {
    const std::uint32_t call = events_[at].call;
    placed_.push_back({at, std::exchange(state_, std::move(next)), forced});
    seen_.bits[call / 64] |= std::uint64_t{1} << call % 64;
    if (calls_[call].output) --known_left_;
    Unlink(at);
    Unlink(return_of_[call]);
  }

  bool IsNew(std::uint32_t call, const State& next) {
    Seen seen{seen_.bits, next};
    seen.bits[call / 64] |= std::uint64_t{1} << call % 64;
    return memory_.insert(std::move(seen)).second;
  }

  /// Places the open calls that leave the state as it is. Returns where to look for others.
  std::uint32_t Settle() {
    for (std::uint32_t at = events_[0].next; !events_[at].is_return;) {
      const Call<Model>& call = calls_[events_[at].call];
      const std::uint32_t next = events_[at].next;
      if (call.output) {
        ++verdict_.steps;
        auto state = Model::Step(state_, call.input, call.told());
        if (state && *state == state_) {
          // Its return is out of the list now: what lies behind that is open, too.
          Place(at, std::move(*state), true);
          at = events_[next].is_return && events_[next].call == events_[at].call ? events_[next].next : next;
          continue;
        }
      }
      at = next;
    }
    return events_[0].next;
  }

  /// False: there is nothing left to try.
  bool StepBack(std::uint32_t& at) {
    if (placed_.size() > verdict_.placed.size()) KeepOrder();
    while (!placed_.empty()) {
      Placed last = std::move(placed_.back());
      placed_.pop_back();
      const std::uint32_t call = events_[last.event].call;
      state_ = std::move(last.before);
      seen_.bits[call / 64] &= ~(std::uint64_t{1} << call % 64);
      if (calls_[call].output) ++known_left_;
      Relink(return_of_[call]);
      Relink(last.event);
      if (last.forced) continue;
      at = events_[last.event].next;
      return true;
    }
    return false;
  }

  void KeepOrder() {
    verdict_.placed.clear();
    for (const Placed& placed : placed_) verdict_.placed.push_back(events_[placed.event].call);
  }
  Verdict Done() {
    if (verdict_.linearizable || placed_.size() > verdict_.placed.size()) KeepOrder();
    return verdict_;
  }

  const std::vector<Call<Model>>& calls_;
  State state_;
  std::vector<Event> events_;
  std::vector<std::uint32_t> return_of_;
  std::vector<Placed> placed_;
  Seen seen_;
  std::unordered_set<Seen, HashSeen> memory_;
  std::size_t known_left_ = 0;
  Verdict verdict_;
};

inline constexpr std::uint64_t kStepsMax = 20'000'000;

template <class Model>
Verdict Check(const std::vector<Call<Model>>& calls, const typename Model::State& initial = {},
              std::uint64_t steps_max = kStepsMax) {
  return Search<Model>(calls, initial).Run(steps_max);
}

/// By the time of the call; those of one time as they were.
template <class Model>
std::vector<Call<Model>> InOrder(std::vector<Call<Model>> calls) {
  std::vector<std::size_t> order(calls.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return calls[a].called < calls[b].called; });
  std::vector<Call<Model>> sorted;
  for (const std::size_t i : order) sorted.push_back(std::move(calls[i]));
  return sorted;
}

/// A small part of a history that is not linearizable: up to the earliest return at which it is not, without the calls
/// that make no difference (of those that change nothing) and the settled past of single-file calls.
template <class Model>
std::vector<Call<Model>> Shrink(std::vector<Call<Model>> calls, typename Model::State initial = {}) {
  const auto fails = [&](const std::vector<Call<Model>>& some) { return !Check(some, initial, 200'000).linearizable; };
  const auto until = [&](std::uint64_t time) {
    std::vector<Call<Model>> some;
    for (const Call<Model>& call : calls) {
      if (call.called > time) continue;
      some.push_back(call);
      if (call.output && call.returned > time) some.back().output.reset();
    }
    return some;
  };
  std::vector<std::uint64_t> returns;
  for (const Call<Model>& call : calls) {
    if (call.output) returns.push_back(call.returned);
  }
  std::sort(returns.begin(), returns.end());
  const auto first =
      std::partition_point(returns.begin(), returns.end(), [&](std::uint64_t time) { return !fails(until(time)); });
  if (first != returns.end()) calls = until(*first);
  calls = InOrder(std::move(calls));
  // The first call, if it is over before any other begins, has one place: the rest starts behind it.
  while (calls.size() > 1 && calls[0].output && calls[0].returned < calls[1].called) {
    const auto next = Model::Step(initial, calls[0].input, calls[0].told());
    if (!next) break;
    initial = *next;
    calls.erase(calls.begin());
  }
  // Nothing is proven by leaving out a call that may change the state; one that cannot may go.
  for (std::size_t i = calls.size(); i-- > 0 && calls.size() < 2'000;) {
    if (!Model::ChangesNothing(calls[i].input, calls[i].told())) continue;
    std::vector<Call<Model>> fewer = calls;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    if (fails(fewer)) calls = std::move(fewer);
  }
  return calls;
}

/// One line per call, in order of their beginning.
template <class Model>
std::string Text(const std::vector<Call<Model>>& calls) {
  std::string text;
  for (const Call<Model>& call : calls) {
    text += "  process " + std::to_string(call.process) + "  [" + std::to_string(call.called) + ", " +
            (call.output ? std::to_string(call.returned) : "?") + "]  " + Model::Text(call.input, call.told()) + "\n";
  }
  return text;
}

}  // namespace tenure::linear
