// The calls on the lease scopes of a domain, writes to what they cover among them, as the model has them.
#include "tests/torture/audit/audit.h"
#include "tests/torture/audit/judged.h"

namespace tenure::torture {
namespace {

using linear::Call;
using linear::LeaseModel;
using Do = LeaseModel::Do;
using Answer = LeaseModel::Answer;

constexpr std::uint64_t kMs = 1'000'000;
/// A renewal reads the clock in ms, and later than it was called.
constexpr std::uint64_t kRenewalSlackNs = 5 * kMs;

bool IsLeaseCall(const Record& record) { return record.kind >= Kind::kAcquire && record.kind <= Kind::kBreak; }

bool InDomain(const Record& record, std::uint32_t domain) {
  if (IsLeaseCall(record)) return DomainOf(record.object) == domain;
  if (IsKeyWrite(record)) return record.object >= kFreeKeys && record.object - kFreeKeys == domain;
  return record.kind == Kind::kTransact && record.object == kLeasedGroup && domain == DomainOf(kScopes);
}

/// While a lease is used with success it has not ended: its expiry is looked for behind the call of its last use. That
/// loses no order, and most of the search.
void PutOffExpiries(std::vector<Call<LeaseModel>>& calls) {
  std::unordered_map<std::uint64_t, std::uint64_t> used;
  for (const Call<LeaseModel>& call : calls) {
    if (!call.output || call.output->answer != Answer::kOk || call.input.lease == 0) continue;
    // Whoever breaks a lease may break one that is over.
    if (call.input.what == Do::kBreak) continue;
    std::uint64_t& last = used[call.input.lease];
    last = std::max(last, call.called);
  }
  for (Call<LeaseModel>& call : calls) {
    if (call.input.what != Do::kExpire) continue;
    if (const auto it = used.find(call.input.lease); it != used.end()) call.called = std::max(call.called, it->second);
  }
}

}  // namespace

void Audit::AddExpiry(std::uint64_t lease, std::uint64_t deadline, LeaseCalls& calls) {
  calls.push_back({0, deadline, linear::kNever, {Do::kExpire, lease, deadline}});
}

void Audit::AddWrite(const Record& record, LeaseCalls& calls) {
  Call<LeaseModel> call{ProcessOf(record.id), record.called, record.returned, {Do::kWrite, record.c}};
  if (record.kind == Kind::kTransact) {
    call.input.parts = 0;
    for (const CellOp& op : record.ops) call.input.parts |= 1u << op.cell;
  }
  // A batch may be decided at a time before this was called, but not by more than it may be old.
  call.input.at = record.called - std::min(record.called, slack_ns_);
  if (record.code == "ok") {
    call.output = {Answer::kOk};
  } else if (IsLeaseCode(record.code)) {
    call.output = {record.code == "lease_held"           ? Answer::kBusy
                   : record.code == "lease_not_covering" ? Answer::kNotCovering
                                                         : Answer::kLost};
  } else {
    return;  // refused for something else
  }
  calls.push_back(call);
}

void Audit::AddAcquire(const Record& record, const Phase& phase, LeaseCalls& calls) {
  if (record.code == "deadlock" || record.code == "leases_exhausted") return;
  const std::uint64_t ttl_ns = record.a * kMs;
  Call<LeaseModel> call{ProcessOf(record.id), record.called, record.returned, {Do::kAcquire, record.id}};
  call.input.deadline = record.called + ttl_ns - slack_ns_;
  call.input.parts = PartsOf(record.object);
  call.input.shared = (record.b & kShared) != 0;
  if (options_.always_open && record.returned != 0) call.input.latest = record.returned + ttl_ns;
  LeaseModel::Output output;
  if (record.code == "lease_held") {
    output.answer = record.flag ? Answer::kQueued : Answer::kBusy;
  } else {
    // What nobody was told is in the log, or did not happen in this phase.
    const auto it = granted_.find(record.id);
    if (it == granted_.end()) {
      unknown_acquires_[record.id] = record;
      return;
    }
    output.token = it->second;
    if (record.returned == 0) call.returned = phase.ended;
    AddExpiry(record.id, call.input.deadline, calls);
    if (const auto died = options_.dead_since(ProcessOf(record.id)); (record.b & kBound) != 0 && died != 0) {
      calls.push_back({0, died, linear::kNever, {Do::kExpire, record.id, linear::kNever}});
    }
  }
  call.output = output;
  calls.push_back(call);
}

/// A renewal, a release or a break.
void Audit::AddOfLease(const Record& record, LeaseCalls& calls) {
  Call<LeaseModel> call{ProcessOf(record.id), record.called, record.returned, {Do::kRenew, record.c}};
  const bool known = record.code == "ok" || IsRejected(record);
  if (record.kind == Kind::kRenew) {
    const std::uint64_t ttl_ns = record.a * kMs;
    call.input.deadline = record.called + ttl_ns - kRenewalSlackNs;
    if (options_.always_open && known) call.input.latest = record.returned + ttl_ns;
    if (!known || record.code == "ok") AddExpiry(record.c, call.input.deadline, calls);
  } else {
    call.input.what = record.kind == Kind::kRelease ? Do::kRelease : Do::kBreak;
  }
  if (known) call.output = {record.code == "ok" ? Answer::kOk : Answer::kLost};
  calls.push_back(call);
}

void Audit::AddLeaseCall(const Record& record, const Phase& phase, LeaseCalls& calls) {
  if (IsWrite(record)) return AddWrite(record, calls);
  record.kind == Kind::kAcquire ? AddAcquire(record, phase, calls) : AddOfLease(record, calls);
}

void Audit::JudgeDomain(std::uint32_t domain, const Phase& phase) {
  LeaseCalls calls;
  for (const auto& [id, lsn] : granted_) {
    const auto it = unknown_acquires_.find(id);
    if (it == unknown_acquires_.end() || DomainOf(it->second.object) != domain) continue;
    AddLeaseCall(it->second, phase, calls);
    unknown_acquires_.erase(it);
  }
  for (const Record& record : phase.records) {
    if (InDomain(record, domain)) AddLeaseCall(record, phase, calls);
  }
  PutOffExpiries(calls);
  Decide("lease scope " + ScopeOf(domain), calls, domains_before_[domain]);
}

}  // namespace tenure::torture
