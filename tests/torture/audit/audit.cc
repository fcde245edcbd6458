#include "tests/torture/audit/audit.h"

#include "tests/linear/lsn_order.h"
#include "tests/torture/audit/judged.h"

namespace tenure::torture {

using linear::Call;
using linear::GroupModel;
using linear::KeyModel;

std::vector<std::string> Audit::Judge(Phase phase) {
  problems_.clear();
  keys_before_ = keys_;
  groups_before_ = groups_;
  domains_before_ = domains_;
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
  for (std::uint32_t group = 0; group < kGroups; ++group) {
    begin(1);
    JudgeGroup(group, phase);
  }
  for (std::uint32_t domain = 0; domain < kDomains; ++domain) {
    begin(1);
    JudgeDomain(domain, phase);
  }
  // Reads look back to the phase before, at most.
  for (auto& past : past_keys_) past.Forget();
  for (auto& past : past_groups_) past.Forget();
  return problems_;
}

/// What the callers were told, against the log.
void Audit::CheckAnswers(const Phase& phase) {
  std::vector<linear::Stamped> stamped;
  for (const Record& record : phase.records) {
    const bool acquire = record.kind == Kind::kAcquire;
    const auto& log = acquire ? granted_ : written_;
    const auto it = log.find(record.id);
    // What changed nothing was told the LSN of what it found.
    const bool unchanged = record.kind == Kind::kTransact && record.flag;
    if (IsWrite(record) || acquire) {
      if (record.code == "ok" && (it == log.end() || (!unchanged && it->second != record.lsn))) {
        Complain("acknowledged, but " +
                 (it == log.end() ? std::string("not in the log") : "at LSN " + std::to_string(it->second)) + ": " +
                 Shown(record));
      }
      if (IsWrite(record) && IsRejected(record) && it != log.end()) {
        Complain("rejected, but at LSN " + std::to_string(it->second) + ": " + Shown(record));
      }
    }
    const bool committed = IsWrite(record) || acquire || record.kind == Kind::kRelease || record.kind == Kind::kBreak;
    if (committed && record.code == "ok" && record.lsn != 0 && !unchanged) {
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
    } else if (IsLook(record)) {
      CheckLook(record);
    }
  }
}

/// What a read saw is a row of the log: this very revision, at this LSN; at an LSN, the last one up to there.
void Audit::CheckRead(const Record& read) {
  const auto* row = past_keys_[read.object].UpTo(read.kind == Kind::kReadAt ? read.a : read.lsn);
  if (read.code == "not_found") {
    if (read.kind == Kind::kReadAt && row != nullptr && row->state.value != 0) {
      Complain("there was a revision: " + Shown(read));
    }
    return;
  }
  if (read.code == "compacted" || row == nullptr) return;  // older than what is remembered
  if (read.code != "ok" || row->lsn != read.lsn || !(row->state == KeyModel::State{read.revision, read.value})) {
    Complain("no such row (LSN " + std::to_string(row->lsn) + " is revision " + std::to_string(row->state.revision) +
             ", value " + std::to_string(row->state.value) + "): " + Shown(read));
  }
}

/// Several cells that were read at once were together so: as the newest transaction left them that is seen in any.
void Audit::CheckLook(const Record& read) {
  const bool at_lsn = read.kind != Kind::kLookCell && read.a == kAtLsn;
  if (read.code != "ok") return;
  Lsn lsn = read.b;
  for (const Seen& seen : read.seen) lsn = at_lsn ? lsn : std::max(lsn, seen.lsn);
  const auto* row = past_groups_[read.object].UpTo(lsn);
  if (row == nullptr) return;  // older than what is remembered
  auto seen = read.seen.begin();
  for (std::uint32_t cell = 0; cell < kCells; ++cell) {
    if ((CellsOf(read) >> cell & 1) == 0) continue;
    GroupModel::Cell there = row->state.cells[cell];
    // The past shows what lived.
    if (at_lsn && there.value == 0) there = {};
    if (!(there == GroupModel::Cell{seen->revision, seen->value})) {
      return Complain("of what LSN " + std::to_string(row->lsn) + " left, cell " + std::to_string(cell) +
                      " is revision " + std::to_string(there.revision) + ", value " + std::to_string(there.value) +
                      ": " + Shown(read));
    }
    ++seen;
  }
}

void Audit::JudgeKey(std::uint32_t key, const Phase& phase) {
  std::vector<Call<KeyModel>> calls;
  for (const Record& record : phase.records) {
    if (!(IsKeyWrite(record) || record.kind == Kind::kRead) || record.object != key) continue;
    if (IsLeaseCode(record.code) || IsUnexplained(record.code)) continue;  // says nothing about the key
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

void Audit::JudgeGroup(std::uint32_t group, const Phase& phase) {
  std::vector<Call<GroupModel>> calls;
  for (const Record& record : phase.records) {
    const bool committed_look = IsLook(record) && (record.kind == Kind::kLookCell || record.a == kCommitted);
    if (!(committed_look || record.kind == Kind::kTransact) || record.object != group) continue;
    if (IsLeaseCode(record.code) || IsUnexplained(record.code)) continue;  // says nothing about the cells
    Call<GroupModel> call{ProcessOf(record.id), record.called, record.returned, {OpsOf(record)}, GroupOutputOf(record)};
    if (committed_look) call.input.looks = CellsOf(record);
    if (committed_look && !call.output) continue;  // a read that nobody heard of
    calls.push_back(std::move(call));
  }
  Decide("group " + GlobOf(group), calls, groups_before_[group]);
}

}  // namespace tenure::torture
