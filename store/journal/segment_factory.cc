#include <algorithm>
#include <array>
#include <utility>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/journal/segments.h"

// Everything here must stay harmless when a stopped process executes it an hour late. So a file is
// written only under a random name ("making-*") that its writer alone uses; a spare is claimed by
// renaming it to such a name first (of two claimants one gets "not found"); and nothing is written
// through these handles after the last rename.

namespace tenure::journal {
namespace {

constexpr std::string_view kMakingPrefix = "making-";
constexpr std::string_view kSparePrefix = "spare-";
constexpr std::size_t kSparesKept = 2;
constexpr std::uint64_t kStepBytes = 1u << 20;
constexpr std::uint64_t kBlockBytes = 4096;

std::string RandomPath(base::Env& env, const std::string& dir, std::string_view prefix) {
  std::array<std::byte, 16> random;
  env.Random(random);
  return dir + "/" + std::string(prefix) + base::Hex(random);
}

std::uint64_t RoundUpToBlock(std::uint64_t bytes) { return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes; }

/// Really writes zeros: an allocated but unwritten extent would change metadata at its first write.
Status ZeroFill(base::File& file, std::uint64_t bytes, const std::function<bool()>& stop) {
  TENURE_RETURN_IF_ERROR(file.Allocate(bytes));
  const base::Bytes zeros(std::min(bytes, kStepBytes));
  for (std::uint64_t at = 0; at < bytes; at += kStepBytes) {
    if (stop && stop()) return {};
    const std::uint64_t step = std::min(kStepBytes, bytes - at);
    TENURE_RETURN_IF_ERROR(file.WriteAt(at, base::ByteView(zeros).first(step)));
  }
  return {};
}

struct Spare {
  std::string path;
  std::uint64_t bytes = 0;
};

/// The spares of at least `min_bytes`, largest first.
Result<std::vector<Spare>> ListSpares(base::Env& env, const std::string& dir, std::uint64_t min_bytes) {
  TENURE_ASSIGN(const std::vector<std::string> names, env.List(dir));
  std::vector<Spare> spares;
  for (const std::string& name : names) {
    if (name.rfind(kSparePrefix, 0) != 0) continue;
    Spare spare;
    spare.path = dir + "/" + name;
    auto file = env.Open(spare.path, base::OpenMode::kRead);
    if (!file.ok() && file.error().code == ErrorCode::kNotFound) continue;  // somebody just took it
    if (!file.ok()) return std::move(file).error();
    TENURE_ASSIGN(spare.bytes, (*file)->Size());
    if (spare.bytes >= min_bytes) spares.push_back(std::move(spare));
  }
  std::stable_sort(spares.begin(), spares.end(), [](const Spare& a, const Spare& b) { return a.bytes > b.bytes; });
  return spares;
}

/// A zero-filled file under a private name.
struct Making {
  std::string path;  ///< Empty: there was no spare to claim.
  std::unique_ptr<base::File> file;
  std::uint64_t bytes = 0;
};

/// Claims the largest fitting spare.
Result<Making> ClaimSpare(base::Env& env, const std::string& dir, std::uint64_t min_bytes) {
  TENURE_ASSIGN(const std::vector<Spare> spares, ListSpares(env, dir, min_bytes));
  for (const Spare& spare : spares) {
    Making making;
    making.path = RandomPath(env, dir, kMakingPrefix);
    auto renamed = env.RenameNoReplace(spare.path, making.path);
    if (!renamed.ok() && renamed.error().code == ErrorCode::kNotFound) continue;
    TENURE_RETURN_IF_ERROR(std::move(renamed));
    making.bytes = spare.bytes;
    TENURE_ASSIGN(making.file, env.Open(making.path, base::OpenMode::kReadWrite));
    return making;
  }
  return Making{};
}

Result<Making> MakeFile(base::Env& env, const std::string& dir, std::uint64_t bytes) {
  Making making;
  making.path = RandomPath(env, dir, kMakingPrefix);
  making.bytes = bytes;
  TENURE_ASSIGN(making.file, env.Open(making.path, base::OpenMode::kCreateNew));
  if (auto filled = ZeroFill(*making.file, bytes, nullptr); !filled.ok()) {
    (void)env.Remove(making.path);  // the fill's failure is what counts
    return std::move(filled).error();
  }
  return making;
}

/// Header, sync, name, directory sync.
Status NameSegment(base::Env& env, const std::string& dir, Making& making, const SegmentHeader& header,
                   const std::string& path) {
  std::array<std::byte, kSegmentHeaderBytes> block;
  EncodeSegmentHeader(header, block);
  TENURE_RETURN_IF_ERROR(making.file->WriteAt(0, block));
  TENURE_FAIL_POINT("segment.header_written");
  if (!TENURE_SEEDED_BUG("skip_segment_header_sync")) TENURE_RETURN_IF_ERROR(making.file->SyncAll());
  TENURE_FAIL_POINT("segment.header_synced");
  TENURE_RETURN_IF_ERROR(env.RenameNoReplace(making.path, path));
  making.path.clear();
  TENURE_FAIL_POINT("segment.renamed");
  if (!TENURE_SEEDED_BUG("skip_segment_dir_sync")) TENURE_RETURN_IF_ERROR(env.SyncDirectory(dir));
  return {};
}

}  // namespace

Result<LiveSegment> SegmentFactory::Create(SegmentHeader header, std::uint64_t min_bytes) {
  LiveSegment segment;
  segment.path = dir_ + "/" + SegmentFileName(header.id);
  // Looked at first so that a name that is taken costs no spare; the rename below is what decides.
  TENURE_ASSIGN(const bool taken, env_.Exists(segment.path));
  if (taken) {
    Error error = base::MakeError(ErrorCode::kExists, segment.path + " exists already",
                                  "another process took this epoch; take over with a higher one");
    error.path = segment.path;
    return error;
  }
  min_bytes = std::max(min_bytes, kSegmentHeaderBytes);
  TENURE_ASSIGN(Making making, ClaimSpare(env_, dir_, min_bytes));
  if (!making.file) {
    const std::uint64_t bytes = RoundUpToBlock(std::max(header.capacity, min_bytes));
    auto made = MakeFile(env_, dir_, bytes);
    if (!made.ok() && made.error().code == ErrorCode::kNoSpace) {
      // What dead and fenced predecessors left half made may be all the space there is. Whoever owns
      // the commit turn may remove it: their late renames then find nothing.
      TENURE_RETURN_IF_ERROR(RemoveLeftovers());
      made = MakeFile(env_, dir_, bytes);
    }
    if (!made.ok()) return std::move(made).error();
    making = std::move(made).value();
  }
  std::array<std::byte, sizeof header.salt> salt;
  env_.Random(salt);
  header.salt = base::LoadLe<std::uint64_t>(salt.data());
  header.capacity = making.bytes;
  header.created_ms = env_.WallMs();
  if (header.boot_id == decltype(header.boot_id){}) header.boot_id = env_.Host().boot_id;
  if (auto named = NameSegment(env_, dir_, making, header, segment.path); !named.ok()) {
    if (!making.path.empty()) (void)env_.Remove(making.path);
    return std::move(named).error();
  }
  segment.header = header;
  segment.file_bytes = making.bytes;
  return segment;
}

Status SegmentFactory::PrepareSpare(std::uint64_t bytes, const std::function<bool()>& stop) {
  bytes = RoundUpToBlock(std::max(bytes, kSegmentHeaderBytes));
  TENURE_ASSIGN(const bool there, HasSpare(bytes));
  if (there || (stop && stop())) return {};
  const std::string path = RandomPath(env_, dir_, kMakingPrefix);
  TENURE_ASSIGN(auto file, env_.Open(path, base::OpenMode::kCreateNew));
  Status made = ZeroFill(*file, bytes, stop);
  if (made.ok() && stop && stop()) return env_.Remove(path);
  // Synced before it has its name: a spare is never less than its zeros.
  if (made.ok()) made = file->SyncAll();
  file.reset();
  if (made.ok()) made = env_.RenameNoReplace(path, RandomPath(env_, dir_, kSparePrefix));
  if (!made.ok()) {
    (void)env_.Remove(path);
    return made;
  }
  TENURE_RETURN_IF_ERROR(RemoveSurplusSpares());
  return env_.SyncDirectory(dir_);
}

/// Several processes may have prepared one each. The largest is the next segment, one more the reserve.
Status SegmentFactory::RemoveSurplusSpares() {
  TENURE_ASSIGN(const std::vector<Spare> spares, ListSpares(env_, dir_, 0));
  for (std::size_t i = kSparesKept; i < spares.size(); ++i) {
    auto removed = env_.Remove(spares[i].path);
    if (!removed.ok() && removed.error().code != ErrorCode::kNotFound) return removed;
  }
  return {};
}

Result<bool> SegmentFactory::HasSpare(std::uint64_t min_bytes) const {
  TENURE_ASSIGN(const std::vector<Spare> spares, ListSpares(env_, dir_, min_bytes));
  return !spares.empty();
}

Status SegmentFactory::RemoveLeftovers() {
  TENURE_ASSIGN(const std::vector<std::string> names, env_.List(dir_));
  for (const std::string& name : names) {
    if (name.rfind(kMakingPrefix, 0) != 0) continue;
    auto removed = env_.Remove(dir_ + "/" + name);
    if (!removed.ok() && removed.error().code != ErrorCode::kNotFound) return removed;
  }
  return {};
}

}  // namespace tenure::journal
