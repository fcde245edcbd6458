// Generations of the index: `<epoch>-<n>.db` (16 hex digits and a number) in `index/`, and CURRENT.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/base/env.h"
#include "tenure/result.h"

namespace tenure::index {

struct Generation {
  std::uint64_t epoch = 0;
  std::uint64_t number = 0;
  friend auto operator<=>(const Generation&, const Generation&) = default;
};
std::string GenerationFileName(const Generation& generation);
std::optional<Generation> ParseGenerationFileName(std::string_view name);

/// All complete generations, oldest first (half-built ones carry another name until they are done).
Result<std::vector<Generation>> ListGenerations(base::Env& env, const std::string& index_dir);
/// What CURRENT names, when it names an existing file; else the newest complete one; else nullopt.
Result<std::optional<Generation>> CurrentGeneration(base::Env& env, const std::string& index_dir);
/// Where the next generation is built: a unique name that no reader takes for a generation.
std::string BuildingPath(base::Env& env, const std::string& index_dir);
/// Syncs and renames a finished build to its generation's name, syncs the directory, points CURRENT at it.
Status Publish(base::Env& env, const std::string& index_dir, const std::string& building_path,
               const Generation& generation);
/// Removes the generations before `oldest_kept`, with their -wal and -shm. Whoever has one open goes on with it. Who
/// is opening one at that moment finds out: the database goes first, so that one that is still there, by name, after
/// its first read was opened together with its own WAL (OpenIndexFile).
Status RemoveOlder(base::Env& env, const std::string& index_dir, const Generation& oldest_kept);
/// Removes what builds and publications left that did not finish: nobody may be at one.
Status RemoveLeftovers(base::Env& env, const std::string& index_dir);

}  // namespace tenure::index
