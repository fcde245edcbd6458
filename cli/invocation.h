// The arguments of a program, told apart far enough to know which command is meant. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/output.h"

namespace tenure::cli {

struct Invocation {
  std::vector<std::string> words;  ///< "tag", "set"; empty when no command is named.
  std::vector<std::string> rest;   ///< Everything else, in order.
  bool help = false;               ///< Asked for before the command was named whole.
  bool version = false;            ///< Likewise.
  Format format = Format::kTable;  ///< For errors that come before the options are parsed.
};

/// `is_group` says of a first word whether a second one is needed to name a command. Never fails: what makes no sense
/// is left for the command to refuse.
Invocation Split(const std::vector<std::string>& arguments, bool (*is_group)(std::string_view word));

}  // namespace tenure::cli
