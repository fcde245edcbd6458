// Decides one transaction against the current rows: effects, or why not. The only place where a
// request becomes effects; replay never comes here.
//
// Time is an argument. Reads go through Heads; nothing else is touched.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "conflict/rules.h"
#include "store/commit/heads.h"
#include "store/model/effect.h"
#include "tenure/options.h"
#include "tenure/transaction.h"

namespace tenure::commit {

/// A transaction on its way: normalised operations and what they carry.
struct Request {
  std::vector<Operation> operations;
  std::string writer;
  std::uint32_t uid = 0;
  std::string request_id;
  base::Hash128 body_hash;
  /// Unset: the policy of each key decides.
  std::optional<ConflictStrategy> on_conflict;
  /// OutcomeOf: answer for request_id, or journal it as cancelled.
  bool asks_outcome = false;
};

struct Decision {
  /// The answer is this error. No effect; only a cancelled request id is journaled with one.
  std::optional<Error> rejected;
  Receipt receipt;                         ///< When not rejected.
  std::optional<model::CommittedTxn> txn;  ///< To be journaled under its LSN; absent: nothing to journal.
};

/// For stores without leases: none is ever presented.
conflict::LeaseState NoLease(const Operation& op);

/// `lsn` is what the transaction gets if it is journaled, `time_ms` the batch's commit time, `lease_of` says what the
/// leases that were presented are worth at that time. A failed Result means that the index could not be read; the
/// heads are unchanged then.
Result<Decision> Decide(Heads& heads, const Request& request, Lsn lsn, TimeMs time_ms,
                        const conflict::LeaseOf& lease_of = NoLease);

}  // namespace tenure::commit
