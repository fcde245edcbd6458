// One transaction being decided: its operations one after the other, each seeing the earlier ones.
//
//   operation ──▶ hard conditions, lease ──▶ base ──current──▶ what policies refuse ──▶ write
//                      │ fails                │ stale               │ refused
//                      ▼                      ▼                     ▼
//                   rejected        strategy: reject, drop,      rejected, or parked
//                                   overwrite, merge, park
//
// A transaction of which anything is parked applies nothing: Finish turns all that it would have written into
// parked conflicts, one per key. Used by Decide only; reads and stages through Heads.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "conflict/rules.h"
#include "store/commit/decide.h"
#include "store/commit/effect_list.h"
#include "store/commit/heads.h"
#include "store/model/effect.h"
#include "store/model/validate.h"

namespace tenure::commit {

/// What one transaction may write: patches of large entries multiply what the request itself holds. Leaves
/// room in a frame for the rest of its batch.
inline constexpr std::size_t kEffectBytesMax = 2 * model::kTxnBytesMax;

class Deciding {
 public:
  /// Where the transaction will stand, if it is journaled.
  struct Place {
    Lsn lsn = 0;
    TimeMs time_ms = 0;
    std::size_t effects_before = 0;  ///< Effects that come before those decided here: ends of leases.
  };
  /// `memory`: where the effects go.
  Deciding(Heads& heads, const Request& request, const conflict::LeaseOf& lease_of, const Place& place,
           std::vector<model::Effect>& memory)
      : heads_(heads),
        request_(request),
        lease_of_(lease_of),
        lsn_(place.lsn),
        time_ms_(place.time_ms),
        effects_before_(place.effects_before),
        effects_(memory) {}

  /// nullopt: goes on. An Error inside the optional: rejected. A failed Result: could not be decided.
  using Step = Result<std::optional<Error>>;

  Step Run(const Operation& op);
  /// Behind the last operation.
  Step Finish();

  /// Leaves them in the memory, and nothing else.
  void CloseEffects() { effects_.Close(); }
  /// More than a frame may carry?
  bool TooLarge() const { return effect_bytes_ > kEffectBytesMax || effects_.size() > model::kTxnEffectsMax; }
  /// Of the whole transaction; once it is finished.
  Outcome outcome() const;
  std::vector<OpResult> results;
  Lsn newest_named_lsn = 0;

 private:
  /// An operation on a key, and what is known of it.
  template <typename Row>
  struct Case {
    const Operation& op;
    const Row* row = nullptr;  // the newest of its key
    conflict::EffectivePolicy policy;
    ConflictStrategy strategy = ConflictStrategy::kReject;
  };
  using EntryCase = Case<ArtifactEntry>;
  using TagCase = Case<TagEntry>;

  /// Why a key is parked; base is that of its row's kind.
  struct Parking {
    ConflictKind kind = ConflictKind::kTogether;
    ConflictStrategy strategy = ConflictStrategy::kPark;
    std::optional<Revision> base_revision;
    std::string reason;
    std::optional<ArtifactEntry> base;
    std::optional<TagEntry> tag_base;
  };

  static Step Go() { return std::optional<Error>(); }
  static Step Reject(std::optional<Error> error) { return error; }

  // deciding.cc: operations on entries and tags that meet no conflict
  Step RunOnEntry(const Operation& op);
  Step RunOnTag(const Operation& op);
  Step ApplyEntry(const EntryCase& c, ArtifactEntry wanted, const std::optional<Revision>& merged_base = {});
  Step ApplyTag(const TagCase& c, TagEntry wanted);
  Result<std::optional<Error>> DeleteTagsOf(const EntryCase& c);
  /// True: it was a put that meets no conflict, and is done.
  Result<bool> PutPlainly(const Operation& op);
  void Write(ArtifactEntry entry, const ArtifactEntry* row, const std::optional<Revision>& merged_base = {});
  void Write(TagEntry tag, const TagEntry* row);
  void Unchanged(Revision revision, Lsn lsn);
  ConflictStrategy StrategyFor(const conflict::EffectivePolicy& policy) const;

  // settling.cc: conflicts
  Step SettleEntry(const EntryCase& c, const Error& stale);
  Step SettleTag(const TagCase& c, const Error& stale);
  Step Overwrite(const EntryCase& c, const Error& stale);
  Step MergeEntry(const EntryCase& c, const Error& stale);
  Step MergeTag(const TagCase& c, const Error& stale);
  Step DropWrite(Revision revision, Lsn lsn);
  Step Refuse(const EntryCase& c, ConflictKind kind, Error error, ArtifactEntry wanted);
  Step ParkEntry(const EntryCase& c, ConflictKind kind, const Error& why, std::optional<ArtifactEntry> ours);
  Step ParkTag(const TagCase& c, ConflictKind kind, const Error& why);
  Result<EntryPtr> BaseOf(const EntryCase& c);
  Step FinishParked();
  Status ParkRow(const ArtifactEntry& ours);
  Status ParkRow(const TagEntry& ours);
  void AddParked(ParkedConflict conflict, std::size_t bytes);

  // deciding_rare.cc: policies, resolutions
  Step SetPolicy(const Operation& op);
  Step DeletePolicy(const Operation& op);
  Step ResolveConflict(const Operation& op);
  Step RunResolution(const Operation& write);
  void AddRare(model::EffectKind kind, model::RareEffect rare);
  /// The number that the next effect will have in its transaction.
  std::uint32_t NextEffect() const { return static_cast<std::uint32_t>(effects_before_ + effects_.size()); }

  Heads& heads_;
  const Request& request_;
  const conflict::LeaseOf& lease_of_;
  const Lsn lsn_;
  const TimeMs time_ms_;
  const std::size_t effects_before_;
  EffectList effects_;
  std::size_t effect_bytes_ = 0;
  bool resolving_ = false;  // within a resolution: nothing is parked again, and no policy names its strategy
  std::map<std::string, Parking> parkings_;
  std::optional<Error> first_parking_;
};

/// Says which entry could not be made.
Error OfEntry(const Operation& op, const char* how, Error error);
/// The members that an operation gives an entry: content, none for a deletion. What else there is in `entry` stays.
void Fill(const Operation& op, ArtifactEntry& entry);
/// What `op` makes of `row`, which is live or null for a put or a delete, and live for a patch.
Result<ArtifactEntry> WantedOf(const Operation& op, const ArtifactEntry* row);
/// The same for a tag.
TagEntry WantedTagOf(const Operation& op);
/// Rough, against limits.
std::size_t BytesOf(const ArtifactEntry& entry);

}  // namespace tenure::commit
