// tenure-bench: measures tenure and its peers side by side. See README.md beside this file.
//
// Exit status: 0 measured, 1 failure (lost updates included), 2 usage, 130 or 143 interrupted.
#include <cstdio>
#include <string>

#include "bench/arguments.h"
#include "bench/common/process.h"
#include "bench/common/report.h"
#include "bench/fleet/fleet.h"

namespace tenure::bench {
namespace {

const HiddenCommand kWorker("__worker", WorkerMain);

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
  const Arguments arguments = ParseArguments(argc, argv);
  if (arguments.workload == nullptr) return arguments.status;
  return Measure(*arguments.workload, arguments.options);
}

}  // namespace
}  // namespace tenure::bench

int main(int argc, char** argv) { return tenure::bench::Main(argc, argv); }
