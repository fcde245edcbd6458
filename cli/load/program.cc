#include "cli/load/program.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <thread>

#include "cli/load/report.h"
#include "cli/load/writer.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "store/base/cores.h"

namespace tenure::cli {
namespace {

using namespace load;

constexpr int kBrokenPipe = 128 + SIGPIPE;
constexpr std::uint64_t kFiguresEveryNs = 250'000'000;

std::uint64_t ProgramClockNs() { return base::Env::Posix().MonotonicNs(); }

/// The line on the terminal; nothing elsewhere. It has no colours, so NO_COLOR asks for nothing more.
class Live {
 public:
  Live() : enabled_(StderrIsTerminal()) {}
  ~Live() {
    if (drawn_) WriteStderr("\r\033[K");
  }
  bool enabled() const { return enabled_; }
  void Draw(const Counts& now, double seconds) {
    if (!enabled_) return;
    WriteStderr("\r\033[K" + LiveLine(now, seconds, before_, seconds - before_seconds_, TerminalWidth() - 1));
    before_ = now;
    before_seconds_ = seconds;
    drawn_ = true;
  }

 private:
  bool enabled_;
  bool drawn_ = false;
  Counts before_;
  double before_seconds_ = 0;
};

/// Waits until all writers have ended, the time is up or a signal came.
void Watch(const Settings& settings, const std::vector<std::unique_ptr<Writer>>& writers,
           const std::atomic<unsigned>& running, std::uint64_t began_ns) {
  Live live;
  std::uint64_t redraw_ns = began_ns + kFiguresEveryNs;
  const std::uint64_t end_ns = settings.span_ms ? began_ns + *settings.span_ms * 1'000'000 : ~std::uint64_t{0};
  while (running.load(std::memory_order_acquire) > 0 && !Interrupted()) {
    const std::uint64_t now_ns = ProgramClockNs();
    if (now_ns >= end_ns) return;
    if (live.enabled() && now_ns >= redraw_ns) {
      Counts total;
      for (const auto& writer : writers) total += writer->Snapshot();
      live.Draw(total, static_cast<double>(now_ns - began_ns) / 1e9);
      redraw_ns = now_ns + kFiguresEveryNs;
    }
    const std::uint64_t wake_ns = std::min(end_ns, live.enabled() ? redraw_ns : ~std::uint64_t{0});
    const std::uint64_t left_ms = wake_ns > now_ns ? (wake_ns - now_ns + 999'999) / 1'000'000 : 0;
    // A writer that ends, and a signal, make the descriptor readable. Without one, look now and then.
    const int fd = WakeDescriptor();
    pollfd wake{fd, POLLIN, 0};
    const std::uint64_t bound_ms = fd >= 0 ? 3'600'000 : 50;
    if (::poll(&wake, 1, static_cast<int>(std::min(left_ms, bound_ms))) > 0) {
      char bytes[64];
      while (::read(fd, bytes, sizeof bytes) > 0) {
      }
    }
  }
}

RunResult RunWriters(const Settings& settings, Sink& sink) {
  std::atomic<bool> stop{false};
  std::atomic<unsigned> running{settings.writers};
  std::vector<std::unique_ptr<Writer>> writers;
  for (unsigned i = 0; i < settings.writers; ++i) {
    writers.push_back(std::make_unique<Writer>(settings, sink, i, stop));
  }
  WakeDescriptor();
  const std::uint64_t began_ns = ProgramClockNs();
  std::vector<std::thread> threads;
  {
    BlockSignalsForThreads block;
    for (const auto& writer : writers) {
      threads.emplace_back([&running, &writer = *writer] {
        writer.Run();
        running.fetch_sub(1, std::memory_order_release);
        WakeMain();
      });
    }
  }
  Watch(settings, writers, running, began_ns);
  stop.store(true, std::memory_order_relaxed);
  for (std::thread& thread : threads) thread.join();
  RunResult result;
  result.seconds = static_cast<double>(ProgramClockNs() - began_ns) / 1e9;
  for (const auto& writer : writers) {
    result.writers.push_back({writer->Snapshot(), writer->latency(), writer->seconds(), writer->failure()});
    result.content += writer->content();
  }
  return result;
}

Result<RunResult> Run(const Settings& settings) {
  std::unique_ptr<Sink> sink;
  {
    BlockSignalsForThreads block;  // the sinks start threads too
    auto made = settings.store.empty() ? MakeBufferSink(settings) : MakeStoreSink(settings);
    if (!made.ok()) return std::move(made).error();
    sink = std::move(made).value();
  }
  RunResult result = RunWriters(settings, *sink);
  const Drained drained = sink->Finish();
  if (settings.store.empty()) result.drained = drained;
  return result;
}

int Print(const std::string& text) {
  Output out(STDOUT_FILENO);
  out.Write(text);
  const Status status = out.Flush();
  if (status.ok()) return 0;
  if (out.broken_pipe()) return kBrokenPipe;
  WriteStderr(ErrorText(status.error(), Format::kTable));
  return ExitCode(status.error().code);
}

int Fail(const Error& error, bool json) {
  WriteStderr(ErrorText(error, json ? Format::kJson : Format::kTable));
  return ExitCode(error.code);
}

}  // namespace

int RunLoad(const std::vector<std::string>& arguments) {
  Args args("tenure-load", "Writer threads that produce blocks of random sizes and write them as fast as they can");
  RawSettings raw;
  bool version = false;
  raw.Define(args);
  args.Flag("--version", version, "Print the version and exit");
  args.Footer(
      "Each block is checked when it comes out of the buffer: none lost, none twice, none changed. The final\n"
      "statistics go to stdout, a live line to stderr when that is a terminal. Exit status: 0 all blocks arrived,\n"
      "1 some did not, 2 usage, 10 no store, 130 and 143 interrupted.");
  const bool json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
  const auto parsed = args.Parse(arguments);
  if (!parsed.ok()) return Fail(parsed.error(), json);
  if (!*parsed) return Print(args.help());
  if (version) return Print("tenure-load " TENURE_VERSION "\n");
  std::uint64_t seed = 0;
  base::Env::Posix().Random(std::as_writable_bytes(std::span(&seed, 1)));
  // Small enough for every JSON reader.
  const auto settings = SettingsOf(raw, base::AllowedCores(), seed >> 12);
  if (!settings.ok()) return Fail(settings.error(), json);
  // From here on a signal only asks to stop; a second one, or five seconds, end the process.
  BeginCriticalSection("tenure-load: ended before the statistics were complete\n");
  const auto result = Run(*settings);
  if (!result.ok()) return InterruptedExitCode() != 0 ? InterruptedExitCode() : Fail(result.error(), json);
  const int printed = Print(settings->json ? JsonText(*settings, *result) : TableText(*settings, *result));
  if (InterruptedExitCode() != 0) return InterruptedExitCode();
  if (printed != 0) return printed;
  return result->Sound() ? 0 : 1;
}

}  // namespace tenure::cli
