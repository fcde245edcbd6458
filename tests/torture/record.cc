#include "tests/torture/record.h"

#include <time.h>

#include <cstdlib>
#include <sstream>

namespace tenure::torture {

std::uint64_t Now() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

std::string CallLine(const Record& r) {
  std::ostringstream line;
  line << "c " << r.id << ' ' << r.called << ' ' << static_cast<int>(r.kind) << ' ' << r.object << ' ' << r.a << ' '
       << r.b << ' ' << r.c;
  for (const CellOp& op : r.ops) {
    line << ' ' << static_cast<int>(op.what) << ' ' << op.cell << ' ' << op.target << ' ' << op.condition << ' '
         << op.seen;
  }
  line << '\n';
  return line.str();
}

std::string ReturnLine(const Record& r) {
  std::ostringstream line;
  line << "r " << r.id << ' ' << r.returned << ' ' << r.code << ' ' << r.lsn << ' ' << r.revision << ' ' << r.value
       << ' ' << (r.flag ? 1 : 0);
  for (const Seen& seen : r.seen) line << ' ' << seen.lsn << ' ' << seen.revision << ' ' << seen.value;
  line << '\n';
  return line.str();
}

bool ParseCall(const std::string& line, Record& r) {
  std::istringstream words(line);
  char verb = 0;
  unsigned kind = 0;
  if (!(words >> verb >> r.id >> r.called >> kind >> r.object >> r.a >> r.b >> r.c) || verb != 'c') return false;
  r.kind = static_cast<Kind>(kind);
  r.ops.clear();
  unsigned what = 0;
  std::uint64_t condition = 0;
  for (CellOp op; words >> what >> op.cell >> op.target >> condition >> op.seen;) {
    op.what = static_cast<linear::GroupModel::Do>(what);
    op.condition = static_cast<Condition>(condition);
    r.ops.push_back(op);
  }
  return kind < static_cast<unsigned>(Kind::kCount);
}

bool ParseReturn(const std::string& line, Record& r) {
  std::istringstream words(line);
  char verb = 0;
  if (!(words >> verb >> r.id >> r.returned >> r.code >> r.lsn >> r.revision >> r.value >> r.flag)) return false;
  r.seen.clear();
  for (Seen seen; words >> seen.lsn >> seen.revision >> seen.value;) r.seen.push_back(seen);
  return verb == 'r';
}

bool IsLeaseLoss(const std::string& code) {
  return code == "fenced" || code == "lease_expired" || code == "lease_broken" || code == "lease_unknown";
}

std::uint32_t CellsOf(const Record& record) {
  constexpr std::uint32_t kEntryBits = (1u << kEntries) - 1;
  if (record.kind == Kind::kLookCell) return 1u << record.a;
  return record.kind == Kind::kLookEntries ? kEntryBits : linear::GroupModel::kAll & ~kEntryBits;
}

std::uint64_t IdOf(const std::string& text) {
  return text.size() < 2 || text[0] != 't' ? 0 : std::strtoull(text.c_str() + 1, nullptr, 10);
}

}  // namespace tenure::torture
