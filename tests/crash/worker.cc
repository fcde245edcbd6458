// One writer process of the crash tests. Does a scripted, repeatable series of transactions, each with a
// request id of its own, and says on stdout what was acknowledged, so that a test can compare that
// with the store after the process was killed anywhere.
//
//   crash_worker DIR WRITER write COUNT    transactions WRITER-0 … WRITER-(COUNT-1)
//   crash_worker DIR WRITER many COUNT THREADS WINDOW
//                                          COUNT per thread, ids WRITER.T-I, WINDOW outstanding each (0: waits for
//                                          each); takeover after 100 ms
//   crash_worker DIR WRITER die AFTER      three threads commit, ids WRITER.T-I; kills itself with the AFTER-th answer
//   crash_worker DIR WRITER hostile SEED   three threads commit while another writes random bytes over the writer slots
//                                          and the answer bank of this process, until it is killed; says "ready"
//   crash_worker DIR WRITER compact        one compaction
//   crash_worker DIR WRITER open           opens, reads one key, closes
//   crash_worker DIR WRITER lease WAIT     waits up to WAIT ms for a lease of everything, gives it back; says "leased"
//   crash_worker DIR WRITER renew TOKEN    renews that lease
//   crash_worker DIR WRITER watch ID       gives every event from the first on, up to the one of request ID
//   crash_worker DIR WRITER backup TO      a copy of the store
//   crash_worker DIR WRITER rebuild        replaces the index by a new one
//   crash_worker DIR WRITER repair         repairs the journal, accepting the loss; says "kept <last good LSN>"
//
// Lines: "ack <request id> <lsn>", "reject <request id> <code>", "error <message>", "event <lsn> <request id>".
#include <unistd.h>

#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "store/ingest/registry.h"
#include "store/recovery/config.h"
#include "store/recovery/repair.h"
#include "store/recovery/replace_index.h"
#include "tenure/lease.h"
#include "tenure/store.h"
#include "tenure/watch.h"

