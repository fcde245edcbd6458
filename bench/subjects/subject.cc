#include "bench/subjects/subject.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "bench/common/failure.h"

namespace tenure::bench {
namespace {

constexpr std::string_view kCounterPrefix = R"({"counter":)";

/// A function's static, because entries in other files are constructed in no particular order.
std::vector<const SubjectEntry*>& Table() {
  static std::vector<const SubjectEntry*> table;
  return table;
}

}  // namespace

Status Client::Start(const Record&) { return Fail("this subject has no asynchronous put", ErrorCode::kUnsupported); }
Status Client::FinishOldest() { return Fail("this subject has no asynchronous put", ErrorCode::kUnsupported); }
Result<bool> Client::Increment(const Record&) {
  return Fail("this subject has no compare-and-set", ErrorCode::kUnsupported);
}
Result<std::uint64_t> Subject::Counter(const SubjectSetup&) {
  return Fail("this subject has no compare-and-set", ErrorCode::kUnsupported);
}

SubjectEntry::SubjectEntry(const char* name, const char* what, SubjectTraits traits, std::unique_ptr<Subject> (*make)())
    : name(name), what(what), traits(traits), make(make) {
  Table().push_back(this);
  std::sort(Table().begin(), Table().end(),
            [](const SubjectEntry* a, const SubjectEntry* b) { return std::strcmp(a->name, b->name) < 0; });
}

const SubjectEntry* FindSubject(const std::string& name) {
  for (const SubjectEntry* entry : Table()) {
    if (entry->name == name) return entry;
  }
  return nullptr;
}

const std::vector<const SubjectEntry*>& AllSubjects() { return Table(); }

std::string CounterJson(std::uint64_t value) { return std::string(kCounterPrefix) + std::to_string(value) + "}"; }

std::uint64_t ParseCounter(const std::string& json) {
  if (json.rfind(kCounterPrefix, 0) != 0) return 0;
  return std::strtoull(json.c_str() + kCounterPrefix.size(), nullptr, 10);
}

Result<std::uint64_t> CheckedCounter(std::uint64_t counter, std::uint64_t revision) {
  if (counter != revision) {
    return Fail("counter " + std::to_string(counter) + " does not agree with revision " + std::to_string(revision) +
                    ": an update was lost",
                ErrorCode::kInternal);
  }
  return counter;
}

}  // namespace tenure::bench
