// tenure-replay follow
#include <algorithm>
#include <utility>

#include "cli/args.h"
#include "cli/replay.h"
#include "cli/replay_watch.h"
#include "store/base/error.h"
#include "store/ingest/membership.h"
#include "store/journal/reader.h"
#include "store/model/json.h"

namespace tenure::cli {
namespace {

constexpr Lsn kNoEnd = ~Lsn{0};
constexpr std::chrono::milliseconds kFirstLook{1};
constexpr std::chrono::milliseconds kLongestLook{250};
constexpr std::chrono::milliseconds kUntimed{-1};

class Follow : public Command {
 public:
  void Define(Args& args) override {
    args.Option("--from", from_, "LSN", "The first transaction to print; default the next one to be committed");
    args.Option("--until", until_, "LSN", "End behind this transaction");
    args.Option("--count", count_, "N", "End after N events");
    args.Footer(
        "One JSON object per event and line, as 'tenure log --format jsonl' prints, each transaction flushed at\n"
        "once. Nothing is printed before it is durable. Sleeps while nobody writes.");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(ReplayStore store, FindReplayStore(ctx));
    // Watched before the first look: what comes in between is not missed.
    TENURE_ASSIGN(StoreWatch watch, StoreWatch::Open(store.layout.journal(), store.layout.root));
    TENURE_ASSIGN(members_, ctx.env().Open(store.layout.members(), base::OpenMode::kOpenOrCreate));
    TENURE_RETURN_IF_ERROR(Begin(ctx, store));
    std::chrono::milliseconds pause = kFirstLook;
    for (;;) {
      TENURE_ASSIGN(const bool done, PrintNew(ctx, store));
      if (done) return 0;
      // Written, but not published: that will move a word of shared memory and tell nobody.
      TENURE_ASSIGN(const bool pending, SomethingBehind(ctx.env(), store));
      TENURE_ASSIGN(const bool written, watch.Wait(pending ? pause : kUntimed));
      if (written) {
        pause = kFirstLook;
        // Shared memory that was made anew, or for the first time.
        if (auto shared = AttachShared(ctx.env(), store.layout, store.config.journal_id)) {
          store.shared = std::move(shared);
        }
        continue;
      }
      pause = std::min(pause * 2, kLongestLook);
    }
  }

 private:
  /// Without shared memory nobody has the store open, and whoever opens it next keeps every valid frame.
  static Lsn Limit(const ReplayStore& store) { return store.durable().value_or(kNoEnd); }

  /// A frame, or the beginning of one, behind what was printed, and somebody who can still make it count.
  Result<bool> SomethingBehind(base::Env& env, const ReplayStore& store) const {
    const auto probe = journal::Reader::Open(env, store.layout.journal(), store.config.journal_id, reader_->position(),
                                             store.trimmed_below);
    if (!probe.ok()) return true;  // trimmed or taken over just now: the next look at it tells
    journal::RawFrame raw;
    journal::FrameFault fault = journal::FrameFault::kNone;
    const auto stop = (*probe)->NextRaw(kNoEnd, 0, raw, fault);
    if (stop.ok() && *stop == journal::Stop::kEnd) return false;
    TENURE_ASSIGN(const bool anybody, members_->LockedByOthers(0, ingest::kWholeBytes));
    // Asked in this order: whoever is gone by now published before, or never will.
    return anybody || (store.shared && *store.durable() > reader_->position().last_lsn);
  }

  /// Puts the reader in front of the first transaction that may be printed.
  Status Begin(Context& ctx, const ReplayStore& store) {
    base::Env& env = ctx.env();
    const std::string dir = store.layout.journal();
    const journal::StoreId& id = store.config.journal_id;
    if (from_ && *from_ == 0) {
      return base::MakeError(ErrorCode::kInvalidArgument, "--from 0: LSNs begin at 1");
    }
    if (from_) {
      auto reader = journal::Reader::OpenAtLsn(env, dir, id, *from_, store.trimmed_below);
      if (reader.ok()) {
        reader_ = std::move(reader).value();
        return {};
      }
      if (reader.error().code != ErrorCode::kNotFound) return std::move(reader).error();
    }
    // Behind what there is now: later transactions are passed over until --from.
    TENURE_ASSIGN(const journal::Chain chain, journal::ReadChain(env, dir, id, store.trimmed_below));
    if (chain.segments.empty()) return base::CorruptionAt(dir, 0, "the journal holds no segment");
    TENURE_ASSIGN(reader_, journal::Reader::Open(env, dir, id, journal::StartOf(chain.segments.back().header),
                                                 store.trimmed_below));
    journal::RawFrame raw;
    journal::FrameFault fault = journal::FrameFault::kNone;
    journal::Stop stop = journal::Stop::kFrame;
    while (stop == journal::Stop::kFrame) {
      TENURE_ASSIGN(stop, reader_->NextRaw(Limit(store), store.durable().value_or(0), raw, fault));
    }
    return {};
  }

  /// True: --until or --count is reached, or nobody reads the output any more.
  Result<bool> PrintNew(Context& ctx, const ReplayStore& store) {
    const Lsn durable = store.durable().value_or(0);
    for (;;) {
      if (until_ && reader_->position().last_lsn >= *until_) return true;
      TENURE_ASSIGN(const journal::Step step, reader_->Next(Limit(store), durable));
      if (step.stop != journal::Stop::kFrame) return false;
      for (const model::CommittedTxn& txn : step.frame.txns) {
        if (txn.lsn < from_.value_or(0)) continue;
        if (until_ && txn.lsn > *until_) return true;
        TENURE_ASSIGN(const bool done, PrintOne(ctx, txn));
        if (done) return true;
      }
    }
  }

  Result<bool> PrintOne(Context& ctx, const model::CommittedTxn& txn) {
    // A transaction without effects recorded its request id: that is its one event.
    const auto events = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(txn.effects.size()));
    bool done = false;
    for (std::uint32_t i = 0; i < events && !done; ++i) {
      ctx.out().Line(model::EventJson(model::EventOf(txn, i)));
      done = count_ && ++printed_ >= *count_;
    }
    const Status flushed = ctx.out().Flush();
    if (!flushed.ok() && !ctx.out().broken_pipe()) return flushed.error();
    return done || ctx.out().failed();
  }

  std::optional<std::uint64_t> from_, until_, count_;
  std::unique_ptr<base::File> members_;
  std::unique_ptr<journal::Reader> reader_;
  std::uint64_t printed_ = 0;
};

}  // namespace

std::unique_ptr<Command> MakeReplayFollow() { return std::make_unique<Follow>(); }

}  // namespace tenure::cli
