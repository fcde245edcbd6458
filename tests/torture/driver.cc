#include "tests/torture/driver.h"

#include <chrono>
#include <cstdio>
#include <utility>

namespace tenure::torture {
namespace {

Transaction WriteOf(const Record& record, Condition condition) {
  Transaction txn;
  PutSpec spec;
  spec.name = NameOf(record.object);
  spec.version = "1";
  spec.size = record.id;
  Operation& op = record.kind == Kind::kPut ? txn.Put(std::move(spec)) : txn.Delete(NameOf(record.object), "1");
  if (condition == kIfRevision) op.IfRevision(record.b);
  if (condition == kIfAbsent) op.IfAbsent();
  if (condition == kBase) op.Base(record.b);
  return txn;
}

}  // namespace

void Fill(Record& record, const Receipt& receipt) {
  record.lsn = receipt.lsn;
  if (!receipt.results.empty()) record.revision = receipt.results.front().revision;
  if (record.kind != Kind::kTransact) return;
  record.flag = receipt.outcome == Outcome::kUnchanged;
  record.seen.clear();
  for (const OpResult& result : receipt.results) record.seen.push_back({0, result.revision, 0});
}

Record Driver::Begin(Kind kind, std::uint32_t object, std::uint64_t a, std::uint64_t b, std::uint64_t c,
                     std::vector<CellOp> ops) {
  Record record;
  record.id = process_ << kCallBits | ++calls_;
  record.kind = kind;
  record.object = object;
  record.a = a;
  record.b = b;
  record.c = c;
  record.ops = std::move(ops);
  record.called = Now();
  sink_(record, false);
  return record;
}

void Driver::End(Record& record, const std::string& code) {
  record.returned = Now();
  record.code = code;
  sink_(record, true);
}

void Driver::Complain(const Record& record, const Error& error) {
  std::fprintf(stderr, "process %llu, call %llu: %s\n", static_cast<unsigned long long>(process_),
               static_cast<unsigned long long>(record.id), error.message.c_str());
}

CommitOptions Driver::OptionsOf(const Record& record) const {
  CommitOptions options;
  options.request_id = RequestId(record.id);
  if (const auto it = held_.find(record.c); it != held_.end()) options.lease_tokens.push_back(it->second.token);
  return options;
}

Record Driver::Write(Kind kind, std::uint32_t key, Condition condition, std::uint64_t revision, std::uint64_t lease) {
  Record record = Begin(kind, key, condition, revision, lease);
  const auto receipt = store_.Commit(WriteOf(record, condition), OptionsOf(record));
  if (receipt.ok()) Fill(record, *receipt);
  End(record, receipt);
  return record;
}

bool Driver::Burst(const std::vector<std::uint32_t>& keys) {
  std::vector<std::pair<Record, Result<Ticket>>> calls;
  for (const std::uint32_t key : keys) {
    Record record = Begin(Kind::kPut, key);
    calls.emplace_back(record, store_.Submit(WriteOf(record, kNone), OptionsOf(record)));
  }
  return WaitFor(std::move(calls));
}

bool Driver::WaitFor(std::vector<std::pair<Record, Result<Ticket>>> calls) {
  Lsn last = 0;
  bool in_order = true;
  for (auto& [record, ticket] : calls) {
    const Result<Receipt> receipt = ticket.ok() ? ticket->Wait() : Result<Receipt>(ticket.error());
    if (receipt.ok()) Fill(record, *receipt);
    End(record, receipt);
    if (!receipt.ok() || record.flag) continue;  // one that changed nothing tells an older LSN
    in_order = in_order && receipt->lsn > last;
    last = receipt->lsn;
  }
  return in_order;
}

Record Driver::Read(Kind kind, std::uint32_t key, std::uint64_t at) {
  ReadOptions options;
  options.include_deleted = kind != Kind::kReadAt;
  if (kind == Kind::kSnapshot) options.consistency = Consistency::kSnapshot;
  if (kind == Kind::kUncommitted) options.consistency = Consistency::kReadUncommitted;
  if (kind == Kind::kReadAt) options.at = At{at, std::nullopt};
  Record record = Begin(kind, key, at);
  const auto entry = store_.Get(RefOf(key), options);
  if (entry.ok()) {
    record.lsn = entry->lsn;
    record.revision = entry->revision;
    record.value = entry->deleted ? 0 : entry->size.value_or(0);
    record.flag = entry->uncommitted;
  }
  End(record, entry);
  return record;
}

Record Driver::Acquire(std::uint32_t scope, std::uint64_t ttl_ms, bool bound, std::uint64_t wait_ms, bool shared) {
  AcquireOptions options;
  options.scopes = ScopesOf(scope);
  options.mode = shared ? LeaseMode::kShared : LeaseMode::kExclusive;
  options.ttl = std::chrono::milliseconds(ttl_ms);
  options.wait = std::chrono::milliseconds(wait_ms);
  options.bound = bound;
  const std::uint64_t mode = (bound ? std::uint64_t{kBound} : 0) | (shared ? std::uint64_t{kShared} : 0);
  Record record = Begin(Kind::kAcquire, scope, ttl_ms, mode, wait_ms);
  options.purpose = RequestId(record.id);
  auto lease = store_.Acquire(options);
  if (lease.ok()) {
    record.lsn = lease->fencing_token();
    held_[record.id] = {scope, ttl_ms, lease->token()};
    lease->Detach();  // from here on it lives by the renewals that are recorded
  } else {
    record.flag = lease.error().code == ErrorCode::kLeaseHeld && lease.error().holder == nullptr;
  }
  End(record, lease);
  return record;
}

Record Driver::Renew(std::uint64_t lease) {
  const Held held = held_.at(lease);
  Record record = Begin(Kind::kRenew, held.scope, held.ttl_ms, 0, lease);
  const auto renewed = store_.RenewLease(held.token);
  End(record, renewed);
  return record;
}

Record Driver::Release(std::uint64_t lease) {
  const Held held = held_.at(lease);
  Record record = Begin(Kind::kRelease, held.scope, 0, 0, lease);
  const auto receipt = store_.ReleaseLease(held.token);
  if (receipt.ok()) Fill(record, *receipt);
  End(record, receipt);
  return record;
}

Record Driver::Break(std::uint32_t scope, std::uint64_t lease, std::uint64_t lsn) {
  Record record = Begin(Kind::kBreak, scope, 0, 0, lease);
  const auto receipt = store_.BreakLease(lsn, "torture");
  if (receipt.ok()) Fill(record, *receipt);
  End(record, receipt);
  return record;
}

Record Driver::Compact(Lsn before_lsn) {
  Record record = Begin(Kind::kCompact, 0, before_lsn);
  CompactOptions options;
  options.before_lsn = before_lsn;
  const auto report = store_.Compact(options);
  End(record, report);
  return record;
}

void Driver::Settle(Record& record) {
  const auto outcome = store_.OutcomeOf(RequestId(record.id));
  record.returned = Now();
  if (outcome.ok()) {
    record.code = "ok";
    Fill(record, *outcome);
  } else {
    record.code = outcome.error().code == ErrorCode::kNotFound ? "never" : ErrorCodeName(outcome.error().code);
  }
}

}  // namespace tenure::torture
