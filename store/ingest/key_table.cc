#include "store/ingest/key_table.h"

#include <algorithm>

#include "store/base/hash.h"
#include "store/base/raise.h"

namespace tenure::ingest {
namespace {

std::uint64_t BucketOf(std::string_view key) { return base::Xxh128(base::AsBytes(key)).low % kKeyTableEntries; }

}  // namespace

void KeyTable::Raise(std::string_view key, Lsn lsn) { base::Raise(entries_[BucketOf(key)], lsn); }

Lsn KeyTable::LastChange(std::string_view key) const {
  const Lsn change = entries_[BucketOf(key)].load(std::memory_order_seq_cst);
  return std::max(change, floor_->load(std::memory_order_relaxed));
}

}  // namespace tenure::ingest
