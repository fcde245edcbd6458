// What the processes of a world do. Each function is the whole life of one process, in the world.
#pragma once

#include <string>

#include "tests/torture/record.h"

namespace tenure::sim {

void LiveAsCreator(const std::string& store);
/// Writes, reads and leases at random, with some threads; then waits until all is over, with the store open.
void LiveAsWriter(const std::string& store);
/// Checks what the writers were told, while they have the store open, and the store when they have left.
void LiveAsChecker(const std::string& store);

/// Notes a call of this process on the board, or its return.
void NoteMyCall(const torture::Record& record, bool returned);

}  // namespace tenure::sim
