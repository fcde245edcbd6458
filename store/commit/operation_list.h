// The operations of a request: its own, or lent by the caller that submits it.
//
// A transaction that is normal already is not copied: it is encoded from where its owner keeps it. What is lent must
// outlive every look at it; a request that stays longer than the call takes its loan back (GiveBack). One thread.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "tenure/transaction.h"

namespace tenure::commit {

class OperationList {
 public:
  OperationList() = default;
  OperationList& operator=(std::vector<Operation> operations) {
    own() = std::move(operations);
    return *this;
  }
  /// What is its own stays as memory to be used again.
  void Lend(std::span<const Operation> operations) { lent_ = operations, is_lent_ = true; }
  /// What was lent is gone; nothing else changes.
  void GiveBack() {
    if (is_lent_) own_.clear();
    lent_ = {}, is_lent_ = false;
  }
  /// To be filled in.
  std::vector<Operation>& own() { return GiveBack(), own_; }

  std::span<const Operation> view() const { return is_lent_ ? lent_ : std::span<const Operation>(own_); }
  const Operation* data() const { return view().data(); }
  auto begin() const { return view().begin(); }
  auto end() const { return view().end(); }
  std::size_t size() const { return view().size(); }
  std::size_t capacity() const { return own_.capacity(); }  ///< Of the memory of its own.
  const Operation& front() const { return view().front(); }
  const Operation& operator[](std::size_t i) const { return view()[i]; }

 private:
  std::vector<Operation> own_;
  std::span<const Operation> lent_;
  bool is_lent_ = false;
};

}  // namespace tenure::commit
