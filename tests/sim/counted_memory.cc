#include "tests/sim/counted_memory.h"

#include <sqlite3.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace tenure::sim {
namespace {

std::atomic<bool> counting{false};
std::atomic<std::uint64_t> first_failing{0};
std::atomic<std::uint64_t> behind_failing{0};
std::atomic<std::uint64_t> allocations{0};
std::atomic<std::uint64_t> failures{0};
std::atomic<std::int64_t> live_blocks{0};
thread_local bool tests_own = false;

bool MayAllocate() {
  if (!counting.load(std::memory_order_relaxed) || tests_own) return true;
  const std::uint64_t number = allocations.fetch_add(1, std::memory_order_relaxed) + 1;
  const bool fails = number >= first_failing.load(std::memory_order_relaxed) &&
                     number < behind_failing.load(std::memory_order_relaxed);
  if (fails) failures.fetch_add(1, std::memory_order_relaxed);
  return !fails;
}

void* Allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (!MayAllocate()) return nullptr;
  bytes = bytes == 0 ? 1 : bytes;
  void* block = alignment <= alignof(std::max_align_t)
                    ? std::malloc(bytes)
                    : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (block != nullptr) live_blocks.fetch_add(1, std::memory_order_relaxed);
  return block;
}

void* AllocateOrThrow(std::size_t bytes, std::size_t alignment) {
  void* block = Allocate(bytes, alignment);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void Free(void* block) noexcept {
  if (block != nullptr) live_blocks.fetch_sub(1, std::memory_order_relaxed);
  std::free(block);
}

sqlite3_mem_methods sqlites_own;

void* SqliteMalloc(int bytes) {
  void* block = MayAllocate() ? sqlites_own.xMalloc(bytes) : nullptr;
  if (block != nullptr) live_blocks.fetch_add(1, std::memory_order_relaxed);
  return block;
}
void SqliteFree(void* block) {
  if (block != nullptr) live_blocks.fetch_sub(1, std::memory_order_relaxed);
  sqlites_own.xFree(block);
}
void* SqliteRealloc(void* block, int bytes) { return MayAllocate() ? sqlites_own.xRealloc(block, bytes) : nullptr; }

}  // namespace

void CountSqliteMemory() {
  if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlites_own) != SQLITE_OK) std::abort();
  sqlite3_mem_methods counted = sqlites_own;
  counted.xMalloc = SqliteMalloc;
  counted.xFree = SqliteFree;
  counted.xRealloc = SqliteRealloc;
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &counted) != SQLITE_OK || sqlite3_initialize() != SQLITE_OK) std::abort();
}

void FailAllocations(std::uint64_t first, std::uint64_t span) {
  first_failing.store(first == 0 ? UINT64_MAX : first);
  behind_failing.store(first == 0 ? 0 : first + span);
  allocations.store(0);
  failures.store(0);
  counting.store(true);
}

std::uint64_t StopFailing(std::uint64_t* failed) {
  counting.store(false);
  if (failed != nullptr) *failed = failures.load();
  return allocations.load();
}

TestsOwn::TestsOwn() : before_(tests_own) { tests_own = true; }
TestsOwn::~TestsOwn() { tests_own = before_; }
Products::Products() : before_(tests_own) { tests_own = false; }
Products::~Products() { tests_own = before_; }

std::int64_t LiveBlocks() { return live_blocks.load(); }

}  // namespace tenure::sim

void* operator new(std::size_t bytes) { return tenure::sim::AllocateOrThrow(bytes, 0); }
void* operator new[](std::size_t bytes) { return tenure::sim::AllocateOrThrow(bytes, 0); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return tenure::sim::AllocateOrThrow(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return tenure::sim::AllocateOrThrow(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return tenure::sim::Allocate(bytes, 0); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return tenure::sim::Allocate(bytes, 0); }
void operator delete(void* block) noexcept { tenure::sim::Free(block); }
void operator delete[](void* block) noexcept { tenure::sim::Free(block); }
void operator delete(void* block, std::size_t) noexcept { tenure::sim::Free(block); }
void operator delete[](void* block, std::size_t) noexcept { tenure::sim::Free(block); }
void operator delete(void* block, std::align_val_t) noexcept { tenure::sim::Free(block); }
void operator delete[](void* block, std::align_val_t) noexcept { tenure::sim::Free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { tenure::sim::Free(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { tenure::sim::Free(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { tenure::sim::Free(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { tenure::sim::Free(block); }
