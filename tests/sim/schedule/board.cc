#include "tests/sim/schedule/board.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace tenure::sim {
namespace {

Board* the_board = nullptr;

}  // namespace

Board& TheBoard() { return *the_board; }

void Counts::AddKills(const char* point, std::uint64_t kills) {
  for (KillsAt& at : kills_at) {
    if (at.point == nullptr) at.point = point;
    if (std::strcmp(at.point, point) != 0) continue;
    at.kills += kills;
    return;
  }
  std::abort();
}

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
