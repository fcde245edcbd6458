// Makes the calls of a run, each recorded before and behind. Used by the workers and, between phases, by the one who
// checks. For one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
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

class Driver {
 public:
  using Sink = std::function<void(const Record& record, bool returned)>;
  Driver(Store store, std::uint64_t process, Sink sink)
      : store_(std::move(store)), process_(process), sink_(std::move(sink)) {}

  Record Write(Kind kind, std::uint32_t key, Condition condition, std::uint64_t revision, std::uint64_t lease);
  /// Several unconditional puts on their way at once. False: they were not committed in the order submitted.
  bool Burst(const std::vector<std::uint32_t>& keys);
  Record Read(Kind kind, std::uint32_t key, std::uint64_t at = 0);
  Record Acquire(std::uint32_t scope, std::uint64_t ttl_ms, bool bound, std::uint64_t wait_ms);
  Record Renew(std::uint64_t lease);
  Record Release(std::uint64_t lease);
  /// `lsn` is the store's number of it.
  Record Break(std::uint32_t scope, std::uint64_t lease, std::uint64_t lsn);
  Record Compact(Lsn before_lsn);

  std::map<std::uint64_t, Held>& held() { return held_; }
  Store& store() { return store_; }

 private:
  Record Begin(Kind kind, std::uint32_t object, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0);
  void End(Record& record, const std::string& code);
  template <class T>
  void End(Record& record, const Result<T>& result);

  Store store_;
  std::uint64_t process_;
  Sink sink_;
  std::uint64_t calls_ = 0;
  std::map<std::uint64_t, Held> held_;
};

}  // namespace tenure::torture
