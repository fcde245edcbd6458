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
       << r.b << ' ' << r.c << '\n';
  return line.str();
}

std::string ReturnLine(const Record& r) {
  std::ostringstream line;
  line << "r " << r.id << ' ' << r.returned << ' ' << r.code << ' ' << r.lsn << ' ' << r.revision << ' ' << r.value
       << ' ' << (r.flag ? 1 : 0) << '\n';
  return line.str();
}

bool ParseCall(const std::string& line, Record& r) {
  std::istringstream words(line);
  char verb = 0;
  unsigned kind = 0;
  if (!(words >> verb >> r.id >> r.called >> kind >> r.object >> r.a >> r.b >> r.c) || verb != 'c') return false;
  r.kind = static_cast<Kind>(kind);
  return kind < static_cast<unsigned>(Kind::kCount);
}

bool ParseReturn(const std::string& line, Record& r) {
  std::istringstream words(line);
  char verb = 0;
  return (words >> verb >> r.id >> r.returned >> r.code >> r.lsn >> r.revision >> r.value >> r.flag) && verb == 'r';
}

std::string NameOf(std::uint32_t key) { return key < kFreeKeys ? "k" + std::to_string(key) : ScopeOf(key - kFreeKeys); }
std::string RefOf(std::uint32_t key) { return NameOf(key) + ":1"; }
std::string ScopeOf(std::uint32_t scope) { return "s" + std::to_string(scope); }

std::optional<std::uint32_t> KeyOf(const std::string& name) {
  for (std::uint32_t key = 0; key < kKeys; ++key) {
    if (NameOf(key) == name) return key;
  }
  return std::nullopt;
}

std::uint64_t IdOf(const std::string& text) {
  return text.size() < 2 || text[0] != 't' ? 0 : std::strtoull(text.c_str() + 1, nullptr, 10);
}

}  // namespace tenure::torture
