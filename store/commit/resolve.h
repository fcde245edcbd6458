// Takeover, last step: what the lanes had in flight under the old epoch.
//
// The journal is sealed, every head is stamped with the new epoch. For each slot:
//   in the journal                         pop over it, answer it with its outcome
//   popped, pending, not in the journal    some committer rejected it and never said so: "not applied",
//                                          and its writer submits it again
//   not popped, not in the journal         stays where it is and is committed normally
// so that every operation takes effect exactly once. For operations in the double buffer the same, where "popped" is
// said by their places (store/ingest/answer_bank.h).
#pragma once

#include "store/commit/commit_lease.h"
#include "store/commit/context.h"
#include "store/ingest/registry.h"
#include "store/model/effect.h"
#include "tenure/transaction.h"

namespace tenure::commit {

/// Resolves everything behind the resolved word. kClosed when a higher epoch has come in between.
Status ResolveLanes(const Context& context, ingest::Registry& registry, CommitLease& lease, const Claim& claim);

/// The receipt of a transaction as the journal tells it.
Receipt ReceiptOf(const model::CommittedTxn& txn);

}  // namespace tenure::commit
