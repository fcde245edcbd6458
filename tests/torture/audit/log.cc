// The log alone, in the order of LSNs: dense, each transaction whole and once, each row one revision further, each
// lease after the ones that it could not have gone along with, no write beside a lease or under one that has ended.
#include "tests/torture/audit/audit.h"
#include "tests/torture/audit/judged.h"

namespace tenure::torture {
namespace {

using linear::GroupModel;
using linear::KeyModel;
using linear::LeaseModel;

std::string AtLsn(Lsn lsn) { return "at LSN " + std::to_string(lsn) + ": "; }

bool IsRow(const Event& event) {
  return event.op == "put" || event.op == "delete" || event.op == "set_tag" || event.op == "delete_tag";
}
std::string KeyText(const Event& event) {
  return event.entry ? event.entry->name + ":" + event.entry->version : event.tag->name + "@" + event.tag->tag;
}

std::string Text(const GroupModel::Change& change) {
  return " cell " + std::to_string(change.cell) + " revision " + std::to_string(change.now.revision) + " value " +
         std::to_string(change.now.value);
}
std::string Text(const std::vector<GroupModel::Change>& changes) {
  std::string text;
  for (const GroupModel::Change& change : changes) text += (text.empty() ? "" : ",") + Text(change);
  return text.empty() ? " nothing" : text;
}

/// What an effect did to a cell of this group; nothing when it is of another one.
std::optional<GroupModel::Change> ChangeOf(const Event& event, std::uint32_t group) {
  const auto cell = event.entry ? CellOf(*event.entry) : CellOf(*event.tag);
  if (!cell || cell->first != group) return std::nullopt;
  return GroupModel::Change{cell->second, event.entry ? ContentOf(*event.entry) : ContentOf(*event.tag)};
}

}  // namespace

void Audit::ReadLog(const Phase& phase) {
  written_.clear();
  granted_.clear();
  Known known;
  for (const Record& record : phase.records) known[record.id] = &record;
  const std::span<const Event> events(phase.events);
  for (std::size_t begin = 0; begin < events.size();) {
    std::size_t end = begin;
    while (end < events.size() && events[end].lsn == events[begin].lsn) ++end;
    ReadTransaction(events.subspan(begin, end - begin), known);
    begin = end;
  }
}

void Audit::ReadTransaction(std::span<const Event> events, const Known& known) {
  const Event& first = events.front();
  if (first.lsn != last_lsn_ + 1) {
    Complain("the log goes from LSN " + std::to_string(last_lsn_) + " to " + std::to_string(first.lsn));
  }
  last_lsn_ = first.lsn;
  std::size_t rows_from = events.size();
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].effect != i || events[i].request_id != first.request_id) {
      Complain(AtLsn(first.lsn) + "effect " + std::to_string(events[i].effect) + " of request '" +
               events[i].request_id + "' is the " + std::to_string(i) + "th there, of request '" + first.request_id +
               "'");
    }
    if (events[i].op.rfind("lease_", 0) == 0) ReadLease(events[i], known);
    if (IsRow(events[i])) rows_from = std::min(rows_from, i);
  }
  const auto rows = events.subspan(rows_from);
  const std::uint64_t id = IdOf(first.request_id);
  const auto call = known.find(id);
  const bool written = call != known.end() && IsWrite(*call->second);
  if (!rows.empty() && !written) {
    return Complain(AtLsn(first.lsn) + rows.front().op + " of " + KeyText(rows.front()) + " by request '" +
                    first.request_id + "', which nobody made in this phase");
  }
  // One without effects was cancelled, or has changed nothing.
  const bool unchanged = first.op == "request" && written && call->second->flag && call->second->code == "ok";
  if (rows.empty() && !unchanged) return;
  if (!written_.emplace(id, first.lsn).second) {
    Complain(AtLsn(first.lsn) + "request " + first.request_id + " for the second time");
  }
  ReadWrite(rows, *call->second);
}

void Audit::ReadWrite(std::span<const Event> rows, const Record& call) {
  if (call.kind == Kind::kTransact) {
    ReadGroupWrite(rows, call);
    // What changes nothing does not write down that the leases in its way are over.
    if (call.object != kLeasedGroup || (rows.empty() && call.c == 0)) return;
  } else {
    ReadKeyWrite(rows, call);
    if (call.object < kFreeKeys) return;
  }
  LeaseModel::Input input{LeaseModel::Do::kWrite, call.c};
  std::uint32_t domain = call.object - kFreeKeys;
  if (call.kind == Kind::kTransact) {
    domain = DomainOf(kScopes);
    input.parts = 0;
    for (const CellOp& op : call.ops) input.parts |= 1u << op.cell;
  }
  ReplayLease(domain, last_lsn_, input, 0);
}

