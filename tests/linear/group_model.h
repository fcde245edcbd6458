// Entries, and the tags that point to them, which transactions change together: one sequential object. A transaction
// takes effect on all that it names, or on nothing; its operations see the earlier ones.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/linear/key_model.h"

namespace tenure::linear {

struct GroupModel {
  /// Entries are cells 0 to 3, tags are cells 4 and 5.
  static constexpr std::uint32_t kEntries = 4;
  static constexpr std::uint32_t kCells = 6;
  static constexpr std::uint32_t kAll = (1u << kCells) - 1;
  /// Of a tag the value is that entry's number, from 1, that it points to; 0: the tag is not there.
  using Cell = KeyModel::State;

  struct State {
    std::array<Cell, kCells> cells{};
    bool operator==(const State&) const = default;
    std::uint64_t Hash() const;
  };
  enum class Do : std::uint8_t { kPut, kDelete, kDeleteWithTags, kSetTag, kDeleteTag };
  struct Op {
    Do what = Do::kPut;
    std::uint32_t cell = 0;
    std::uint64_t value = 0;                                  ///< kPut, kSetTag: what to write; not 0.
    std::optional<std::uint64_t> if_revision = std::nullopt;  ///< Entries: of the live one; 0: if there is none.
    std::optional<std::uint64_t> if_value = std::nullopt;     ///< kSetTag: where it points to.
    std::optional<std::uint64_t> base = std::nullopt;         ///< The revision, that of a tombstone too.
  };
  struct Input {
    std::vector<Op> ops = {};  ///< In this order. Empty: a read.
    std::uint32_t looks = 0;   ///< Of a read: the cells that it reads at once, as bits.
  };
  enum class Answer : std::uint8_t {
    kDone,
    kConflict,
    kNotFound,  ///< Nothing to delete, or to point to.
    kTagged,    ///< A tag points to what was to go.
    kSeen,
  };
  struct Output {
    Answer answer = Answer::kDone;
    /// kDone: the revision after each operation. kSeen: what was in each cell that was read, by its number; revision 0
    /// where there never was anything.
    std::vector<Cell> cells = {};
  };

  /// What a transaction does to a state.
  struct Change {
    std::uint32_t cell = 0;
    Cell now;
    bool operator==(const Change&) const = default;
  };
  struct Played {
    std::optional<State> after = std::nullopt;  ///< Absent: it is refused.
    std::vector<Answer> refusals = {};          ///< What the first operation that fails may be refused for.
    std::vector<Change> changes = {};           ///< In order, without operations that change nothing.
    std::vector<std::uint64_t> revisions = {};  ///< After each operation.
  };
  static Played Play(const State& state, const std::vector<Op>& ops);

  static std::optional<State> Step(const State& state, const Input& input, const Output* output);
  static bool ChangesNothing(const Input& input, const Output* output);
  static std::string Text(const Input& input, const Output* output);
};

}  // namespace tenure::linear
