// Judges a phase of a run, when all is quiet: were the calls of each key and of each lease scope linearizable; is the
// order of LSNs a linearization; is everything that was acknowledged in the log once, at its LSN, and nothing else; did
// reads of every level see what was there. What a phase leaves is what the next one starts from. For one thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "tenure/types.h"
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

class Audit {
 public:
  /// When a process died, 0: it lives; how long before a call its batch may have been decided.
  Audit(std::function<std::uint64_t(std::uint64_t process)> dead_since, std::uint64_t commit_ttl_ms)
      : dead_since_(std::move(dead_since)), grant_slack_ns_((commit_ttl_ms + 5) * 1'000'000) {}

  /// What is wrong; empty: nothing.
  std::vector<std::string> Judge(Phase phase);

  std::uint64_t calls_checked() const { return calls_checked_; }
  std::uint64_t steps() const { return steps_; }
  Lsn last_lsn() const { return last_lsn_; }

 private:
  struct Row {
    Lsn lsn = 0;
    linear::KeyModel::State state;
  };
  using KeyCalls = std::vector<linear::Call<linear::KeyModel>>;
  using LeaseCalls = std::vector<linear::Call<linear::LeaseModel>>;

  void ReadLog(const Phase& phase);
  void ReadRow(const Event& event, const std::unordered_map<std::uint64_t, const Record*>& known);
  void ReadLease(const Event& event);
  void ReplayLease(std::uint32_t scope, Lsn lsn, const linear::LeaseModel::Input& input, std::uint64_t token);
  void CheckAnswers(const Phase& phase);
  void CheckReads(const Phase& phase);
  void CheckRead(const Record& read);
  void JudgeKey(std::uint32_t key, const Phase& phase);
  void JudgeScope(std::uint32_t scope, const Phase& phase);
  void AddLeaseCall(const Record& record, const Phase& phase, LeaseCalls& calls);
  void AddExpiry(std::uint64_t lease, std::uint64_t deadline, LeaseCalls& calls);
  template <class Model>
  void Decide(const std::string& what, const std::vector<linear::Call<Model>>& calls,
              const typename Model::State& initial);
  void Forget();
  void Complain(std::string text) {
    // One defect shows many times: some of each kind are enough.
    if (complaints_left_ == 0) return;
    --complaints_left_;
    problems_.push_back(std::move(text));
  }

  std::function<std::uint64_t(std::uint64_t)> dead_since_;
  std::uint64_t grant_slack_ns_;
  std::array<linear::KeyModel::State, kKeys> keys_;         // as the log tells, at the end of the phase
  std::array<linear::KeyModel::State, kKeys> keys_before_;  // and at its beginning
  std::array<linear::LeaseModel::State, kScopes> scopes_, scopes_before_;
  std::array<std::vector<Row>, kKeys> rows_;  // of the last two phases, and one before
  std::array<std::size_t, kKeys> rows_at_phase_{};
  std::unordered_map<std::uint64_t, Lsn> written_;  // of this phase, by the call's id
  std::unordered_map<std::uint64_t, Lsn> granted_;
  std::map<Lsn, std::pair<std::uint32_t, std::uint64_t>> lease_of_;  // scope and number, by LSN of the grant
  std::map<std::uint64_t, Record> unknown_acquires_;  // of processes that died: they may still be granted
  Lsn last_lsn_ = 0;
  std::uint64_t calls_checked_ = 0, steps_ = 0;
  std::vector<std::string> problems_;
  int complaints_left_ = 0;  // of the check that is under way
};

}  // namespace tenure::torture
