#include "tests/linear/lease_model.h"

#include <algorithm>

namespace tenure::linear {
namespace {

using State = LeaseModel::State;
using Held = LeaseModel::Held;
using Answer = LeaseModel::Answer;

bool Conflict(const Held& held, const LeaseModel::Input& wanted) {
  return (held.parts & wanted.parts) != 0 && !(held.shared && wanted.shared);
}

Held* Find(State& state, std::uint64_t lease) { return const_cast<Held*>(state.Find(lease)); }

std::optional<State> Acquire(State state, const LeaseModel::Input& input, const LeaseModel::Output* output) {
  const bool busy = std::any_of(state.held.begin(), state.held.end(),
                                [&](const Held& held) { return !held.over && Conflict(held, input); });
  if (output != nullptr && output->answer == Answer::kQueued) return state;
  if (output != nullptr && output->answer == Answer::kBusy) return busy ? std::optional(state) : std::nullopt;
  if (busy || (output != nullptr && output->answer != Answer::kOk)) return std::nullopt;
  if (output != nullptr) {
    if (output->token <= state.last_token) return std::nullopt;
    state.last_token = output->token;
  }
  std::erase_if(state.held, [&](const Held& held) { return Conflict(held, input); });
  const auto at =
      std::find_if(state.held.begin(), state.held.end(), [&](const Held& held) { return held.lease > input.lease; });
  state.held.insert(at, {input.lease, input.parts, input.shared, false, input.deadline, input.latest});
  return state;
}

std::optional<State> OnLease(State state, const LeaseModel::Input& input, const LeaseModel::Output* output) {
  Held* held = Find(state, input.lease);
  const bool mine = held != nullptr && !held->over;
  if (output != nullptr && output->answer == Answer::kLost) return mine ? std::nullopt : std::optional(state);
  if (output != nullptr && output->answer != Answer::kOk) return std::nullopt;
  // An administrator may break what is over, as long as nobody has come after it.
  const bool possible = input.what == LeaseModel::Do::kBreak ? held != nullptr : mine;
  if (!possible) return std::nullopt;
  if (input.what == LeaseModel::Do::kRenew) {
    held->deadline = std::max(held->deadline, input.deadline);
    held->latest = std::max(held->latest, input.latest);
  } else {
    state.held.erase(state.held.begin() + (held - state.held.data()));
  }
  return state;
}

/// Whether a write may have had this answer. Which of its parts is looked at first is nobody's to know.
bool WriteFits(const State& state, const LeaseModel::Input& input, const LeaseModel::Output& output) {
  const Held* own = input.lease != 0 ? state.Find(input.lease) : nullptr;
  const bool mine = own != nullptr && !own->over;
  if (input.lease != 0 && !mine) return output.answer == Answer::kLost;
  const std::uint64_t covered = mine ? own->parts : 0;
  std::uint64_t of_others = 0;
  for (const Held& held : state.held) {
    if (!held.over && held.lease != input.lease) of_others |= held.parts;
  }
  const std::uint64_t bare = input.parts & ~covered;
  const bool in_time = !mine || input.at <= own->latest;
  switch (output.answer) {
    case Answer::kOk:
      return mine ? !own->shared && bare == 0 && in_time : (input.parts & of_others) == 0;
    case Answer::kBusy:
      return (bare & of_others) != 0;
    case Answer::kNotCovering:
      return mine && ((own->shared && (input.parts & covered) != 0) || (bare & ~of_others) != 0);
    default:
      return false;
  }
}

}  // namespace

std::uint64_t State::Hash() const {
  std::uint64_t hash = last_token;
  const auto mix = [&hash](std::uint64_t value) { hash = (hash ^ value) * 0x9e3779b97f4a7c15u + (hash >> 29); };
  for (const Held& lease : held) {
    mix(lease.lease);
    mix(lease.deadline);
    mix(lease.latest * 2 + (lease.over ? 1 : 0));
  }
  return hash;
}

const Held* State::Find(std::uint64_t lease) const {
  const auto at = std::find_if(held.begin(), held.end(), [lease](const Held& one) { return one.lease == lease; });
  return at != held.end() ? &*at : nullptr;
}

std::optional<State> LeaseModel::Step(const State& state, const Input& input, const Output* output) {
  switch (input.what) {
    case Do::kAcquire:
      return Acquire(state, input, output);
    case Do::kRenew:
    case Do::kRelease:
    case Do::kBreak:
      return OnLease(state, input, output);
    case Do::kWrite:
      return output == nullptr || WriteFits(state, input, *output) ? std::optional(state) : std::nullopt;
    case Do::kExpire: {
      const Held* held = state.Find(input.lease);
      if (held == nullptr || held->over || held->deadline > input.deadline) return std::nullopt;
      State next = state;
      linear::Find(next, input.lease)->over = true;
      return next;
    }
  }
  return std::nullopt;
}

bool LeaseModel::ChangesNothing(const Input& input, const Output* output) {
  return input.what == Do::kWrite || (output != nullptr && output->answer != Answer::kOk);
}

std::string LeaseModel::Text(const Input& input, const Output* output) {
  static constexpr const char* kVerbs[] = {"acquire", "renew", "release", "break", "write", "expire"};
  static constexpr const char* kAnswers[] = {"ok", "busy", "queued", "lost", "not covering"};
  std::string text = kVerbs[static_cast<int>(input.what)];
  if (input.shared) text += " shared";
  text += input.lease != 0 ? " lease " + std::to_string(input.lease) : " without a lease";
  if (input.parts != 1) text += " of parts " + std::to_string(input.parts);
  if (input.deadline != 0) text += " (deadline " + std::to_string(input.deadline) + ")";
  if (input.what == Do::kExpire) return text;
  if (input.at != 0) text += " (not before " + std::to_string(input.at) + ")";
  if (output == nullptr) return text + " -> unknown";
  text += std::string(" -> ") + kAnswers[static_cast<int>(output->answer)];
  if (output->token != 0) text += ", token " + std::to_string(output->token);
  return text;
}

}  // namespace tenure::linear
