// What the committer knows of the newest rows of entries: a head of every row that it has met, as many as fit, and the
// whole rows of those that the index may not have applied yet.
//
//   Put, Replay ──▶ head and row ──(applied, and not among the newest)──▶ head alone ──(too many)──▶ forgotten
//                        ▲                                                   │
//                        └───────────────────── Learn ◀──────────────────────┘
//
// Most decisions need the head alone, so that the index is not read for them. Invariant: a slot tells the truth about
// its key; a key without a slot is as the index says, or, while `complete`, has no row. Slots stay where they are until
// they are forgotten, which TrimTo alone does. One thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "store/base/block_log.h"
#include "store/base/hash.h"
#include "store/commit/key_index.h"
#include "store/model/packed_entry.h"
#include "tenure/types.h"

namespace tenure::commit {

struct EntryHead {
  Lsn lsn = 0;  ///< 0: there never was a row.
  Revision revision = 0;
  TimeMs created_at_ms = 0;
  base::Hash128 row_hash;
  std::uint64_t content = 0;  ///< model::ContentHash: what differs here differs.
  bool live = false;

  /// `packed`: the same row.
  static EntryHead Of(const ArtifactEntry& row, const model::PackedEntry& packed);
};

class EntryHeads {
 public:
  struct Slot {
    EntryHead head;
    model::PackedEntry row;    ///< None: it is in the index.
    std::uint32_t queued = 0;  ///< In how many places of rows_.
    bool used = false;         ///< It is some key's.
    std::string key;
  };

  struct Limits {
    std::size_t rows = 16'384;    ///< Kept beyond those that were not applied: about 6 MiB of typical entries.
    std::size_t heads = 131'072;  ///< About 160 bytes each.
  };
  EntryHeads() : EntryHeads(Limits()) {}
  explicit EntryHeads(const Limits& limits) : limits_(limits) {}
  EntryHeads(const EntryHeads&) = delete;
  EntryHeads& operator=(const EntryHeads&) = delete;

  /// Nothing is known; `complete`: because there is nothing.
  void Reset(bool complete);
  /// Every row there is has a slot.
  bool complete() const { return complete_; }
  /// Null: nothing is known of the key.
  Slot* Find(const std::string& key);
  /// The key's slot: as it is, or one that says that there is no row. Where nothing is known of the key, the index must
  /// have been asked, and what it shows is Set.
  Slot& At(const std::string& key);
  /// Gives the slot a row. The caller keeps what was there, if it may come back.
  void Set(Slot& slot, model::PackedEntry row, const EntryHead& head);
  /// Keeps the newest rows and those that were not applied; forgets heads when there are too many.
  void TrimTo(Lsn applied);

  /// For the rows that are given to slots. They go nearly in the order in which they came: what is not replaced
  /// before is dropped in that order.
  base::BlockLog* row_memory() { return &row_memory_; }
  std::size_t size() const { return index_.size(); }

 private:
  std::size_t Forget();

  struct Row {
    Lsn lsn = 0;
    Slot* slot = nullptr;
  };
  static std::uint32_t TagOf(const std::string& key);
  std::uint32_t NumberOf(const std::string& key, std::uint32_t tag) const;
  Slot& SlotAt(std::uint32_t number) const { return chunks_[number / kChunk][number % kChunk]; }
  std::uint32_t FreeNumber();

  static constexpr std::uint32_t kChunk = 256;  // slots allocated together
  const Limits limits_;
  base::BlockLog row_memory_;  // before the slots, which hold blocks of it
  KeyIndex index_;
  std::vector<std::unique_ptr<Slot[]>> chunks_;
  std::vector<std::uint32_t> free_;  // numbers without a key
  std::deque<Row> rows_;             // in the order in which slots were given rows
  std::size_t set_since_trim_ = 0;
  bool complete_ = false;
  std::uint32_t clock_ = 0;  // number at which Forget goes on
};

}  // namespace tenure::commit
