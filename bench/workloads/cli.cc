// `tenure-bench cli`: one put per process, the whole life of the process included: `tenure put` against
// the sqlite3 command line.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "bench/common/clock.h"
#include "bench/common/failure.h"
#include "bench/common/histogram.h"
#include "bench/common/process.h"
#include "bench/common/record.h"
#include "bench/workloads/rounds.h"
#include "bench/workloads/workload.h"

namespace tenure::bench {
namespace {

constexpr double kProbeSeconds = 1;
constexpr std::uint64_t kKeys = 100'000;

/// A command that puts one record, in a process of its own.
struct Command {
  std::string subject;
  std::string program;
  std::string store;         ///< Directory of the store, or file of the database.
  std::string journal_mode;  ///< For sqlite3.
  std::vector<std::string> ArgumentsFor(const Record& record) const;
};

std::vector<std::string> Command::ArgumentsFor(const Record& record) const {
  if (journal_mode.empty()) {
    return {"-C",           store,
            "put",          record.name + ":" + std::string(kVersion),
            "--digest",     record.digest_text,
            "--size",       std::to_string(record.size),
            "--media-type", std::string(kMediaType),
            "--set",        "build=\"" + std::to_string(record.size) + "\""};
  }
  return {store, "PRAGMA synchronous=FULL; INSERT INTO artifacts VALUES('" + record.name + "','" +
                     std::string(kVersion) + "','" + record.digest_text + "'," + std::to_string(record.size) + ",'" +
                     std::string(kMediaType) + "','" + record.annotations +
                     "',1) ON CONFLICT(name, version) DO UPDATE SET digest = excluded.digest, size = excluded.size,"
                     " media_type = excluded.media_type, annotations = excluded.annotations, revision = revision + 1"};
}

Status RunOnce(const std::string& program, const std::vector<std::string>& arguments) {
  SpawnOptions quiet;
  quiet.quiet_stdout = true;
  TENURE_ASSIGN(const pid_t pid, Spawn(program, arguments, quiet));
  TENURE_ASSIGN(const Exit exit, WaitFor(pid));
  if (!exit.clean()) return Fail(program + " " + arguments.back() + ": " + DescribeExit(exit.status));
  return {};
}

std::string FindInPath(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const std::size_t end = rest.find(':');
    const std::string candidate = rest.substr(0, end) + "/" + name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    rest = end == std::string::npos ? "" : rest.substr(end + 1);
  }
  return "";
}

class CliContest {
 public:
  CliContest(const Options& options, const Workspace& workspace) : options_(options), workspace_(workspace) {
    report_.workload = "cli";
    report_.leading = "p50_us";
    report_.columns = {{"p50_us", "p50 us"},
                       {"p99_us", "p99 us"},
                       {"p50_x_l", "p50/L", 1},
                       {"p99_x_l", "p99/L", 1},
                       {"ops_per_s", "ops/s"}};
  }

  Result<Report> Run() {
    TENURE_RETURN_IF_ERROR(AddTenure());
    TENURE_RETURN_IF_ERROR(AddSqlite("sqlite3", "DELETE"));
    TENURE_RETURN_IF_ERROR(AddSqlite("sqlite3_wal", "WAL"));
    for (const Command& command : commands_) {
      Row row;
      row.subject = command.subject;
      report_.rows.push_back(row);
    }
    TENURE_RETURN_IF_ERROR(BeginWithProbe(report_, workspace_, kProbeSeconds));
    for (unsigned round = 0; round < options_.rounds; ++round) TENURE_RETURN_IF_ERROR(RunRound(round));
    FinishWithProbe(report_);
    SetRatios();
    return std::move(report_);
  }

 private:
  void LeaveOut(const std::string& name, const std::string& why) {
    std::fprintf(stderr, "left out: %s: %s\n", name.c_str(), why.c_str());
    report_.missing.push_back(name);
  }

  Status AddTenure() {
    Command command;
    command.subject = "tenure";
    command.program = options_.tenure_binary.empty() ? SelfDirectory() + "/tenure" : options_.tenure_binary;
    if (access(command.program.c_str(), X_OK) != 0) {
      LeaveOut("tenure", "no program " + command.program + "; name it with --tenure");
      return {};
    }
    TENURE_ASSIGN(command.store, workspace_.Fresh("tenure"));
    TENURE_RETURN_IF_ERROR(RunOnce(command.program, {"init", command.store}));
    commands_.push_back(command);
    return {};
  }

