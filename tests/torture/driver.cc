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

void Fill(Record& record, const Result<Receipt>& receipt) {
  if (!receipt.ok()) return;
  record.lsn = receipt->lsn;
  if (!receipt->results.empty()) record.revision = receipt->results.front().revision;
}

}  // namespace

Record Driver::Begin(Kind kind, std::uint32_t object, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  Record record;
  record.id = process_ << kCallBits | ++calls_;
  record.kind = kind;
  record.object = object;
  record.a = a;
  record.b = b;
  record.c = c;
  record.called = Now();
  sink_(record, false);
  return record;
}

void Driver::End(Record& record, const std::string& code) {
  record.returned = Now();
  record.code = code;
  sink_(record, true);
}

template <class T>
void Driver::End(Record& record, const Result<T>& result) {
  // Those that are a failure of the run, in most cases: the message says more than the code.
  if (!result.ok() && (ExitCode(result.error().code) == 1 || result.error().code == ErrorCode::kCompacted)) {
    std::fprintf(stderr, "process %llu, call %llu: %s\n", static_cast<unsigned long long>(process_),
                 static_cast<unsigned long long>(record.id), result.error().message.c_str());
  }
  End(record, result.ok() ? std::string("ok") : std::string(ErrorCodeName(result.error().code)));
}

Record Driver::Write(Kind kind, std::uint32_t key, Condition condition, std::uint64_t revision, std::uint64_t lease) {
  CommitOptions options;
  if (const auto it = held_.find(lease); it != held_.end()) options.lease_tokens.push_back(it->second.token);
  Record record = Begin(kind, key, condition, revision, lease);
  options.request_id = RequestId(record.id);
  const auto receipt = store_.Commit(WriteOf(record, condition), options);
  Fill(record, receipt);
  End(record, receipt);
  return record;
}

bool Driver::Burst(const std::vector<std::uint32_t>& keys) {
  std::vector<std::pair<Record, Result<Ticket>>> calls;
  for (const std::uint32_t key : keys) {
    Record record = Begin(Kind::kPut, key);
    CommitOptions options;
    options.request_id = RequestId(record.id);
    calls.emplace_back(record, store_.Submit(WriteOf(record, kNone), options));
  }
  Lsn last = 0;
  bool in_order = true;
  for (auto& [record, ticket] : calls) {
    const Result<Receipt> receipt = ticket.ok() ? ticket->Wait() : Result<Receipt>(ticket.error());
    Fill(record, receipt);
    End(record, receipt);
    if (receipt.ok()) in_order = in_order && receipt->lsn > last;
    if (receipt.ok()) last = receipt->lsn;
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

Record Driver::Acquire(std::uint32_t scope, std::uint64_t ttl_ms, bool bound, std::uint64_t wait_ms) {
  AcquireOptions options;
  options.scopes = {ScopeOf(scope)};
  options.ttl = std::chrono::milliseconds(ttl_ms);
  options.wait = std::chrono::milliseconds(wait_ms);
  options.bound = bound;
  Record record = Begin(Kind::kAcquire, scope, ttl_ms, bound ? 1 : 0, wait_ms);
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
  Fill(record, receipt);
  End(record, receipt);
  return record;
}

Record Driver::Break(std::uint32_t scope, std::uint64_t lease, std::uint64_t lsn) {
  Record record = Begin(Kind::kBreak, scope, 0, 0, lease);
  const auto receipt = store_.BreakLease(lsn, "torture");
  Fill(record, receipt);
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

}  // namespace tenure::torture
