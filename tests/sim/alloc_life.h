// A short life of a store in which allocations may fail, and whether it kept its word.
//
// Each call into the product is made with its allocations counted (counted_memory.h); the test's own are not. What was
// told of each transaction is kept: acknowledged ones must be there, refused ones must not, the rest may.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "tenure/store.h"
#include "tests/sim/counted_memory.h"
#include "tests/sim/history.h"

namespace tenure::sim {

class AllocLife {
 public:
  /// With `crowd`, the library's threads and several writers are at work, some of them without a writer slot.
  AllocLife(std::string dir, bool crowd);

  /// create, put, read, lease, queue, conflict, maintain, close, verify, open again, put, close.
  void Live();
  /// There is memory again: the store opens, is whole, holds what it promised, and takes another transaction.
  void Afterwards();

  const Violations& violations() const { return violations_; }
  /// Calls that answered with kOutOfMemory or kOutcomeUnknown.
  int refused() const { return refused_; }

 private:
  enum class Fate { kAcknowledged, kRefused, kUnknown };
  struct Told {
    Fate fate = Fate::kUnknown;
    Lsn lsn = 0;
  };

  void Put(Store& store, const CommitOptions& options = {}, const char* prefix = "pkg/");
  void Read(const Store& store);
  void WriteUnderLease(Store& store);
  void Queue(Store& store, int count);
  void Conflict(Store& store);
  void Maintain(Store& store);
  void Crowd(Store& store);

  int Next();
  void Note(int number, const Result<Receipt>& receipt);
  template <typename T>
  bool Fine(const char* what, const Result<T>& result);
  bool FineError(const char* what, const Error& error);
  void Violation(const std::string& violation);
  std::vector<std::pair<int, Lsn>> Acknowledged() const;
  void CheckContent(const Store& store);

  const std::string dir_;
  const bool crowd_;
  OpenOptions options_;
  bool created_ = false;
  mutable std::mutex mutex_;  // guards what follows
  int next_ = 1;
  std::map<int, Told> told_;
  Violations violations_;
  int refused_ = 0;
};

}  // namespace tenure::sim
