// Who waits for whom: the requests that are queued, the leases they hold meanwhile, and the circles among them.
//
// A request waits for the holders of every lease in its way, and for every earlier request that conflicts with it.
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

/// A request in the queue.
struct Waiter {
  std::uint64_t ticket = 0;  ///< Lower is earlier.
  std::vector<Scope> scopes;
  LeaseMode mode = LeaseMode::kExclusive;
  std::vector<Lsn> holds;
  std::string name;  ///< For messages: "pid 42 (purpose)".
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