  Status AddSqlite(const std::string& subject, const std::string& journal_mode) {
    Command command;
    command.subject = subject;
    command.program = FindInPath("sqlite3");
    command.journal_mode = journal_mode;
    if (command.program.empty()) {
      LeaveOut(subject, "no program sqlite3");
      return {};
    }
    TENURE_ASSIGN(const std::string dir, workspace_.Fresh(subject));
    command.store = dir + "/artifacts.db";
    TENURE_RETURN_IF_ERROR(
        RunOnce(command.program,
                {command.store, "PRAGMA journal_mode=" + journal_mode +
                                    "; CREATE TABLE artifacts(name TEXT NOT NULL, version TEXT NOT NULL, digest TEXT,"
                                    " size INTEGER, media_type TEXT, annotations TEXT, revision INTEGER NOT NULL,"
                                    " UNIQUE(name, version))"}));
    commands_.push_back(command);
    return {};
  }

  /// The commands take turns run by run: A-B-C, C-B-A.
  Status RunRound(unsigned round) {
    TENURE_RETURN_IF_ERROR(workspace_.Quiesce());
    std::vector<Histogram> latencies(commands_.size());
    std::vector<double> totals(commands_.size(), 0);
    for (unsigned run = 0; run < options_.runs; ++run) {
      for (std::size_t turn = 0; turn < commands_.size(); ++turn) {
        const std::size_t i = run % 2 == 0 ? turn : commands_.size() - 1 - turn;
        source_.Next(record_);
        const std::vector<std::string> arguments = commands_[i].ArgumentsFor(record_);
        const std::uint64_t begin = NowNs();
        TENURE_RETURN_IF_ERROR(RunOnce(commands_[i].program, arguments));
        const std::uint64_t spent = NowNs() - begin;
        latencies[i].Record(spent);
        totals[i] += static_cast<double>(spent) / 1e9;
      }
    }
    for (std::size_t i = 0; i < commands_.size(); ++i) {
      Metrics metrics;
      metrics.Set("ops_per_s", options_.runs / totals[i]);
      metrics.Set("p50_us", latencies[i].Percentile(0.5) / 1e3);
      metrics.Set("p99_us", latencies[i].Percentile(0.99) / 1e3);
      metrics.Set("runs", options_.runs);
      std::fprintf(stderr, "round %u/%u  %-16s %14.1f us p50\n", round + 1, options_.rounds,
                   commands_[i].subject.c_str(), *metrics.Find("p50_us"));
      report_.rows[i + 1].rounds.push_back(std::move(metrics));
    }
    return {};
  }

  /// The faster of sqlite3's two journal modes is the one to compare with.
  void SetRatios() {
    const Row* rollback = report_.FindRow("sqlite3");
    const Row* wal = report_.FindRow("sqlite3_wal");
    if (rollback == nullptr || wal == nullptr) return;
    const std::string best = wal->MedianOf("p50_us") < rollback->MedianOf("p50_us") ? "sqlite3_wal" : "sqlite3";
    report_.AddRatio("time_vs_sqlite3", "p50_us", "tenure", best);
    report_.AddRatio("time_vs_sqlite3_rollback", "p50_us", "tenure", "sqlite3");
    report_.AddRatio("time_vs_sqlite3_wal", "p50_us", "tenure", "sqlite3_wal");
    report_.notes.push_back({"sqlite_best", best});
  }

  const Options& options_;
  const Workspace& workspace_;
  std::vector<Command> commands_;
  Report report_;
  RecordSource source_{1, 0, kKeys};
  Record record_;
};

Result<Report> Run(const Options& options) {
  TENURE_ASSIGN(const Workspace workspace, Workspace::Make(options.dir, options.keep));
  return CliContest(options, workspace).Run();
}

const WorkloadEntry kEntry("cli", "whole processes: `tenure put` against the sqlite3 command line",
                           kTakesRuns | kTakesTenureBinary, Run);

}  // namespace
}  // namespace tenure::bench
