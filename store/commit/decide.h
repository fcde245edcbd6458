// Decides one transaction against the current rows: effects, or why not. The only place where a
// request becomes effects; replay never comes here.
//
// Time is an argument, and what leases are in time the desk says. Reads go through Heads; nothing else is touched.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "conflict/rules.h"
#include "store/commit/heads.h"
#include "store/commit/lease_desk.h"
#include "store/commit/operation_list.h"
#include "store/model/effect.h"
#include "tenure/options.h"
#include "tenure/transaction.h"

namespace tenure::commit {

/// A transaction on its way: normalised operations and what they carry.
struct Request {
  OperationList operations;
  std::string writer;
  std::uint32_t uid = 0;
  std::string request_id;
  base::Hash128 body_hash;
  /// Unset: the policy of each key decides.
  std::optional<ConflictStrategy> on_conflict;
  /// What the transaction presents.
  std::vector<PresentedLease> leases;
  /// Instead of operations. Shared: a request is copied into its lane, and most have none.
  std::shared_ptr<const LeaseAction> lease_action;
  /// OutcomeOf: answer for request_id, or journal it as cancelled.
  bool asks_outcome = false;
  /// Not part of what is encoded. Its turn has come before: it was refused, or found to change nothing, by a committer
  /// that never said so, and what its thread submitted after it may be committed by now. It must not come behind that:
  /// it is decided again for its answer, and changes nothing.
  bool late = false;
};

struct Decision {
  /// The answer is this error. Journaled with one: a cancelled request id, or the end of a lease that was over.
  std::optional<Error> rejected;
  Receipt receipt;         ///< When not rejected.
  bool journaled = false;  ///< There is a transaction to be journaled under its LSN.
};

/// `lsn` is what the transaction gets if it is journaled, `time_ms` the batch's commit time. A failed
/// Result means that the index could not be read; the heads are unchanged then. The transaction goes into `txn`,
/// whatever that was: its memory is used again. It holds anything when nothing is to be journaled.
Result<Decision> Decide(Heads& heads, LeaseDesk& desk, const Request& request, Lsn lsn, TimeMs time_ms,
                        model::CommittedTxn& txn);

}  // namespace tenure::commit
