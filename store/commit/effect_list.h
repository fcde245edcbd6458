// The effects of one transaction while it is decided, in memory that is used again from one to the next: most
// transactions have one effect, with as many texts as the last one had. One thread.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "store/base/error.h"
#include "store/model/effect.h"

namespace tenure::commit {

class EffectList {
 public:
  /// Whatever `memory` holds is no effect of this list. It outlives the list.
  explicit EffectList(std::vector<model::Effect>& memory) : memory_(memory) {}
  EffectList(const EffectList&) = delete;
  EffectList& operator=(const EffectList&) = delete;

  /// Another one, blank. Valid until the next change of the list.
  model::Effect& Add() {
    if (used_ == memory_.size()) {
      memory_.emplace_back();
    } else {
      model::MakeBlank(memory_[used_]);
    }
    return memory_[used_++];
  }
  void RemoveLast() {
    TENURE_CHECK(used_ > 0);
    --used_;
  }
  /// Empty behind it.
  std::vector<model::Effect> TakeAll() {
    Close();
    used_ = 0;
    return std::exchange(memory_, {});
  }
  /// The memory holds the effects of this list and nothing else.
  void Close() { memory_.resize(used_); }

  std::size_t size() const { return used_; }
  bool empty() const { return used_ == 0; }

 private:
  std::vector<model::Effect>& memory_;
  std::size_t used_ = 0;
};

}  // namespace tenure::commit
