// The main thread reads and submits; a second one waits for the answers in order, prints and flushes.
// Between them is a queue of at most `window` lines, so memory is bounded and a slow reader of the
// output slows the input down.
#include "cli/apply_each.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "cli/operations.h"
#include "cli/signals.h"
#include "cli/views.h"
#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::cli {
namespace {

/// A line that was read: submitted, or answered already.
struct Pending {
  std::uint64_t line = 0;
  std::optional<Ticket> ticket;
  Result<Receipt> answer = Error{};
};

class Answers {
 public:
  Answers(Output& out, std::size_t window) : out_(out), window_(window) {}

  /// Waits while the window is full. False: the output has failed, stop.
  bool Push(Pending pending) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return unanswered_ < window_ || output_failed_; });
    if (output_failed_) return false;
    queue_.push_back(std::move(pending));
    ++unanswered_;
    if (queue_.size() == 1) work_.notify_one();
    return true;
  }
  void Close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    work_.notify_one();
  }
  /// The printing thread.
  void Run();
  std::uint64_t failed() const { return failed_; }        // after the thread has ended
  std::uint64_t succeeded() const { return succeeded_; }  // after the thread has ended

 private:
  /// Everything that is queued; waits for the first. Empty: closed, and nothing left.
  std::deque<Pending> Take() {
    std::unique_lock lock(mutex_);
    work_.wait(lock, [this] { return !queue_.empty() || closed_; });
    return std::exchange(queue_, {});
  }
  bool NothingQueued() {
    const std::lock_guard lock(mutex_);
    return queue_.empty();
  }
  void Print(const Pending& pending);
  /// Before every wait of this thread: shows what is answered, and makes room in the window for it. Until
  /// then both are put off, so that a burst costs one write and one wake-up.
  void Release();

  Output& out_;
  const std::size_t window_;
  // The printing thread's.
  std::uint64_t failed_ = 0;
  std::uint64_t succeeded_ = 0;
  std::size_t printed_ = 0;  // since the last Release
  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable room_;
  // Guarded by mutex_.
  std::deque<Pending> queue_;
  std::size_t unanswered_ = 0;
  bool closed_ = false;
  bool output_failed_ = false;
};

void Answers::Print(const Pending& pending) {
  if (pending.ticket && !pending.ticket->Poll()) Release();
  std::string line = "{\"line\":" + std::to_string(pending.line);
  const Result<Receipt> answer = pending.ticket ? pending.ticket->Wait() : pending.answer;
  if (answer.ok() && answer->outcome == Outcome::kParked) {
    ++failed_;
    const std::string id = ConflictIdText({answer->lsn, 0});
    const Error parked = base::MakeError(ErrorCode::kParked, "nothing was applied: it is parked as conflict " + id,
                                         "see 'tenure conflicts show " + id + "'");
    line += ",\"ok\":false," + ReceiptMembers(*answer) + "," + model::ErrorJson(parked).substr(1);
  } else if (answer.ok()) {
    ++succeeded_;
    line += ",\"ok\":true," + ReceiptMembers(*answer) + "}";
  } else {
    ++failed_;
    // {"error":{…}} becomes a member of this object.
    line += ",\"ok\":false," + model::ErrorJson(answer.error()).substr(1);
  }
  out_.Line(line);
  ++printed_;
  if (printed_ >= window_ / 2) Release();  // the other half is under way: nothing stands still
}

void Answers::Release() {
  if (printed_ == 0) return;
  const bool failed = !out_.Flush().ok();
  bool first_failure = false;
  {
    const std::lock_guard lock(mutex_);
    unanswered_ -= std::exchange(printed_, 0);
    first_failure = failed && !std::exchange(output_failed_, failed);
    room_.notify_one();
  }
  if (first_failure) WakeMain();
}

void Answers::Run() {
  for (;;) {
    const std::deque<Pending> batch = Take();
    if (batch.empty()) return;
    // Printed even when output has failed: everything submitted is waited for and counted.
    for (const Pending& pending : batch) Print(pending);
    if (NothingQueued()) Release();
  }
}

/// Submits one line; what is wrong with it becomes its answer. A line that may wait for a lease is committed here:
/// those behind it were submitted later, and must not overtake it.
Pending SubmitLine(Store& store, const LineReader& reader, LineReader::Kind kind, std::string_view line,
                   const CommitOptions& defaults) {
  Pending pending;
  pending.line = reader.number();
  auto parsed = kind == LineReader::Kind::kTooLong ? Result<OperationLine>(LineTooLong()) : ParseOperationLine(line);
  if (!parsed.ok()) {
    pending.answer = AtLine(reader, std::move(parsed).error());
    return pending;
  }
  CommitOptions options = defaults;
  if (parsed->request_id) options.request_id = std::move(*parsed->request_id);
  if (parsed->on_conflict) options.on_conflict = *parsed->on_conflict;
  if (parsed->lease) options.lease_tokens.assign(1, *parsed->lease);
  Transaction txn;
  txn.Append(std::move(parsed->operation));
  if (options.wait_ms > 0) {
    pending.answer = store.Commit(txn, options);
    return pending;
  }
  auto ticket = store.Submit(txn, options);
  if (ticket.ok()) {
    pending.ticket = std::move(ticket).value();
  } else {
    pending.answer = std::move(ticket).error();
  }
  return pending;
}

/// Reads and submits until the end, a signal, or failed output.
Status Feed(Store& store, LineReader& reader, const CommitOptions& commit, Answers& answers) {
  std::string_view line;
  while (!Interrupted()) {
    TENURE_ASSIGN(const LineReader::Kind kind, reader.Next(line));
    if (kind == LineReader::Kind::kEnd || kind == LineReader::Kind::kWoken) break;
    if (kind == LineReader::Kind::kLine && IsBlank(line)) continue;
    if (!answers.Push(SubmitLine(store, reader, kind, line, commit))) break;
  }
  return {};
}

}  // namespace

Result<int> ApplyEach(Context& ctx, LineReader& reader, const CommitOptions& commit, std::size_t window) {
  TENURE_ASSIGN(Store store, ctx.OpenStore({.writer = commit.writer, .background = true}));
  static_cast<void>(WakeDescriptor());  // before the first signal can want it
  ctx.BeginCritical(
      "lines without a result line may or may not be committed; a \"request_id\" in each line lets "
      "'tenure outcome' tell");
  Answers answers(ctx.out(), window);
  std::optional<std::thread> printer;
  {
    const BlockSignalsForThreads blocked;
    printer.emplace([&answers] { answers.Run(); });
  }
  const Status fed = Feed(store, reader, commit, answers);
  answers.Close();
  printer->join();
  ctx.EndCritical();
  ctx.set_done(std::to_string(answers.succeeded()) + " lines committed");
  if (Interrupted()) {
    ctx.Warn("interrupted behind line " + std::to_string(reader.number()) + "; every line up to there has its result");
  }
  if (!fed.ok()) return fed.error();
  return answers.failed() > 0 ? 3 : 0;
}

}  // namespace tenure::cli
