#include "tests/sim/schedule/judge.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "tests/sim/schedule/calls.h"
#include "tests/torture/answers.h"
#include "tests/torture/audit/audit.h"

namespace tenure::sim {
namespace {

using torture::Kind;
using torture::Record;

constexpr std::uint64_t kMs = 1'000'000;

/// Far above what is seen, far below the longest stop: takeovers that follow one another, and reads behind a rebuilt
/// index, each twice the time to live, with a slow disk in between.
std::uint64_t WaitMaxNs(const Plan& plan) {
  return 15 * plan.commit_ttl_ms * kMs + 20 * plan.sync_ns + (plan.slow_one_in != 0 ? 10 * plan.slow_ns_max : 0);
}

/// Answers that the store may give to what is asked here. Nothing is compacted that anybody asks for: a cursor holds
/// it.
bool IsExplained(const Record& record, bool disk_fails) {
  static constexpr const char* kDiskCodes[] = {"io", "no_space", "outcome_unknown"};
  const auto is = [&](const char* code) { return record.code == code; };
  return (torture::IsExpected(record) && record.code != "compacted") ||
         (disk_fails && std::any_of(std::begin(kDiskCodes), std::end(kDiskCodes), is));
}

void LookAtAnswers(Board& board, const std::vector<Record>& records, std::vector<std::string>& problems) {
  for (std::size_t i = 0; i < records.size(); ++i) {
    const Record& record = records[i];
    const CallSlot& slot = board.calls[i];
    ++board.counts.calls;
    if (record.code == "ok") ++board.counts.acknowledged;
    if (record.returned == 0) continue;
    if (!IsExplained(record, board.plan.MayFail())) {
      problems.push_back("an answer that nothing explains: " + record.code + " to " + torture::CallLine(record));
    }
    if (slot.settled || slot.disturbed) continue;  // it waited for nobody else
    const std::uint64_t asked = record.kind == Kind::kAcquire ? record.c * kMs : 0;
    const std::uint64_t waited = slot.waited_ns - std::min(slot.waited_ns, asked);
    board.counts.longest_wait_ns = std::max(board.counts.longest_wait_ns, waited);
    if (waited > WaitMaxNs(board.plan)) {
      problems.push_back("who was not stopped waited " + std::to_string(waited / kMs) +
                         " ms for: " + torture::CallLine(record));
    }
  }
}

}  // namespace

bool IsUnknown(const Record& record) {
  return record.returned == 0 || record.code == "outcome_unknown" || record.code == "io";
}

std::vector<std::string> JudgeHistory(Board& board, std::vector<Event> events) {
  std::vector<std::string> problems;
  torture::Phase phase{NotedCalls(board), std::move(events), torture::Now()};
  // Who was told that the outcome is unknown may be granted the lease later.
  for (Record& record : phase.records) {
    if (record.kind == Kind::kAcquire && IsUnknown(record)) record.returned = 0;
  }
  LookAtAnswers(board, phase.records, problems);
  const auto dead_since = [&board](std::uint64_t caller) { return board.processes[ProcessOfCaller(caller)].ended_at; };
  torture::Audit audit({dead_since, board.plan.commit_ttl_ms});
  torture::Phase creation;
  creation.events.emplace_back().lsn = kCreatedLsn;
  (void)audit.Judge(std::move(creation));
  for (std::string& problem : audit.Judge(std::move(phase))) problems.push_back(std::move(problem));
  board.counts.lsn = audit.last_lsn();
  board.counts.group_transactions = audit.counts().group_transactions;
  board.counts.several_effects = audit.counts().several_effects;
  return problems;
}

}  // namespace tenure::sim
