// The transactions of the simulations, and what a store must hold after some of them.
//
// Transaction `i` is the same in every run. What was tried and what was acknowledged stands in the
// trace of a run as marks, in order with the writes and syncs:
//
//   "created"            Store::Create returned
//   "submit <i>"         transaction i is about to be committed
//   "ack <i> <lsn>"      it was acknowledged
//
// Checks answer with a list of violations, in words; empty means that all is well. They are no
// assertions, because the tests of seeded bugs need them to fail.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "store/base/recording_env.h"
#include "tenure/store.h"

namespace tenure::sim {

using Violations = std::vector<std::string>;
/// One per line, for messages.
std::string Joined(const Violations& violations);

struct Planned {
  Transaction txn;
  std::string request_id;  ///< Two of three have one.
  std::string effects;     ///< What the log must show of it, as text.
};
/// `large`: most transactions have 20 KiB and more, so that segments fill up.
Planned Plan(int i, bool large);

struct Expected {
  bool created = false;
  bool large = false;
  std::set<int> submitted;
  std::map<int, Lsn> acknowledged;
};
/// What the marks among the first `steps` of a trace promise.
Expected ExpectedAt(const base::Trace& trace, std::size_t steps, bool large);
/// Writes the marks that promise `expected`.
void MarkAll(base::RecordingEnv& env, const Expected& expected);

/// Commits transaction i between its marks.
Result<Receipt> CommitPlanned(Store& store, base::RecordingEnv& env, int i, bool large);

/// Every acknowledged transaction is in the log exactly once, whole, at its LSN; everything else
/// there was submitted and is whole and there once; LSNs are dense. `found`: what is there.
Violations CheckLog(const Store& store, const Expected& expected, std::map<int, Lsn>* found = nullptr);

/// Every acknowledged transaction's row is there, with its content: also what compaction has taken out of the log.
Violations CheckRowsOf(const Store& store, const Expected& expected);

/// recovery::Verify of the store in `root` (a .tenure directory). Nobody may have it open.
/// `deep`: every row is compared with those of a replay.
Violations CheckVerify(base::Env& env, const std::string& root, bool deep = false);

/// A number from the environment.
std::uint64_t NumberFromEnvironment(const char* name, std::uint64_t otherwise);

}  // namespace tenure::sim
