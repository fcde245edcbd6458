// The change feed: frames of the journal up to the durable word, and a bell to sleep by.
#include "tenure/watch.h"

#include <algorithm>
#include <atomic>
#include <compare>
#include <optional>

#include "store/base/error.h"
#include "store/base/guarded.h"
#include "store/cursors.h"
#include "store/ingest/feed_bell.h"
#include "store/journal/reader.h"
#include "store/model/reference.h"
#include "store/model/validate.h"
#include "store/store_impl.h"
#include "tenure/conflict.h"

namespace tenure {
namespace {

constexpr std::size_t kEventsMax = 1'024;
constexpr std::uint64_t kNsPerMs = 1'000'000;
/// A cursor is journaled at most this often.
constexpr std::uint64_t kMoveEveryNs = 1'000'000'000;
/// Whoever publishes rings a bell. One that is killed between the two has told nobody, and if nobody commits behind it,
/// it is found by this look.
constexpr std::uint64_t kLongestSleepNs = 60'000'000'000;

}  // namespace

class WatchImpl {
 public:
  WatchImpl(std::shared_ptr<StoreImpl> store, WatchOptions options)
      : store_(std::move(store)), options_(std::move(options)), bell_(store_->context->shared().feed) {}

  Status Begin();
  Result<std::vector<Event>> Next(std::chrono::milliseconds timeout);
  bool ended() const { return ended_; }
  Lsn position() const { return position_.lsn; }
  Status Acknowledge();
  Status Close();
  void Stop() noexcept;

 private:
  /// Everything up to `lsn`, and `effects` effects of the transaction behind it.
  struct Place {
    Lsn lsn = 0;
    std::uint32_t effects = 0;
    friend auto operator<=>(const Place&, const Place&) = default;
  };

  Lsn Durable() const { return store_->context->DurableLsn(); }
  std::uint64_t NowNs() const { return store_->env.MonotonicNs(); }
  Status BeginAtCursor();
  Status OpenReader(Lsn durable);
  Result<bool> ReadFrame(Lsn durable);
  Status Fill(std::vector<Event>& events);
  Status FillOrNothing(std::vector<Event>& events);
  void Give(const model::CommittedTxn& txn, std::vector<Event>& events);
  void Passed(const Place& place);
  bool Wants(const Event& event) const;
  /// Moves alone move nothing: two watches would keep each other going for ever.
  bool MoveDue() const { return !options_.cursor.empty() && acknowledged_ > journaled_ && changed_ > journaled_; }
  Status MoveCursor(bool created);

