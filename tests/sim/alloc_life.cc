#include "tests/sim/alloc_life.h"

#include <set>
#include <thread>

#include "store/base/guarded.h"
#include "store/recovery/verify.h"
#include "tenure/doctor.h"
#include "tenure/lease.h"
#include "tenure/watch.h"

namespace tenure::sim {
namespace {

constexpr int kAfterwardsNumber = 1'000'000;

/// From a test that allocates what it likes.
template <typename Call>
auto Product(Call&& call) {
  const Products products;
  return call();
}

PutSpec SpecOf(int number, const std::string& prefix) {
  PutSpec spec;
  spec.name = prefix + std::to_string(number);
  spec.version = "1";
  spec.urls = {"https://example.org/a/rather/long/url/" + std::to_string(number)};
  spec.annotations = "{\"id\":" + std::to_string(number) + "}";
  return spec;
}

/// The number in the annotations that SpecOf made; 0: none.
int NumberIn(const ArtifactEntry& entry) {
  const std::size_t at = entry.annotations.find("\"id\":");
  return at == std::string::npos ? 0 : std::atoi(entry.annotations.c_str() + at + 5);
}

CreateOptions SlotsFor(bool crowd) {
  CreateOptions options;
  options.writer_slots = crowd ? 2 : 4;
  return options;
}

}  // namespace

AllocLife::AllocLife(std::string dir, bool crowd) : dir_(std::move(dir)), crowd_(crowd) {
  options_.background = crowd;
  options_.commit_ttl_ms = 60'000;  // so that whoever waits for it is seen
  options_.writer = "sim@sim";
}

int AllocLife::Next() {
  const std::lock_guard lock(mutex_);
  return next_++;
}

void AllocLife::Violation(const std::string& violation) {
  const std::lock_guard lock(mutex_);
  violations_.push_back(violation);
}

bool AllocLife::FineError(const char* what, const Error& error) {
  const bool clean = error.code == ErrorCode::kOutOfMemory || error.code == ErrorCode::kOutcomeUnknown;
  if (!clean || error.message.empty()) {
    Violation(std::string(what) + " failed with " + ErrorCodeName(error.code) + ": " + error.message);
  }
  const std::lock_guard lock(mutex_);
  ++refused_;
  return false;
}

template <typename T>
bool AllocLife::Fine(const char* what, const Result<T>& result) {
  return result.ok() || FineError(what, result.error());
}

void AllocLife::Note(int number, const Result<Receipt>& receipt) {
  Told told;
  if (receipt.ok()) told = {Fate::kAcknowledged, receipt->lsn};
  if (!receipt.ok() && receipt.error().code == ErrorCode::kOutOfMemory) told.fate = Fate::kRefused;
  Fine("commit", receipt);
  const std::lock_guard lock(mutex_);
  told_[number] = told;
}

void AllocLife::Put(Store& store, const CommitOptions& options, const char* prefix) {
  const int number = Next();
  Transaction txn;
  const PutSpec spec = SpecOf(number, prefix);
  txn.Put(spec);
  if (number % 3 == 0) txn.SetTag(spec.name, "last", "1");
  Note(number, Product([&] { return store.Commit(txn, options); }));
}

std::vector<std::pair<int, Lsn>> AllocLife::Acknowledged() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<int, Lsn>> acknowledged;
  for (const auto& [number, told] : told_) {
    if (told.fate == Fate::kAcknowledged) acknowledged.emplace_back(number, told.lsn);
  }
  return acknowledged;
}

