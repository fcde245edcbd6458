#include "cli/run_command.h"

#include <unistd.h>

#include <csignal>
#include <memory>
#include <optional>
#include <utility>

#include "cli/args.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "store/base/error.h"

namespace tenure::cli {
namespace {

constexpr int kBrokenPipe = 128 + SIGPIPE;

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
  if (flushed.ok()) return *result;
  Error error = flushed.error();
  if (!ctx.done().empty()) error.hint = "the command itself succeeded: " + ctx.done();
  return Fail(error, ctx.format());
}

}  // namespace

int RunCommand(const char* program, const CommandEntry& entry, const Invocation& invocation) {
  const std::unique_ptr<Command> command = entry.make();
  Args args(std::string(program) + " " + entry.name, entry.summary);
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

int PrintAndEnd(const std::string& text) {
  Output out(STDOUT_FILENO);
  out.Write(text);
  const Status status = out.Flush();
  if (status.ok()) return 0;
  if (out.broken_pipe()) return kBrokenPipe;
  return Fail(status.error(), Format::kTable);
}

int Fail(const Error& error, Format format) {
  WriteStderr(ErrorText(error, format));
  return ExitCode(error.code);
}

}  // namespace tenure::cli