  const std::shared_ptr<StoreImpl> store_;
  const WatchOptions options_;
  ingest::FeedBell bell_;
  std::optional<model::Glob> glob_;
  std::unique_ptr<journal::Reader> reader_;
  std::vector<model::CommittedTxn> txns_;  // of the last frame read
  std::size_t txn_at_ = 0;
  Place position_;
  std::uint64_t given_ = 0;
  bool ended_ = false;
  std::atomic<bool> stopped_{false};
  // With a cursor.
  Place acknowledged_;
  Place journaled_;
  bool unacknowledged_ = false;  // events were given behind acknowledged_
  Place changed_;                // behind the last effect that was not the move of a cursor
  std::uint64_t moved_ns_ = 0;
};

// ---- Where it begins ----------------------------------------------------------------------------

Status WatchImpl::Begin() {
  TENURE_RETURN_IF_ERROR(store_->CheckUsable());
  if (!options_.glob.empty()) {
    TENURE_ASSIGN(glob_, model::Glob::Compile(options_.glob));
  }
  position_ = {options_.from > 0 ? options_.from - 1 : Durable(), 0};
  if (!options_.cursor.empty()) return BeginAtCursor();
  const Lsn durable = Durable();
  return position_.lsn < durable ? OpenReader(durable) : Status();
}

Status WatchImpl::BeginAtCursor() {
  TENURE_RETURN_IF_ERROR(store_->CheckWritable());
  TENURE_RETURN_IF_ERROR(model::ValidateCursorName(options_.cursor));
  std::optional<CursorEntry> there;
  {
    TENURE_ASSIGN(auto view, store_->ViewFor({}));
    TENURE_ASSIGN(there, view.reader->GetCursor(options_.cursor));
  }
  if (there) position_ = {there->lsn, there->effects};
  const Lsn durable = Durable();
  // Before it is made: a place that is not retained makes no cursor.
  if (position_.lsn < durable && (there || options_.from > 0)) {
    Status opened = OpenReader(durable);
    if (!opened.ok()) {
      Error error = std::move(opened).error();
      if (there && error.code == ErrorCode::kCompacted) {
        error.message = "cursor " + options_.cursor + " has not moved for too long: " + error.message;
        error.hint = "'tenure cursors rm " + options_.cursor + "', then begin anew";
      }
      return error;
    }
  }
  acknowledged_ = journaled_ = position_;
  return there ? Status() : MoveCursor(true);
}

Status WatchImpl::OpenReader(Lsn durable) {
  const StoreImpl& store = *store_;
  TENURE_ASSIGN(reader_, journal::Reader::OpenAtLsn(store.env, store.layout.journal(), store.config.journal_id,
                                                    position_.lsn + 1, store.context->trimmed_below, durable));
  return {};
}

// ---- Reading ------------------------------------------------------------------------------------

/// The next frame, up to the durable word and no further. False: there is none.
Result<bool> WatchImpl::ReadFrame(Lsn durable) {
  for (bool fresh = false;;) {
    if (!reader_) {
      TENURE_RETURN_IF_ERROR(OpenReader(durable));
      fresh = true;
    }
    auto step = reader_->Next(durable, durable);
    if (step.ok()) {
      if (step->stop != journal::Stop::kFrame) return false;
      txns_ = std::move(step->frame.txns);
      txn_at_ = 0;
      return true;
    }
    // A reader is of no use after an error. What it knew of the directory may be older than a compaction: what counts
    // is what a new one says.
    reader_.reset();
    if (fresh) return std::move(step).error();
  }
}

bool WatchImpl::Wants(const Event& event) const {
  if (event.cursor) return !glob_ && options_.cursor.empty();
  if (!glob_) return true;
  if (event.entry) return glob_->Matches(event.entry->name, event.entry->version);
  if (event.parked && !event.parked->of_tag) return glob_->Matches(event.parked->name, event.parked->rest);
  if (event.parked) return !glob_->matches_versions() && glob_->Matches(event.parked->name, {});
  return event.tag && !glob_->matches_versions() && glob_->Matches(event.tag->name, {});
}

void WatchImpl::Passed(const Place& place) {
  // What nobody was given needs no acknowledgement.
  if (!unacknowledged_) acknowledged_ = place;
  position_ = place;
}

/// The effects of `txn` behind the position, as far as there is room for them.
void WatchImpl::Give(const model::CommittedTxn& txn, std::vector<Event>& events) {
  // A transaction without effects recorded its request id: that is its one event.
  const std::uint32_t effects = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(txn.effects.size()));
  const bool of_cursors = !txn.effects.empty() && model::IsCursorEffect(txn.effects.front().kind);
  for (std::uint32_t i = position_.effects; i < effects; ++i) {
    if (events.size() == kEventsMax || ended_) return;
    Event event = model::EventOf(txn, i);
    if (Wants(event)) {
      events.push_back(std::move(event));
      unacknowledged_ = true;
      ended_ = options_.count > 0 && ++given_ == options_.count;
    }
    Passed(i + 1 < effects ? Place{position_.lsn, i + 1} : Place{txn.lsn, 0});
    if (!of_cursors) changed_ = position_;
  }
}

/// What is durable now, until there is something to give: at most the rest of one frame.
Status WatchImpl::Fill(std::vector<Event>& events) {
  while (!ended_ && events.size() < kEventsMax) {
    if (options_.until > 0 && position_.lsn >= options_.until) {
      ended_ = true;
      break;
    }
    if (txn_at_ == txns_.size()) {
      const Lsn durable = Durable();
      if (!events.empty() || durable <= position_.lsn) break;
      TENURE_ASSIGN(const bool read, ReadFrame(durable));
      if (!read) break;
    }
    const model::CommittedTxn& txn = txns_[txn_at_];
    if (txn.lsn > position_.lsn) Give(txn, events);
    if (position_.lsn >= txn.lsn) ++txn_at_;
  }
  return {};
}

/// What could not be handed out for want of memory is given by the next call: nothing is passed over.
Status WatchImpl::FillOrNothing(std::vector<Event>& events) {
  const Place position = position_;
  const Place acknowledged = acknowledged_;
  const Place changed = changed_;
  const std::uint64_t given = given_;
  const bool unacknowledged = unacknowledged_;
  try {
    return Fill(events);
  } catch (...) {
    position_ = position;
    acknowledged_ = acknowledged;
    changed_ = changed;
    given_ = given;
    unacknowledged_ = unacknowledged;
    ended_ = false;
    reader_.reset();
    txns_.clear();
    txn_at_ = 0;
    throw;
  }
}

