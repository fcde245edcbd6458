// Read connections to the live index generation, reopened when the generation has changed.
//
// Thread-safe pool: a lease on a reader belongs to one thread until it is given back.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/commit/context.h"
#include "store/index/generations.h"
#include "store/index/index.h"

namespace tenure::commit {

class IndexPool {
 public:
  explicit IndexPool(const Context& context) : context_(context) { idle_.reserve(kIdleReadersMax); }

  class Lease {
   public:
    Lease(IndexPool& pool, std::unique_ptr<index::IndexReader> reader, index::Generation generation)
        : pool_(&pool), reader_(std::move(reader)), generation_(generation) {}
    /// Of no generation: goes with the lease.
    explicit Lease(std::unique_ptr<index::IndexReader> reader) : reader_(std::move(reader)) {}
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = default;
    ~Lease() {
      if (reader_ && pool_ != nullptr) pool_->GiveBack(std::move(reader_), generation_);
    }
    index::IndexReader* operator->() const { return reader_.get(); }
    index::IndexReader& operator*() const { return *reader_; }
    const index::Generation& generation() const { return generation_; }
    bool is_of_pool() const { return pool_ != nullptr; }

   private:
    IndexPool* pool_ = nullptr;
    std::unique_ptr<index::IndexReader> reader_;
    index::Generation generation_;
  };

  /// Of the generation that is live when it returns, or was a moment before.
  Result<Lease> Take();
  /// A reader of one generation, superseded or not. kNotFound: it is two generations old, and was removed.
  Result<Lease> TakeOf(const index::Generation& generation);
  /// Path of the live generation's file.
  std::string LivePath() const;
  index::Generation Live() const;

 private:
  void GiveBack(std::unique_ptr<index::IndexReader> reader, const index::Generation& generation);
  static constexpr std::size_t kIdleReadersMax = 4;

  const Context& context_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<index::IndexReader>> idle_;  // all of idle_generation_; guarded by mutex_
  index::Generation idle_generation_;
};

}  // namespace tenure::commit
