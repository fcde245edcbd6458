// When was a key last changed? One LSN per bucket of key hashes, in shared memory: a read-committed read of a key that
// nobody has changed since the index got its rows need not wait for the index.
//
// The committer raises the bucket before it publishes; a reader loads the durable word first and the bucket then, so
// that every change it must see has left its LSN there (the compare-and-swap of the durable word orders the two).
// Keys that share a bucket, batches that were never published and late stores of superseded committers only make
// values too large: that costs a wait, never a missed change. Any thread of any process.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "store/ingest/layout.h"
#include "tenure/types.h"

namespace tenure::ingest {

class KeyTable {
 public:
  KeyTable(std::atomic<std::uint64_t>* entries, const std::atomic<std::uint64_t>& floor)
      : entries_(entries), floor_(&floor) {}
  /// "name:version" or "name@tag" changes at `lsn`, which is about to be published.
  void Raise(std::string_view key, Lsn lsn);
  /// An LSN at or behind the key's last published change; never below the floor, which covers changes from before the
  /// segment was made.
  Lsn LastChange(std::string_view key) const;

 private:
  std::atomic<std::uint64_t>* entries_;
  const std::atomic<std::uint64_t>* floor_;
};

}  // namespace tenure::ingest
