#include "tests/torture/names.h"

#include <algorithm>
#include <iterator>
#include <sstream>

namespace tenure::torture {
namespace {

constexpr const char* kPrefixes[kGroups] = {"u", "t"};

struct CellText {
  const char* name;
  const char* rest;
};
constexpr CellText kCellTexts[kCells] = {{"/a", "1"},   {"/a", "2"}, {"/b", "1"},
                                         {"/b/c", "1"}, {"/a", "x"}, {"/a", "y"}};

struct ScopeText {
  const char* texts;  // in order
  std::uint32_t parts;
};
/// "t/b" does not cover what is below it: these two of them never meet.
constexpr ScopeText kScopeTexts[] = {{"t/**", 0b111111}, {"t/a", 0b110011},   {"t/b", 0b000100},   {"t/b/**", 0b001000},
                                     {"t/a:1", 0b1},     {"t/a@x", 0b010000}, {"t/a:2 t/b", 0b110}};
static_assert(std::size(kScopeTexts) + kScopes == kAllScopes);

std::optional<CellNumber> FindCell(const std::string& name, const std::string& rest, std::uint32_t begin,
                                   std::uint32_t end) {
  for (std::uint32_t group = 0; group < kGroups; ++group) {
    for (std::uint32_t cell = begin; cell < end; ++cell) {
      const CellName of_cell = NameOfCell(group, cell);
      if (of_cell.name == name && of_cell.rest == rest) return CellNumber{group, cell};
    }
  }
  return std::nullopt;
}

}  // namespace

std::string NameOf(std::uint32_t key) { return key < kFreeKeys ? "k" + std::to_string(key) : ScopeOf(key - kFreeKeys); }
std::string RefOf(std::uint32_t key) { return NameOf(key) + ":1"; }

std::optional<std::uint32_t> KeyOf(const std::string& name) {
  for (std::uint32_t key = 0; key < kKeys; ++key) {
    if (NameOf(key) == name) return key;
  }
  return std::nullopt;
}

CellName NameOfCell(std::uint32_t group, std::uint32_t cell) {
  return {std::string(kPrefixes[group]) + kCellTexts[cell].name, kCellTexts[cell].rest};
}
std::string GlobOf(std::uint32_t group) { return std::string(kPrefixes[group]) + "/**"; }

std::optional<CellNumber> CellOf(const ArtifactEntry& entry) {
  return FindCell(entry.name, entry.version, 0, kEntries);
}
std::optional<CellNumber> CellOf(const TagEntry& tag) { return FindCell(tag.name, tag.tag, kEntries, kCells); }

linear::GroupModel::Cell ContentOf(const ArtifactEntry& entry) {
  return {entry.revision, entry.deleted ? 0 : entry.size.value_or(0)};
}

linear::GroupModel::Cell ContentOf(const TagEntry& tag) {
  for (std::uint32_t entry = 0; entry < kTaggable && !tag.deleted; ++entry) {
    if (kCellTexts[entry].rest == tag.version) return {tag.revision, entry + std::uint64_t{1}};
  }
  return {tag.revision, 0};
}

std::string ScopeOf(std::uint32_t scope) {
  return scope < kScopes ? "s" + std::to_string(scope) : kScopeTexts[scope - kScopes].texts;
}

std::vector<std::string> ScopesOf(std::uint32_t scope) {
  std::istringstream words(ScopeOf(scope));
  return {std::istream_iterator<std::string>(words), {}};
}

std::optional<std::uint32_t> ScopeNumber(std::vector<std::string> scopes) {
  std::sort(scopes.begin(), scopes.end());
  for (std::uint32_t scope = 0; scope < kAllScopes; ++scope) {
    if (ScopesOf(scope) == scopes) return scope;
  }
  return std::nullopt;
}

std::uint32_t PartsOf(std::uint32_t scope) { return scope < kScopes ? 1 : kScopeTexts[scope - kScopes].parts; }

}  // namespace tenure::torture
