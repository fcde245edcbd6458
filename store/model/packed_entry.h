// A row of an entry as one block of memory: the bytes that its row hash is taken over. Half as large as an
// ArtifactEntry with its texts, made with one allocation, and hashed where it lies.
//
//   0  u32 bytes | u32 content begins | u32 content ends | the row, flat (hash_input.h): domain, name, version,
//      content = {digest, has size, size, media type, urls, annotations}, created, updated, writer, revision, LSN,
//      deleted
//
// In the memory of one process only; a value, no threads. Moved, never copied.
#pragma once

#include <cstddef>
#include <cstdint>

#include "store/base/block_log.h"
#include "store/base/hash.h"
#include "store/model/effect.h"

namespace tenure::model {

class FlatWriter;

/// Where the content of a row lies in its flat bytes.
struct FlatContent {
  std::size_t begin = 0;
  std::size_t end = 0;
};
EntryFields FieldsOf(const ArtifactEntry& entry);
/// At least what AppendFlat appends.
std::size_t FlatBytesMax(const EntryFields& entry);
FlatContent AppendFlat(const EntryFields& entry, FlatWriter& out);

class PackedEntry {
 public:
  /// None.
  PackedEntry() = default;
  /// Of a committed row: `uncommitted` is not kept. Without a log: in memory of its own.
  explicit PackedEntry(const ArtifactEntry& entry, base::BlockLog* log = nullptr);

  explicit operator bool() const { return block_ != nullptr; }
  void Reset() { block_.reset(); }

  // Not of none.
  base::Hash128 RowHash() const;      ///< model::RowHash of the entry.
  std::uint64_t ContentHash() const;  ///< model::ContentHash of the entry.
  ArtifactEntry Unpack() const;

 private:
  base::ByteView Row() const;
  base::BlockLog::Block block_;
};

}  // namespace tenure::model
