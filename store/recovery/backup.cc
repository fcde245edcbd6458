#include "store/recovery/backup.h"

#include <algorithm>
#include <array>
#include <utility>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/hash.h"
#include "store/journal/reader.h"
#include "store/recovery/checkpoints.h"
#include "store/recovery/rebuild.h"

namespace tenure::recovery {
namespace {

constexpr std::size_t kStepBytes = 4u << 20;

std::string DirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}
std::string FileNameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

class Copier {
 public:
  Copier(base::Env& env, const Layout& source, const std::string& target_dir, const BackupOptions& options)
      : env_(env), source_(source), target_dir_(target_dir), options_(options) {}

  Status Copy() {
    Status copied = PrepareTarget();
    if (copied.ok()) copied = Build();
    if (copied.ok()) copied = Name();
    // Best effort: the first error counts.
    if (!copied.ok() && !partial_.root.empty()) (void)env_.RemoveAll(partial_.root);
    return copied;
  }

 private:
  std::string FinalRoot() const { return target_dir_ + "/.tenure"; }
  Error Taken() const {
    return base::MakeError(ErrorCode::kAlreadyAStore, FinalRoot() + " exists already",
                           "name a directory that holds no store");
  }

  Status PrepareTarget() {
    TENURE_ASSIGN(const bool there, env_.Exists(target_dir_));
    if (!there) {
      TENURE_RETURN_IF_ERROR(env_.CreateDirectory(target_dir_));
      TENURE_RETURN_IF_ERROR(env_.SyncDirectory(DirectoryOf(target_dir_)));
    }
    TENURE_ASSIGN(const bool taken, env_.Exists(FinalRoot()));
    if (taken) return Taken();
    std::array<std::byte, 8> random{};
    env_.Random(random);
    partial_.root = target_dir_ + "/.tenure.partial-" + base::Hex(random);
    TENURE_RETURN_IF_ERROR(env_.CreateDirectory(partial_.root));
    for (const std::string& dir : {partial_.journal(), partial_.index(), partial_.checkpoints()}) {
      TENURE_RETURN_IF_ERROR(env_.CreateDirectory(dir));
    }
    return {};
  }

  Status Build() {
    TENURE_ASSIGN(config_, ReadConfig(env_, source_));
    TENURE_RETURN_IF_ERROR(FindEnd());
    TENURE_RETURN_IF_ERROR(CopyCheckpoint());
    for (const journal::LiveSegment& segment : segments_) TENURE_RETURN_IF_ERROR(CopySegment(segment));
    TENURE_RETURN_IF_ERROR(env_.SyncDirectory(partial_.journal()));
    TENURE_RETURN_IF_ERROR(CheckCopiedJournal());

    Config copy = config_;
    env_.Random(copy.store_id);
    copy.incarnation = config_.incarnation + 1;
    copy.created_at_ms = env_.WallMs();
    TENURE_RETURN_IF_ERROR(WriteConfig(env_, partial_, copy));

    RebuildOptions rebuild;
    rebuild.to_lsn = rebuild.durable = options_.to_lsn;
    rebuild.progress = [this](std::uint64_t, std::uint64_t) { return Report(0); };
    const auto built = RebuildIndex(env_, partial_, end_.segment.epoch, rebuild, nullptr);
    if (!built.ok()) return built.error();
    for (const std::string& dir : {partial_.checkpoints(), partial_.index(), partial_.root}) {
      TENURE_RETURN_IF_ERROR(env_.SyncDirectory(dir));
    }
    return {};
  }

  bool Report(std::uint64_t bytes) {
    done_bytes_ += bytes;
    return !options_.progress || options_.progress(std::min(done_bytes_, total_bytes_), total_bytes_);
  }
  static Error Interrupted() { return base::MakeError(ErrorCode::kClosed, "interrupted"); }

  /// Where the copy ends, and which segments it takes. Reads only the segment that holds to_lsn: the
  /// rest is checked as it was copied.
  Status FindEnd() {
    TENURE_ASSIGN(journal::Chain chain,
                  journal::ReadChain(env_, source_.journal(), config_.journal_id, TrimmedBelowOf(env_, source_)));
    if (chain.segments.empty()) {
      return base::CorruptionAt(source_.journal(), 0, "the journal holds no segment");
    }
    TENURE_ASSIGN(end_, PositionOf(chain));
    for (const journal::LiveSegment& segment : chain.segments) {
      if (segment.header.id > end_.segment) break;
      segments_.push_back(segment);
      total_bytes_ += segment.header.capacity;
    }
    return {};
  }

  Result<model::JournalPosition> PositionOf(const journal::Chain& chain) {
    const Lsn to = options_.to_lsn;
    const journal::LiveSegment& oldest = chain.segments.front();
    if (to < oldest.header.first_lsn) {
      // Nothing of the journal: only the state before its first frame.
      if (to + 1 == oldest.header.first_lsn) return journal::StartOf(oldest.header);
      Error error = base::MakeError(ErrorCode::kCompacted, "LSN " + std::to_string(to) +
                                                               " is older than the oldest retained LSN, " +
                                                               std::to_string(oldest.header.first_lsn));
      error.lsn = oldest.header.first_lsn;
      return error;
    }
    TENURE_ASSIGN(const auto reader, journal::Reader::OpenAtLsn(env_, source_.journal(), config_.journal_id, to,
                                                                TrimmedBelowOf(env_, source_), to));
    journal::RawFrame raw;
    journal::FrameFault fault = journal::FrameFault::kNone;
    TENURE_ASSIGN(const journal::Stop stop, reader->NextRaw(to, to, raw, fault));
    if (stop == journal::Stop::kFrame && raw.after.last_lsn == to) return raw.after;
    return base::MakeError(ErrorCode::kInvalidArgument,
                           "LSN " + std::to_string(to) + " lies within a batch; a copy must end where a batch does",
                           "copy everything and rebuild to that LSN: tenure-replay rebuild --to-lsn");
  }

