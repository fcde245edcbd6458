// Judges a phase of a run, when all is quiet: were the calls of each key, of each group of cells that transactions
// change together, and of each domain of lease scopes linearizable; is the order of LSNs a linearization; is everything
// that was acknowledged in the log once, whole, at its LSN, and nothing else; did reads of every level see what was
// there. What a phase leaves is what the next one starts from. For one thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "tenure/types.h"
#include "tests/linear/group_model.h"
#include "tests/linear/key_model.h"
#include "tests/linear/lease_model.h"
#include "tests/linear/wgl.h"
#include "tests/torture/record.h"

namespace tenure::torture {

struct Phase {
  std::vector<Record> records;  ///< Of everybody. The last ones read each key and take and release each scope.
  std::vector<Event> events;    ///< Committed since the phase before.
  std::uint64_t ended = 0;      ///< When all was quiet.
};

struct AuditOptions {
  /// When a process died; 0: it lives.
  std::function<std::uint64_t(std::uint64_t process)> dead_since;
  /// How long before a call its batch may have been decided.
  std::uint64_t commit_ttl_ms = 1'000;
  /// Somebody has the store open all the time: nothing but a renewal gives a lease more time than it was granted.
  bool always_open = false;
};

/// What the log held so far.
struct LogCounts {
  std::uint64_t group_transactions = 0;
  std::uint64_t group_effects = 0;
  std::uint64_t several_effects = 0;  ///< Transactions with more than one.
  std::uint64_t grants = 0, shared_grants = 0;
  std::uint64_t expiries = 0;
};

class Audit {
 public:
  explicit Audit(AuditOptions options)
      : options_(std::move(options)), slack_ns_((options_.commit_ttl_ms + 5) * 1'000'000) {}

  /// What is wrong; empty: nothing.
  std::vector<std::string> Judge(Phase phase);

  std::uint64_t calls_checked() const { return calls_checked_; }
  std::uint64_t steps() const { return steps_; }
  Lsn last_lsn() const { return last_lsn_; }
  const LogCounts& counts() const { return counts_; }

 private:
  template <class State>
  struct At {
    Lsn lsn = 0;
    State state;
  };
  /// States of one object, by LSN: of the last two phases, and one before.
  template <class State>
  struct Past {
    std::vector<At<State>> rows;
    std::size_t at_phase = 0;
    /// The last one up to an LSN; null: older than what is remembered.
    const At<State>* UpTo(Lsn lsn) const;
    void Forget();
  };
  struct Granted {
    std::uint32_t scope = 0;
    std::uint64_t lease = 0;
  };
  using Known = std::unordered_map<std::uint64_t, const Record*>;
  using LeaseCalls = std::vector<linear::Call<linear::LeaseModel>>;

  // log.cc: the log alone, in the order of LSNs.
  void ReadLog(const Phase& phase);
  void ReadTransaction(std::span<const Event> events, const Known& known);
  void ReadWrite(std::span<const Event> rows, const Record& call);
  void ReadKeyWrite(std::span<const Event> rows, const Record& call);
  void ReadGroupWrite(std::span<const Event> rows, const Record& call);
  void ReadLease(const Event& event, const Known& known);
  void ReadGrant(const Event& event, const Known& known);
  void ReplayLease(std::uint32_t domain, Lsn lsn, const linear::LeaseModel::Input& input, std::uint64_t token);
  // audit.cc: what the callers were told, against the log; and each object's calls.
  void CheckAnswers(const Phase& phase);
  void CheckReads(const Phase& phase);
  void CheckRead(const Record& read);
  void CheckLook(const Record& read);
  void JudgeKey(std::uint32_t key, const Phase& phase);
  void JudgeGroup(std::uint32_t group, const Phase& phase);
  // leases.cc: each domain of scopes.
  void JudgeDomain(std::uint32_t domain, const Phase& phase);
  void AddLeaseCall(const Record& record, const Phase& phase, LeaseCalls& calls);
  void AddAcquire(const Record& record, const Phase& phase, LeaseCalls& calls);
  void AddOfLease(const Record& record, LeaseCalls& calls);
  void AddWrite(const Record& record, LeaseCalls& calls);
  void AddExpiry(std::uint64_t lease, std::uint64_t deadline, LeaseCalls& calls);

  template <class Model>
  void Decide(const std::string& what, const std::vector<linear::Call<Model>>& calls,
              const typename Model::State& initial) {
    const linear::Verdict verdict = linear::Check(calls, initial);
    calls_checked_ += calls.size();
    steps_ += verdict.steps;
    if (verdict.linearizable) return;
    if (!verdict.decided) return Complain(what + ": the search took too long; the phase is too long");
    const auto small = linear::Shrink(calls, initial);
    Complain(what + ": not linearizable. Of " + std::to_string(calls.size()) + " calls these have no order:\n" +
             linear::Text(small));
  }
  void Complain(std::string text) {
    // One defect shows many times: some of each kind are enough.
    if (complaints_left_ == 0) return;
    --complaints_left_;
    problems_.push_back(std::move(text));
  }

  AuditOptions options_;
  std::uint64_t slack_ns_;
  // As the log tells, at the end of the phase, and at its beginning.
  std::array<linear::KeyModel::State, kKeys> keys_, keys_before_;
  std::array<linear::GroupModel::State, kGroups> groups_, groups_before_;
  std::array<linear::LeaseModel::State, kDomains> domains_, domains_before_;
  std::array<Past<linear::KeyModel::State>, kKeys> past_keys_;
  std::array<Past<linear::GroupModel::State>, kGroups> past_groups_;
  std::unordered_map<std::uint64_t, Lsn> written_;  // of this phase, by the call's id
  std::unordered_map<std::uint64_t, Lsn> granted_;
  std::map<Lsn, Granted> lease_of_;                   // by LSN of the grant
  std::map<std::uint64_t, Record> unknown_acquires_;  // of processes that died: they may still be granted
  Lsn last_lsn_ = 0;
  std::uint64_t calls_checked_ = 0, steps_ = 0;
  LogCounts counts_;
  std::vector<std::string> problems_;
  int complaints_left_ = 0;  // of the check that is under way
};

template <class State>
const Audit::At<State>* Audit::Past<State>::UpTo(Lsn lsn) const {
  const auto behind = std::upper_bound(rows.begin(), rows.end(), lsn,
                                       [](Lsn sought, const At<State>& row) { return sought < row.lsn; });
  return behind == rows.begin() ? nullptr : &*(behind - 1);
}

template <class State>
void Audit::Past<State>::Forget() {
  const std::size_t keep_from = at_phase > 0 ? at_phase - 1 : 0;
  rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(keep_from));
  at_phase = rows.size();
}

}  // namespace tenure::torture
