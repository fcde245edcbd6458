// Values that have a bit of everything, for seeds; and checksums of the journal made good.
#pragma once

#include <span>
#include <vector>

#include "store/base/hash.h"
#include "store/model/effect.h"
#include "tenure/transaction.h"

namespace tenure::fuzz {

/// One transaction per kind of effect, LSNs from `first_lsn` on.
std::vector<model::CommittedTxn> SampleTxns(Lsn first_lsn);
/// One valid operation per kind, normalised.
std::vector<Operation> SampleOperations();
std::string Digest(char digit);

/// Makes the CRCs of the frame at the start of `bytes` good; depending on its content its chain hash too, and that it
/// continues `prev_chain`.
void MendFrame(std::span<std::byte> bytes, std::uint64_t salt, const base::Hash256& prev_chain);

}  // namespace tenure::fuzz
