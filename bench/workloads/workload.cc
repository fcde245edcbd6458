#include "bench/workloads/workload.h"

#include <algorithm>
#include <cstring>

namespace tenure::bench {
namespace {

// Statics of functions, because entries in other files are constructed in no particular order.
std::vector<const WorkloadEntry*>& Workloads() {
  static std::vector<const WorkloadEntry*> table;
  return table;
}

std::vector<const HiddenCommand*>& HiddenCommands() {
  static std::vector<const HiddenCommand*> table;
  return table;
}

}  // namespace

WorkloadEntry::WorkloadEntry(const char* name, const char* what, unsigned takes, Result<Report> (*run)(const Options&))
    : name(name), what(what), takes(takes), run(run) {
  Workloads().push_back(this);
  std::sort(Workloads().begin(), Workloads().end(),
            [](const WorkloadEntry* a, const WorkloadEntry* b) { return std::strcmp(a->name, b->name) < 0; });
}

const std::vector<const WorkloadEntry*>& AllWorkloads() { return Workloads(); }

HiddenCommand::HiddenCommand(const char* name, int (*run)(const std::vector<std::string>&)) : name(name), run(run) {
  HiddenCommands().push_back(this);
}

const std::vector<const HiddenCommand*>& AllHiddenCommands() { return HiddenCommands(); }

}  // namespace tenure::bench
