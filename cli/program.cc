#include "cli/program.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>

#include "cli/args.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/registry.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "store/base/error.h"

namespace tenure::cli {
namespace {

constexpr int kBrokenPipe = 128 + SIGPIPE;

/// The arguments, told apart far enough to know which command is meant.
struct Invocation {
  std::vector<std::string> words;  ///< "tag", "set"; empty when no command is named.
  std::vector<std::string> rest;   ///< Everything else, in order.
  bool help = false;               ///< Asked for before a command was named.
  bool version = false;
  Format format = Format::kTable;  ///< For errors that come before the options are parsed.
};

bool IsGroup(std::string_view word) {
  return std::any_of(Commands().begin(), Commands().end(), [word](const CommandEntry& entry) {
    const std::string_view name = entry.name;
    return name.size() > word.size() && name.substr(0, word.size()) == word && name[word.size()] == ' ';
  });
}

/// True for the global options that take the next argument as their value. An unknown option before
/// the command is left for the command to refuse.
bool TakesNext(const std::string& word) { return word == "-C" || word == "--store" || word == "--format"; }

void NoteFormat(const std::string& word, const std::string* next, Format& format) {
  std::optional<Format> parsed;
  if (word == "--json") parsed = Format::kJson;
  if (word == "--format" && next != nullptr) parsed = ParseFormat(*next);
  if (word.rfind("--format=", 0) == 0) parsed = ParseFormat(word.substr(std::strlen("--format=")));
  // Whoever asks for JSON anywhere gets the errors of a contradiction in JSON.
  if (parsed && format != Format::kJson) format = *parsed;
}

Invocation Split(const std::vector<std::string>& arguments) {
  Invocation result;
  bool options_ended = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    const std::string* next = i + 1 < arguments.size() ? &arguments[i + 1] : nullptr;
    if (!options_ended) NoteFormat(word, next, result.format);
    if (word == "--") options_ended = true;
    const bool naming = result.words.empty() || (result.words.size() == 1 && IsGroup(result.words[0]));
    const bool option = word.size() > 1 && word[0] == '-';
    if (naming && !options_ended && (word == "-h" || word == "--help")) result.help = true;
    if (result.words.empty() && !options_ended && word == "--version") result.version = true;
    if (naming && !option && !options_ended && !word.empty()) {
      result.words.push_back(word);
      continue;
    }
    result.rest.push_back(word);
    if (naming && !options_ended && TakesNext(word) && next != nullptr) {
      result.rest.push_back(arguments[++i]);
    }
  }
  return result;
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

struct RawGlobals {
  std::string store;
  std::string format;
  bool json = false;
};

void DefineGlobals(Args& args, RawGlobals& raw) {
  args.Option("-C,--store", raw.store, "DIR", "The store; default TENURE_STORE, else the nearest .tenure upwards");
  args.Option("--format", raw.format, "FORMAT", "table (default), json, jsonl or tsv");
  args.Flag("--json", raw.json, "The same as --format json; errors become one JSON object on stderr");
}

Result<GlobalOptions> GlobalsOf(const RawGlobals& raw) {
  GlobalOptions globals;
  globals.store = raw.store;
  if (!raw.format.empty()) {
    const std::optional<Format> format = ParseFormat(raw.format);
    if (!format) {
      return base::MakeError(ErrorCode::kInvalidArgument, "there is no format '" + raw.format + "'",
                             "the formats are table, json, jsonl and tsv");
    }
    globals.format = *format;
  }
  if (raw.json && !raw.format.empty() && globals.format != Format::kJson) {
    return base::MakeError(ErrorCode::kInvalidArgument, "--json and --format " + raw.format + " contradict each other",
                           "give one of them");
  }
  if (raw.json) globals.format = Format::kJson;
  return globals;
}

/// The status for what the command said and what became of its output.
int Conclude(Context& ctx, const Result<int>& result) {
  const Status flushed = ctx.out().Flush();
  if (!result.ok()) WriteStderr(ErrorText(result.error(), ctx.format()));
  if (InterruptedExitCode() != 0) return InterruptedExitCode();
  if (ctx.out().broken_pipe()) return kBrokenPipe;
  if (!result.ok()) return ExitCode(result.error().code);
  if (!flushed.ok()) {
    Error error = flushed.error();
    if (!ctx.done().empty()) error.hint = "the command itself succeeded: " + ctx.done();
    WriteStderr(ErrorText(error, ctx.format()));
    return ExitCode(error.code);
  }
  return *result;
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

int Fail(const Error& error, Format format) {
  WriteStderr(ErrorText(error, format));
  return ExitCode(error.code);
}

int RunCommand(const CommandEntry& entry, const Invocation& invocation) {
  const std::unique_ptr<Command> command = entry.make();
  Args args(std::string("tenure ") + entry.name, entry.summary);
  RawGlobals raw;
  command->Define(args);
  DefineGlobals(args, raw);
  const auto parsed = args.Parse(invocation.rest);
  if (!parsed.ok()) return Fail(parsed.error(), invocation.format);
  if (!*parsed) return PrintAndEnd(args.help());
  auto globals = GlobalsOf(raw);
  if (!globals.ok()) return Fail(globals.error(), invocation.format);
  Context ctx(std::move(globals).value(), base::Env::Posix());
  return Conclude(ctx, command->Run(ctx));
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
  Invocation invocation = Split(arguments);
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
  return RunCommand(*entry, invocation);
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
