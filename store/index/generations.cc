#include "store/index/generations.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/hash.h"
#include "store/index/meta.h"
#include "store/index/sqlite.h"

namespace tenure::index {
namespace {

constexpr char kCurrent[] = "CURRENT";
constexpr std::string_view kBuildingPrefix = "building-";
constexpr std::string_view kSuffix = ".db";
constexpr std::string_view kCompanions[] = {"-wal", "-shm", "-journal"};
constexpr std::size_t kEpochDigits = 16;
constexpr int kSealCacheKib = 256;

std::string PathIn(const std::string& dir, std::string_view name) { return dir + "/" + std::string(name); }

// The database file that `name` belongs to: `x.db` of `x.db-wal`.
std::string_view WithoutCompanion(std::string_view name) {
  for (const std::string_view companion : kCompanions) {
    if (name.ends_with(companion)) return name.substr(0, name.size() - companion.size());
  }
  return name;
}

Status RemoveIfThere(base::Env& env, const std::string& path) {
  Status removed = env.Remove(path);
  if (!removed && removed.error().code != ErrorCode::kNotFound) return removed;
  return {};
}

// Brings everything into the file itself: the rename takes no WAL along. The build has no other user.
Status SealBuild(base::Env& env, const std::string& path) {
  {
    TENURE_ASSIGN(Connection connection, Connection::Open(path, Connection::Mode::kReadWrite, kSealCacheKib));
    TENURE_RETURN_IF_ERROR(CheckFormat(connection, path));
    TENURE_ASSIGN(const std::int64_t busy, connection.QueryInt("PRAGMA wal_checkpoint(TRUNCATE)"));
    if (busy != 0) {
      Error e = base::MakeError(ErrorCode::kBusy, "index " + path + ": cannot be published while it is open",
                                "close the writer and all readers of the build first");
      e.path = path;
      return e;
    }
  }
  for (const std::string_view companion : kCompanions) {
    TENURE_RETURN_IF_ERROR(RemoveIfThere(env, path + std::string(companion)));
  }
  TENURE_ASSIGN(const std::unique_ptr<base::File> file, env.Open(path, base::OpenMode::kReadWrite));
  if (TENURE_SEEDED_BUG("generation_unsynced")) return {};
  return file->SyncAll();
}

// What CURRENT says, whether or not that exists; nullopt when it is missing or says nothing sensible.
Result<std::optional<Generation>> ReadCurrent(base::Env& env, const std::string& index_dir) {
  const Result<base::Bytes> bytes = base::ReadFile(env, PathIn(index_dir, kCurrent));
  if (!bytes) {
    if (bytes.error().code == ErrorCode::kNotFound) return std::optional<Generation>();
    return bytes.error();
  }
  std::string_view text = base::AsText(*bytes);
  if (text.ends_with('\n')) text.remove_suffix(1);
  return ParseGenerationFileName(text);
}

}  // namespace

std::string GenerationFileName(const Generation& generation) {
  char epoch[kEpochDigits + 1];
  std::snprintf(epoch, sizeof epoch, "%016llx", static_cast<unsigned long long>(generation.epoch));
  return std::string(epoch) + "-" + std::to_string(generation.number) + std::string(kSuffix);
}

std::optional<Generation> ParseGenerationFileName(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  const std::string_view stem = name.substr(0, name.size() - kSuffix.size());
  if (stem.size() < kEpochDigits + 2 || stem[kEpochDigits] != '-') return std::nullopt;
  Generation generation;
  const char* const dash = stem.data() + kEpochDigits;
  const char* const end = stem.data() + stem.size();
  const auto epoch = std::from_chars(stem.data(), dash, generation.epoch, 16);
  const auto number = std::from_chars(dash + 1, end, generation.number, 10);
  if (epoch.ec != std::errc() || epoch.ptr != dash || number.ec != std::errc() || number.ptr != end) {
    return std::nullopt;
  }
  // One spelling per generation: no capitals, no leading zeros.
  if (GenerationFileName(generation) != name) return std::nullopt;
  return generation;
}

Result<std::vector<Generation>> ListGenerations(base::Env& env, const std::string& index_dir) {
  TENURE_ASSIGN(const std::vector<std::string> names, env.List(index_dir));
  std::vector<Generation> generations;
  for (const std::string& name : names) {
    if (const std::optional<Generation> generation = ParseGenerationFileName(name)) generations.push_back(*generation);
  }
  std::sort(generations.begin(), generations.end());
  return generations;
}

Result<std::optional<Generation>> CurrentGeneration(base::Env& env, const std::string& index_dir) {
  TENURE_ASSIGN(const std::vector<Generation> complete, ListGenerations(env, index_dir));
  TENURE_ASSIGN(const std::optional<Generation> current, ReadCurrent(env, index_dir));
  if (current && std::binary_search(complete.begin(), complete.end(), *current)) return current;
  if (complete.empty()) return std::optional<Generation>();
  return std::optional<Generation>(complete.back());
}

std::string BuildingPath(base::Env& env, const std::string& index_dir) {
  std::array<std::byte, 16> random{};
  env.Random(random);
  return PathIn(index_dir, std::string(kBuildingPrefix) + base::Hex(random));
}

Status Publish(base::Env& env, const std::string& index_dir, const std::string& building_path,
               const Generation& generation) {
  const std::string name = GenerationFileName(generation);
  const std::string target = PathIn(index_dir, name);
  TENURE_ASSIGN(const bool built, env.Exists(building_path));
  TENURE_ASSIGN(const bool published, env.Exists(target));
  // Published before, perhaps by an attempt that did not get as far as CURRENT: go on from there.
  if (built || !published) {
    TENURE_RETURN_IF_ERROR(SealBuild(env, building_path));
    TENURE_FAIL_POINT("generation.before_rename");
    TENURE_RETURN_IF_ERROR(env.RenameNoReplace(building_path, target));
    TENURE_FAIL_POINT("generation.after_rename");
  }
  TENURE_RETURN_IF_ERROR(env.SyncDirectory(index_dir));
  TENURE_FAIL_POINT("generation.current");
  // CURRENT only moves forward: a publication that was held up for an hour must not set it back.
  TENURE_ASSIGN(const std::optional<Generation> current, CurrentGeneration(env, index_dir));
  TENURE_ASSIGN(const std::optional<Generation> named, ReadCurrent(env, index_dir));
  if (named && current == named && *named >= generation) return {};
  return base::WriteFileDurably(env, PathIn(index_dir, kCurrent), base::AsBytes(name + "\n"));
}

Status RemoveOlder(base::Env& env, const std::string& index_dir, const Generation& oldest_kept) {
  TENURE_ASSIGN(const std::vector<std::string> names, env.List(index_dir));
  // Sorted, `x.db` comes before `x.db-wal`: an interrupted removal never leaves a database without the
  // WAL that belongs to it.
  for (const std::string& name : names) {
    const std::optional<Generation> generation = ParseGenerationFileName(WithoutCompanion(name));
    if (generation && *generation < oldest_kept) TENURE_RETURN_IF_ERROR(RemoveIfThere(env, PathIn(index_dir, name)));
  }
  return {};
}

Status RemoveLeftovers(base::Env& env, const std::string& index_dir) {
  TENURE_ASSIGN(const std::vector<std::string> names, env.List(index_dir));
  for (const std::string& name : names) {
    const bool leftover = name.starts_with(kBuildingPrefix) || name.starts_with(std::string(kCurrent) + ".tmp-");
    if (leftover) TENURE_RETURN_IF_ERROR(RemoveIfThere(env, PathIn(index_dir, name)));
  }
  return {};
}

}  // namespace tenure::index
