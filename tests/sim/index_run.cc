#include "tests/sim/index_run.h"

#include <stdexcept>

#include "store/base/error.h"

namespace tenure::sim {
namespace {

using Kind = base::TraceStep::Kind;

/// A checkpoint of the WAL every few transactions.
constexpr std::uint64_t kWalBytesOfRun = 48 << 10;

template <typename T>
T Need(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}
void Need(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.error().message);
}

}  // namespace

IndexRun::IndexRun(const std::string& dir) : dir_(dir), env_(11), traced_(env_, dir) {
  options_.env = &env_;
  options_.background = false;
  options_.writer = "sim@sim";
  Open(true);
  env_.Mark("created");
}

void IndexRun::Open(bool create) {
  store_.emplace(Need(create ? Store::Create(dir_, FewSlots(), options_) : Store::Open(dir_, options_)));
  impl_ = Need(StoreImpl::Open(dir_, options_));  // the handle's own
  impl_->context->wal_bytes_max = kWalBytesOfRun;
}

void IndexRun::Close() {
  store_.reset();
  impl_.reset();
}

void IndexRun::Commit(int count) {
  for (int i = 0; i < count; ++i) {
    Need(CommitPlanned(*store_, env_, next_++, /*large=*/false));
    if (i % 2 == 1) Need(store_->CatchUp());
  }
}

void IndexRun::BeginSegment() {
  Close();
  Need(env_.Remove(dir_ + "/.tenure/ingest.shm"));
  Open(false);
}

void IndexRun::Compact() {
  if (Need(store_->Compact()).segments_removed == 0) throw std::runtime_error("there was nothing to trim");
}

void IndexRun::CompactBesideAReader() {
  auto reader = Need(impl_->pool->Take());
  Need(reader->BeginSnapshot());
  Commit(4);
  FailOneCommit();
  Commit(4);
  Compact();
}

/// A failed sync ends the epoch: the next commit begins a segment, without closing the store.
void IndexRun::FailOneCommit() {
  bool done = false;
  env_.SetFaultPlan([&done](std::uint64_t, Kind call, const std::string& path) -> Status {
    if (done || call != Kind::kSyncData || !path.ends_with(".seg")) return {};
    done = true;
    return base::MakeError(ErrorCode::kIo, path + ": injected by the test");
  });
  const auto receipt = CommitPlanned(*store_, env_, next_++, /*large=*/false);
  env_.SetFaultPlan({});
  if (receipt.ok()) throw std::runtime_error("acknowledged though its sync failed");
}

void IndexRun::BuildGeneration() { Need(impl_->context->build_next_index()); }

Violations CheckLossesOf(const IndexRun& run, std::size_t first, std::uint64_t losses, const std::string& target) {
  const base::Trace trace = run.trace();
  LossCheck check;
  check.sqlite = true;
  for (std::uint64_t number = 0; number < losses; ++number) {
    Violations violations = CheckLoss(trace, run.dir(), PickLoss(trace, number, first), target, check);
    if (!violations.empty()) return violations;
  }
  return {};
}

}  // namespace tenure::sim
