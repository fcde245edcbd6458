// A diagnosis as tables for people and as JSON for programs. One row per process and per writer slot in use.
#pragma once

#include <string>

#include "cli/command.h"
#include "tenure/doctor.h"

namespace tenure::cli {

const char* SharedMemoryName(SharedMemoryState state);
/// "free", "abandoned", or who owns it.
std::string LeaseText(const StoreDiagnosis& diagnosis);

std::string LeaseJson(const CommitLeaseDiagnosis& lease);
std::string MembersJson(const StoreDiagnosis& diagnosis);
std::string SlotsJson(const StoreDiagnosis& diagnosis);
std::string LeasesJson(const StoreDiagnosis& diagnosis);
std::string LeaseWaitersJson(const StoreDiagnosis& diagnosis);

/// PROCESSES and WRITER SLOTS, each after an empty line, when there are any. Only for Format::kTable.
Status PrintDiagnosisTables(Context& ctx, const StoreDiagnosis& diagnosis);

}  // namespace tenure::cli