namespace tenure {
namespace {

void Say(const std::string& line) {
  const std::string text = line + "\n";
  // One write per line: a killed process leaves whole lines.
  if (::write(STDOUT_FILENO, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::_Exit(3);
}

/// Transaction `i` of `writer`: always the same for the same arguments. Values of 3 KiB make a few
/// hundred transactions cross several segments.
Transaction Scripted(const std::string& writer, int i) {
  Transaction txn;
  PutSpec spec;
  spec.name = writer + "/" + std::to_string(i % 40);
  spec.version = "1";
  spec.size = static_cast<std::uint64_t>(i);
  spec.annotations =
      "{\"by\":\"" + writer + "\",\"fill\":\"" + std::string(3'000, static_cast<char>('a' + i % 26)) + "\"}";
  txn.Put(spec);
  if (i % 5 == 0) {
    PutSpec shared = spec;
    shared.name = "shared";
    txn.Put(shared);
  }
  if (i % 7 == 3) txn.SetTag(spec.name, "last", "1");
  return txn;
}

int Write(Store& store, const std::string& writer, int count) {
  for (int i = 0; i < count; ++i) {
    CommitOptions options;
    options.request_id = writer + "-" + std::to_string(i);
    const auto receipt = store.Commit(Scripted(writer, i), options);
    if (receipt.ok()) {
      Say("ack " + options.request_id + " " + std::to_string(receipt->lsn));
    } else {
      Say("reject " + options.request_id + " " + ErrorCodeName(receipt.error().code));
      if (receipt.error().code == ErrorCode::kCorruption) return 1;
    }
    // A read now and then makes this process apply, too.
    if (i % 20 == 19) (void)store.Get("shared:1");
  }
  return 0;
}

/// One thread's transactions, `window` of them on their way at a time.
void WriteWindow(Store& store, const std::string& writer, int count, int window) {
  std::deque<std::pair<std::string, Ticket>> tickets;
  const auto answer = [](const std::string& id, const Result<Receipt>& receipt) {
    if (receipt.ok()) {
      Say("ack " + id + " " + std::to_string(receipt->lsn));
    } else {
      Say("reject " + id + " " + ErrorCodeName(receipt.error().code) + " " + receipt.error().message);
    }
  };
  const auto finish_oldest = [&] {
    answer(tickets.front().first, tickets.front().second.Wait());
    tickets.pop_front();
  };
  for (int i = 0; i < count; ++i) {
    if (i % 20 == 19) {
      // Reads what was acknowledged, so it waits for the index, whoever has the turn to apply.
      const auto read = store.Get("shared:1");
      if (!read.ok() && read.error().code != ErrorCode::kNotFound) Say("error reading: " + read.error().message);
    }
    CommitOptions options;
    options.request_id = writer + "-" + std::to_string(i);
    if (window == 0) {
      answer(options.request_id, store.Commit(Scripted(writer, i), options));
      continue;
    }
    auto ticket = store.Submit(Scripted(writer, i), options);
    if (!ticket.ok()) {
      answer(options.request_id, ticket.error());
      continue;
    }
    tickets.emplace_back(options.request_id, std::move(ticket).value());
    if (tickets.size() == static_cast<std::size_t>(window)) finish_oldest();
  }
  while (!tickets.empty()) finish_oldest();
}

int WriteMany(Store& store, const std::string& writer, int count, int threads, int window) {
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&, t] { WriteWindow(store, writer + "." + std::to_string(t), count, window); });
  }
  for (auto& thread : running) thread.join();
  return 0;
}

/// Three threads, each until the process is killed. `kill_after` 0: until then, and without a word.
std::vector<std::thread> CommitForEver(Store& store, const std::string& writer, std::atomic<int>& answers,
                                       int kill_after) {
  std::vector<std::thread> running;
  for (int t = 0; t < 3; ++t) {
    running.emplace_back([&store, &answers, kill_after, id = writer + "." + std::to_string(t)] {
      for (int i = 0;; ++i) {
        CommitOptions options;
        options.request_id = id + "-" + std::to_string(i);
        const auto receipt = store.Commit(Scripted(id, i), options);
        if (receipt.ok() && kill_after > 0) Say("ack " + options.request_id + " " + std::to_string(receipt->lsn));
        if (answers.fetch_add(1) + 1 == kill_after) ::raise(SIGKILL);
      }
    });
  }
  return running;
}

/// Everything of this process that no other writes: lanes, answers. Not the words that the committers share.
std::vector<std::pair<std::byte*, std::size_t>> OwnMemory(ingest::SharedSegment& segment) {
  std::vector<std::pair<std::byte*, std::size_t>> parts;
  for (std::uint32_t member = 0; member < ingest::kMemberSlots; ++member) {
    const ingest::MemberRow& row = segment.member(member);
    if (row.pid.load() != static_cast<std::uint32_t>(::getpid())) continue;
    const std::uint32_t generation = row.generation.load();
    if (row.bank.load() == generation) parts.emplace_back(segment.bank_memory(member), ingest::kBankBytes);
    for (std::uint32_t slot = 0; slot < segment.writer_slots(); ++slot) {
      const base::Pair64 word = segment.slot_entry(slot).word.Load();
      if (word.second != ingest::OwnerWord(member, generation)) continue;
      parts.emplace_back(segment.slot_memory(slot), ingest::SlotMemory::kBytes);
    }
  }
  return parts;
}

int BeHostile(Store& store, const std::string& directory, const std::string& writer, std::uint64_t seed) {
  std::atomic<int> answers{0};
  const auto running = CommitForEver(store, writer, answers, 0);
  base::Env& env = base::Env::Posix();
  const recovery::Layout layout{directory + "/.tenure"};
  const auto config = recovery::ReadConfig(env, layout);
  auto segment = ingest::SharedSegment::Attach(env, layout.shared_segment(), config->journal_id);
  if (!segment.ok()) {
    Say("error " + segment.error().message);
    return 1;
  }
  std::mt19937_64 random(seed);
  // Until both kinds are there: the threads that have slots, and those that have not.
  while (OwnMemory(**segment).size() < 2) std::this_thread::yield();
  for (int round = 0;; ++round) {
    for (const auto& [memory, bytes] : OwnMemory(**segment)) {
      // The first page of each part is answers, which are looked at most.
      const std::size_t range = random() % 2 == 0 ? 4'096 : bytes;
      for (int i = 0; i < 8; ++i) {
        const std::size_t at = random() % range / 8 * 8;
        const std::uint64_t word = random() % 2 == 0 ? random() : random() % 1'024;
        __atomic_store_n(reinterpret_cast<std::uint64_t*>(memory + at), word, __ATOMIC_RELAXED);
      }
    }
    if (round == 64) Say("ready");
    if (round % 64 == 0) std::this_thread::yield();
  }
}

int Compact(Store& store) {
  const auto stats = store.Stats();
  CompactOptions compact;
  compact.before_lsn = stats.ok() ? stats->durable_lsn / 2 : 0;
  const auto report = store.Compact(compact);
  if (!report.ok()) Say("error " + report.error().message);
  return report.ok() ? 0 : 1;
}

/// Writes and compacts in turns.
int CompactOften(Store& store, const std::string& writer, int count) {
  for (int i = 0; i < count; ++i) {
    if (const int failed = Write(store, writer + "." + std::to_string(i), 40) + Compact(store); failed != 0) return 1;
  }
  return 0;
}

int Told(const Error* error) {
  if (error != nullptr) Say("error " + error->message);
  return error != nullptr ? 1 : 0;
}
template <typename T>
int Told(const Result<T>& result) {
  return Told(result.ok() ? nullptr : &result.error());
}

int WaitForLease(Store& store, int wait_ms) {
  AcquireOptions options;
  options.scopes = {"**"};
  options.ttl = std::chrono::milliseconds(600'000);
  options.wait = std::chrono::milliseconds(wait_ms);
  auto lease = store.Acquire(options);
  if (!lease.ok()) return Told(&lease.error());
  Say("leased");
  const Status released = lease->Release();
  return Told(released.ok() ? nullptr : &released.error());
}

int WatchUntil(const Store& store, const std::string& last) {
  WatchOptions options;
  options.from = 1;
  auto watch = store.Watch(options);
  if (!watch.ok()) return Told(&watch.error());
  for (;;) {
    const auto events = watch->Next();
    if (!events.ok()) return Told(&events.error());
    for (const Event& event : *events) {
      if (event.effect == 0) Say("event " + std::to_string(event.lsn) + " " + event.request_id);
      if (event.request_id == last) return 0;
    }
  }
}

int Repair(base::Env& env, const recovery::Layout& layout) {
  recovery::RepairOptions options;
  options.accept_loss = true;
  const auto report = recovery::Repair(env, layout, options);
  if (report.ok()) Say("kept " + std::to_string(report->last_good_lsn));
  return Told(report);
}

int Main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string writer = argv[2];
  const std::string mode = argv[3];
  base::Env& env = base::Env::Posix();
  const recovery::Layout layout{std::string(argv[1]) + "/.tenure"};
  if (mode == "repair") return Repair(env, layout);
  if (mode == "rebuild") {
    const auto config = recovery::ReadConfig(env, layout);
    return config.ok() ? Told(recovery::ReplaceIndex(env, layout, *config, {})) : Told(config);
  }
  OpenOptions options;
  options.writer = writer + "@crash";
  options.commit_ttl_ms = 100;
  auto store = Store::Open(argv[1], options);
  if (!store.ok()) {
    Say("error " + store.error().message);
    return 1;
  }
  if (mode == "write" && argc == 5) return Write(*store, writer, std::atoi(argv[4]));
  if (mode == "many" && argc == 7) {
    return WriteMany(*store, writer, std::atoi(argv[4]), std::atoi(argv[5]), std::atoi(argv[6]));
  }
  if (mode == "die" && argc == 5) {
    std::atomic<int> answers{0};
    for (auto& thread : CommitForEver(*store, writer, answers, std::atoi(argv[4]))) thread.join();
  }
  if (mode == "hostile" && argc == 5) return BeHostile(*store, argv[1], writer, std::strtoull(argv[4], nullptr, 10));
  if (mode == "compact") return argc == 5 ? CompactOften(*store, writer, std::atoi(argv[4])) : Compact(*store);
  if (mode == "open") {
    const auto entry = store->Get("shared:1");
    return entry.ok() || entry.error().code == ErrorCode::kNotFound ? 0 : 1;
  }
  if (mode == "lease" && argc == 5) return WaitForLease(*store, std::atoi(argv[4]));
  if (mode == "renew" && argc == 5) return Told(store->RenewLease(argv[4]));
  if (mode == "watch" && argc == 5) return WatchUntil(*store, argv[4]);
  if (mode == "backup" && argc == 5) return Told(store->Backup(argv[4]));
  return 2;
}

}  // namespace
}  // namespace tenure

int main(int argc, char** argv) { return tenure::Main(argc, argv); }
