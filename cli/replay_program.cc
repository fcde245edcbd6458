// `tenure-replay`: what crashed, what was committed, and how to get it back. Finds the command and runs it.
#include <string_view>

#include "cli/invocation.h"
#include "cli/replay.h"
#include "cli/run_command.h"
#include "store/base/error.h"

namespace tenure::cli {
namespace {

constexpr CommandEntry kCommands[] = {
    {"inspect", "list segments, frames, transactions and effects; show bytes", MakeReplayInspect},
    {"verify", "check journal, hash chain, checkpoints and index", MakeReplayVerify},
    {"rebuild", "build the index again, or a copy of it as of some point", MakeReplayRebuild},
    {"repair", "say what damage costs, and go on from the last good frame", MakeReplayRepair},
    {"diff", "compare two stores, or two points of one", MakeReplayDiff},
    {"follow", "print events as they become durable", MakeReplayFollow},
};
constexpr const char* kProgram = "tenure-replay";

std::string GeneralHelp() {
  std::string text = std::string(kProgram) +
                     ": the crash-recovery utility of tenure; works on the files, also of stores that do not open\n\n"
                     "Usage: tenure-replay [-C DIR] [--format table|json|jsonl|tsv | --json] COMMAND [ARGUMENTS]\n\n"
                     "Commands:\n";
  for (const CommandEntry& entry : kCommands) {
    const std::string name = entry.name;
    text += "  " + name + std::string(12 - name.size(), ' ') + entry.summary + "\n";
  }
  return text +
         "\nThe store is -C/--store DIR, else TENURE_STORE, else the nearest .tenure upwards.\n"
         "'tenure-replay COMMAND --help' describes a command. Exit status: 0 ok, 1 failure (diff: the states\n"
         "differ), 2 usage, 4 not found, 10 no store, 13 corruption, 130 and 143 interrupted.\n";
}

/// No command has a name of two words.
bool IsGroup(std::string_view) { return false; }

}  // namespace

int RunReplay(const std::vector<std::string>& arguments) {
  Invocation invocation = Split(arguments, IsGroup);
  if (!invocation.words.empty() && invocation.words[0] == "help") {
    invocation.words.swap(invocation.rest);
    if (invocation.words.empty()) return PrintAndEnd(GeneralHelp());
    invocation.rest = {"--help"};
  }
  if (invocation.version) return PrintAndEnd("tenure-replay " TENURE_VERSION "\n");
  if (invocation.words.empty() && invocation.help) return PrintAndEnd(GeneralHelp());
  const std::string given = invocation.words.empty() ? "" : invocation.words.front();
  for (const CommandEntry& entry : kCommands) {
    if (given == entry.name) return RunCommand(kProgram, entry, invocation);
  }
  return Fail(
      base::MakeError(ErrorCode::kInvalidArgument,
                      given.empty() ? "no command is given" : "there is no command 'tenure-replay " + given + "'",
                      "'tenure-replay --help' lists the commands"),
      invocation.format);
}

}  // namespace tenure::cli