/// What reads tell is true, or an error.
void AllocLife::Read(const Store& store) {
  const auto acknowledged = Acknowledged();
  for (const auto& [number, lsn] : acknowledged) {
    const std::string ref = "pkg/" + std::to_string(number) + ":1";
    const auto entry = Product([&] { return store.Get(ref); });
    if (!entry.ok() && entry.error().code == ErrorCode::kNotFound && number % 7 == 0) continue;  // of other prefixes
    if (Fine("get", entry) && (entry->lsn != lsn || NumberIn(*entry) != number)) {
      Violation("get " + ref + " shows LSN " + std::to_string(entry->lsn) + ", " + entry->annotations);
    }
  }
  const auto listed = Product([&] { return store.List(); });
  if (Fine("list", listed)) {
    std::set<int> there;
    for (const ArtifactEntry& entry : *listed) there.insert(NumberIn(entry));
    for (const auto& [number, lsn] : acknowledged) {
      if (!there.contains(number)) Violation("list lacks transaction " + std::to_string(number));
    }
  }
  if (!acknowledged.empty() && acknowledged.front().first == 1) {
    Fine("history", Product([&] { return store.History("pkg/1:1"); }));
  }
  Fine("tags", Product([&] { return store.Tags(); }));
}

void AllocLife::WriteUnderLease(Store& store) {
  AcquireOptions acquire;
  acquire.scopes = {"leased/**"};
  acquire.purpose = "a purpose of some length, to be allocated";
  auto lease = Product([&] { return store.Acquire(acquire); });
  if (!Fine("acquire", lease)) return;
  {
    while (next_ % 7 != 0) ++next_;  // see Read
    CommitOptions options;
    options.lease = &*lease;
    Put(store, options, "leased/");
  }
  Fine("renew", Product([&] { return lease->Renew(); }));
  Fine("leases", Product([&] { return store.Leases(); }));
  Fine("release", Product([&] { return lease->Release(); }));
  Product([&] { lease = Error{}; });
}

/// As an import does it: queued, then awaited.
void AllocLife::Queue(Store& store, int count) {
  std::vector<std::pair<int, Ticket>> tickets;
  for (int i = 0; i < count; ++i) {
    const int number = Next();
    Transaction txn;
    txn.Put(SpecOf(number, "pkg/"));
    CommitOptions options;
    if (i % 2 == 0) options.request_id = "request-" + std::to_string(number);
    auto ticket = Product([&] { return store.Submit(txn, options); });
    if (ticket.ok()) {
      tickets.emplace_back(number, std::move(ticket).value());
    } else {
      Note(number, ticket.error());
    }
  }
  for (auto& [number, ticket] : tickets) {
    Product([&ticket = ticket] { (void)ticket.Poll(); });
    Note(number, Product([&ticket = ticket] { return ticket.Wait(); }));
  }
}

/// Refused for what it says, parked, and merged: none of them makes an entry.
void AllocLife::Conflict(Store& store) {
  const auto acknowledged = Acknowledged();
  if (acknowledged.empty() || acknowledged.front().first != 1) return;
  for (const auto strategy : {ConflictStrategy::kReject, ConflictStrategy::kPark, ConflictStrategy::kMerge}) {
    Transaction txn;
    PutSpec spec = SpecOf(1, "pkg/");
    spec.media_type = "text/plain";
    txn.Put(spec).Base(99);
    CommitOptions options;
    options.on_conflict = strategy;
    const auto receipt = Product([&] { return store.Commit(txn, options); });
    if (!receipt.ok() && receipt.error().code == ErrorCode::kStaleBase) continue;
    Fine("conflict", receipt);
  }
  Fine("conflicts", Product([&] { return store.Conflicts(); }));
}

void AllocLife::Maintain(Store& store) {
  const auto acknowledged = Acknowledged();
  std::set<int> seen;
  Fine("log", Product([&] {
         return store.Log(1, 0, [&](const Event& event) {
           const TestsOwn own;
           if (event.entry) seen.insert(NumberIn(*event.entry));
           return true;
         });
       }));
  WatchOptions from_the_first;
  from_the_first.from = 1;
  auto watch = Product([&] { return store.Watch(from_the_first); });
  if (Fine("watch", watch)) {
    // A call that failed has given nothing: the next one gives it.
    std::set<int> fed;
    for (int calls = 0; calls < 100; ++calls) {
      const auto events = Product([&] { return watch->Next(std::chrono::milliseconds(0)); });
      if (!Fine("next", events)) continue;
      if (events->empty()) break;
      for (const Event& event : *events) {
        if (event.entry) fed.insert(NumberIn(*event.entry));
      }
    }
    for (const auto& [number, lsn] : acknowledged) {
      if (!fed.contains(number)) Violation("the feed passed over transaction " + std::to_string(number));
    }
    Product([&] { watch = Error{}; });
  }
  Fine("stats", Product([&] { return store.Stats(); }));
  Fine("diagnose", Product([&] { return store.Diagnose(); }));
  Fine("compact", Product([&] { return store.Compact(); }));
}

