#include "tests/linear/group_model.h"

#include <algorithm>

namespace tenure::linear {
namespace {

using State = GroupModel::State;
using Cell = GroupModel::Cell;
using Op = GroupModel::Op;
using Do = GroupModel::Do;
using Answer = GroupModel::Answer;
using Played = GroupModel::Played;

bool IsDelete(const Op& op) { return op.what == Do::kDelete || op.what == Do::kDeleteWithTags; }
bool IsOnTag(const Op& op) { return op.what == Do::kSetTag || op.what == Do::kDeleteTag; }

/// A transaction that is being played.
class Playing {
 public:
  explicit Playing(const State& state) : state_(state) {}

  Played Run(const std::vector<Op>& ops) && {
    for (const Op& op : ops) {
      IsOnTag(op) ? OnTag(op) : OnEntry(op);
      if (!played_.refusals.empty()) return std::move(played_);
      played_.revisions.push_back(state_.cells[op.cell].revision);
    }
    played_.after = state_;
    return std::move(played_);
  }

 private:
  void Refuse(Answer answer, bool so) {
    if (so) played_.refusals.push_back(answer);
  }

  void Change(std::uint32_t cell, const Cell& now) {
    if (state_.cells[cell] == now) return;
    state_.cells[cell] = now;
    played_.changes.push_back({cell, now});
  }

  /// As a key of its own, but for the tags that point to it.
  void OnEntry(const Op& op) {
    const Cell& cell = state_.cells[op.cell];
    const KeyModel::Input input{IsDelete(op) ? KeyModel::Do::kDelete : KeyModel::Do::kPut, op.value, op.if_revision,
                                op.base};
    const auto next = KeyModel::Step(cell, input, nullptr);
    if (!next) {
      const KeyModel::Output conflict{KeyModel::Answer::kConflict}, missing{KeyModel::Answer::kNotFound};
      Refuse(Answer::kConflict, KeyModel::Step(cell, input, &conflict).has_value());
      Refuse(Answer::kNotFound, KeyModel::Step(cell, input, &missing).has_value());
      return;
    }
    for (std::uint32_t tag = GroupModel::kEntries; IsDelete(op) && tag < GroupModel::kCells; ++tag) {
      if (state_.cells[tag].value != op.cell + std::uint64_t{1}) continue;
      if (op.what == Do::kDelete) return Refuse(Answer::kTagged, true);
      Change(tag, {state_.cells[tag].revision + 1, 0});
    }
    Change(op.cell, *next);
  }

  void OnTag(const Op& op) {
    const Cell& tag = state_.cells[op.cell];
    const bool live = tag.value != 0;
    const bool stale = op.base && (*op.base == 0 ? live : *op.base != tag.revision);
    const bool set = op.what == Do::kSetTag;
    Refuse(Answer::kConflict, stale || (op.if_value && (!live || *op.if_value != tag.value)));
    Refuse(Answer::kNotFound, set ? state_.cells[op.value - 1].value == 0 : !live);
    if (!played_.refusals.empty() || (set && tag.value == op.value)) return;
    Change(op.cell, {tag.revision + 1, set ? op.value : 0});
  }

  State state_;
  Played played_;
};

std::optional<State> StepRead(const State& state, const GroupModel::Input& input, const GroupModel::Output* output) {
  if (output == nullptr) return state;
  if (output->answer != Answer::kSeen) return std::nullopt;
  auto seen = output->cells.begin();
  for (std::uint32_t cell = 0; cell < GroupModel::kCells; ++cell) {
    if ((input.looks >> cell & 1) == 0) continue;
    if (seen == output->cells.end() || !(*seen++ == state.cells[cell])) return std::nullopt;
  }
  return state;
}

std::string TextOf(const Op& op) {
  static constexpr const char* kVerbs[] = {"put", "delete", "delete with tags", "set tag", "delete tag"};
  std::string text = std::string(kVerbs[static_cast<int>(op.what)]) + " " + std::to_string(op.cell);
  if (op.value != 0) text += " to " + std::to_string(op.value);
  if (op.if_revision) text += " if revision " + std::to_string(*op.if_revision);
  if (op.if_value) text += " if it is " + std::to_string(*op.if_value);
  if (op.base) text += " based on revision " + std::to_string(*op.base);
  return text;
}

}  // namespace

std::uint64_t State::Hash() const {
  std::uint64_t hash = 0;
  for (const Cell& cell : cells) hash = (hash ^ cell.Hash()) * 0x9e3779b97f4a7c15u + (hash >> 29);
  return hash;
}

Played GroupModel::Play(const State& state, const std::vector<Op>& ops) { return Playing(state).Run(ops); }

std::optional<State> GroupModel::Step(const State& state, const Input& input, const Output* output) {
  if (input.ops.empty()) return StepRead(state, input, output);
  Played played = Play(state, input.ops);
  if (output == nullptr || output->answer == Answer::kDone) {
    if (!played.after || output == nullptr) return played.after;
    const bool told = std::equal(played.revisions.begin(), played.revisions.end(), output->cells.begin(),
                                 output->cells.end(), [](std::uint64_t a, const Cell& b) { return a == b.revision; });
    return told ? played.after : std::nullopt;
  }
  const auto& refusals = played.refusals;
  const bool refused = std::find(refusals.begin(), refusals.end(), output->answer) != refusals.end();
  return refused ? std::optional(state) : std::nullopt;
}

bool GroupModel::ChangesNothing(const Input& input, const Output* output) {
  return input.ops.empty() || (output != nullptr && output->answer != Answer::kDone);
}

std::string GroupModel::Text(const Input& input, const Output* output) {
  std::string text;
  for (const Op& op : input.ops) text += (text.empty() ? "" : ", ") + TextOf(op);
  if (input.ops.empty()) {
    text = "read";
    for (std::uint32_t cell = 0; cell < kCells; ++cell) {
      if ((input.looks >> cell & 1) != 0) text += " " + std::to_string(cell);
    }
  }
  if (output == nullptr) return text + " -> unknown";
  static constexpr const char* kAnswers[] = {"done, revisions", "conflict", "not found", "tagged", "revision=value"};
  text += std::string(" -> ") + kAnswers[static_cast<int>(output->answer)];
  for (const Cell& cell : output->cells) {
    text += " " + std::to_string(cell.revision);
    if (output->answer == Answer::kSeen) text += "=" + std::to_string(cell.value);
  }
  return text;
}

}  // namespace tenure::linear
