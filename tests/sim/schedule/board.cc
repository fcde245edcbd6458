#include "tests/sim/schedule/board.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <new>

namespace tenure::sim {
namespace {

Board* the_board = nullptr;

}  // namespace

Board& TheBoard() { return *the_board; }

void MapBoard() {
  void* memory = ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  the_board = new (memory) Board();
}

void UnmapBoard() {
  ::munmap(the_board, sizeof(Board));
  the_board = nullptr;
}

void Complain(const char* text) {
  Board& board = TheBoard();
  const std::size_t room = board.problems.size() - 1 - board.problems_used;
  const int length = std::snprintf(board.problems.data() + board.problems_used, room, "%s\n", text);
  if (length > 0) board.problems_used += std::min(static_cast<std::size_t>(length), room - 1);
}

}  // namespace tenure::sim
