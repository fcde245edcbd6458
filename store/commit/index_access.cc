#include "store/commit/index_access.h"

#include "store/base/error.h"

namespace tenure::commit {

index::Generation IndexPool::Live() const {
  const base::Pair64 word = context_.shared().generation.Load();
  return {word.first, word.second};
}

std::string IndexPool::LivePath() const { return context_.index_dir + "/" + index::GenerationFileName(Live()); }

Result<IndexPool::Lease> IndexPool::Take() {
  for (;;) {
    const index::Generation live = Live();
    auto taken = TakeOf(live);
    // One that is superseded may be gone before it is opened.
    if (taken.ok() || Live() == live) return taken;
  }
}

Result<IndexPool::Lease> IndexPool::TakeOf(const index::Generation& generation) {
  {
    const std::lock_guard lock(mutex_);
    const index::Generation live = Live();
    if (idle_generation_ != live) {
      idle_.clear();
      idle_generation_ = live;
    }
    if (generation == live && !idle_.empty()) {
      auto reader = std::move(idle_.back());
      idle_.pop_back();
      return Lease(*this, std::move(reader), live);
    }
  }
  TENURE_ASSIGN(auto reader,
                index::IndexReader::Open(context_.index_dir + "/" + index::GenerationFileName(generation)));
  return Lease(*this, std::move(reader), generation);
}

void IndexPool::GiveBack(std::unique_ptr<index::IndexReader> reader, const index::Generation& generation) {
  reader->EndSnapshot();
  if (!reader->IsIdle()) return;
  const std::lock_guard lock(mutex_);
  if (generation == idle_generation_ && idle_.size() < kIdleReadersMax)
    idle_.push_back(std::move(reader));  // reserved: allocates nothing
}

}  // namespace tenure::commit
