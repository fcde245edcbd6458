#include "cli/program.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>

#include "cli/invocation.h"
#include "cli/registry.h"
#include "cli/run_command.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "store/base/error.h"

namespace tenure::cli {
namespace {

bool IsGroup(std::string_view word) {
  return std::any_of(Commands().begin(), Commands().end(), [word](const CommandEntry& entry) {
    const std::string_view name = entry.name;
    return name.size() > word.size() && name.substr(0, word.size()) == word && name[word.size()] == ' ';
  });
}

std::string CommandList(std::string_view group) {
  std::string text;
  for (const CommandEntry& entry : Commands()) {
    const std::string_view name = entry.name;
    if (!group.empty() && name.substr(0, group.size() + 1) != std::string(group) + " ") continue;
    text += "  " + std::string(name) + std::string(name.size() < 18 ? 18 - name.size() : 1, ' ') + entry.summary + "\n";
  }
  return text;
}

std::string GeneralHelp() {
  return "tenure " TENURE_VERSION
         ": the artifact index that many writers can share\n\n"
         "Usage: tenure [-C DIR] [--format table|json|jsonl|tsv | --json] COMMAND [ARGUMENTS]\n\nCommands:\n" +
         CommandList("") +
         "\nThe store is -C/--store DIR, else TENURE_STORE, else the nearest .tenure upwards.\n"
         "'tenure COMMAND --help' describes a command. Exit status: 0 ok, 1 failure, 2 usage, 3 partly done,\n"
         "4 not found, 5 conflict, 10 no store, 11 lease busy, 12 lease lost or required, 13 corruption, 130 and\n"
         "143 interrupted.\n";
}

/// Names within two edits, for "did you mean".
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({substitute, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

Error UnknownCommand(const std::vector<std::string>& words) {
  const std::string given = words.size() > 1 ? words[0] + " " + words[1] : words[0];
  if (words.size() == 1 && IsGroup(words[0])) {
    std::string members;
    for (const CommandEntry& entry : Commands()) {
      const std::string name = entry.name;
      if (name.rfind(given + " ", 0) == 0) members += (members.empty() ? "'tenure " : ", 'tenure ") + name + "'";
    }
    return base::MakeError(ErrorCode::kInvalidArgument, "'tenure " + given + "' needs one more word: " + members,
                           "see 'tenure --help'");
  }
  std::string near;
  for (const CommandEntry& entry : Commands()) {
    if (given.size() <= 64 && EditDistance(given, entry.name) <= 2) near = entry.name;
  }
  return base::MakeError(ErrorCode::kInvalidArgument, "there is no command 'tenure " + given + "'",
                         near.empty() ? "'tenure --help' lists the commands" : "did you mean 'tenure " + near + "'?");
}

const CommandEntry* FindCommand(const std::vector<std::string>& words) {
  const std::string name = words.size() > 1 ? words[0] + " " + words[1] : words[0];
  for (const CommandEntry& entry : Commands()) {
    if (name == entry.name) return &entry;
  }
  return nullptr;
}

/// A closed standard descriptor would be given to the next file opened, and messages would be written
/// into a store's files. What takes its place refuses the use it was closed for.
void KeepStandardDescriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) == -1 && errno == EBADF) {
      if (::open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd) std::abort();
    }
  }
}

}  // namespace

int RunProgram(const std::vector<std::string>& arguments) {
  Invocation invocation = Split(arguments, IsGroup);
  if (!invocation.words.empty() && invocation.words[0] == "help") {
    invocation.words.erase(invocation.words.begin());
    if (invocation.words.empty() && !invocation.rest.empty()) invocation.words.swap(invocation.rest);
    if (invocation.words.empty()) return PrintAndEnd(GeneralHelp());
    invocation.rest = {"--help"};
  }
  if (invocation.version) return PrintAndEnd("tenure " TENURE_VERSION "\n");
  if (invocation.words.empty()) {
    if (invocation.help) return PrintAndEnd(GeneralHelp());
    return Fail(
        base::MakeError(ErrorCode::kInvalidArgument, "no command is given", "'tenure --help' lists the commands"),
        invocation.format);
  }
  const CommandEntry* entry = FindCommand(invocation.words);
  if (entry == nullptr) {
    if (invocation.help && IsGroup(invocation.words[0])) return PrintAndEnd(CommandList(invocation.words[0]));
    return Fail(UnknownCommand(invocation.words), invocation.format);
  }
  return RunCommand("tenure", *entry, invocation);
}

void Main(int argc, char** argv) {
  KeepStandardDescriptors();
  InstallSignalHandlers();
  int status = 1;
  try {
    status = RunProgram(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
  } catch (const std::exception& error) {  // memory, mostly; the store does not throw
    WriteStderr(std::string("tenure: ") + error.what() + "\n");
  }
  // Everything is flushed and closed: what remains is the tear-down of libraries, which costs more than
  // a small command. Tests with sanitizers and coverage need it, though.
#ifdef TENURE_TESTING
  std::exit(status);
#else
  ::_exit(status);
#endif
}

}  // namespace tenure::cli
