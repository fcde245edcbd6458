// `tenure`: finds the command that the arguments name, builds that command only, runs it, and turns what
// it says into text and an exit status. Never throws; never exits by itself except through signals.
#pragma once

#include <string>
#include <vector>

namespace tenure::cli {

/// `arguments` without the program's name. Returns the exit status.
int RunProgram(const std::vector<std::string>& arguments);

/// main() of the executable: standard descriptors, signals, RunProgram, and a quick end.
[[noreturn]] void Main(int argc, char** argv);

}  // namespace tenure::cli
