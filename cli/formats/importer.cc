#include "cli/formats/importer.h"

#include <utility>

#include "cli/views.h"
#include "store/base/error.h"
#include "store/model/validate.h"

namespace tenure::cli {
namespace {

/// Of one transaction: well below the limit, so that its URLs can still grow when it is planned again.
constexpr std::size_t kBatchBytesMax = model::kTxnBytesMax / 4;
/// Rounds in which a whole range is tried again before it is halved.
constexpr int kRoundsWhole = 3;
/// A single key that changes this often while it is being read is not ours to fight for.
constexpr int kRoundsSingle = 1'000;

/// Somebody else changed a key between our reading and our writing.
bool IsRace(ErrorCode code) {
  switch (code) {
    case ErrorCode::kExists:
    case ErrorCode::kRevisionMismatch:
    case ErrorCode::kStaleBase:
    case ErrorCode::kDeletedSince:
    case ErrorCode::kNotFound:
      return true;
    default:
      return false;
  }
}

/// A policy refuses one of the entries: the others have nothing to do with it.
bool IsRefusal(ErrorCode code) {
  return code == ErrorCode::kImmutable || code == ErrorCode::kSchemaMismatch || code == ErrorCode::kLeaseRequired;
}

/// One entry that comes too late, or that a policy does not want, must not park the others.
CommitOptions Rejecting(CommitOptions commit) {
  commit.on_conflict = ConflictStrategy::kReject;
  return commit;
}

Result<Operation> OperationOf(Record record) {
  Operation op;
  if (record.entry) {
    ArtifactEntry& entry = *record.entry;
    op.kind = OpKind::kPut;
    op.name = std::move(entry.name);
    op.version = std::move(entry.version);
    op.digest = std::move(entry.digest);
    op.size = entry.size;
    op.media_type = std::move(entry.media_type);
    op.urls = UnitedUrls({}, entry.urls);
    op.annotations = std::move(entry.annotations);
  } else {
    op.kind = OpKind::kSetTag;
    op.name = std::move(record.tag->name);
    op.tag = std::move(record.tag->tag);
    op.version = std::move(record.tag->version);
  }
  TENURE_RETURN_IF_ERROR(model::Normalise(op));
  return op;
}

}  // namespace

void Importer::Refuse(const std::string& where, const Error& why) {
  ++counts_.records;
  ++counts_.invalid;
  Complain(where + ": " + why.message);
}

Status Importer::Add(Record record, const std::string& where) {
  auto op = OperationOf(std::move(record));
  if (!op.ok()) {
    Refuse(where, op.error());
    return {};
  }
  ++counts_.records;
  const bool tag = op->kind == OpKind::kSetTag;
  return AddTo(tag ? tags_ : entries_, ImportItem{std::move(op).value(), where});
}

Status Importer::AddTo(Batch& batch, ImportItem item) {
  std::string key = KeyOfItem(item);
  if (batch.keys.count(key) > 0) {
    // The same key again: it has to see what becomes of the first one.
    TENURE_RETURN_IF_ERROR(&batch == &tags_ ? FlushTags() : Flush(batch));
    TENURE_RETURN_IF_ERROR(Drain());
  }
  batch.bytes += model::OperationBytes(item.op);
  batch.keys.insert(std::move(key));
  batch.items.push_back(std::move(item));
  if (batch.items.size() < options_.batch && batch.bytes < kBatchBytesMax) return {};
  return &batch == &tags_ ? FlushTags() : Flush(batch);
}

/// Plans and submits a batch.
Status Importer::Flush(Batch& batch) {
  if (batch.items.empty()) return {};
  const std::vector<ImportItem> items = std::exchange(batch, {}).items;
  // Old news are good enough: what is planned on them is checked when it commits.
  TENURE_ASSIGN(ImportPlan plan, PlanImport(store_, items, 0, items.size(), Consistency::kSnapshot));
  if (plan.txn.empty()) return Settle(plan, nullptr);
  while (in_flight_.size() >= options_.window) TENURE_RETURN_IF_ERROR(SettleOldest());
  TENURE_ASSIGN(Ticket ticket, store_.Submit(plan.txn, Rejecting(options_.commit)));
  in_flight_.push_back({items, std::move(plan), std::move(ticket)});
  // What is answered by now is acknowledged now, not when the window is full.
  while (!in_flight_.empty() && in_flight_.front().ticket.Poll()) TENURE_RETURN_IF_ERROR(SettleOldest());
  return {};
}

/// A tag needs the version it points to: entries first, all of them.
Status Importer::FlushTags() {
  if (tags_.items.empty()) return {};
  TENURE_RETURN_IF_ERROR(Flush(entries_));
  TENURE_RETURN_IF_ERROR(Drain());
  const std::vector<ImportItem> items = std::exchange(tags_, {}).items;
  return Resolve(items, 0, items.size());
}

Status Importer::Drain() {
  while (!in_flight_.empty()) TENURE_RETURN_IF_ERROR(SettleOldest());
  // The next plan is made from the index, which may lag behind what was acknowledged.
  return store_.CatchUp();
}

Status Importer::SettleOldest() {
  const InFlight oldest = std::move(in_flight_.front());
  in_flight_.pop_front();
  const auto receipt = oldest.ticket.Wait();
  if (receipt.ok()) return Settle(oldest.plan, &*receipt);
  // Submit does not wait for leases of others; Commit does.
  const bool wait = receipt.error().code == ErrorCode::kLeaseHeld && options_.commit.wait_ms > 0;
  if (!wait && !IsRace(receipt.error().code) && !IsRefusal(receipt.error().code)) return receipt.error();
  ++counts_.retries;
  return Resolve(oldest.items, 0, oldest.items.size());
}

/// Counts what became of a plan, tells about it, and acknowledges.
Status Importer::Settle(const ImportPlan& plan, const Receipt* receipt) {
  counts_.added += plan.added;
  counts_.updated += plan.updated;
  counts_.unchanged += plan.unchanged;
  counts_.invalid += plan.invalid.size();
  for (const ImportPlan::Conflict& conflict : plan.conflicts) TENURE_RETURN_IF_ERROR(SettleConflict(conflict));
  for (const std::string& invalid : plan.invalid) Complain(invalid);
  if (receipt == nullptr) return {};
  ++counts_.transactions;
  counts_.last_lsn = receipt->lsn;
  if (options_.acks == nullptr) return {};
  for (const Operation& op : plan.put) options_.acks->Add(KeyOf(op), op.digest);
  return options_.acks->Flush();
}

/// Alone, so that nothing else waits for how it is settled.
Status Importer::SettleConflict(const ImportPlan::Conflict& conflict) {
  const auto kept = [&](const std::string& message) -> Status {
    ++counts_.conflicts;
    Complain(message);
    return {};
  };
  if (options_.on_conflict == ConflictStrategy::kReject) return kept(conflict.message);
  CommitOptions commit = options_.commit;
  commit.on_conflict = options_.on_conflict;
  Transaction txn;
  txn.Append(conflict.op);
  const auto receipt = store_.Commit(txn, commit);
  if (!receipt.ok()) {
    // What was read may have changed since; whatever it says, this entry is not the store's.
    return ExitCode(receipt.error().code) == ExitCode(ErrorCode::kStaleBase) || IsRefusal(receipt.error().code)
               ? kept(conflict.message + ": " + receipt.error().message)
               : Status(receipt.error());
  }
  if (receipt->outcome == Outcome::kUnchanged) {
    ++counts_.unchanged;
    return {};
  }
  ++counts_.transactions;
  counts_.last_lsn = receipt->lsn;
  if (receipt->outcome == Outcome::kParked) {
    ++counts_.parked;
    return kept(conflict.message + ", and this one is parked as conflict " + ConflictIdText({receipt->lsn, 0}));
  }
  ++counts_.updated;
  if (options_.acks == nullptr || conflict.op.kind != OpKind::kPut) return {};
  options_.acks->Add(KeyOf(conflict.op), conflict.op.digest);
  return options_.acks->Flush();
}

/// A single entry that a policy refuses.
void Importer::RefuseItem(const ImportItem& item, const Error& why) {
  ++counts_.conflicts;
  Complain(item.where + ": " + why.message);
}

/// Decides a range on everything committed, and commits it; again while others are faster.
Status Importer::Resolve(const std::vector<ImportItem>& items, std::size_t begin, std::size_t end) {
  const bool single = end - begin == 1;
  for (int round = 0; round < (single ? kRoundsSingle : kRoundsWhole); ++round) {
    TENURE_ASSIGN(const ImportPlan plan, PlanImport(store_, items, begin, end, Consistency::kReadCommitted));
    if (plan.txn.empty()) return Settle(plan, nullptr);
    const auto receipt = store_.Commit(plan.txn, Rejecting(options_.commit));
    if (receipt.ok()) return Settle(plan, &*receipt);
    if (IsRefusal(receipt.error().code)) {
      if (!single) break;
      RefuseItem(items[begin], receipt.error());
      return {};
    }
    if (!IsRace(receipt.error().code)) return receipt.error();
    ++counts_.retries;
  }
  if (single) {
    return base::MakeError(ErrorCode::kBusy,
                           items[begin].where + ": " + KeyOfItem(items[begin]) +
                               " is changed by other writers all the time; it could not be imported",
                           "run the import again");
  }
  const std::size_t middle = begin + (end - begin) / 2;
  TENURE_RETURN_IF_ERROR(Resolve(items, begin, middle));
  return Resolve(items, middle, end);
}

Status Importer::Finish() {
  TENURE_RETURN_IF_ERROR(Flush(entries_));
  TENURE_RETURN_IF_ERROR(FlushTags());
  while (!in_flight_.empty()) TENURE_RETURN_IF_ERROR(SettleOldest());
  return {};
}

void Importer::Abandon() {
  while (!in_flight_.empty()) {
    const InFlight oldest = std::move(in_flight_.front());
    in_flight_.pop_front();
    const auto receipt = oldest.ticket.Wait();
    // Whatever else went wrong was told already; what was committed still counts.
    if (receipt.ok()) (void)Settle(oldest.plan, &*receipt);
  }
}

}  // namespace tenure::cli
