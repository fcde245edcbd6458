// The current rows, as the committer sees them: an overlay of changes that the index may not have
// applied yet, over the index.
//
// Invariant: the overlay holds every change in (applied LSN of any index view taken from now on,
// position of the committer]. Rows at or below the applied LSN are a bounded cache.
// Used only by whoever has the commit turn, one thread at a time.
//
// Changes are staged per transaction: Begin, then reads and puts, then Accept or Rollback.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "lease/table.h"
#include "store/base/hash.h"
#include "store/commit/entry_heads.h"
#include "store/commit/index_access.h"
#include "store/commit/rare_heads.h"
#include "store/model/effect.h"

namespace tenure::commit {

using EntryPtr = std::shared_ptr<const ArtifactEntry>;
using TagPtr = std::shared_ptr<const TagEntry>;
using RequestPtr = std::shared_ptr<const model::RequestRow>;

class Heads {
 public:
  Heads(const Context& context, IndexPool& pool) : context_(context), pool_(pool) {}

  /// The slot of a key, whose head is enough for most decisions; its LSN is 0 when there never was a row. Valid until
  /// EndBatch.
  Result<EntryHeads::Slot*> SlotOf(const std::string& name, const std::string& version);
  /// Newest row of a key, tombstones included; null when there never was one. Unpacked for the caller.
  Result<EntryPtr> Entry(const std::string& name, const std::string& version);
  Result<TagPtr> Tag(const std::string& name, const std::string& tag);
  Result<RequestPtr> Request(const std::string& request_id);
  /// Live tags of `name` that point to `version`, ordered.
  Result<std::vector<TagPtr>> TagsOf(const std::string& name, const std::string& version);

  /// An earlier revision, or the newest one; null when it never was, or is no longer retained. Reads the journal where
  /// the index has not got so far yet.
  Result<EntryPtr> EntryRevision(const std::string& name, const std::string& version, Revision revision);
  Result<TagPtr> TagRevision(const std::string& name, const std::string& tag, Revision revision);
  /// Valid until the next change of a policy.
  Result<const conflict::PolicySet*> Policies() { return rare_.Policies(ViewOf()); }
  Result<const Policy*> PolicyOf(const std::string& glob) { return rare_.PolicyOf(glob, ViewOf()); }
  Result<std::size_t> PolicyCount() { return rare_.PolicyCount(ViewOf()); }
  Result<ParkedPtr> Parked(const ConflictId& id) { return rare_.Parked(id, ViewOf()); }

  /// Every lease that was granted and not ended. In memory, whole.
  const lease::Table& leases() const { return leases_; }

  void Begin();
  void GrantLease(model::LeaseRow row);
  void EndLease(Lsn id, model::EffectKind kind);
  /// In the memory of the slots' rows: to be given to a slot, or dropped, on this thread.
  model::PackedEntry Pack(const ArtifactEntry& row) { return model::PackedEntry(row, entries_.row_memory()); }
  /// The next revision of a key that was asked for before. `row`: the same, packed by Pack.
  void PutEntry(const ArtifactEntry& entry, model::PackedEntry row, EntryHeads::Slot& slot);
  void PutEntry(const ArtifactEntry& entry) {
    PutEntry(entry, Pack(entry), entries_.At(EntryKey(entry.name, entry.version)));
  }
  void PutTag(TagEntry tag, const TagEntry* replaced);
  void PutRequest(model::RequestRow row);
  /// Policies must have been asked for in this batch.
  void SetPolicy(Policy policy) { rare_.SetPolicy(std::move(policy), state_hash_); }
  void DeletePolicy(const std::string& glob) { rare_.DeletePolicy(glob, state_hash_); }
  void Park(ParkedConflict conflict) { rare_.Park(std::move(conflict), state_hash_); }
  void Resolve(const ParkedConflict& conflict, Lsn lsn) { rare_.Resolve(conflict, lsn, state_hash_); }
  /// Forgets request ids recorded below `lsn`. Not staged: the caller has everything applied and read
  /// the rows from the index; `sum` is the sum of their hashes.
  void PruneRequests(Lsn below, const base::Hash128& sum);
  void Accept() {
    undo_.clear();
    rare_.Accept();
  }
  void Rollback();

  /// Takes over what another committer did; `state_hash` is the frame's.
  void Replay(const std::vector<model::CommittedTxn>& txns, const base::Hash128& state_hash);
  /// Starts anew at a position whose state hash and leases are given: everything up to it is in that index generation.
  void Reset(const base::Hash128& state_hash, const index::Generation& generation, std::vector<model::LeaseRow> leases);
  /// Nothing is known: Reset, before anything else.
  void Clear();
  /// Rows are read from this one only: what the cache has dropped is in it, and need not be in another yet.
  const index::Generation& generation() const { return generation_; }
  /// Ends the index view that reads of this batch shared, and drops cached rows and heads when there are many.
  void EndBatch();

  const base::Hash128& state_hash() const { return state_hash_; }
  std::uint64_t index_reads() const { return index_reads_; }

 private:
  Result<index::IndexReader*> View();
  RareHeads::ViewOf ViewOf() {
    return [this] { return View(); };
  }
  Status ForEachUnapplied(const index::IndexReader& view,
                          const std::function<bool(const model::CommittedTxn&, const model::Effect&)>& visit);
  /// Valid until the next call.
  const std::string& EntryKey(const std::string& name, const std::string& version) {
    return key_.assign(name).append(1, ':').append(version);
  }
  Result<EntryPtr> ReadEntry(const std::string& name, const std::string& version, EntryHeads::Slot* slot);
  static std::string TagKey(const std::string& name, const std::string& tag) { return name + '@' + tag; }

  struct UndoEntry {
    EntryHeads::Slot* slot;
    EntryHead head;
    model::PackedEntry row;
  };
  struct UndoTag {
    std::string key;
    TagPtr before;
  };
  struct UndoRequest {
    std::string key;
  };
  struct UndoLease {
    Lsn id;
    std::optional<model::LeaseRow> before;  // nullopt: it was granted
  };

  const Context& context_;
  IndexPool& pool_;
  std::optional<IndexPool::Lease> view_;
  EntryHeads entries_;
  std::string key_;                     // of the entry that is looked for
  std::map<std::string, TagPtr> tags_;  // ordered: TagsOf looks at one name's tags
  std::unordered_map<std::string, RequestPtr> requests_;
  std::unordered_map<std::string, EntryPtr> entry_revisions_;  // key and revision; superseded ones only
  RareHeads rare_;
  lease::Table leases_;
  std::vector<std::variant<UndoEntry, UndoTag, UndoRequest, UndoLease>> undo_;
  index::Generation generation_;
  base::Hash128 state_hash_;
  base::Hash128 state_hash_before_;
  std::size_t sweep_tags_at_ = 0, sweep_requests_at_ = 0;
  std::uint64_t index_reads_ = 0;
};

}  // namespace tenure::commit
