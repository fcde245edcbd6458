// What a run writes to and leases, and how it is numbered.
//
//   keys        k0:1 … k3:1, s0:1 … s3:1         each on its own; scope sN covers key sN
//   groups      PREFIX/a:1 /a:2 /b:1 /b/c:1      changed together by transactions: cells 0 to 3, and
//               PREFIX/a@x /a@y                  tags, which point to /a:1 or /a:2: cells 4 and 5
//   scopes      s0 … s3, and those over the second group, which contain one another
//   domains     scopes that may conflict: one for each of s0 … s3, one for all over the second group
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tenure/types.h"
#include "tests/linear/group_model.h"

namespace tenure::torture {

inline constexpr int kKeys = 8;    ///< The last four are under the scopes.
inline constexpr int kScopes = 4;  ///< Scope s covers key 4 + s.
inline constexpr int kFreeKeys = kKeys - kScopes;

inline constexpr std::uint32_t kGroups = 2;
inline constexpr std::uint32_t kLeasedGroup = 1;  ///< The other one is under no leases.
inline constexpr std::uint32_t kEntries = linear::GroupModel::kEntries;
inline constexpr std::uint32_t kCells = linear::GroupModel::kCells;
inline constexpr std::uint32_t kTaggable = 2;  ///< The first entries are those that tags point to.

inline constexpr std::uint32_t kAllScopes = kScopes + 7;
inline constexpr std::uint32_t kDomains = kScopes + 1;

/// "k0" … "s3", and with their version.
std::string NameOf(std::uint32_t key);
std::string RefOf(std::uint32_t key);
std::optional<std::uint32_t> KeyOf(const std::string& name);

/// A cell of a group. `rest` is the version, or the tag.
struct CellName {
  std::string name;
  std::string rest;
};
CellName NameOfCell(std::uint32_t group, std::uint32_t cell);
std::string GlobOf(std::uint32_t group);
/// Group and cell.
using CellNumber = std::pair<std::uint32_t, std::uint32_t>;
std::optional<CellNumber> CellOf(const ArtifactEntry& entry);
std::optional<CellNumber> CellOf(const TagEntry& tag);
/// What is in it, as the model has it.
linear::GroupModel::Cell ContentOf(const ArtifactEntry& entry);
linear::GroupModel::Cell ContentOf(const TagEntry& tag);

/// In words: "s0", "t/a:2 t/b".
std::string ScopeOf(std::uint32_t scope);
/// As they are leased: all of them or none.
std::vector<std::string> ScopesOf(std::uint32_t scope);
std::optional<std::uint32_t> ScopeNumber(std::vector<std::string> scopes);
inline std::uint32_t DomainOf(std::uint32_t scope) { return scope < kScopes ? scope : std::uint32_t{kScopes}; }
/// What it covers of its domain, as bits: the key, or cells of the second group.
std::uint32_t PartsOf(std::uint32_t scope);

}  // namespace tenure::torture
