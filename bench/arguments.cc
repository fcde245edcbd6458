#include "bench/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/subjects/subject.h"

namespace tenure::bench {
namespace {

constexpr int kUsage = 2;
const std::vector<std::string> kPeers = {"sqlite",      "sqlite_retry", "sqlite_flock", "sqlite_batch",
                                         "group_probe", "lmdb",         "rocksdb",      "jsonfile"};

void AddWriterOptions(CLI::App& app, unsigned takes, Options& options) {
  CLI::Option* procs = nullptr;
  if (takes & (kTakesWriters | kTakesProcesses)) {
    procs = app.add_option("--procs", options.procs, "writers, each a process (default: 16)");
    procs->option_text("N")->check(CLI::Range(1, 1024));
  }
  if (takes & kTakesWriters) {
    CLI::Option* threads = app.add_option("--threads", options.threads, "writers, each a thread of one process");
    threads->option_text("N")->check(CLI::Range(1, 1024))->excludes(procs);
  }
  CLI::Option* outstanding = nullptr;
  if (takes & kTakesOutstanding) {
    outstanding = app.add_option("--outstanding", options.outstanding, "operations each writer has in flight (1)");
    outstanding->option_text("N")->check(CLI::Range(1, 1'000'000));
  }
  if (takes & kTakesOneKey) {
    CLI::Option* one_key = app.add_flag("--one-key", options.one_key,
                                        "all raise one counter, by compare-and-set; fails if an update is lost");
    one_key->option_text(" ");
    if (outstanding != nullptr) one_key->excludes(outstanding);
  }
}

/// `--peer none` and `--peer all` name no subject: they stand alone.
std::string TakePeers(const std::vector<std::string>& names, Options& options) {
  for (const char* word : {"all", "none"}) {
    if (std::find(names.begin(), names.end(), word) == names.end()) continue;
    if (names.size() > 1) return std::string("--peer ") + word + " goes with no other peer";
    options.no_peers = std::string(word) == "none";
    return {};
  }
  options.peers = names;
  return {};
}

void AddPeerOptions(CLI::App& app, Options& options) {
  std::vector<std::string> accepted = kPeers;
  accepted.insert(accepted.end(), {"all", "none"});
  // --peers is the same option: one reads as well as the other.
  app.add_option_function<std::vector<std::string>>(
         "--peer,--peers",
         [&options](const std::vector<std::string>& names) {
           const std::string fault = TakePeers(names, options);
           if (!fault.empty()) throw CLI::ValidationError(fault);
         },
         "only these peers; none; or all that suit the workload (default)")
      ->option_text("NAME...|none|all")
      ->check(CLI::IsMember(accepted));
  std::string footer = "Subjects in this program:\n";
  for (const SubjectEntry* entry : AllSubjects()) {
    const std::string name = entry->name;
    footer += "  " + name + std::string(name.size() < 15 ? 15 - name.size() : 1, ' ') + entry->what + "\n";
  }
  app.footer(footer);
}

void AddSizeOptions(CLI::App& app, unsigned takes, Options& options) {
  if (takes & kTakesSeconds) {
    app.add_option("--seconds", options.seconds, "of each measurement (2)")
        ->option_text("S")
        ->check(CLI::Range(0.01, 3600.0));
  }
  if (takes & kTakesKeys) {
    app.add_option("--keys", options.keys, "distinct keys (put, read: 100000; recovery: 1000000)")
        ->option_text("N")
        ->check(CLI::Range(1U, 4'000'000'000U));
  }
  if (takes & kTakesBig) {
    app.add_option("--big", options.big, "entries of the big store (10000000)")
        ->option_text("N")
        ->check(CLI::Range(20'000U, 100'000'000U));
  }
  if (takes & kTakesRuns) {
    app.add_option("--runs", options.runs, "processes of each subject in a round (50)")
        ->option_text("N")
        ->check(CLI::Range(1, 1'000'000));
  }
}

void AddOptions(CLI::App& app, unsigned takes, Options& options) {
  AddWriterOptions(app, takes, options);
  AddSizeOptions(app, takes, options);
  if (takes & kTakesPeers) AddPeerOptions(app, options);
  if (takes & kTakesTenureBinary) {
    app.add_option("--tenure", options.tenure_binary, "the tenure program (the one beside this program)")
        ->option_text("PATH");
  }
  app.add_option("--rounds", options.rounds, "measurements of each subject, A-B-B-A; medians are shown (5)")
      ->option_text("R")
      ->check(CLI::Range(1, 1000));
  app.add_option("--dir", options.dir, "where to make the temporary directory, on a disk (.)")->option_text("DIR");
  app.add_flag("--json", options.json, "JSON Lines instead of a table");
  app.add_flag("--keep", options.keep, "keep the files");
  app.add_flag("--verbose", options.verbose, "print the process ids of the writers");
}

}  // namespace

Arguments ParseArguments(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Measures tenure and its peers side by side, at equal durability.", "tenure-bench");
  app.require_subcommand(1);
  app.footer(
      "'tenure-bench WORKLOAD --help' lists the options of a workload.\n"
      "Results go to stdout, progress to stderr. Exit status: 0 measured, 1 failed, 2 usage.");
  for (const WorkloadEntry* workload : AllWorkloads()) {
    CLI::App* command = app.add_subcommand(workload->name, workload->what);
    AddOptions(*command, workload->takes, arguments.options);
    command->callback([&arguments, workload] { arguments.workload = workload; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    arguments.workload = nullptr;
    arguments.status = app.exit(error) == 0 ? 0 : kUsage;
  }
  return arguments;
}

}  // namespace tenure::bench
