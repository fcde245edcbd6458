#include "store/store_impl.h"

#include <unistd.h>

#include <map>

#include "conflict/schema.h"
#include "store/base/error.h"
#include "store/base/fork.h"
#include "store/base/guarded.h"
#include "store/base/quiet_thread.h"
#include "store/base/thread_priority.h"
#include "store/commit/staging.h"
#include "store/model/validate.h"
#include "store/recovery/checkpoints.h"
#include "store/recovery/open.h"

namespace tenure {
namespace {

/// Shorter than this, a busy machine takes every owner for a stopped one.
constexpr std::uint64_t kCommitTtlMinMs = 10;
/// A process that leaves applies at most this much; the rest is for the next opener.
constexpr Lsn kCheapToApply = 2'000;
/// Without a background thread, applying is left to readers until this many transactions wait.
constexpr Lsn kLagOfShortLived = 256;
/// The applier gathers at least this many transactions, or this long, before it writes to SQLite.
/// Rows of random keys touch a page each: the more of them share a transaction, the fewer pages are written. A
/// read-committed read that needs them does not wait for it.
constexpr Lsn kApplyBatch = 32'768;
constexpr std::chrono::milliseconds kApplyDelay{500};

/// Between two rounds of ending leases, whatever there is to end.
constexpr std::uint64_t kReapPauseMs = 200;

/// What this process has open, by canonical path and environment.
struct Registry {
  std::mutex mutex;
  std::map<std::pair<base::Env*, std::string>, std::weak_ptr<StoreImpl>> open;
};
Registry& OpenStores() {
  static auto& registry = *new Registry();  // never destroyed: handles may outlive static destruction
  return registry;
}

std::string DefaultWriter(const base::HostInfo& host) { return host.user + "@" + host.host; }

}  // namespace

Result<std::shared_ptr<StoreImpl>> StoreImpl::Open(const std::string& path, const OpenOptions& options) {
  base::Env& env = options.env != nullptr ? *options.env : base::Env::Posix();
  if (!options.writer.empty()) TENURE_RETURN_IF_ERROR(model::ValidateWriter(options.writer));
  if (options.commit_ttl_ms < kCommitTtlMinMs) {
    return base::MakeError(ErrorCode::kInvalidArgument,
                           "a time to live of " + std::to_string(options.commit_ttl_ms) + " ms is too short",
                           "OpenOptions::commit_ttl_ms is " + std::to_string(kCommitTtlMinMs) + " or more");
  }
  TENURE_ASSIGN(recovery::Layout layout, recovery::FindStore(env, path));
  TENURE_ASSIGN(layout.root, env.Canonical(layout.root));
  Registry& registry = OpenStores();
  const std::lock_guard lock(registry.mutex);
  auto& slot = registry.open[{&env, layout.root}];
  if (auto open = slot.lock(); open && open->CheckUsable().ok() && open->options.read_only == options.read_only)
    return open;
  // In a forked child nothing of it may be touched: its threads do not exist there, the mapping is gone, and what waits
  // on its condition variables will never wake up.
  std::shared_ptr<StoreImpl> impl(new StoreImpl(env, options), [](StoreImpl* store) {
    if (store->CheckUsable().ok()) delete store;
  });
  impl->layout = std::move(layout);
  TENURE_RETURN_IF_ERROR(impl->Start());
  slot = impl;
  return impl;
}

Status StoreImpl::Start() {
  opened_by_pid_ = static_cast<std::uint32_t>(::getpid());
  TENURE_ASSIGN(config, recovery::ReadConfig(env, layout));
  TENURE_RETURN_IF_ERROR(recovery::CheckFileSystem(env, layout.root, config.allow_any_file_system, options.log));
  if (options.read_only) {
    TENURE_ASSIGN(private_files, recovery::PrivateFiles::MakeIfNeeded(env, layout));
  }
  env.SetSharedWithGroup(config.shared_with_group);
  const auto initialise = [this](ingest::CommitArea& area) {
    return private_files ? recovery::InitialiseForReading(env, layout, config, area, note)
                         : recovery::InitialiseShared(env, layout, config, area, note);
  };
  TENURE_ASSIGN(member, ingest::Membership::Join(env, layout.members(), layout.shared_segment(), config.journal_id,
                                                 config.writer_slots, initialise));
  const std::string writer = options.writer.empty() ? DefaultWriter(env.Host()) : options.writer;
  context.reset(new commit::Context{env, *member, layout.journal(), layout.index(), layout.staging(), config.journal_id,
                                    config.incarnation, options.commit_ttl_ms * 1'000'000, writer, env.Host().uid,
                                    options.log, recovery::TrimmedBelowOf(env, layout)});
  pool = std::make_unique<commit::IndexPool>(*context);
  aside = std::make_unique<IndexAside>(*context, *pool);
  registry = std::make_unique<ingest::Registry>(member->segment(), member->word(),
                                                [this](std::uint64_t process) { return member->IsDead(process); });
  lease = std::make_unique<commit::CommitLease>(*member);
  committer = std::make_unique<commit::Committer>(*context, *pool, *lease, *registry);
  applier = std::make_unique<commit::Applier>(*context, *pool);
  TENURE_RETURN_IF_ERROR(recovery::CheckConsistency(*context, layout));
  TENURE_RETURN_IF_ERROR(recovery::EnsureIndex(*context, layout));
  if (member->created_segment()) commit::RemoveAllStaged(env, layout.staging());
  group = std::make_unique<commit::Group>(*context, *registry, *lease, *committer, options.background);
  leases = std::make_unique<LeaseService>(*context, *group);
  group->OnBatch([this] { Committed(); });
  if (!note.took_over && !options.read_only) TENURE_RETURN_IF_ERROR(group->RecoverIfNeeded(note));
  {
    TENURE_ASSIGN(auto reader, TakeApplied(0));
    TENURE_ASSIGN(const index::Mark mark, reader->ReadMark());
    const Lsn durable = context->DurableLsn();
    if (mark.position.last_lsn > durable) {
      return base::MakeError(ErrorCode::kCorruption,
                             pool->LivePath() + ": the index has applied LSN " +
                                 std::to_string(mark.position.last_lsn) +
                                 ", but the journal was acknowledged only up to LSN " + std::to_string(durable),
                             "the journal lost transactions; run 'tenure-replay verify' for the whole report");
    }
    member->segment().AdvanceApplied(mark.position.last_lsn);
  }
  if (options.background && !options.read_only) {
    background_ = base::StartQuietThread([this] { BackgroundMain(); });
  }
  return {};
}

StoreImpl::~StoreImpl() {
  {
    const std::lock_guard lock(reap_mutex_);
    reaping_over_ = true;
  }
  if (group) group->Stop();
  stopping_.store(true, std::memory_order_relaxed);
  if (background_.joinable()) {
    {
      const std::lock_guard lock(background_mutex_);
      background_work_ = true;
    }
    background_wake_.notify_one();
    background_.join();
  }
  if (!applier || !group || options.read_only) return;
  const Lsn durable = context->DurableLsn();
  const Lsn lag = durable - std::min(durable, context->AppliedHint());
  const bool short_lived = !options.background;
  if (lag > 0 && (short_lived ? lag >= kLagOfShortLived : lag <= kCheapToApply)) {
    // Best effort: the next opener does what this leaves undone, and reports what is wrong.
    (void)base::Guarded([&] { return applier->TryApply(durable); });
  }
  if (short_lived && committer->WantsSpare()) {
    (void)base::Guarded([&] { return committer->PrepareSpare([] { return false; }); });
  }
}

Status StoreImpl::CheckUsable() const {
  if (fork_generation_ == base::ForkGeneration()) return {};
  return base::MakeError(ErrorCode::kClosed,
                         layout.root + ": this handle was opened by process " + std::to_string(opened_by_pid_) +
                             " and inherited over fork",
                         "open the store again in the child");
}

Status StoreImpl::CheckWritable() const {
  TENURE_RETURN_IF_ERROR(CheckUsable());
  if (!options.read_only) return {};
  if (private_files) {
    return base::MakeError(ErrorCode::kReadOnly,
                           layout.root + " can only be read from here: its files cannot be written to",
                           "look at its owner, its mode and how its file system is mounted");
  }
  return base::MakeError(ErrorCode::kReadOnly, layout.root + " was opened read-only",
                         "open it without OpenOptions::read_only");
}

Result<std::shared_ptr<commit::Pending>> StoreImpl::MakePending(const Transaction& txn,
                                                                const CommitOptions& commit_options) const {
  TENURE_RETURN_IF_ERROR(CheckWritable());
  auto pending = group->NewPending();
  commit::Request& request = pending->request;
  if (model::IsNormal(txn)) {
    request.operations.Lend(txn.operations());
  } else {
    TENURE_ASSIGN(request.operations, model::NormaliseTransaction(txn));
  }
  for (const Operation& op : request.operations) {
    if (!op.policy || !op.policy->schema) continue;
    // Looked at here too: an answer through a lane has less room for what is wrong with it.
    if (auto schema = conflict::Schema::Compile(*op.policy->schema); !schema.ok()) return std::move(schema).error();
  }
  if (!commit_options.writer.empty()) TENURE_RETURN_IF_ERROR(model::ValidateWriter(commit_options.writer));
  request.writer = commit_options.writer.empty() ? context->default_writer : commit_options.writer;
  request.uid = context->uid;
  request.on_conflict = commit_options.on_conflict;
  TENURE_ASSIGN(request.leases, leases->Presented(commit_options));
  if (!commit_options.request_id.empty()) {
    TENURE_RETURN_IF_ERROR(model::ValidateRequestId(commit_options.request_id));
    request.request_id = commit_options.request_id;
    request.body_hash = model::BodyHash(request.operations.view());
  }
  pending->work.request = &request;
  return pending;
}

Status StoreImpl::LimitLag() {
  const Lsn durable = context->DurableLsn();
  const Lsn applied = context->AppliedHint();
  if (durable <= applied + options.apply_lag_max) return {};
  // Nobody is held up by an applier that has stopped: the bound is suspended until it is passed by.
  return applier->WaitApplied(durable - options.apply_lag_max, false);
}

/// After every batch, on the committing thread: wake the background thread if it sleeps.
void StoreImpl::Committed() {
  if (!background_.joinable() || !background_asleep_.load(std::memory_order_seq_cst)) return;
  {
    const std::lock_guard lock(background_mutex_);
    background_work_ = true;
  }
  background_wake_.notify_one();
}

void StoreImpl::ApplyBehind() {
  const Lsn durable = context->DurableLsn();
  if (context->AppliedHint() >= durable) return;
  const Status status = applier->TryApply(durable);
  if (!status.ok()) context->Say("error", "applying to the index failed: " + status.error().message);
}

std::optional<std::chrono::milliseconds> StoreImpl::ReapIn() const {
  const auto earliest = ingest::LeaseCells(*member).EarliestDeadline();
  if (!earliest) return std::nullopt;
  const std::uint64_t now = env.BoottimeMs();
  const std::uint64_t due = std::max(*earliest, reap_not_before_ms_);
  return std::chrono::milliseconds(due > now ? due - now : 0);
}

/// Ends what has expired, so that it is told in the log soon, and not only when somebody wants it.
void StoreImpl::ReapIfDue() {
  const auto due = ReapIn();
  if (!due || due->count() > 0) return;
  const std::lock_guard lock(reap_mutex_);
  if (reaping_over_) return;
  reap_not_before_ms_ = env.BoottimeMs() + kReapPauseMs;
  const Status reaped = leases->Reap();
  if (!reaped.ok()) context->Say("warning", "ending expired leases failed: " + reaped.error().message);
}

void StoreImpl::PrepareSpareIfWanted(const std::function<bool()>& stop) {
  if (!committer->WantsSpare()) return;
  const Status status = committer->PrepareSpare(stop);
  if (!status.ok()) context->Say("warning", "no spare journal segment could be prepared: " + status.error().message);
}

/// Sleeps untimed while nothing is committed; then gathers for a moment, applies, prepares segments.
void StoreImpl::BackgroundMain() {
  base::BecomeBackground();
  const auto stop = [this] { return stopping_.load(std::memory_order_relaxed); };
  std::unique_lock lock(background_mutex_);
  while (!stop()) {
    background_asleep_.store(true, std::memory_order_seq_cst);
    // Looked at again after the flag is up: a batch published before it was seen woke nobody.
    if (context->AppliedHint() >= context->DurableLsn() || background_failed_at_ == context->DurableLsn()) {
      const auto woken = [&] { return background_work_ || stop(); };
      if (const auto due = ReapIn()) {
        (void)background_wake_.wait_for(lock, *due, woken);
      } else {
        background_wake_.wait(lock, woken);
      }
    }
    background_asleep_.store(false, std::memory_order_seq_cst);
    background_work_ = false;
    if (stop()) break;
    const Lsn behind = context->DurableLsn() - context->AppliedHint();
    if (behind > 0 && behind < kApplyBatch) {
      background_wake_.wait_for(lock, kApplyDelay, stop);
    }
    lock.unlock();
    // Each on its own: what one of them has no memory for keeps it from nothing but its part of this round.
    base::Attempt([this] { ReapIfDue(); });
    base::Attempt([this] { ApplyBehind(); });
    background_failed_at_ = context->AppliedHint() < context->DurableLsn() ? context->DurableLsn() : 0;
    base::Attempt([&] { PrepareSpareIfWanted(stop); });
    lock.lock();
  }
}

}  // namespace tenure
