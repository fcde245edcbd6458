#include "tests/linear/lease_model.h"

#include <algorithm>

namespace tenure::linear {
namespace {

using State = LeaseModel::State;
using Answer = LeaseModel::Answer;

State Freed(State state) {
  state.holder = 0;
  state.over = false;
  state.deadline = 0;
  return state;
}

std::optional<State> Acquire(State state, const LeaseModel::Input& input, const LeaseModel::Output* output) {
  const bool held = state.holder != 0 && !state.over;
  if (output != nullptr && output->answer == Answer::kQueued) return state;
  if (output != nullptr && output->answer == Answer::kBusy) return held ? std::optional(state) : std::nullopt;
  if (held || (output != nullptr && output->answer != Answer::kOk)) return std::nullopt;
  if (output != nullptr) {
    if (output->token <= state.last_token) return std::nullopt;
    state.last_token = output->token;
  }
  state.holder = input.lease;
  state.over = false;
  state.deadline = input.deadline;
  return state;
}

/// What happens to a lease, with `mine`: it is held, and this is it.
std::optional<State> OnLease(State state, const LeaseModel::Input& input, const LeaseModel::Output* output, bool mine) {
  if (output != nullptr && output->answer == Answer::kLost) return mine ? std::nullopt : std::optional(state);
  if (output != nullptr && output->answer != Answer::kOk) return std::nullopt;
  // An administrator may break what is over, as long as nobody has come after it.
  const bool possible = input.what == LeaseModel::Do::kBreak ? state.holder == input.lease : mine;
  if (!possible) return std::nullopt;
  if (input.what != LeaseModel::Do::kRenew) return Freed(state);
  state.deadline = std::max(state.deadline, input.deadline);
  return state;
}

}  // namespace

std::optional<State> LeaseModel::Step(const State& state, const Input& input, const Output* output) {
  const bool held = state.holder != 0 && !state.over;
  const bool mine = held && state.holder == input.lease;
  switch (input.what) {
    case Do::kAcquire:
      return Acquire(state, input, output);
    case Do::kRenew:
    case Do::kRelease:
    case Do::kBreak:
      return OnLease(state, input, output, mine);
    case Do::kWrite: {
      if (output == nullptr) return state;
      const bool allowed = input.lease == 0 ? !held : mine;
      const bool fits = output->answer == Answer::kOk     ? allowed
                        : output->answer == Answer::kBusy ? held && !mine
                        : output->answer == Answer::kLost ? input.lease != 0 && !mine
                                                          : false;
      return fits ? std::optional(state) : std::nullopt;
    }
    case Do::kExpire: {
      if (!mine || state.deadline > input.deadline) return std::nullopt;
      State next = state;
      next.over = true;
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
  static constexpr const char* kAnswers[] = {"ok", "busy", "queued", "lost"};
  std::string text = kVerbs[static_cast<int>(input.what)];
  text += input.lease != 0 ? " lease " + std::to_string(input.lease) : " without a lease";
  if (input.deadline != 0) text += " (deadline " + std::to_string(input.deadline) + ")";
  if (input.what == Do::kExpire) return text;
  if (output == nullptr) return text + " -> unknown";
  text += std::string(" -> ") + kAnswers[static_cast<int>(output->answer)];
  if (output->token != 0) text += ", token " + std::to_string(output->token);
  return text;
}

}  // namespace tenure::linear
