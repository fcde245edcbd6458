// tenure watch [GLOB]
#include <atomic>

#include "cli/args.h"
#include "cli/command.h"
#include "cli/registry.h"
#include "cli/signals.h"
#include "store/base/error.h"
#include "store/model/json.h"
#include "tenure/watch.h"

namespace tenure::cli {
namespace {

/// What the signal handler stops.
std::atomic<Watch*> g_running{nullptr};

void StopRunning() {
  if (Watch* watch = g_running.load()) watch->Stop();
}

/// With a cursor a signal is waited out: what was printed is acknowledged before the program ends. Without one there is
/// nothing to wait for.
class Interruptible {
 public:
  Interruptible(Context& ctx, Watch& watch) : ctx_(ctx) {
    g_running.store(&watch);
    OnInterrupt(StopRunning);
    ctx_.BeginCritical("the cursor may be behind what was printed: the next watch with it prints that again");
  }
  ~Interruptible() {
    ctx_.EndCritical();
    OnInterrupt(nullptr);
    g_running.store(nullptr);
  }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  Context& ctx_;
};

Status NotZero(const std::string& option, const std::optional<std::uint64_t>& value, const std::string& why) {
  if (!value || *value != 0) return {};
  return base::MakeError(ErrorCode::kInvalidArgument, option + " 0: " + why);
}

class WatchCommand : public Command {
 public:
  void Define(Args& args) override {
    args.Optional("GLOB", glob_, "Only entries and tags of names that match; default everything");
    args.Option("--from", from_, "LSN", "The first transaction; default the next one to be committed");
    args.Option("--cursor", cursor_, "NAME",
                "Go on where the last watch with this cursor was; made if it is not there");
    args.Option("--until", until_, "LSN", "End behind this transaction");
    args.Option("--count", count_, "N", "End after N events");
    args.Option("--writer", writer_, "ID", "Who moves the cursor; default user@host");
    args.Footer(
        "One JSON object per event and line, as 'tenure log --format jsonl' prints, in the order of the log and\n"
        "flushed at once. Nothing is printed before it is durable. Sleeps while nobody writes.\n\n"
        "A cursor moves behind what was printed, at most once a second: after a crash some events come again, and\n"
        "none is left out. Until seven days after its last move 'tenure compact' keeps the log that it needs. --from\n"
        "says where a new cursor begins.");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_RETURN_IF_ERROR(NotZero("--from", from_, "LSNs begin at 1"));
    TENURE_RETURN_IF_ERROR(NotZero("--until", until_, "LSNs begin at 1"));
    TENURE_RETURN_IF_ERROR(NotZero("--count", count_, "one event at least"));
    TENURE_ASSIGN(const Store store, ctx.OpenStore({.writer = writer_, .read = cursor_.empty()}));
    WatchOptions options;
    options.glob = glob_;
    options.cursor = cursor_;
    options.from = from_.value_or(0);
    options.until = until_.value_or(0);
    options.count = count_.value_or(0);
    TENURE_ASSIGN(Watch watch, store.Watch(options));
    if (cursor_.empty()) return Follow(ctx, watch);
    const Interruptible interruptible(ctx, watch);
    auto ended = Follow(ctx, watch);
    const Status closed = watch.Close();
    if (!closed.ok()) SayNotMoved(ctx, closed.error());
    return ended;
  }

 private:
  Result<int> Follow(Context& ctx, Watch& watch) {
    while (!watch.ended() && !Interrupted()) {
      TENURE_ASSIGN(const std::vector<Event> events, Next(ctx, watch));
      for (const Event& event : events) ctx.out().Line(model::EventJson(event));
      const Status flushed = ctx.out().Flush();
      if (!flushed.ok()) return ctx.out().broken_pipe() ? Result<int>(0) : flushed.error();
      const Status moved = watch.Acknowledge();
      if (!moved.ok()) SayNotMoved(ctx, moved.error());
    }
    return 0;
  }

  /// A cursor that cannot be moved, on a full disk, stops nobody from reading.
  Result<std::vector<Event>> Next(Context& ctx, Watch& watch) {
    auto events = watch.Next();
    if (events.ok() || cursor_.empty() || events.error().code != ErrorCode::kNoSpace) return events;
    SayNotMoved(ctx, events.error());
    return std::vector<Event>();
  }

  void SayNotMoved(Context& ctx, const Error& error) {
    if (error.message == last_said_) return;
    last_said_ = error.message;
    ctx.Warn("cursor " + cursor_ + " was not moved: " + error.message);
  }

  std::string glob_;
  std::string cursor_;
  std::string writer_;
  std::optional<std::uint64_t> from_, until_, count_;
  std::string last_said_;
};

}  // namespace

std::unique_ptr<Command> MakeWatch() { return std::make_unique<WatchCommand>(); }

}  // namespace tenure::cli
