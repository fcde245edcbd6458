#include "tests/sim/schedule/calls.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "tests/torture/audit/judged.h"

namespace tenure::sim {
namespace {

using torture::Record;

/// What grows into a slot, which does not.
template <class Value, std::size_t room>
std::uint8_t CopyInto(std::array<Value, room>& slot, const std::vector<Value>& values) {
  if (values.size() > room) std::abort();
  std::copy(values.begin(), values.end(), slot.begin());
  return static_cast<std::uint8_t>(values.size());
}

void Fill(CallSlot& slot, const Record& record) {
  slot.id = record.id;
  slot.kind = static_cast<std::uint8_t>(record.kind);
  slot.object = record.object;
  slot.a = record.a;
  slot.b = record.b;
  slot.c = record.c;
  slot.called = record.called;
  slot.returned = record.returned;
  slot.lsn = record.lsn;
  slot.revision = record.revision;
  slot.value = record.value;
  slot.flag = record.flag;
  std::snprintf(slot.code, sizeof slot.code, "%s", record.code.c_str());
  slot.ops_used = CopyInto(slot.ops, record.ops);
  slot.seen_used = CopyInto(slot.seen, record.seen);
}

std::string WhatWasAsked(const Record& record) {
  if (record.kind != torture::Kind::kTransact && !torture::IsLook(record)) {
    return std::to_string(record.object) + " (" + std::to_string(record.a) + " " + std::to_string(record.b) + " " +
           std::to_string(record.c) + ")";
  }
  const linear::GroupModel::Input input{torture::OpsOf(record), torture::IsLook(record) ? torture::CellsOf(record) : 0};
  const auto told = torture::GroupOutputOf(record);
  return torture::GlobOf(record.object) + " " + linear::GroupModel::Text(input, told ? &*told : nullptr);
}

void Print(const Record& record) {
  std::fprintf(
      stderr, "%u.%llu %s %s: %s, LSN %llu, %.3f to %.3f ms\n", static_cast<unsigned>(torture::ProcessOf(record.id)),
      static_cast<unsigned long long>(record.id & 0xffffff), torture::kKindNames[static_cast<int>(record.kind)],
      WhatWasAsked(record).c_str(), record.code.c_str(), static_cast<unsigned long long>(record.lsn),
      static_cast<double>(record.called) / 1e6, static_cast<double>(record.returned) / 1e6);
}

}  // namespace

void NoteCall(Board& board, const Process& process, const Record& record, bool returned) {
  CallSlot* slot = nullptr;
  if (!returned) {
    if (board.calls_used == kCallsMax) std::abort();
    slot = &board.calls[board.calls_used++];
    *slot = {};
    slot->stops = process.stops;
    slot->waited_ns = board.now_ns;
  } else {
    const auto end = board.calls.begin() + static_cast<std::ptrdiff_t>(board.calls_used);
    slot = &*std::find_if(board.calls.begin(), end, [&](const CallSlot& call) { return call.id == record.id; });
    slot->waited_ns = board.now_ns - slot->waited_ns;
    slot->disturbed = slot->stops != process.stops;
  }
  Fill(*slot, record);
  if (board.verbose && returned) Print(record);
}

void NoteSettled(Board& board, std::size_t place, const Record& record) {
  Fill(board.calls[place], record);
  board.calls[place].settled = true;
}

std::vector<Record> NotedCalls(const Board& board) {
  std::vector<Record> records;
  for (std::size_t i = 0; i < board.calls_used; ++i) {
    const CallSlot& slot = board.calls[i];
    Record record{slot.id,       static_cast<torture::Kind>(slot.kind),
                  slot.object,   slot.a,
                  slot.b,        slot.c,
                  slot.called,   slot.returned,
                  slot.code,     slot.lsn,
                  slot.revision, slot.value,
                  slot.flag};
    record.ops.assign(slot.ops.begin(), slot.ops.begin() + slot.ops_used);
    record.seen.assign(slot.seen.begin(), slot.seen.begin() + slot.seen_used);
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace tenure::sim
