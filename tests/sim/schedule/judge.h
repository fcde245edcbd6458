// Judges the history of a world, when all is quiet: the calls that are noted on the board against the log, as torture
// does, and how long each waited.
#pragma once

#include <string>
#include <vector>

#include "tenure/types.h"
#include "tests/sim/schedule/board.h"
#include "tests/torture/record.h"

namespace tenure::sim {

/// The first transaction is the creator's, and none of a call.
inline constexpr Lsn kCreatedLsn = 1;

/// Its caller was not told, or cannot have been.
bool IsUnknown(const torture::Record& record);
/// What is wrong; empty: nothing. `events` is the log behind the creator's transaction. Counts on the board.
std::vector<std::string> JudgeHistory(Board& board, std::vector<Event> events);

}  // namespace tenure::sim
