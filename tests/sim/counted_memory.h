// Every allocation of a process, counted and made to fail: operator new and delete, and SQLite's.
//
// A program that links this has its own operator new. Counting and failing is off until Fail, and off again after
// Stop; threads that said so are left alone, so that what a test allocates for itself neither counts nor fails. Live
// blocks are counted always, everywhere. Thread-safe but for Fail and Stop, which no counted allocation may overlap.
#pragma once

#include <cstdint>

namespace tenure::sim {

/// Must be called before SQLite is used, and once.
void CountSqliteMemory();

/// From now on allocation number `first` (from 1) and the `span` - 1 behind it fail. 0: none does.
void FailAllocations(std::uint64_t first, std::uint64_t span);
/// Ends that. Returns how many there were; `failed` how many of them failed.
std::uint64_t StopFailing(std::uint64_t* failed = nullptr);

/// Allocations of this thread are the test's own while such an object lives.
class TestsOwn {
 public:
  TestsOwn();
  ~TestsOwn();
  TestsOwn(const TestsOwn&) = delete;
  TestsOwn& operator=(const TestsOwn&) = delete;

 private:
  const bool before_;
};
/// They are the product's again for a scope.
class Products {
 public:
  Products();
  ~Products();
  Products(const Products&) = delete;
  Products& operator=(const Products&) = delete;

 private:
  const bool before_;
};

/// Blocks that were allocated and not freed.
std::int64_t LiveBlocks();

}  // namespace tenure::sim
