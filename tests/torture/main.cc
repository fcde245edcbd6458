// tenure-torture: many processes on one store, killed and stopped at random, and everything that they were told
// checked: see docs/testing.md.
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>

#include "tests/torture/run.h"
#include "tests/torture/worker.h"

namespace tenure::torture {
namespace {

volatile std::sig_atomic_t interrupted = 0;

constexpr const char* kUsage =
    "usage: tenure-torture [--seconds S] [--processes N] [--seed N] [--store DIR] [--commit-ttl-ms N]\n"
    "                      [--phase-ms N] [--fault-gap-ms N] [--json] [--discard]\n"
    "  --seconds S        how long the processes run (60); SIGINT ends earlier, with all checks\n"
    "  --processes N      how many at a time (16)\n"
    "  --seed N           of all decisions (random); the schedule of the processes is the kernel's\n"
    "  --store DIR        an empty directory, kept (a temporary one, removed unless something fails)\n"
    "  --commit-ttl-ms N  how long a committer may stand still before another takes over (200)\n"
    "  --phase-ms N       between two judgements (2000)\n"
    "  --fault-gap-ms N   between two faults, on average (120)\n"
    "  --discard          remove a temporary store after a failure, too\n";

/// False: `text` is no number, or out of range.
bool Number(const char* text, double least, double most, double& value) {
  char* end = nullptr;
  value = std::strtod(text, &end);
  return end != text && *end == '\0' && value >= least && value <= most;
}

/// False: not understood.
bool Parse(int argc, char** argv, RunOptions& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--json" || name == "--discard") {
      (name == "--json" ? options.json : options.discard) = true;
      continue;
    }
    if (i + 1 == argc) return false;
    const char* text = argv[++i];
    double value = 0;
    if (name == "--store") {
      options.fleet.store = text;
    } else if (name == "--seconds" && Number(text, 0.1, 1e7, value)) {
      options.seconds = value;
    } else if (name == "--processes" && Number(text, 1, 60, value)) {
      options.fleet.processes = static_cast<int>(value);
    } else if (name == "--seed" && Number(text, 0, 9e15, value)) {
      options.fleet.seed = static_cast<std::uint64_t>(value);
    } else if (name == "--commit-ttl-ms" && Number(text, 10, 60'000, value)) {
      options.fleet.commit_ttl_ms = static_cast<std::uint64_t>(value);
    } else if (name == "--phase-ms" && Number(text, 100, 60'000, value)) {
      options.phase_ms = static_cast<std::uint64_t>(value);
    } else if (name == "--fault-gap-ms" && Number(text, 1, 1e6, value)) {
      options.fault_gap_ms = static_cast<std::uint64_t>(value);
    } else {
      return false;
    }
  }
  return true;
}

int Main(int argc, char** argv) {
  if (argc == 6 && std::strcmp(argv[1], "--worker") == 0) {
    return RunWorker(argv[2], std::strtoull(argv[3], nullptr, 10), std::strtoull(argv[4], nullptr, 10),
                     std::strtoull(argv[5], nullptr, 10));
  }
  RunOptions options;
  options.fleet.seed = std::random_device()() % 1'000'000;
  if (!Parse(argc, argv, options)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  ::signal(SIGPIPE, SIG_IGN);
  struct sigaction on_interrupt {};
  on_interrupt.sa_handler = [](int) { interrupted = 1; };
  ::sigaction(SIGINT, &on_interrupt, nullptr);
  const bool temporary = options.fleet.store.empty();
  if (temporary) {
    const char* base = std::getenv("TMPDIR");
    options.fleet.store = std::string(base != nullptr ? base : "/tmp") + "/tenure-torture-XXXXXX";
    if (::mkdtemp(options.fleet.store.data()) == nullptr) {
      std::perror("no temporary directory");
      return 2;
    }
  }
  std::fprintf(stderr, "seed %llu, %d processes, %g s, store %s\n", static_cast<unsigned long long>(options.fleet.seed),
               options.fleet.processes, options.seconds, options.fleet.store.c_str());
  const int status = Run(options).Go(interrupted);
  std::error_code ignored;
  if (temporary && (status == 0 || options.discard)) std::filesystem::remove_all(options.fleet.store, ignored);
  return status;
}

}  // namespace
}  // namespace tenure::torture

int main(int argc, char** argv) { return tenure::torture::Main(argc, argv); }