void AllocLife::Crowd(Store& store) {
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 3; ++writer) {
    writers.emplace_back([this, &store, writer] {
      const TestsOwn own;
      for (int i = 0; i < 6; ++i) {
        if (writer == 0) {
          Queue(store, 8);
        } else {
          Put(store);
        }
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
}

void AllocLife::Live() {
  const TestsOwn own;
  {
    auto store = Product([&] { return Store::Create(dir_, SlotsFor(crowd_), options_); });
    if (!Fine("create", store)) return;
    created_ = true;
    for (int i = 0; i < 3; ++i) Put(*store);
    Read(*store);
    WriteUnderLease(*store);
    Queue(*store, 4);
    Conflict(*store);
    if (crowd_) Crowd(*store);
    Maintain(*store);
    Product([&] { store = Error{}; });
  }
  const auto verified = Product(
      [&] { return base::Guarded([&] { return recovery::Verify(base::Env::Posix(), {dir_ + "/.tenure"}, {}); }); });
  if (Fine("verify", verified)) {
    for (const Error& problem : verified->problems) FineError("verify", problem);
  }
  auto store = Product([&] { return Store::Open(dir_, options_); });
  if (!Fine("open", store)) return;
  Put(*store);
  Read(*store);
  Product([&] { store = Error{}; });
}

/// The log against what was told.
void AllocLife::CheckContent(const Store& store) {
  const auto stats = store.Stats();
  if (!stats.ok()) return Violation("figures with memory: " + stats.error().message);
  std::map<int, std::vector<Lsn>> there;
  // What was compacted is in the index: the rest of the log is read against it.
  const auto rows = store.List();
  if (!rows.ok()) return Violation("reading with memory: " + rows.error().message);
  for (const ArtifactEntry& row : *rows) {
    if (row.lsn < stats->oldest_log_lsn) there[NumberIn(row)].push_back(row.lsn);
  }
  const Status read = store.Log(stats->oldest_log_lsn, 0, [&](const Event& event) {
    if (event.op == "put") there[NumberIn(*event.entry)].push_back(event.lsn);
    return true;
  });
  if (!read.ok()) return Violation("reading the log with memory: " + read.error().message);
  for (const auto& [number, told] : told_) {
    const auto& lsns = there[number];
    const std::string what = "transaction " + std::to_string(number);
    if (told.fate == Fate::kAcknowledged && (lsns.empty() || lsns.front() != told.lsn)) {
      Violation(what + " was acknowledged at LSN " + std::to_string(told.lsn) + " and is gone");
    }
    if (told.fate == Fate::kRefused && !lsns.empty()) {
      Violation(what + " was refused for want of memory, and is there at LSN " + std::to_string(lsns.front()));
    }
    if (number != 1 && lsns.size() > 1) Violation(what + " is there more than once");
  }
}

void AllocLife::Afterwards() {
  const TestsOwn own;
  auto store = Store::Open(dir_, options_);
  if (!store.ok() && store.error().code == ErrorCode::kNoStore && !created_) {
    store = Store::Create(dir_, SlotsFor(crowd_), options_);
  }
  if (!store.ok()) return Violation("opening with memory: " + store.error().message);
  CheckContent(*store);
  next_ = kAfterwardsNumber;
  const int refused = refused_;
  Put(*store);
  if (refused_ != refused) Violation("a transaction with memory is refused");
  CheckContent(*store);
  store = Error{};
  for (const std::string& violation : CheckVerify(base::Env::Posix(), dir_ + "/.tenure")) Violation(violation);
}

}  // namespace tenure::sim
