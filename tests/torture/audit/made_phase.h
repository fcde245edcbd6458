// A phase of calls that do not overlap, and its log, put together by hand: to have judged what no store wrote. Each
// call is right as it is made; whoever makes it changes what is to be wrong.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "tests/torture/audit/audit.h"

namespace tenure::torture {

/// Calls are of process 1.
struct MadePhase {
  using Do = linear::GroupModel::Do;
  static constexpr std::uint64_t kCaller = std::uint64_t{1} << kCallBits;
  static constexpr std::uint64_t kSecond = 1'000'000'000;

  MadePhase() { phase.records.reserve(16); }  // what is below hands out references

  Record& Call(Kind kind, std::uint32_t object, Lsn lsn) {
    Record& record = phase.records.emplace_back();
    record.id = kCaller + phase.records.size();
    record.kind = kind;
    record.object = object;
    record.called = phase.records.size() * kSecond;
    record.returned = record.called + kSecond / 2;
    record.code = "ok";
    record.lsn = lsn;
    return record;
  }
  Record& Txn(std::uint32_t group, Lsn lsn, std::vector<CellOp> ops, const std::vector<std::uint64_t>& revisions,
              std::uint64_t lease = 0) {
    Record& record = Call(Kind::kTransact, group, lsn);
    record.ops = std::move(ops);
    record.c = lease;
    for (const std::uint64_t revision : revisions) record.seen.push_back({0, revision, 0});
    return record;
  }
  /// Its number.
  std::uint64_t Acquire(std::uint32_t scope, Lsn lsn, bool shared = false) {
    Record& record = Call(Kind::kAcquire, scope, lsn);
    record.a = 600'000;
    if (shared) record.b = kShared;
    LeaseInfo info;
    info.id = lsn;
    info.scopes = ScopesOf(scope);
    info.mode = shared ? LeaseMode::kShared : LeaseMode::kExclusive;
    info.purpose = RequestId(record.id);
    Event& event = At(lsn, "lease_acquire");
    event.lease = info;
    return record.id;
  }
  void End(const char* how, Lsn grant, Lsn lsn) { At(lsn, how).lease.emplace().id = grant; }

  Event& At(Lsn lsn, const char* op, std::uint64_t call = 0) {
    Event& event = phase.events.emplace_back();
    event.lsn = lsn;
    const std::size_t before = phase.events.size() - 1;
    if (before > 0 && phase.events[before - 1].lsn == lsn) event.effect = phase.events[before - 1].effect + 1;
    event.op = op;
    if (call != 0) event.request_id = RequestId(call);
    return event;
  }
  void Row(Lsn lsn, const Record& call, std::uint32_t cell, std::uint64_t revision, std::uint64_t value) {
    const auto [name, rest] = NameOfCell(call.object, cell);
    if (cell < kEntries) {
      ArtifactEntry& entry = At(lsn, value == 0 ? "delete" : "put", call.id).entry.emplace();
      entry.name = name;
      entry.version = rest;
      entry.size = value;
      entry.revision = revision;
      entry.lsn = lsn;
      entry.deleted = value == 0;
    } else {
      TagEntry& tag = At(lsn, value == 0 ? "delete_tag" : "set_tag", call.id).tag.emplace();
      tag.name = name;
      tag.tag = rest;
      tag.version = value == 0 ? "" : std::to_string(value);
      tag.revision = revision;
      tag.lsn = lsn;
      tag.deleted = value == 0;
    }
  }
  /// Two entries put at once, and both effects of it.
  Record& PutBoth(std::uint32_t group, Lsn lsn, std::uint64_t revision, std::uint64_t lease = 0) {
    Record& call = Txn(group, lsn, {{Do::kPut, 0}, {Do::kPut, 1}}, {revision, revision}, lease);
    Row(lsn, call, 0, revision, call.id);
    Row(lsn, call, 1, revision, call.id);
    return call;
  }

  Phase phase;
};

}  // namespace tenure::torture
