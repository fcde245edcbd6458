// Runs one command of a program and turns what it says into text and an exit status. What `tenure` and `tenure-replay`
// have in common.
#pragma once

#include <string>

#include "cli/command.h"
#include "cli/invocation.h"

namespace tenure::cli {

/// Parses invocation.rest for `entry`, runs it, and gives the exit status. Errors are on stderr then.
int RunCommand(const char* program, const CommandEntry& entry, const Invocation& invocation);

/// Writes `text` to stdout: help, version.
int PrintAndEnd(const std::string& text);
/// Writes `error` to stderr, as the format wants it; its exit status.
int Fail(const Error& error, Format format);

}  // namespace tenure::cli
