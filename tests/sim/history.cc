#include "tests/sim/history.h"

#include <cstdlib>
#include <sstream>

#include "store/recovery/verify.h"

namespace tenure::sim {
namespace {

constexpr std::size_t kLargeBytes = 20'000;

std::size_t FillBytes(int i, bool large) {
  if (i % 10 == 9) return 0;
  if (i % 10 == 5 || !large) return 200 + static_cast<std::size_t>(i % 7) * 111;
  return kLargeBytes + static_cast<std::size_t>(i % 13) * 777;
}

std::string PutText(const std::string& key, const std::string& annotations) {
  return "|put " + key + " " + annotations;
}

std::string EventText(const Event& event) {
  if (event.entry)
    return "|" + event.op + " " + event.entry->name + ":" + event.entry->version + " " + event.entry->annotations;
  if (event.tag) return "|" + event.op + " " + event.tag->name + "@" + event.tag->tag + " " + event.tag->version;
  return "|" + event.op;
}

/// Long values are of no use in a message.
std::string Short(const std::string& text) { return text.size() <= 160 ? text : text.substr(0, 160) + "…"; }

}  // namespace

std::string Joined(const Violations& violations) {
  std::string text;
  for (const std::string& violation : violations) text += "  " + violation + "\n";
  return text;
}

Planned Plan(int i, bool large) {
  Planned planned;
  const std::string number = std::to_string(i);
  if (i % 3 != 1) planned.request_id = "request-" + number;
  // Canonical already: members sorted, no white space.
  const std::string annotations =
      "{\"fill\":\"" + std::string(FillBytes(i, large), static_cast<char>('a' + i % 26)) + "\",\"id\":" + number + "}";
  PutSpec spec;
  spec.name = "pkg/" + std::to_string(i % 40);
  spec.version = std::to_string(i / 40);
  spec.size = static_cast<std::uint64_t>(i);
  spec.annotations = annotations;
  planned.txn.Put(spec);
  planned.effects = PutText(spec.name + ":" + spec.version, annotations);
  if (i % 5 == 0) {
    PutSpec shared;
    shared.name = "shared";
    shared.version = "1";
    shared.annotations = "{\"id\":" + number + "}";
    planned.txn.Put(shared);
    planned.effects += PutText("shared:1", shared.annotations);
  }
  if (i % 7 == 3) {
    planned.txn.SetTag(spec.name, "last", spec.version);
    planned.effects += "|set_tag " + spec.name + "@last " + spec.version;
  }
  return planned;
}

Expected ExpectedAt(const base::Trace& trace, std::size_t steps, bool large) {
  Expected expected;
  expected.large = large;
  for (std::size_t step = 0; step < steps; ++step) {
    if (trace[step].kind != base::TraceStep::Kind::kMark) continue;
    std::istringstream words(trace[step].path);
    std::string verb;
    int i = 0;
    Lsn lsn = 0;
    words >> verb >> i >> lsn;
    if (verb == "created") expected.created = true;
    if (verb == "submit") expected.submitted.insert(i);
    if (verb == "ack") expected.acknowledged.emplace(i, lsn);
  }
  return expected;
}

void MarkAll(base::RecordingEnv& env, const Expected& expected) {
  if (expected.created) env.Mark("created");
  for (const int i : expected.submitted) env.Mark("submit " + std::to_string(i));
  for (const auto& [i, lsn] : expected.acknowledged) {
    env.Mark("ack " + std::to_string(i) + " " + std::to_string(lsn));
  }
}

Result<Receipt> CommitPlanned(Store& store, base::RecordingEnv& env, int i, bool large) {
  const Planned planned = Plan(i, large);
  CommitOptions options;
  options.request_id = planned.request_id;
  env.Mark("submit " + std::to_string(i));
  auto receipt = store.Commit(planned.txn, options);
  if (receipt.ok()) env.Mark("ack " + std::to_string(i) + " " + std::to_string(receipt->lsn));
  return receipt;
}

Violations CheckLog(const Store& store, const Expected& expected, std::map<int, Lsn>* found) {
  Violations violations;
  std::map<std::string, int> known;
  for (const int i : expected.submitted) {
    const Planned planned = Plan(i, expected.large);
    known.emplace(planned.request_id + planned.effects, i);
  }
  const auto stats = store.Stats();
  if (!stats.ok()) return {"stats: " + stats.error().message};
  const Lsn first = stats->oldest_log_lsn;
  std::map<Lsn, std::string> committed;
  const auto read = store.Log(first, 0, [&](const Event& event) {
    std::string& text = committed[event.lsn];
    if (text.empty()) text = event.request_id;
    text += EventText(event);
    return true;
  });
  if (!read.ok()) return {"log: " + read.error().message};

  std::map<int, Lsn> present;
  Lsn next = first;
  for (const auto& [lsn, text] : committed) {
    if (lsn != next) violations.push_back("LSN " + std::to_string(next) + " is missing from the log");
    next = lsn + 1;
    if (text.rfind("|trim_", 0) == 0 || text.rfind("|prune_", 0) == 0) continue;  // compaction's own
    const auto it = known.find(text);
    if (it == known.end()) {
      violations.push_back("LSN " + std::to_string(lsn) + " holds what was never submitted, or a part: " + Short(text));
    } else if (!present.emplace(it->second, lsn).second) {
      violations.push_back("transaction " + std::to_string(it->second) + " is there twice, at LSN " +
                           std::to_string(present[it->second]) + " and " + std::to_string(lsn));
    }
  }
  if (next != stats->durable_lsn + 1) {
    violations.push_back("the log ends before LSN " + std::to_string(next) + ", durable is " +
                         std::to_string(stats->durable_lsn));
  }
  for (const auto& [i, lsn] : expected.acknowledged) {
    if (lsn < first) continue;  // compacted: its state is in the checkpoint
    const auto it = present.find(i);
    if (it == present.end()) {
      violations.push_back("transaction " + std::to_string(i) + " was acknowledged at LSN " + std::to_string(lsn) +
                           " and is gone");
    } else if (it->second != lsn) {
      violations.push_back("transaction " + std::to_string(i) + " was acknowledged at LSN " + std::to_string(lsn) +
                           " and is at LSN " + std::to_string(it->second));
    }
  }
  if (found != nullptr) *found = std::move(present);
  return violations;
}

Violations CheckRowsOf(const Store& store, const Expected& expected) {
  Violations violations;
  for (const auto& [i, lsn] : expected.acknowledged) {
    const Planned planned = Plan(i, expected.large);
    const Operation& op = planned.txn.operations().front();
    const auto entry = store.Get(op.name + ":" + op.version);
    const std::string what = "transaction " + std::to_string(i) + " was acknowledged at LSN " + std::to_string(lsn);
    if (!entry.ok()) {
      violations.push_back(what + ", but reading its entry: " + entry.error().message);
    } else if (entry->lsn != lsn || entry->annotations != op.annotations) {
      violations.push_back(what + ", but its entry is of LSN " + std::to_string(entry->lsn) + ": " +
                           Short(entry->annotations));
    }
  }
  return violations;
}

Violations CheckVerify(base::Env& env, const std::string& root, bool deep) {
  recovery::VerifyOptions options;
  options.deep = deep;
  const auto report = recovery::Verify(env, recovery::Layout{root}, options);
  if (!report.ok()) return {"verify: " + report.error().message};
  Violations violations;
  for (const Error& problem : report->problems) violations.push_back("verify: " + problem.message);
  return violations;
}

std::uint64_t NumberFromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace tenure::sim
