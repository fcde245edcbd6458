// `tenure-load`: writer threads that produce blocks and write them as fast as they can.
#pragma once

#include <string>
#include <vector>

namespace tenure::cli {

/// `arguments` without the program's name. Returns the exit status: 0 all blocks arrived, 1 some did not,
/// 2 usage, 10 no store, 130 and 143 after SIGINT and SIGTERM (with the statistics so far).
int RunLoad(const std::vector<std::string>& arguments);

}  // namespace tenure::cli
