// The calls of a world, on the board: noted before each is made and again when it has returned, so that nothing of a
// killed process is lost. Whoever has the baton may call these.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/sim/schedule/board.h"
#include "tests/torture/record.h"

namespace tenure::sim {

inline constexpr int kThreadsOfProcess = 4;
/// The process part of a call's id, for one of its threads; and back.
inline std::uint64_t CallerNumber(int process, int thread) {
  return static_cast<std::uint64_t>(process * kThreadsOfProcess + thread);
}
inline std::size_t ProcessOfCaller(std::uint64_t caller) { return caller / kThreadsOfProcess; }

/// A call of `process`, or its return.
void NoteCall(Board& board, const Process& process, const torture::Record& record, bool returned);
/// What became of the call with this place in the notes, of which its caller was not told.
void NoteSettled(Board& board, std::size_t place, const torture::Record& record);
/// All of them, in the order in which they were made.
std::vector<torture::Record> NotedCalls(const Board& board);

}  // namespace tenure::sim