void Audit::ReadKeyWrite(std::span<const Event> rows, const Record& call) {
  const std::string at = AtLsn(last_lsn_);
  const std::uint32_t key = call.object;
  const auto& entry = rows.front().entry;
  if (rows.size() != 1 || !entry || KeyOf(entry->name) != key) {
    return Complain(at + std::to_string(rows.size()) + " effects, the first on " + KeyText(rows.front()) + ", of " +
                    Shown(call));
  }
  const KeyModel::Output told{KeyModel::Answer::kDone, entry->revision};
  const auto next = KeyModel::Step(keys_[key], InputOf(call), &told);
  if (!next) {
    Complain(at + "over revision " + std::to_string(keys_[key].revision) + " of " + RefOf(key) +
             ", this cannot have been: " + KeyModel::Text(InputOf(call), &told));
  }
  keys_[key] = ContentOf(*entry);
  if (next && !(keys_[key] == *next)) Complain(at + "not what was written: " + Shown(call));
  past_keys_[key].rows.push_back({last_lsn_, keys_[key]});
}

/// All that the transaction does to what was there is under this LSN, in the order of its operations, and nothing else.
void Audit::ReadGroupWrite(std::span<const Event> rows, const Record& call) {
  GroupModel::State& state = groups_[call.object];
  const auto played = GroupModel::Play(state, OpsOf(call));
  std::vector<GroupModel::Change> changes;
  for (const Event& row : rows) {
    const auto change = IsRow(row) ? ChangeOf(row, call.object) : std::nullopt;
    if (!change) {
      Complain(AtLsn(last_lsn_) + row.op + " is no part of " + Shown(call));
      continue;
    }
    changes.push_back(*change);
    state.cells[change->cell] = change->now;
  }
  if (!played.after) {
    Complain(AtLsn(last_lsn_) + "over what was there, this cannot have been: " + Shown(call));
  } else if (changes != played.changes) {
    Complain(AtLsn(last_lsn_) + "the log has" + Text(changes) + ", where there must be" + Text(played.changes) +
             ", of " + Shown(call));
  }
  past_groups_[call.object].rows.push_back({last_lsn_, state});
  ++counts_.group_transactions;
  counts_.group_effects += changes.size();
  counts_.several_effects += changes.size() > 1 ? 1 : 0;
}

void Audit::ReadLease(const Event& event, const Known& known) {
  if (event.op == "lease_acquire") return ReadGrant(event, known);
  const auto it = lease_of_.find(event.lease->id);
  if (it == lease_of_.end()) {
    return Complain(AtLsn(event.lsn) + "the end of lease " + std::to_string(event.lease->id) +
                    ", which was not granted or had ended");
  }
  const auto [scope, lease] = it->second;
  lease_of_.erase(it);
  // An end that is written down is one, whatever it was for.
  LeaseModel::Input input{LeaseModel::Do::kBreak, lease};
  if (event.op == "lease_release") input.what = LeaseModel::Do::kRelease;
  counts_.expiries += event.op == "lease_expire" ? 1 : 0;
  ReplayLease(DomainOf(scope), event.lsn, input, 0);
}

void Audit::ReadGrant(const Event& event, const Known& known) {
  LeaseModel::Input input;
  input.lease = IdOf(event.lease->purpose);
  input.deadline = linear::kNever;
  input.shared = event.lease->mode == LeaseMode::kShared;
  const auto scope = ScopeNumber(event.lease->scopes);
  const auto call = known.find(input.lease);
  const auto before = unknown_acquires_.find(input.lease);
  const Record* asked = call != known.end()                 ? call->second
                        : before != unknown_acquires_.end() ? &before->second
                                                            : nullptr;
  if (!scope || asked == nullptr || asked->object != *scope || ((asked->b & kShared) != 0) != input.shared) {
    return Complain(AtLsn(event.lsn) + "a lease for '" + event.lease->purpose + "' that nobody asked for like this");
  }
  if (!granted_.emplace(input.lease, event.lsn).second) Complain("lease " + event.lease->purpose + " granted twice");
  lease_of_[event.lsn] = {*scope, input.lease};
  input.parts = PartsOf(*scope);
  ++counts_.grants;
  counts_.shared_grants += input.shared ? 1 : 0;
  ReplayLease(DomainOf(*scope), event.lsn, input, event.lsn);
}

void Audit::ReplayLease(std::uint32_t domain, Lsn lsn, const LeaseModel::Input& input, std::uint64_t token) {
  const LeaseModel::Output told{LeaseModel::Answer::kOk, token};
  LeaseModel::State& state = domains_[domain];
  if (auto next = LeaseModel::Step(state, input, &told)) {
    state = std::move(*next);
    return;
  }
  std::string held;
  for (const LeaseModel::Held& one : state.held) {
    held += (one.shared ? " shared " : " ") + std::to_string(one.lease) + " of parts " + std::to_string(one.parts);
  }
  Complain(AtLsn(lsn) + "lease scope " + ScopeOf(domain) + ", held:" + (held.empty() ? " nothing" : held) +
           ". This cannot have been: " + LeaseModel::Text(input, &told));
}

}  // namespace tenure::torture
