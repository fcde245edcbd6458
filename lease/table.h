// The leases of a store that were granted and have not been ended, and the decisions about them.
//
// Decisions are pure: the table, what is asked, and what a clock and a look at processes say of a lease (Standing)
// go in; what is to be done comes out. Whoever decides applies it with Add and End, and takes it back the same way.
//
//                 Add                       End
//   (not there) ──────▶ granted ──────────────────────────▶ ended (remembered for a while, for messages)
//                          │ Standing: open, until its deadline has passed, it was closed, or its process died
//
// One thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "lease/scope.h"
#include "store/model/effect.h"

namespace tenure::lease {

/// What a lease is worth at the time of a decision.
enum class Standing : std::uint8_t { kOpen, kExpired, kOrphaned };
using StandingOf = std::function<Standing(const model::LeaseRow&)>;

/// A lease, and the effect that is to end it.
struct Ending {
  Lsn id = 0;
  model::EffectKind kind = model::EffectKind::kExpireLease;
  friend bool operator==(const Ending&, const Ending&) = default;
};

class Table {
 public:
  struct Ended {
    model::EffectKind kind;
    std::vector<Scope> scopes;
  };

  const model::LeaseRow* Find(Lsn id) const;
  /// Its scopes, parsed; only for a lease that Find finds.
  const std::vector<Scope>& ScopesOf(Lsn id) const;
  /// How a lease ended, while it is remembered.
  const Ended* FindEnded(Lsn id) const;
  void Add(model::LeaseRow row);
  /// Gives the row back, for undoing: Add.
  model::LeaseRow End(Lsn id, model::EffectKind kind);
  /// Undoes Add.
  void Remove(Lsn id) { (void)TakeOut(id); }
  void Clear();
  std::size_t size() const { return leases_.size(); }
  bool empty() const { return leases_.empty(); }
  /// The lowest row of shared memory that no lease has, and that `usable` accepts, if there is one that it does;
  /// nullopt when all have one.
  std::optional<std::uint32_t> FreeSlot(const std::function<bool(std::uint32_t slot)>& usable = nullptr) const;

  /// Leases that keep one of `mode` on `scopes` from being granted, by id.
  std::vector<Lsn> InTheWay(std::span<const Scope> scopes, LeaseMode mode) const;
  /// Leases that cover a key or a tag, by id.
  std::vector<Lsn> Covering(const Scope& key) const;
  void ForEach(const std::function<void(const model::LeaseRow&)>& visit) const;

 private:
  struct Lease {
    model::LeaseRow row;
    std::vector<Scope> scopes;
  };
  Lease TakeOut(Lsn id);
  void AppendAt(const std::string& text, std::vector<Lsn>& to) const;
  void AppendAbove(const Scope& scope, std::vector<Lsn>& to) const;
  void AppendBelow(const std::string& prefix, std::vector<Lsn>& to) const;

  std::map<Lsn, Lease> leases_;
  std::map<std::string, std::vector<Lsn>> by_scope_;  // ordered: what is below a scope is one or two ranges
  std::vector<bool> slots_used_;
  std::size_t slot_hint_ = 0;  // no lower one is free
  std::unordered_map<Lsn, Ended> ended_;
  std::deque<Lsn> ended_order_;
};

/// May a lease be granted?
struct AcquireVerdict {
  std::vector<Ending> endings;  ///< To be ended first, when it is granted.
  std::optional<Lsn> held_by;   ///< The lease that is in the way.
};
AcquireVerdict JudgeAcquire(const Table& table, std::span<const Scope> scopes, LeaseMode mode,
                            const StandingOf& standing);

/// A lease that a transaction presents.
struct Presented {
  Lsn id = 0;
  bool secret_fits = false;
  /// It applies where it covers; otherwise every key must be covered by one that does not.
  bool ambient = false;
};

/// May a transaction write these keys?
struct WriteVerdict {
  std::vector<Ending> endings;  ///< To be ended first, when it is committed.
  enum class Kind : std::uint8_t {
    kAllowed,
    kHeld,         ///< `id` covers `key`, and was not presented.
    kUnknown,      ///< `id` was presented: not held, or the secret is another.
    kExpired,      ///< `id` was presented, and has expired or lost its process.
    kFenced,       ///< The same, and lease `other` covers `key` since.
    kBroken,       ///< `id` was presented, and was broken.
    kNotCovering,  ///< None of those presented covers `key`.
    kShared,       ///< `id` was presented; it is shared, and entitles nobody to write.
  } kind = Kind::kAllowed;
  Lsn id = 0;
  Lsn other = 0;
  std::string key;
};
WriteVerdict JudgeWrite(const Table& table, std::span<const Scope> keys, std::span<const Presented> presented,
                        const StandingOf& standing);

/// Is `key` covered by a presented, exclusive lease that is held and stands? What a policy that requires one asks.
bool CoveredExclusively(const Table& table, const Scope& key, std::span<const Presented> presented,
                        const StandingOf& standing);

}  // namespace tenure::lease
