// `tenure-replay`: what crashed, what was committed, and how to get it back. Finds the command, runs it,
// and turns what it says into an exit status.
#include <unistd.h>

#include <csignal>
#include <utility>

#include "cli/args.h"
#include "cli/replay.h"
#include "cli/signals.h"
#include "cli/terminal.h"
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
constexpr int kBrokenPipe = 128 + SIGPIPE;
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

int PrintAndEnd(const std::string& text) {
  Output out(STDOUT_FILENO);
  out.Write(text);
  const Status status = out.Flush();
  if (status.ok()) return 0;
  if (out.broken_pipe()) return kBrokenPipe;
  WriteStderr(ErrorText(status.error(), Format::kTable));
  return ExitCode(status.error().code);
}

struct Invocation {
  std::string command;
  std::vector<std::string> rest;
  bool help = false;
  bool json = false;  ///< For errors that come before the options are parsed.
};

/// The command is the first word that is no option and no option's value.
Invocation Split(const std::vector<std::string>& arguments) {
  Invocation result;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    const bool naming = result.command.empty();
    const bool option = word.size() > 1 && word[0] == '-';
    result.json = result.json || word == "--json" || word == "--format=json" || word == "--format=jsonl";
    if (naming && (word == "-h" || word == "--help")) result.help = true;
    if (naming && !option) {
      result.command = word;
      continue;
    }
    result.rest.push_back(word);
    const bool takes_next = word == "-C" || word == "--store" || word == "--format";
    if (!naming || !takes_next || i + 1 == arguments.size()) continue;
    result.rest.push_back(arguments[++i]);
    result.json = result.json || (word == "--format" && (arguments[i] == "json" || arguments[i] == "jsonl"));
  }
  return result;
}

Result<GlobalOptions> GlobalsOf(const std::string& store, const std::string& format_name, bool json) {
  GlobalOptions globals;
  globals.store = store;
  if (!format_name.empty()) {
    const std::optional<Format> format = ParseFormat(format_name);
    if (!format || (json && *format != Format::kJson)) {
      return base::MakeError(ErrorCode::kInvalidArgument, "--format " + format_name + " is not possible here",
                             "the formats are table, json, jsonl and tsv; --json stands for the second");
    }
    globals.format = *format;
  }
  if (json) globals.format = Format::kJson;
  return globals;
}

int Conclude(Context& ctx, const Result<int>& result) {
  const Status flushed = ctx.out().Flush();
  if (!result.ok()) WriteStderr(ErrorText(result.error(), ctx.format()));
  if (InterruptedExitCode() != 0) return InterruptedExitCode();
  if (ctx.out().broken_pipe()) return kBrokenPipe;
  if (!result.ok()) return ExitCode(result.error().code);
  if (flushed.ok()) return *result;
  WriteStderr(ErrorText(flushed.error(), ctx.format()));
  return ExitCode(flushed.error().code);
}

int RunCommand(const CommandEntry& entry, const Invocation& invocation) {
  const Format early = invocation.json ? Format::kJson : Format::kTable;
  const std::unique_ptr<Command> command = entry.make();
  Args args(std::string(kProgram) + " " + entry.name, entry.summary);
  std::string store;
  std::string format;
  bool json = false;
  command->Define(args);
  args.Option("-C,--store", store, "DIR", "The store; default TENURE_STORE, else the nearest .tenure upwards");
  args.Option("--format", format, "FORMAT", "table (default), json, jsonl or tsv");
  args.Flag("--json", json, "The same as --format json; errors become one JSON object on stderr");
  const auto parsed = args.Parse(invocation.rest);
  if (parsed.ok() && !*parsed) return PrintAndEnd(args.help());
  auto globals = parsed.ok() ? GlobalsOf(store, format, json) : Result<GlobalOptions>(parsed.error());
  if (!globals.ok()) {
    WriteStderr(ErrorText(globals.error(), early));
    return ExitCode(globals.error().code);
  }
  Context ctx(std::move(globals).value(), base::Env::Posix());
  return Conclude(ctx, command->Run(ctx));
}

}  // namespace

int RunReplay(const std::vector<std::string>& arguments) {
  Invocation invocation = Split(arguments);
  if (invocation.command == "help") {
    invocation.command = invocation.rest.empty() ? "" : invocation.rest.front();
    invocation.rest = {"--help"};
    invocation.help = true;
  }
  for (const std::string& word : invocation.rest) {
    if (invocation.command.empty() && word == "--version") return PrintAndEnd("tenure-replay " TENURE_VERSION "\n");
  }
  if (invocation.command.empty() && invocation.help) return PrintAndEnd(GeneralHelp());
  for (const CommandEntry& entry : kCommands) {
    if (invocation.command == entry.name) return RunCommand(entry, invocation);
  }
  const Error error =
      base::MakeError(ErrorCode::kInvalidArgument,
                      invocation.command.empty() ? "no command is given"
                                                 : "there is no command 'tenure-replay " + invocation.command + "'",
                      "'tenure-replay --help' lists the commands");
  WriteStderr(ErrorText(error, invocation.json ? Format::kJson : Format::kTable));
  return ExitCode(error.code);
}

}  // namespace tenure::cli
