// One key of an index, as a sequential object: revisions are dense and survive deletion.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tenure::linear {

struct KeyModel {
  struct State {
    std::uint64_t revision = 0;
    std::uint64_t value = 0;  ///< 0: there is no live entry.
    bool operator==(const State&) const = default;
    std::uint64_t Hash() const { return revision * 0x9e3779b97f4a7c15u ^ value; }
  };
  enum class Do : std::uint8_t { kPut, kDelete, kRead };
  struct Input {
    Do what = Do::kRead;
    std::uint64_t value = 0;                                  ///< put: what to write; not 0.
    std::optional<std::uint64_t> if_revision = std::nullopt;  ///< Of the live entry; 0: only if there is none.
    std::optional<std::uint64_t> base = std::nullopt;         ///< The same, but that of a tombstone will do.
  };
  enum class Answer : std::uint8_t { kDone, kConflict, kNotFound, kValue };
  struct Output {
    Answer answer = Answer::kDone;
    std::uint64_t revision = 0;  ///< kDone: after it; kValue: seen, of a tombstone too.
    std::uint64_t value = 0;     ///< kValue: 0 for a tombstone.
  };

  static std::optional<State> Step(const State& state, const Input& input, const Output* output);
  static bool ChangesNothing(const Input& input, const Output* output);
  static std::string Text(const Input& input, const Output* output);
};

}  // namespace tenure::linear
