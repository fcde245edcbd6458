// Who waits for whom: the requests that are queued, the leases they hold meanwhile, and the circles among them.
//
// A request waits for the holders of every lease in its way, and for every earlier request that conflicts with it. A
// write waits for the holders of the leases that cover its keys, but for those that it presents, and behind nobody.
// A lease has a holder in the graph when some queued request says that it holds it (its own process's leases, and
// those whose tokens it presents); any other lease is simply going to end. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lease/table.h"

namespace tenure::lease {

/// What waits. kBell: a write of too much to tell; any change of leases may be the one, and it is in no circle.
enum class WaiterKind : std::uint8_t { kAcquire = 0, kWrite, kBell };

/// A request in the queue, or a write that waits for leases of others to end.
struct Waiter {
  WaiterKind kind = WaiterKind::kAcquire;
  std::uint64_t ticket = 0;  ///< Lower is earlier.
  std::vector<Scope> scopes;
  LeaseMode mode = LeaseMode::kExclusive;
  std::vector<Lsn> holds;     ///< Includes what it presents.
  std::vector<Lsn> presents;  ///< kWrite: leases that are not in its way.
  std::string name;           ///< For messages: "pid 42 (purpose)".
};

/// A waiter as it stands in shared memory; between processes of one layout version.
void EncodeWaiter(const Waiter& waiter, base::Bytes& out);
/// Trusts nothing; the ticket is not part of it.
std::optional<Waiter> DecodeWaiter(base::ByteView bytes);

bool Conflict(const Waiter& a, const Waiter& b);

/// The circle that the waiter with ticket `from` is part of, as text: "pid 1 waits for lease 7 (a), held by pid 2; …".
/// nullopt: none. Only leases that stand count.
std::optional<std::string> FindCircle(const Table& table, std::span<const Waiter> waiters, std::uint64_t from,
                                      const StandingOf& standing);

}  // namespace tenure::lease
