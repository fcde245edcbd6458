#include "store/recovery/checkpoints.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/hash.h"

namespace tenure::recovery {
namespace {

constexpr std::string_view kSuffix = ".db";
constexpr std::string_view kMakingPrefix = "making-";
constexpr std::size_t kLsnDigits = 16;

std::string CheckpointFileName(Lsn lsn) {
  char name[kLsnDigits + 4];
  std::snprintf(name, sizeof name, "%016llx.db", static_cast<unsigned long long>(lsn));
  return name;
}

/// Exactly what CheckpointFileName writes; everything else in the directory is no checkpoint.
std::optional<Lsn> ParseCheckpointFileName(std::string_view name) {
  if (name.size() != kLsnDigits + kSuffix.size() || name.substr(kLsnDigits) != kSuffix) return std::nullopt;
  Lsn lsn = 0;
  const char* end = name.data() + kLsnDigits;
  const auto [stop, error] = std::from_chars(name.data(), end, lsn, 16);
  if (error != std::errc() || stop != end || CheckpointFileName(lsn) != name) return std::nullopt;
  return lsn;
}

/// A process that was passed by while it did the same may have been faster.
Status RemoveIfThere(base::Env& env, const std::string& path) {
  Status removed = env.Remove(path);
  return !removed.ok() && removed.error().code == ErrorCode::kNotFound ? Status() : removed;
}

}  // namespace

Result<std::vector<Checkpoint>> ListCheckpoints(base::Env& env, const Layout& layout) {
  std::vector<Checkpoint> found;
  TENURE_ASSIGN(const bool there, env.Exists(layout.checkpoints()));
  if (!there) return found;
  TENURE_ASSIGN(const std::vector<std::string> names, env.List(layout.checkpoints()));
  for (const std::string& name : names) {
    const std::optional<Lsn> lsn = ParseCheckpointFileName(name);
    if (lsn) found.push_back(Checkpoint{*lsn, layout.checkpoints() + "/" + name});
  }
  std::sort(found.begin(), found.end(), [](const Checkpoint& a, const Checkpoint& b) { return a.lsn < b.lsn; });
  return found;
}

Result<Lsn> NewestCheckpointLsn(base::Env& env, const Layout& layout) {
  TENURE_ASSIGN(const std::vector<Checkpoint> found, ListCheckpoints(env, layout));
  return found.empty() ? Lsn{0} : found.back().lsn;
}

journal::TrimmedBelow TrimmedBelowOf(base::Env& env, const Layout& layout) {
  return std::function<Result<Lsn>()>([&env, layout] { return NewestCheckpointLsn(env, layout); });
}

// The name is the completion mark: a file gets it only when its content is synced, and the directory
// is synced before anybody is told, because journal is trimmed on the strength of it.
Result<Checkpoint> WriteCheckpoint(base::Env& env, const Layout& layout, index::IndexWriter& writer) {
  TENURE_ASSIGN(const bool there, env.Exists(layout.checkpoints()));
  if (!there) {
    TENURE_RETURN_IF_ERROR(env.CreateDirectory(layout.checkpoints()));
    TENURE_RETURN_IF_ERROR(env.SyncDirectory(layout.root));
  }
  TENURE_ASSIGN(const index::Mark mark, writer.ReadMark());
  const Checkpoint checkpoint{mark.position.last_lsn,
                              layout.checkpoints() + "/" + CheckpointFileName(mark.position.last_lsn)};
  TENURE_ASSIGN(const bool done, env.Exists(checkpoint.path));
  if (!done) {
    std::array<std::byte, 8> random{};
    env.Random(random);
    const std::string making = layout.checkpoints() + "/" + std::string(kMakingPrefix) + base::Hex(random);
    TENURE_RETURN_IF_ERROR(writer.CopyTo(making));
    TENURE_FAIL_POINT_STATUS("checkpoint.before_rename");
    const Status named = env.RenameNoReplace(making, checkpoint.path);
    if (!named.ok()) {
      // kExists: a process that was stopped at this point and went on now had the same rows to say.
      const Status removed = env.Remove(making);
      if (named.error().code != ErrorCode::kExists) return named.error();
      TENURE_RETURN_IF_ERROR(removed);
    }
    TENURE_FAIL_POINT_STATUS("checkpoint.after_rename");
  }
  // Also when the file was there: whoever named it may have died before this sync.
  if (!TENURE_SEEDED_BUG("checkpoint_no_dir_sync")) TENURE_RETURN_IF_ERROR(env.SyncDirectory(layout.checkpoints()));
  return checkpoint;
}

Status RemoveOldCheckpoints(base::Env& env, const Layout& layout, std::size_t keep) {
  if (keep == 0) {
    return base::MakeError(ErrorCode::kInvalidArgument,
                           "at least one checkpoint must be kept: trimmed journal needs it");
  }
  TENURE_ASSIGN(const std::vector<Checkpoint> found, ListCheckpoints(env, layout));
  for (std::size_t i = 0; i + keep < found.size(); ++i) TENURE_RETURN_IF_ERROR(RemoveIfThere(env, found[i].path));
  // Copies that their makers did not finish. A maker that is only stopped will fail to rename it: harmless.
  TENURE_ASSIGN(const bool there, env.Exists(layout.checkpoints()));
  if (!there) return {};
  TENURE_ASSIGN(const std::vector<std::string> names, env.List(layout.checkpoints()));
  for (const std::string& name : names) {
    if (std::string_view(name).substr(0, kMakingPrefix.size()) == kMakingPrefix) {
      TENURE_RETURN_IF_ERROR(RemoveIfThere(env, layout.checkpoints() + "/" + name));
    }
  }
  return env.SyncDirectory(layout.checkpoints());
}

}  // namespace tenure::recovery
