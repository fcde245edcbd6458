// What the processes of a world do. Each function is the whole life of one process, in the world.
#pragma once

#include <string>
#include <vector>

#include "tests/torture/record.h"

namespace tenure::sim {

void LiveAsCreator(const std::string& store);
/// Writes, reads and leases at random, with some threads; then waits until all is over, with the store open.
void LiveAsWriter(const std::string& store);
/// Checks what the writers were told, while they have the store open, and the store when they have left.
void LiveAsChecker(const std::string& store);

/// The process part of a call's id, for one of its threads.
std::uint64_t CallerNumber(int process, int thread);
/// Notes a call on the board, and its return.
void NoteCall(const torture::Record& record, bool returned);
std::vector<torture::Record> NotedCalls();

}  // namespace tenure::sim
