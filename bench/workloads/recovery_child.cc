#include "bench/workloads/recovery_child.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <limits>

#include "bench/common/failure.h"
#include "bench/common/process.h"
#include "bench/common/record.h"
#include "bench/workloads/recovery_sqlite.h"
#include "bench/workloads/workload.h"
#include "store/recovery/rebuild.h"
#include "tenure/store.h"

namespace tenure::bench {
namespace {

constexpr char kCommand[] = "__recovery";
constexpr std::size_t kWindow = 4096;

OpenOptions NeverApplying() {
  OpenOptions options;
  options.background = false;
  options.apply_lag_max = std::numeric_limits<std::uint64_t>::max() / 2;
  return options;
}

Transaction PutOf(const Record& record) {
  PutSpec spec;
  spec.name = record.name;
  spec.version = kVersion;
  spec.digest = record.digest_text;
  spec.size = record.size;
  spec.media_type = kMediaType;
  spec.annotations = record.annotations;
  Transaction txn;
  txn.Put(std::move(spec));
  return txn;
}

/// Pipelined puts of `count` distinct keys; the store stays open, for the parent to kill us.
Status Fill(const std::string& dir, std::uint64_t count, int fd) {
  TENURE_ASSIGN(Store store, Store::Create(dir, {}, NeverApplying()));
  RecordSource source(1, 0, count);
  Record record;
  std::deque<Ticket> tickets;
  for (std::uint64_t i = 0; i < count || !tickets.empty();) {
    if (tickets.size() == kWindow || i == count) {
      TENURE_ASSIGN(const Receipt receipt, tickets.front().Wait());
      if (receipt.outcome != Outcome::kCommitted) return Fail("a put of a new key was answered 'unchanged'");
      tickets.pop_front();
      continue;
    }
    source.NextAt(ScatteredKey(i++, count), record);
    TENURE_ASSIGN(Ticket ticket, store.Submit(PutOf(record)));
    tickets.push_back(std::move(ticket));
  }
  SendLine(fd, "filled");
  for (;;) pause();
}

Result<RecoveryTimes> Rebuild(const std::string& dir, std::uint64_t count) {
  base::Env& env = base::Env::Posix();
  TENURE_ASSIGN(const recovery::Layout layout, recovery::FindStore(env, dir));
  RecoveryTimes times;
  const StopWatch watch;
  TENURE_ASSIGN(const recovery::RebuildReport report, recovery::BuildIndex(env, layout, dir + "/rebuilt.db", {}));
  times.spent = watch.Read();
  if (report.transactions != count || report.applied_lsn != count) {
    return Fail("rebuild applied " + std::to_string(report.transactions) + " of " + std::to_string(count));
  }
  return times;
}

Result<RecoveryTimes> CatchUp(const std::string& dir, std::uint64_t count) {
  RecoveryTimes times;
  const StopWatch watch;
  TENURE_ASSIGN(const Store store, Store::Open(dir));
  TENURE_RETURN_IF_ERROR(store.CatchUp());
  times.spent = watch.Read();
  TENURE_ASSIGN(const StoreStats stats, store.Stats());
  if (stats.entries != count || stats.applied_lsn != count) {
    return Fail("after catching up there are " + std::to_string(stats.entries) + " entries, not " +
                std::to_string(count));
  }
  return times;
}

Result<RecoveryTimes> OpenAndRead(const std::string& dir) {
  RecoveryTimes times;
  const StopWatch watch;
  TENURE_ASSIGN(const Store store, Store::Open(dir));
  times.spent = watch.Read();
  TENURE_ASSIGN(const ArtifactEntry entry, store.Get(KeyName(0) + ":" + std::string(kVersion)));
  times.read_ns = watch.Read().elapsed_ns;
  if (entry.revision != 1) return Fail("the entry read after recovery is not the one written");
  return times;
}

Result<RecoveryTimes> WithSqlite(const std::string& dir, std::uint64_t count, bool sorted) {
  RecoveryTimes times;
  TENURE_ASSIGN(times.spent, WriteEntriesWithSqlite(dir + "/entries.db", count, sorted));
  return times;
}

Result<RecoveryTimes> Measure(const std::string& what, const std::string& dir, std::uint64_t count) {
  if (what == "rebuild") return Rebuild(dir, count);
  if (what == "catchup") return CatchUp(dir, count);
  if (what == "open") return OpenAndRead(dir);
  if (what == "sqlite" || what == "sqlite_sorted") return WithSqlite(dir, count, what == "sqlite_sorted");
  return Fail("no recovery measurement '" + what + "'");
}

/// `__recovery WHAT DIR COUNT FD`
int ChildMain(const std::vector<std::string>& arguments) {
  DieWithParent();
  if (arguments.size() != 4) return 2;
  const std::uint64_t count = std::strtoull(arguments[2].c_str(), nullptr, 10);
  const int fd = std::atoi(arguments[3].c_str());
  const auto fail = [fd](const Error& error) {
    SendLine(fd, "error " + error.message + (error.hint.empty() ? "" : "; " + error.hint));
    return 1;
  };
  if (arguments[0] == "fill") return fail(Fill(arguments[1], count, fd).error());
  const Result<RecoveryTimes> times = Measure(arguments[0], arguments[1], count);
  if (!times.ok()) return fail(times.error());
  SendLine(fd, std::to_string(times->spent.elapsed_ns) + " " + std::to_string(times->spent.cpu_ns) + " " +
                   std::to_string(times->read_ns));
  return 0;
}

const HiddenCommand kHidden(kCommand, ChildMain);

}  // namespace

Status MakeCrashedStore(const std::string& dir, std::uint64_t count) {
  TENURE_ASSIGN(ReportingChild child, ReportingChild::Start(kCommand, {"fill", dir, std::to_string(count)}));
  TENURE_ASSIGN(const std::string answer, child.ReadLine());
  if (answer != "filled") return Fail("filling the store: " + answer);
  child.Kill();
  return {};
}

Result<RecoveryTimes> TimeRecovery(const std::string& what, const std::string& dir, std::uint64_t count) {
  TENURE_ASSIGN(ReportingChild child, ReportingChild::Start(kCommand, {what, dir, std::to_string(count)}));
  TENURE_ASSIGN(const std::string answer, child.ReadLine());
  TENURE_RETURN_IF_ERROR(child.Finish());
  unsigned long long elapsed = 0;
  unsigned long long cpu = 0;
  unsigned long long read = 0;
  if (std::sscanf(answer.c_str(), "%llu %llu %llu", &elapsed, &cpu, &read) != 3) {
    return Fail(what + " answered: " + answer);
  }
  RecoveryTimes times;
  times.spent = {elapsed, cpu};
  times.read_ns = read;
  return times;
}

}  // namespace tenure::bench