Result<std::vector<Event>> WatchImpl::Next(std::chrono::milliseconds timeout) {
  const std::uint64_t began_ns = NowNs();
  for (;;) {
    TENURE_RETURN_IF_ERROR(store_->CheckUsable());
    std::vector<Event> events;
    if (!stopped_.load(std::memory_order_seq_cst)) TENURE_RETURN_IF_ERROR(FillOrNothing(events));
    if (!events.empty() || ended_ || stopped_.load(std::memory_order_seq_cst)) return events;
    std::uint64_t sleep_ns = kLongestSleepNs;
    if (MoveDue()) {
      const std::uint64_t since_ns = NowNs() - moved_ns_;
      if (since_ns >= kMoveEveryNs) {
        TENURE_RETURN_IF_ERROR(MoveCursor(false));
        continue;
      }
      sleep_ns = kMoveEveryNs - since_ns;
    }
    if (timeout.count() >= 0) {
      const std::uint64_t timeout_ns = static_cast<std::uint64_t>(timeout.count()) * kNsPerMs;
      const std::uint64_t passed_ns = NowNs() - began_ns;
      if (passed_ns >= timeout_ns) return events;
      sleep_ns = std::min(sleep_ns, timeout_ns - passed_ns);
    }
    bell_.Sleep(std::chrono::nanoseconds(sleep_ns),
                [this] { return stopped_.load(std::memory_order_seq_cst) || Durable() > position_.lsn; });
  }
}

void WatchImpl::Stop() noexcept {
  // Before the bell: who reads the bell's turn behind it sees this too.
  stopped_.store(true, std::memory_order_seq_cst);
  bell_.WakeAll();
}

// ---- The cursor ---------------------------------------------------------------------------------

/// Journals acknowledged_. A new cursor without a place of its own begins behind its own making.
Status WatchImpl::MoveCursor(bool created) {
  const bool from_here = created && options_.from == 0;
  Place place = acknowledged_;
  const auto effect = [&](Lsn lsn) {
    // Its own move is nothing that has to be read.
    if (from_here || acknowledged_ == Place{lsn - 1, 0}) place = {lsn, 0};
    CursorEntry cursor;
    cursor.name = options_.cursor;
    cursor.lsn = place.lsn;
    cursor.effects = place.effects;
    return CursorEffect(model::EffectKind::kSetCursor, std::move(cursor));
  };
  moved_ns_ = NowNs();  // also when it fails: the next try is a second away
  TENURE_RETURN_IF_ERROR(CommitCursorEffect(*store_, effect));
  journaled_ = place;
  acknowledged_ = std::max(acknowledged_, place);
  position_ = std::max(position_, place);
  return {};
}

Status WatchImpl::Acknowledge() {
  acknowledged_ = position_;
  unacknowledged_ = false;
  if (!MoveDue() || NowNs() - moved_ns_ < kMoveEveryNs) return {};
  return MoveCursor(false);
}

Status WatchImpl::Close() {
  if (!MoveDue()) return {};
  TENURE_RETURN_IF_ERROR(store_->CheckUsable());
  return MoveCursor(false);
}

// ---- The public form ----------------------------------------------------------------------------

Result<Watch> Store::Watch(const WatchOptions& options) const try {
  auto impl = std::make_unique<WatchImpl>(impl_, options);
  TENURE_RETURN_IF_ERROR(impl->Begin());
  return tenure::Watch(std::move(impl));
}
TENURE_CATCH_ALL

Watch::Watch(std::unique_ptr<WatchImpl> impl) : impl_(std::move(impl)) {}
Watch::~Watch() {
  if (impl_) (void)base::Guarded([this] { return impl_->Close(); });
}
Watch::Watch(Watch&&) noexcept = default;
Watch& Watch::operator=(Watch&&) noexcept = default;

Result<std::vector<Event>> Watch::Next(std::chrono::milliseconds timeout) try { return impl_->Next(timeout); }
TENURE_CATCH_ALL
bool Watch::ended() const { return impl_->ended(); }
Lsn Watch::position() const { return impl_->position(); }
Status Watch::Acknowledge() try { return impl_->Acknowledge(); }
TENURE_CATCH_ALL
Status Watch::Close() try { return impl_->Close(); }
TENURE_CATCH_ALL
void Watch::Stop() noexcept { impl_->Stop(); }

}  // namespace tenure
