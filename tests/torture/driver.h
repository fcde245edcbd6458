// Makes the calls of a run, each recorded before and behind. Used by the workers and, between phases, by the one who
// checks. For one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tenure/lease.h"
#include "tenure/store.h"
#include "tests/torture/record.h"

namespace tenure::torture {

/// A lease that this process was granted, by its number. It is kept a while after it was lost.
struct Held {
  std::uint32_t scope = 0;
  std::uint64_t ttl_ms = 0;
  std::string token;
};

/// What a receipt says, for the record of a write.
void Fill(Record& record, const Receipt& receipt);

class Driver {
 public:
  using Sink = std::function<void(const Record& record, bool returned)>;
  Driver(Store store, std::uint64_t process, Sink sink)
      : store_(std::move(store)), process_(process), sink_(std::move(sink)) {}

  Record Write(Kind kind, std::uint32_t key, Condition condition, std::uint64_t revision, std::uint64_t lease);
  /// Several unconditional puts on their way at once. False: they were not committed in the order submitted.
  bool Burst(const std::vector<std::uint32_t>& keys);
  Record Read(Kind kind, std::uint32_t key, std::uint64_t at = 0);
  /// Operations on cells of a group, all or none, under a lease or 0.
  Record Transact(std::uint32_t group, std::vector<CellOp> ops, std::uint64_t lease);
  /// Several such transactions, without leases, on their way at once. False: as above.
  bool TransactBurst(std::uint32_t group, const std::vector<std::vector<CellOp>>& transactions);
  /// One cell of a group; all its entries, all its tags.
  Record LookCell(std::uint32_t group, std::uint32_t cell);
  Record LookEntries(std::uint32_t group, Level level, Lsn at = 0);
  Record LookTags(std::uint32_t group, Level level, Lsn at = 0);
  Record Acquire(std::uint32_t scope, std::uint64_t ttl_ms, bool bound, std::uint64_t wait_ms, bool shared = false);
  Record Renew(std::uint64_t lease);
  Record Release(std::uint64_t lease);
  /// `lsn` is the store's number of it.
  Record Break(std::uint32_t scope, std::uint64_t lease, std::uint64_t lsn);
  Record Compact(Lsn before_lsn);
  /// Asks what became of a write that nobody was told about; one that did not happen never will from here on.
  void Settle(Record& record);

  std::map<std::uint64_t, Held>& held() { return held_; }
  Store& store() { return store_; }

 private:
  Record Begin(Kind kind, std::uint32_t object, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0,
               std::vector<CellOp> ops = {});
  void End(Record& record, const std::string& code);
  /// What the answer says more than its code.
  void Complain(const Record& record, const Error& error);
  template <class T>
  void End(Record& record, const Result<T>& result) {
    // Those that are a failure of the run, in most cases: the message says more than the code.
    const int status = result.ok() ? 0 : ExitCode(result.error().code);
    if (status == 1 || status == 13 || (status != 0 && result.error().code == ErrorCode::kCompacted)) {
      Complain(record, result.error());
    }
    End(record, result.ok() ? std::string("ok") : std::string(ErrorCodeName(result.error().code)));
  }
  CommitOptions OptionsOf(const Record& record) const;
  /// Waits for all, in order.
  bool WaitFor(std::vector<std::pair<Record, Result<Ticket>>> calls);

  Store store_;
  std::uint64_t process_;
  Sink sink_;
  std::uint64_t calls_ = 0;
  std::map<std::uint64_t, Held> held_;
};

}  // namespace tenure::torture
