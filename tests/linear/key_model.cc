#include "tests/linear/key_model.h"

namespace tenure::linear {
namespace {

std::optional<KeyModel::State> StepRead(const KeyModel::State& state, const KeyModel::Output* output) {
  if (output == nullptr) return state;
  if (output->answer == KeyModel::Answer::kNotFound) {
    return state.value == 0 ? std::optional(state) : std::nullopt;
  }
  if (output->answer != KeyModel::Answer::kValue) return std::nullopt;
  return output->revision == state.revision && output->value == state.value ? std::optional(state) : std::nullopt;
}

}  // namespace

std::optional<KeyModel::State> KeyModel::Step(const State& state, const Input& input, const Output* output) {
  if (input.what == Do::kRead) return StepRead(state, output);
  const bool live = state.value != 0;
  const bool missing = input.what == Do::kDelete && !live;
  const bool stale = input.base && (*input.base == 0 ? live : *input.base != state.revision);
  const bool conflict = stale || (input.if_revision && *input.if_revision != (live ? state.revision : 0));
  if (conflict || missing) {
    if (output == nullptr) return std::nullopt;  // it cannot have taken effect here
    const bool told =
        (conflict && output->answer == Answer::kConflict) || (missing && output->answer == Answer::kNotFound);
    return told ? std::optional(state) : std::nullopt;
  }
  State next = state;
  if (input.what == Do::kDelete || input.value != state.value) ++next.revision;
  next.value = input.what == Do::kDelete ? 0 : input.value;
  if (output == nullptr) return next;
  if (output->answer != Answer::kDone || output->revision != next.revision) return std::nullopt;
  return next;
}

bool KeyModel::ChangesNothing(const Input& input, const Output* output) {
  return input.what == Do::kRead || (output != nullptr && output->answer != Answer::kDone);
}

std::string KeyModel::Text(const Input& input, const Output* output) {
  std::string text = input.what == Do::kPut      ? "put " + std::to_string(input.value)
                     : input.what == Do::kDelete ? "delete"
                                                 : "read";
  if (input.if_revision) text += " if revision " + std::to_string(*input.if_revision);
  if (input.base) text += " based on revision " + std::to_string(*input.base);
  if (output == nullptr) return text + " -> unknown";
  switch (output->answer) {
    case Answer::kDone:
      return text + " -> revision " + std::to_string(output->revision);
    case Answer::kConflict:
      return text + " -> conflict";
    case Answer::kNotFound:
      return text + " -> not found";
    case Answer::kValue:
      return text + " -> revision " + std::to_string(output->revision) + ", value " + std::to_string(output->value);
  }
  return text;
}

}  // namespace tenure::linear
