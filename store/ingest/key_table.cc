#include "store/ingest/key_table.h"

#include <algorithm>

#include "store/base/hash.h"

namespace tenure::ingest {
namespace {

std::uint64_t BucketOf(std::string_view key) { return base::Xxh128(base::AsBytes(key)).low % kKeyTableEntries; }

void RaiseTo(std::atomic<std::uint64_t>& entry, Lsn lsn) {
  std::uint64_t seen = entry.load(std::memory_order_relaxed);
  while (seen < lsn && !entry.compare_exchange_weak(seen, lsn, std::memory_order_seq_cst)) {
  }
}

}  // namespace

void KeyTable::Raise(std::string_view key, Lsn lsn) { RaiseTo(entries_[BucketOf(key)], lsn); }

Lsn KeyTable::LastChange(std::string_view key) const {
  const Lsn change = entries_[BucketOf(key)].load(std::memory_order_seq_cst);
  return std::max(change, floor_->load(std::memory_order_relaxed));
}

}  // namespace tenure::ingest
