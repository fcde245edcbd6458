// Names of the values of tenure/conflict.h, and back.
#include "tenure/conflict.h"

#include <array>
#include <charconv>

namespace tenure {
namespace {

constexpr std::array<const char*, 6> kStrategies = {"reject", "last-writer-wins", "first-writer-wins",
                                                    "merge",  "merge-or-park",    "park"};

/// All of `text` as a number without sign or leading zero.
template <typename Number>
bool ParseNumber(std::string_view text, Number& to) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

const char* StrategyName(ConflictStrategy strategy) {
  const auto at = static_cast<std::size_t>(strategy);
  return at < kStrategies.size() ? kStrategies[at] : "unknown";
}

std::optional<ConflictStrategy> StrategyOf(std::string_view name) {
  for (std::size_t i = 0; i < kStrategies.size(); ++i) {
    if (name == kStrategies[i]) return static_cast<ConflictStrategy>(i);
  }
  return std::nullopt;
}

const char* ConflictKindName(ConflictKind kind) {
  switch (kind) {
    case ConflictKind::kStaleBase:
      return "stale_base";
    case ConflictKind::kDeleted:
      return "deleted";
    case ConflictKind::kExists:
      return "exists";
    case ConflictKind::kImmutable:
      return "immutable";
    case ConflictKind::kSchema:
      return "schema";
    case ConflictKind::kLeaseLost:
      return "lease_lost";
    case ConflictKind::kTogether:
      return "together";
  }
  return "unknown";
}

std::string ConflictIdText(const ConflictId& id) {
  return std::to_string(id.lsn) + (id.effect == 0 ? "" : "." + std::to_string(id.effect));
}

std::optional<ConflictId> ParseConflictId(std::string_view text) {
  ConflictId id;
  const std::size_t dot = text.find('.');
  if (!ParseNumber(text.substr(0, dot), id.lsn)) return std::nullopt;
  if (dot != std::string_view::npos && !ParseNumber(text.substr(dot + 1), id.effect)) return std::nullopt;
  return id;
}

std::string KeyOf(const ParkedConflict& conflict) {
  return conflict.name + (conflict.of_tag ? '@' : ':') + conflict.rest;
}

const char* TakeName(Take take) {
  switch (take) {
    case Take::kOurs:
      return "ours";
    case Take::kTheirs:
      return "theirs";
    case Take::kBase:
      return "base";
    case Take::kGiven:
      return "given";
  }
  return "unknown";
}

}  // namespace tenure
