// Checks of leases that are content with the product, and object to its seeded defects.
#pragma once

#include "tests/sim/history.h"

namespace tenure::sim {

/// A write under a lease that has expired is refused.
Violations AnExpiredLeaseEntitlesNobody();
/// A write that presents the number of a lease and another secret is refused.
Violations AnotherSecretEntitlesNobody();
/// A write without a lease is refused where somebody holds one.
Violations ALeaseKeepsOthersAway();

}  // namespace tenure::sim
