#include "cli/doctor_tables.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::cli {
namespace {

/// The members of one object, in the order given.
class Object {
 public:
  Object& Number(const char* name, std::uint64_t value) { return Raw(name, std::to_string(value)); }
  Object& Bool(const char* name, bool value) { return Raw(name, value ? "true" : "false"); }
  Object& Text(const char* name, std::string_view value) { return Raw(name, model::QuoteJson(value)); }
  /// null when there is none.
  Object& NumberIf(const char* name, bool known, std::uint64_t value) {
    return Raw(name, known ? std::to_string(value) : "null");
  }
  Object& Raw(const char* name, const std::string& json) {
    text_ += (text_.empty() ? "\"" : ",\"") + std::string(name) + "\":" + json;
    return *this;
  }
  std::string Done() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

const char* SlotStateName(WriterSlotState state) {
  switch (state) {
    case WriterSlotState::kFree:
      return "free";
    case WriterSlotState::kClaimed:
      return "claimed";
    case WriterSlotState::kActive:
      return "active";
  }
  return "unknown";
}

const char* LeaseStateName(LeaseState state) {
  switch (state) {
    case LeaseState::kFree:
      return "free";
    case LeaseState::kOwned:
      return "owned";
    case LeaseState::kAbandoned:
      return "abandoned";
  }
  return "unknown";
}

const char* TermStateName(LeaseTermState state) {
  switch (state) {
    case LeaseTermState::kHeld:
      return "held";
    case LeaseTermState::kExpired:
      return "expired";
    case LeaseTermState::kEnding:
      return "ending";
  }
  return "unknown";
}

std::string TermJson(const LeaseDiagnosis& lease) {
  return Object()
      .Number("lease_id", lease.id)
      .Text("state", TermStateName(lease.state))
      .Number("left_ms", lease.left_ms)
      .Bool("bound", lease.bound)
      .NumberIf("member", lease.member.has_value(), lease.member.value_or(0))
      .NumberIf("pid", lease.pid != 0, lease.pid)
      .Done();
}

std::string WaiterJson(const LeaseWaitDiagnosis& waiter) {
  return Object()
      .Number("ticket", waiter.ticket)
      .Text("for", waiter.queued ? "lease" : "end")
      .NumberIf("member", waiter.member.has_value(), waiter.member.value_or(0))
      .NumberIf("pid", waiter.pid != 0, waiter.pid)
      .Bool("called", waiter.called)
      .Done();
}

std::string LaneJson(const LaneDiagnosis& lane) {
  return Object()
      .Number("records", lane.records)
      .Number("bytes", lane.bytes)
      .Number("overflowed", lane.overflowed)
      .Number("high_water_bytes", lane.high_water_bytes)
      .Done();
}

std::string MemberJson(const MemberDiagnosis& member) {
  return Object()
      .Number("slot", member.slot)
      .Number("generation", member.generation)
      .NumberIf("pid", member.pid != 0, member.pid)
      .Number("uid", member.uid)
      .Raw("started", member.started_ms == 0 ? "null" : model::QuoteJson(model::FormatTime(member.started_ms)))
      .Bool("alive", member.alive)
      .Bool("visible", member.visible)
      .Bool("stopped", member.stopped)
      .Done();
}

std::string SlotJson(const WriterSlotDiagnosis& slot) {
  return Object()
      .Number("slot", slot.slot)
      .Number("generation", slot.generation)
      .Text("state", SlotStateName(slot.state))
      .NumberIf("member", slot.member.has_value(), slot.member.value_or(0))
      .NumberIf("pid", slot.pid != 0, slot.pid)
      .Number("thread", slot.thread)
      .Number("submitted", slot.submitted)
      .Number("popped", slot.popped)
      .Number("waiting", slot.waiting)
      .Number("sleeping", slot.sleeping)
      .Bool("quarantined", slot.quarantined)
      .Raw("index_lane", LaneJson(slot.index_lane))
      .Raw("detail_lane", LaneJson(slot.detail_lane))
      .Done();
}

template <typename Rows, typename Function>
std::string ArrayJson(const Rows& rows, Function json) {
  std::string text = "[";
  for (const auto& row : rows) text += (text.size() > 1 ? "," : "") + json(row);
  return text + "]";
}

std::string PidText(std::uint32_t pid) { return pid == 0 ? "-" : std::to_string(pid); }

const char* MemberState(const MemberDiagnosis& member) {
  return !member.alive ? "dead" : member.stopped ? "stopped" : member.visible ? "running" : "alive";
}

/// "commits", "applies", and its writer slots.
std::string HoldsText(const StoreDiagnosis& d, const MemberDiagnosis& member) {
  std::vector<std::string> held;
  if (d.lease.member == member.slot) held.push_back("commit lease");
  if (d.applying && member.pid != 0 && d.applying_pid == member.pid) held.push_back("turn to apply");
  std::size_t slots = 0;
  for (const WriterSlotDiagnosis& slot : d.slots) slots += slot.member == member.slot ? 1 : 0;
  if (slots > 0) held.push_back(std::to_string(slots) + (slots == 1 ? " writer slot" : " writer slots"));
  std::size_t leases = 0;
  for (const LeaseDiagnosis& lease : d.leases) leases += lease.member == member.slot ? 1 : 0;
  if (leases > 0) held.push_back(std::to_string(leases) + (leases == 1 ? " lease" : " leases"));
  std::string text;
  for (const std::string& thing : held) text += (text.empty() ? "" : ", ") + thing;
  return text.empty() ? "-" : text;
}

std::vector<std::string> SlotCells(const WriterSlotDiagnosis& slot) {
  return {std::to_string(slot.slot),
          slot.quarantined ? "quarantined" : SlotStateName(slot.state),
          PidText(slot.pid),
          PidText(slot.thread),
          std::to_string(slot.waiting),
          std::to_string(slot.sleeping),
          std::to_string(slot.index_lane.records),
          HumanBytes(slot.index_lane.bytes + slot.detail_lane.bytes),
          HumanBytes(slot.index_lane.high_water_bytes + slot.detail_lane.high_water_bytes),
          std::to_string(slot.index_lane.overflowed + slot.detail_lane.overflowed)};
}

/// The first of them: 10,000 may be held at once, and 'tenure lease list' has them all.
constexpr std::size_t kLeasesShown = 20;

Status PrintLeases(Context& ctx, const StoreDiagnosis& d) {
  if (!d.leases.empty()) {
    ctx.out().Line("");
    RowWriter rows(ctx, {"LEASE", "STATE", "LEFT", "BOUND TO"});
    for (std::size_t i = 0; i < std::min(d.leases.size(), kLeasesShown); ++i) {
      const LeaseDiagnosis& lease = d.leases[i];
      rows.Add({std::to_string(lease.id), TermStateName(lease.state), std::to_string(lease.left_ms) + " ms",
                !lease.bound     ? "-"
                : lease.pid == 0 ? "a process"
                                 : std::to_string(lease.pid)},
               {});
    }
    TENURE_RETURN_IF_ERROR(rows.Finish());
    const std::string more =
        d.leases.size() > kLeasesShown ? "and " + std::to_string(d.leases.size() - kLeasesShown) + " more; " : "";
    ctx.out().Line(more + "'tenure lease list' shows scopes and holders");
  }
  if (!d.lease_waiters.empty()) {
    ctx.out().Line("");
    RowWriter rows(ctx, {"TICKET", "WAITS FOR", "PROCESS", "CALLED"});
    for (std::size_t i = 0; i < std::min(d.lease_waiters.size(), kLeasesShown); ++i) {
      const LeaseWaitDiagnosis& waiter = d.lease_waiters[i];
      rows.Add({std::to_string(waiter.ticket), waiter.queued ? "a lease" : "the end of one", PidText(waiter.pid),
                waiter.called ? "yes" : "no"},
               {});
    }
    TENURE_RETURN_IF_ERROR(rows.Finish());
  }
  return {};
}

}  // namespace

const char* SharedMemoryName(SharedMemoryState state) {
  switch (state) {
    case SharedMemoryState::kSound:
      return "sound";
    case SharedMemoryState::kMissing:
      return "missing";
    case SharedMemoryState::kForeign:
      return "foreign";
    case SharedMemoryState::kUnreadable:
      return "unreadable";
  }
  return "unknown";
}

std::string LeaseText(const StoreDiagnosis& d) {
  if (d.lease.state != LeaseState::kOwned) return LeaseStateName(d.lease.state);
  return (d.lease.pid == 0 ? std::string("a process") : "process " + std::to_string(d.lease.pid)) +
         (d.lease.owner_alive ? "" : " (dead)");
}

std::string LeaseJson(const CommitLeaseDiagnosis& lease) {
  return Object()
      .Text("state", LeaseStateName(lease.state))
      .Number("epoch", lease.epoch)
      .NumberIf("member", lease.member.has_value(), lease.member.value_or(0))
      .NumberIf("pid", lease.pid != 0, lease.pid)
      .Bool("owner_alive", lease.owner_alive)
      .Bool("wanted", lease.wanted)
      .Number("heartbeat", lease.heartbeat)
      .Number("takeovers_unpublished", lease.takeovers_unpublished)
      .NumberIf("watched_ms", lease.watched_ms.has_value(), lease.watched_ms.value_or(0))
      .Bool("progress", lease.progress)
      .Done();
}

std::string MembersJson(const StoreDiagnosis& d) { return ArrayJson(d.members, MemberJson); }
std::string SlotsJson(const StoreDiagnosis& d) { return ArrayJson(d.slots, SlotJson); }
std::string LeasesJson(const StoreDiagnosis& d) { return ArrayJson(d.leases, TermJson); }
std::string LeaseWaitersJson(const StoreDiagnosis& d) { return ArrayJson(d.lease_waiters, WaiterJson); }

Status PrintDiagnosisTables(Context& ctx, const StoreDiagnosis& d) {
  if (!d.members.empty()) {
    ctx.out().Line("");
    RowWriter rows(ctx, {"PROCESS", "STATE", "SINCE", "UID", "MEMBER", "HOLDS"});
    for (const MemberDiagnosis& member : d.members) {
      rows.Add({PidText(member.pid), MemberState(member),
                member.started_ms == 0 ? "-" : model::FormatTime(member.started_ms),
                member.generation == 0 ? "-" : std::to_string(member.uid), std::to_string(member.slot),
                HoldsText(d, member)},
               {});
    }
    TENURE_RETURN_IF_ERROR(rows.Finish());
  }
  if (!d.slots.empty()) {
    ctx.out().Line("");
    RowWriter rows(ctx, {"SLOT", "STATE", "PROCESS", "THREAD", "QUEUED", "SLEEPING", "RECORDS", "BYTES", "HIGH WATER",
                         "LANE FULL"});
    for (const WriterSlotDiagnosis& slot : d.slots) rows.Add(SlotCells(slot), {});
    TENURE_RETURN_IF_ERROR(rows.Finish());
  }
  TENURE_RETURN_IF_ERROR(PrintLeases(ctx, d));
  return {};
}

}  // namespace tenure::cli
