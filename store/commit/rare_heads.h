// The part of the heads that few transactions touch: policies, and conflicts parked or resolved since the index was
// applied. Used only by Heads, whose staging it follows: changes, then Accept or Rollback.
//
// All policies are held once they are asked for: they are few, and every operation is decided by them. Until then,
// what was replayed is remembered, to be put over what the index says.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "conflict/policies.h"
#include "store/base/hash.h"
#include "store/index/index.h"
#include "store/model/effect.h"

namespace tenure::commit {

using ParkedPtr = std::shared_ptr<const ParkedConflict>;

class RareHeads {
 public:
  /// The index as this batch sees it.
  using ViewOf = std::function<Result<index::IndexReader*>()>;

  Result<const conflict::PolicySet*> Policies(const ViewOf& view);
  /// The policy of exactly this glob; null when there is none.
  Result<const Policy*> PolicyOf(const std::string& glob, const ViewOf& view);
  Result<std::size_t> PolicyCount(const ViewOf& view);
  /// Null when there is none, or none any more.
  Result<ParkedPtr> Parked(const ConflictId& id, const ViewOf& view);

  /// Changes. Policies must have been asked for before; `sum` is the state hash.
  void SetPolicy(Policy policy, base::Hash128& sum);
  void DeletePolicy(const std::string& glob, base::Hash128& sum);
  void Park(ParkedConflict conflict, base::Hash128& sum);
  void Resolve(const ParkedConflict& conflict, Lsn lsn, base::Hash128& sum);
  void Accept() { undo_.clear(); }
  void Rollback();

  /// Effect number `index` of `txn`, of another committer. Others than those on policies and conflicts are ignored.
  void Replay(const model::CommittedTxn& txn, std::size_t index);
  void Reset();
  void DropApplied(Lsn applied);

 private:
  struct PolicyChange {
    Lsn lsn = 0;
    std::string glob;
    std::optional<Policy> after;
  };
  struct ParkedSlot {
    Lsn lsn = 0;    // of the change
    ParkedPtr row;  // null: resolved
  };
  struct UndoPolicy {
    std::string glob;
    std::optional<Policy> before;
  };
  struct UndoParked {
    ConflictId id;
    std::optional<ParkedSlot> before;
  };

  Status Load(const ViewOf& view);
  void Put(const std::string& glob, std::optional<Policy> policy);
  void Put(const ConflictId& id, ParkedSlot slot);

  std::optional<std::map<std::string, Policy>> policies_;
  std::optional<conflict::PolicySet> compiled_;  // of policies_, made when asked for
  std::vector<PolicyChange> replayed_;           // while policies_ is not loaded
  std::map<ConflictId, ParkedSlot> parked_;
  std::vector<std::variant<UndoPolicy, UndoParked>> undo_;
};

}  // namespace tenure::commit
