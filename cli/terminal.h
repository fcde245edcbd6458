// Standard error and the terminal: messages, errors, colours, questions.
#pragma once

#include <string>
#include <string_view>

#include "cli/output.h"
#include "tenure/result.h"

namespace tenure::cli {

/// Standard error is a terminal that understands escape sequences (TERM is set and not "dumb").
bool StderrIsTerminal();
/// Somebody is there to be asked: standard input and standard error are terminals.
bool CanAsk();
/// Columns of the terminal behind standard error; 80 when unknown.
std::size_t TerminalWidth();

/// Writes to standard error at once; failures are ignored, there is nowhere to tell them.
void WriteStderr(std::string_view text);

/// The whole text of an error: "tenure: message" and "hint: …" lines, or one JSON object.
std::string ErrorText(const Error& error, Format format);
/// The same for a message that is no error, level "warning" or "note".
std::string MessageText(const char* level, const std::string& text, Format format);

/// Asks, and reads one line: true for "y" or "yes".
bool Ask(const std::string& question);

}  // namespace tenure::cli
