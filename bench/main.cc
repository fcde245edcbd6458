// tenure-bench: measures tenure and its peers side by side. See README.md beside this file.
//
// Exit status: 0 measured, 1 failure (lost updates included), 2 usage, 130 or 143 interrupted.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "bench/common/process.h"
#include "bench/common/report.h"
#include "bench/fleet/fleet.h"
#include "bench/subjects/subject.h"
#include "bench/workloads/workload.h"

namespace tenure::bench {
namespace {

constexpr int kUsage = 2;
const HiddenCommand kWorker("__worker", WorkerMain);

void AddWriterOptions(CLI::App& app, unsigned takes, Options& options) {
  if (takes & kTakesWriters) {
    CLI::Option* procs = app.add_option("--procs", options.procs, "writers that are processes (default: 16)");
    CLI::Option* threads = app.add_option("--threads", options.threads, "writers that are threads of one process");
    procs->check(CLI::Range(1, 1024));
    threads->check(CLI::Range(1, 1024))->excludes(procs);
  }
  CLI::Option* outstanding = nullptr;
  if (takes & kTakesOutstanding) {
    outstanding =
        app.add_option("--outstanding", options.outstanding, "operations that each writer has in flight (default: 1)");
    outstanding->check(CLI::Range(1, 1'000'000));
  }
  if (takes & kTakesOneKey) {
    CLI::Option* one_key = app.add_flag("--one-key", options.one_key,
                                        "all writers raise one counter, by compare-and-set; nothing may be lost");
    if (outstanding != nullptr) one_key->excludes(outstanding);
  }
}

void AddOptions(CLI::App& app, unsigned takes, Options& options) {
  AddWriterOptions(app, takes, options);
  if (takes & kTakesSeconds) {
    app.add_option("--seconds", options.seconds, "of each measurement")
        ->check(CLI::Range(0.01, 3600.0))
        ->capture_default_str();
  }
  if (takes & kTakesKeys) {
    app.add_option("--keys", options.keys, "distinct keys (default: put 100000, recovery 1000000)")
        ->check(CLI::Range(1U, 4'000'000'000U));
  }
  if (takes & kTakesRuns) {
    app.add_option("--runs", options.runs, "processes of each subject in a round")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
  }
  if (takes & kTakesTenureBinary) {
    app.add_option("--tenure", options.tenure_binary, "the tenure program (default: the one beside this program)");
  }
  if (takes & kTakesPeers) {
    CLI::Option* peer = app.add_option("--peer", options.peers, "only these peers (see below)");
    app.add_option_function<std::string>(
           "--peers", [&options](const std::string& which) { options.no_peers = which == "none"; },
           "all (default) or none")
        ->check(CLI::IsMember({"all", "none"}))
        ->excludes(peer);
    std::string footer = "Subjects:\n";
    for (const SubjectEntry* entry : AllSubjects()) {
      footer +=
          "  " + std::string(entry->name) + std::string(15 - std::string(entry->name).size(), ' ') + entry->what + "\n";
    }
    app.footer(footer);
  }
  app.add_option("--rounds", options.rounds, "measurements of each subject, interleaved A-B-B-A; medians are shown")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--dir", options.dir, "where to make the temporary directory; must be on a disk")
      ->capture_default_str();
  app.add_flag("--json", options.json, "JSON Lines instead of a table");
  app.add_flag("--keep", options.keep, "keep the files");
  app.add_flag("--verbose", options.verbose, "print the process ids of the writers");
}

/// Names that nobody knows are a mistake of the caller; known ones that are not built are left out.
bool PeersAreKnown(const Options& options) {
  const std::vector<std::string> known = {"sqlite", "sqlite_retry", "sqlite_flock", "sqlite_batch",
                                          "lmdb",   "rocksdb",      "jsonfile"};
  for (const std::string& peer : options.peers) {
    if (std::find(known.begin(), known.end(), peer) != known.end()) continue;
    std::fprintf(stderr, "tenure-bench: no peer '%s'; there are", peer.c_str());
    for (const std::string& name : known) std::fprintf(stderr, " %s", name.c_str());
    std::fprintf(stderr, "\n");
    return false;
  }
  return true;
}

int Measure(const WorkloadEntry& workload, const Options& options) {
  CatchInterrupts();
  const Result<Report> report = workload.run(options);
  if (InterruptSignal() != 0) {
    std::fprintf(stderr, "\ntenure-bench: interrupted\n");
    return 128 + InterruptSignal();
  }
  if (!report.ok()) {
    std::fprintf(stderr, "tenure-bench: %s\n", report.error().message.c_str());
    if (!report.error().hint.empty()) std::fprintf(stderr, "  %s\n", report.error().hint.c_str());
    return 1;
  }
  const std::string text = options.json ? JsonLines(*report) : TableText(*report);
  std::fputs(text.c_str(), stdout);
  return std::fflush(stdout) == 0 ? 0 : 1;
}

int Main(int argc, char** argv) {
  for (const HiddenCommand* command : AllHiddenCommands()) {
    if (argc > 1 && std::string(argv[1]) == command->name) return command->run({argv + 2, argv + argc});
  }
  CLI::App app("Measures tenure and its peers side by side, at equal durability.", "tenure-bench");
  app.require_subcommand(1);
  app.footer(
      "'tenure-bench WORKLOAD --help' lists the options of a workload. Results go to stdout, progress to stderr.");
  Options options;
  const WorkloadEntry* chosen = nullptr;
  for (const WorkloadEntry* workload : AllWorkloads()) {
    CLI::App* command = app.add_subcommand(workload->name, workload->what);
    AddOptions(*command, workload->takes, options);
    command->callback([&chosen, workload] { chosen = workload; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  if (!PeersAreKnown(options)) return kUsage;
  return Measure(*chosen, options);
}

}  // namespace
}  // namespace tenure::bench

int main(int argc, char** argv) { return tenure::bench::Main(argc, argv); }
