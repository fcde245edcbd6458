#include <algorithm>
#include <exception>

#include "cli/load/program.h"
#include "cli/signals.h"
#include "cli/terminal.h"

int main(int argc, char** argv) {
  tenure::cli::InstallSignalHandlers();
  try {
    return tenure::cli::RunLoad(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
  } catch (const std::exception& error) {  // memory, mostly; the store does not throw
    tenure::cli::WriteStderr(std::string("tenure-load: ") + error.what() + "\n");
    return 1;
  }
}