  Status CopyBytes(base::File& from, base::File& to, std::uint64_t bytes) {
    base::Bytes step(kStepBytes);
    for (std::uint64_t at = 0; at < bytes;) {
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(step.size(), bytes - at));
      TENURE_ASSIGN(const std::size_t got, from.ReadAt(at, std::span(step).first(want)));
      if (got != want) return base::CorruptionAt(from.path(), at + got, "the file ends within its data");
      TENURE_RETURN_IF_ERROR(to.WriteAt(at, base::ByteView(step).first(got)));
      at += got;
      if (!Report(got)) return Interrupted();
    }
    return {};
  }

  Status CopySegment(const journal::LiveSegment& segment) {
    auto from = env_.Open(segment.path, base::OpenMode::kRead);
    if (!from.ok() && from.error().code == ErrorCode::kNotFound) {
      return base::MakeError(ErrorCode::kBusy, segment.path + " was trimmed while it was being copied",
                             "run the backup again");
    }
    if (!from.ok()) return std::move(from).error();
    TENURE_ASSIGN(const auto to,
                  env_.Open(partial_.journal() + "/" + FileNameOf(segment.path), base::OpenMode::kCreateNew));
    const std::uint64_t capacity = segment.header.capacity;
    TENURE_RETURN_IF_ERROR(to->Allocate(capacity));
    const std::uint64_t data = segment.header.id == end_.segment ? end_.offset : segment.sealed_bytes;
    TENURE_RETURN_IF_ERROR(CopyBytes(**from, *to, data));
    const base::Bytes zeros(std::min<std::uint64_t>(kStepBytes, capacity));
    for (std::uint64_t at = data; at < capacity;) {
      const std::uint64_t step = std::min<std::uint64_t>(zeros.size(), capacity - at);
      TENURE_RETURN_IF_ERROR(to->WriteAt(at, base::ByteView(zeros).first(step)));
      at += step;
      if (!Report(step)) return Interrupted();
    }
    return to->SyncAll();
  }

  /// Trimmed journal is replaced by a checkpoint: the newest that the copy may hold.
  Status CopyCheckpoint() {
    if (segments_.front().header.first_lsn == 1) return {};
    TENURE_ASSIGN(std::vector<Checkpoint> checkpoints, ListCheckpoints(env_, source_));
    const auto beyond = std::find_if(checkpoints.begin(), checkpoints.end(),
                                     [this](const Checkpoint& c) { return c.lsn > options_.to_lsn; });
    if (beyond == checkpoints.begin()) {
      return base::MakeError(ErrorCode::kCompacted, "no checkpoint at or below LSN " + std::to_string(options_.to_lsn) +
                                                        " replaces the journal that was trimmed");
    }
    const Checkpoint& newest = *std::prev(beyond);
    TENURE_ASSIGN(const auto from, env_.Open(newest.path, base::OpenMode::kRead));
    TENURE_ASSIGN(const auto to,
                  env_.Open(partial_.checkpoints() + "/" + FileNameOf(newest.path), base::OpenMode::kCreateNew));
    TENURE_ASSIGN(const std::uint64_t bytes, from->Size());
    total_bytes_ += bytes;
    TENURE_RETURN_IF_ERROR(CopyBytes(*from, *to, bytes));
    trimmed_below_ = newest.lsn;
    return to->SyncAll();  // Build syncs the name
  }

  /// The copy itself is read back: every frame, every link, and the end.
  Status CheckCopiedJournal() {
    TENURE_ASSIGN(const auto reader,
                  journal::Reader::OpenAtStart(env_, partial_.journal(), config_.journal_id, trimmed_below_));
    journal::RawFrame raw;
    journal::FrameFault fault = journal::FrameFault::kNone;
    for (;;) {
      TENURE_ASSIGN(const journal::Stop stop, reader->NextRaw(options_.to_lsn, options_.to_lsn, raw, fault));
      if (stop != journal::Stop::kFrame) break;
      if (!Report(0)) return Interrupted();
    }
    const model::JournalPosition& at = reader->position();
    if (at.last_lsn == end_.last_lsn && at.chain == end_.chain && at.state_hash == end_.state_hash) return {};
    return base::CorruptionAt(partial_.journal() + "/" + journal::SegmentFileName(at.segment), at.offset,
                              "the copied journal ends with LSN " + std::to_string(at.last_lsn) + " instead of " +
                                  std::to_string(end_.last_lsn));
  }

  Status Name() {
    TENURE_FAIL_POINT_STATUS("backup.before_rename");
    const Status named = env_.RenameNoReplace(partial_.root, FinalRoot());
    if (!named.ok()) return named.error().code == ErrorCode::kExists ? Status(Taken()) : named;
    return env_.SyncDirectory(target_dir_);
  }

  base::Env& env_;
  const Layout& source_;
  const std::string& target_dir_;
  const BackupOptions& options_;
  Layout partial_;
  Config config_;
  Lsn trimmed_below_ = 0;
  model::JournalPosition end_;
  std::vector<journal::LiveSegment> segments_;
  std::uint64_t done_bytes_ = 0, total_bytes_ = 0;
};

}  // namespace

Status CopyStore(base::Env& env, const Layout& source, const std::string& target_dir, const BackupOptions& options) {
  return Copier(env, source, target_dir, options).Copy();
}

}  // namespace tenure::recovery
