#include "tests/torture/audit.h"

#include <algorithm>

#include "tests/linear/lsn_order.h"

namespace tenure::torture {
namespace {

using linear::Call;
using linear::KeyModel;
using linear::LeaseModel;

bool IsWrite(const Record& record) { return record.kind == Kind::kPut || record.kind == Kind::kDelete; }

bool IsLeaseCode(const std::string& code) { return code.rfind("lease_", 0) == 0 || code == "fenced"; }
bool IsConflict(const std::string& code) {
  return code == "revision_mismatch" || code == "exists" || code == "stale_base" || code == "deleted_since";
}
/// The caller was told what became of it; "never": it was cancelled afterwards.
bool IsRejected(const Record& record) {
  return record.code == "not_found" || record.code == "never" || IsLeaseCode(record.code) || IsConflict(record.code);
}

KeyModel::Input InputOf(const Record& record) {
  KeyModel::Input input;
  input.what = record.kind == Kind::kPut      ? KeyModel::Do::kPut
               : record.kind == Kind::kDelete ? KeyModel::Do::kDelete
                                              : KeyModel::Do::kRead;
  if (record.kind == Kind::kPut) input.value = record.id;
  if (!IsWrite(record)) return input;
  if (record.a == kIfAbsent) input.if_revision = 0;
  if (record.a == kIfRevision) input.if_revision = record.b;
  if (record.a == kBase) input.base = record.b;
  return input;
}

std::string Shown(const Record& record) {
  std::string line = CallLine(record);
  line.pop_back();
  std::string answer = ReturnLine(record);
  answer.pop_back();
  return std::string(kKindNames[static_cast<int>(record.kind)]) + " " + RefOf(record.object) + " (" + line + " / " +
         answer + ")";
}

}  // namespace

std::vector<std::string> Audit::Judge(Phase phase) {
  problems_.clear();
  keys_before_ = keys_;
  scopes_before_ = scopes_;
  const auto begin = [this](int complaints) { complaints_left_ = complaints; };
  begin(4);
  ReadLog(phase);
  begin(4);
  CheckAnswers(phase);
  begin(4);
  CheckReads(phase);
  for (std::uint32_t key = 0; key < kKeys; ++key) {
    begin(1);
    JudgeKey(key, phase);
  }
  for (std::uint32_t scope = 0; scope < kScopes; ++scope) {
    begin(1);
    JudgeScope(scope, phase);
  }
  Forget();
  return problems_;
}

/// The log alone, in the order of LSNs: dense, each row one revision further, each lease after the one before.
void Audit::ReadLog(const Phase& phase) {
  written_.clear();
  granted_.clear();
  std::unordered_map<std::uint64_t, const Record*> known;
  for (const Record& record : phase.records) known[record.id] = &record;
  for (const Event& event : phase.events) {
    if (event.lsn != last_lsn_ && event.lsn != last_lsn_ + 1) {
      Complain("the log goes from LSN " + std::to_string(last_lsn_) + " to " + std::to_string(event.lsn));
    }
    last_lsn_ = event.lsn;
    if (event.op == "put" || event.op == "delete") ReadRow(event, known);
    if (event.op.rfind("lease_", 0) == 0) ReadLease(event);
  }
}

void Audit::ReadRow(const Event& event, const std::unordered_map<std::uint64_t, const Record*>& known) {
  const std::string at = "at LSN " + std::to_string(event.lsn) + ": ";
  const auto key = KeyOf(event.entry->name);
  const std::uint64_t id = IdOf(event.request_id);
  const auto call = known.find(id);
  if (!key || call == known.end() || !IsWrite(*call->second) || call->second->object != *key) {
    return Complain(at + event.op + " of " + event.entry->name + " by request '" + event.request_id +
                    "', which nobody made in this phase");
  }
  if (!written_.emplace(id, event.lsn).second) Complain(at + "request " + event.request_id + " for the second time");
  const KeyModel::Output told{KeyModel::Answer::kDone, event.entry->revision};
  const auto next = KeyModel::Step(keys_[*key], InputOf(*call->second), &told);
  if (!next) {
    Complain(at + "over revision " + std::to_string(keys_[*key].revision) + " of " + RefOf(*key) +
             ", this cannot have been: " + KeyModel::Text(InputOf(*call->second), &told));
  }
  keys_[*key] = {event.entry->revision, event.entry->deleted ? 0 : event.entry->size.value_or(0)};
  if (next && !(keys_[*key] == *next)) Complain(at + "not what was written: " + Shown(*call->second));
  rows_[*key].push_back({event.lsn, keys_[*key]});
  if (*key < kFreeKeys) return;
  ReplayLease(*key - kFreeKeys, event.lsn, {LeaseModel::Do::kWrite, call->second->c}, 0);
}

void Audit::ReadLease(const Event& event) {
  LeaseModel::Input input;
  if (event.op == "lease_acquire") {
    const auto key = KeyOf(event.lease->scopes.front());
    input.lease = IdOf(event.lease->purpose);
    input.deadline = linear::kNever;
    if (!granted_.emplace(input.lease, event.lsn).second) Complain("lease " + event.lease->purpose + " granted twice");
    lease_of_[event.lsn] = {*key - kFreeKeys, input.lease};
    return ReplayLease(*key - kFreeKeys, event.lsn, input, event.lsn);
  }
  const auto it = lease_of_.find(event.lease->id);
  if (it == lease_of_.end()) {
    return Complain("at LSN " + std::to_string(event.lsn) + ": the end of lease " + std::to_string(event.lease->id) +
                    ", which was not granted or had ended");
  }
  const auto [scope, lease] = it->second;
  lease_of_.erase(it);
  input.lease = lease;
  input.deadline = linear::kNever;
  input.what = event.op == "lease_release" ? LeaseModel::Do::kRelease
               : event.op == "lease_break" ? LeaseModel::Do::kBreak
                                           : LeaseModel::Do::kExpire;
  ReplayLease(scope, event.lsn, input, 0);
}

void Audit::ReplayLease(std::uint32_t scope, Lsn lsn, const LeaseModel::Input& input, std::uint64_t token) {
  const LeaseModel::Output told{LeaseModel::Answer::kOk, token};
  const auto next = LeaseModel::Step(scopes_[scope], input, &told);
  if (next) {
    scopes_[scope] = *next;
  } else {
    Complain("at LSN " + std::to_string(lsn) + ", scope " + ScopeOf(scope) + " held by lease " +
             std::to_string(scopes_[scope].over ? 0 : scopes_[scope].holder) +
             ", this cannot have been: " + LeaseModel::Text(input, &told));
  }
}

/// What the callers were told, against the log.
void Audit::CheckAnswers(const Phase& phase) {
  std::vector<linear::Stamped> stamped;
  for (const Record& record : phase.records) {
    const bool acquire = record.kind == Kind::kAcquire;
    const auto& log = acquire ? granted_ : written_;
    const auto it = log.find(record.id);
    if (IsWrite(record) || acquire) {
      if (record.code == "ok" && (it == log.end() || it->second != record.lsn)) {
        Complain("acknowledged, but " +
                 (it == log.end() ? std::string("not in the log") : "at LSN " + std::to_string(it->second)) + ": " +
                 Shown(record));
      }
      if (IsWrite(record) && IsRejected(record) && it != log.end()) {
        Complain("rejected, but at LSN " + std::to_string(it->second) + ": " + Shown(record));
      }
    }
    const bool committed = IsWrite(record) || acquire || record.kind == Kind::kRelease || record.kind == Kind::kBreak;
    if (committed && record.code == "ok" && record.lsn != 0) {
      stamped.push_back({record.lsn, record.called, record.returned});
    }
  }
  if (const auto wrong = linear::CheckRealTime(std::move(stamped))) Complain("LSNs against time: " + *wrong);
}

void Audit::CheckReads(const Phase& phase) {
  std::unordered_map<std::uint64_t, std::uint64_t> called;
  for (const Record& record : phase.records) called[record.id] = record.called;
  for (const Record& record : phase.records) {
    if (record.returned == 0 || IsWrite(record)) continue;
    if (record.kind == Kind::kUncommitted && record.flag) {
      // A tombstone that is still queued has no value to be known by.
      if (record.value == 0) continue;
      const auto it = called.find(record.value);
      if (it == called.end() || it->second > record.returned) Complain("nobody had written this: " + Shown(record));
    } else if (record.kind >= Kind::kRead && record.kind <= Kind::kReadAt) {
      CheckRead(record);
    }
  }
}

/// What a read saw is a row of the log: this very revision, at this LSN; at an LSN, the last one up to there.
void Audit::CheckRead(const Record& read) {
  const std::vector<Row>& rows = rows_[read.object];
  const Lsn sought = read.kind == Kind::kReadAt ? read.a : read.lsn;
  const auto behind =
      std::upper_bound(rows.begin(), rows.end(), sought, [](Lsn lsn, const Row& row) { return lsn < row.lsn; });
  if (read.code == "not_found") {
    if (read.kind == Kind::kReadAt && behind != rows.begin() && (behind - 1)->state.value != 0) {
      Complain("there was a revision: " + Shown(read));
    }
    return;
  }
  if (read.code == "compacted" || behind == rows.begin()) return;  // older than what is remembered
  const Row& row = *(behind - 1);
  if (read.code != "ok" || row.lsn != read.lsn || !(row.state == KeyModel::State{read.revision, read.value})) {
    Complain("no such row (LSN " + std::to_string(row.lsn) + " is revision " + std::to_string(row.state.revision) +
             ", value " + std::to_string(row.state.value) + "): " + Shown(read));
  }
}

void Audit::JudgeKey(std::uint32_t key, const Phase& phase) {
  KeyCalls calls;
  for (const Record& record : phase.records) {
    if (record.object != key || !(IsWrite(record) || record.kind == Kind::kRead)) continue;
    if (IsLeaseCode(record.code) || record.code == "never") continue;  // says nothing about the key
    Call<KeyModel> call{ProcessOf(record.id), record.called, record.returned, InputOf(record)};
    KeyModel::Output output;
    if (record.code == "ok") {
      output = {IsWrite(record) ? KeyModel::Answer::kDone : KeyModel::Answer::kValue, record.revision, record.value};
    } else if (IsConflict(record.code)) {
      output.answer = KeyModel::Answer::kConflict;
    } else if (record.code == "not_found") {
      output.answer = KeyModel::Answer::kNotFound;
    } else if (!IsWrite(record)) {
      continue;  // a read that nobody heard of
    }
    if (record.code == "ok" || IsRejected(record)) call.output = output;
    calls.push_back(call);
  }
  Decide("key " + RefOf(key), calls, keys_before_[key]);
}

void Audit::AddExpiry(std::uint64_t lease, std::uint64_t deadline, LeaseCalls& calls) {
  calls.push_back({0, deadline, linear::kNever, {LeaseModel::Do::kExpire, lease, deadline}});
}

void Audit::AddLeaseCall(const Record& record, const Phase& phase, LeaseCalls& calls) {
  using Do = LeaseModel::Do;
  using Answer = LeaseModel::Answer;
  Call<LeaseModel> call{ProcessOf(record.id), record.called, record.returned, {}};
  LeaseModel::Output output;
  bool known = true;
  const std::uint64_t deadline = record.called + record.a * 1'000'000;
  switch (record.kind) {
    case Kind::kPut:
    case Kind::kDelete:
      call.input = {Do::kWrite, record.c};
      if (IsLeaseCode(record.code)) {
        output.answer = record.c != 0 ? Answer::kLost : Answer::kBusy;
      } else if (record.code != "ok") {
        return;
      }
      break;
    case Kind::kAcquire: {
      if (record.code == "deadlock" || record.code == "leases_exhausted") return;
      call.input = {Do::kAcquire, record.id, deadline - grant_slack_ns_};
      if (record.code == "lease_held") {
        output.answer = record.flag ? Answer::kQueued : Answer::kBusy;
        break;
      }
      // What nobody was told is in the log, or did not happen in this phase.
      const auto it = granted_.find(record.id);
      if (it == granted_.end()) {
        unknown_acquires_[record.id] = record;
        return;
      }
      output.token = it->second;
      if (record.returned == 0) call.returned = phase.ended;
      AddExpiry(record.id, call.input.deadline, calls);
      if (const auto died = dead_since_(ProcessOf(record.id)); record.b != 0 && died != 0) {
        calls.push_back({0, died, linear::kNever, {Do::kExpire, record.id, linear::kNever}});
      }
      break;
    }
    case Kind::kRenew:
      call.input = {Do::kRenew, record.c, deadline - 5'000'000};
      known = record.code == "ok" || IsRejected(record);
      if (record.code != "ok") output.answer = Answer::kLost;
      if (!known || record.code == "ok") AddExpiry(record.c, call.input.deadline, calls);
      break;
    case Kind::kRelease:
    case Kind::kBreak:
      call.input = {record.kind == Kind::kRelease ? Do::kRelease : Do::kBreak, record.c};
      known = record.code == "ok" || IsRejected(record);
      if (record.code != "ok") output.answer = Answer::kLost;
      break;
    default:
      return;
  }
  if (known) call.output = output;
  calls.push_back(call);
}

void Audit::JudgeScope(std::uint32_t scope, const Phase& phase) {
  LeaseCalls calls;
  for (const auto& [id, lsn] : granted_) {
    const auto it = unknown_acquires_.find(id);
    if (it == unknown_acquires_.end() || it->second.object != scope) continue;
    AddLeaseCall(it->second, phase, calls);
    unknown_acquires_.erase(it);
  }
  for (const Record& record : phase.records) {
    const std::uint32_t of = IsWrite(record) ? record.object - kFreeKeys : record.object;
    const bool lease = record.kind >= Kind::kAcquire && record.kind <= Kind::kBreak;
    if ((lease || (IsWrite(record) && record.object >= kFreeKeys)) && of == scope) AddLeaseCall(record, phase, calls);
  }
  Decide("lease scope " + ScopeOf(scope), calls, scopes_before_[scope]);
}

template <class Model>
void Audit::Decide(const std::string& what, const std::vector<Call<Model>>& calls,
                   const typename Model::State& initial) {
  const linear::Verdict verdict = linear::Check(calls, initial);
  calls_checked_ += calls.size();
  steps_ += verdict.steps;
  if (verdict.linearizable) return;
  if (!verdict.decided) return Complain(what + ": the search took too long; the phase is too long");
  const auto small = linear::Shrink(calls, initial);
  Complain(what + ": not linearizable. Of " + std::to_string(calls.size()) + " calls these have no order:\n" +
           linear::Text(small));
}

/// Reads look back to the phase before, at most.
void Audit::Forget() {
  for (std::uint32_t key = 0; key < kKeys; ++key) {
    std::vector<Row>& rows = rows_[key];
    const std::size_t keep_from = rows_at_phase_[key] > 0 ? rows_at_phase_[key] - 1 : 0;
    rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(keep_from));
    rows_at_phase_[key] = rows.size();
  }
}

}  // namespace tenure::torture
