#include "store/base/recording_env.h"

#include <sys/stat.h>

#include <atomic>
#include <deque>
#include <map>
#include <utility>

#include "store/base/error.h"
#include "store/base/mutex.h"

namespace tenure::base {

using Kind = TraceStep::Kind;

struct RecordingEnv::Shared {
  explicit Shared(Env& wrapped) : base(wrapped) {}

  /// Counts the call and asks the fault plan about it.
  Status Admit(Kind kind, const std::string& path) EXCLUDES(mutex);
  /// Admits and makes the call; what succeeded is recorded before any other recordable call starts.
  template <typename Call>
  Status Do(TraceStep step, Call call) EXCLUDES(mutex);
  /// Admits and makes a call that leaves no trace.
  template <typename Call>
  auto Read(const std::string& path, Call call) -> decltype(call()) {
    TENURE_RETURN_IF_ERROR(Admit(Kind::kRead, path));
    return call();
  }
  /// The number of `file`; a new one when it was not seen before, or `is_new` (inodes are reused).
  Result<std::uint64_t> NumberOf(const File& file, bool is_new) REQUIRES(mutex);
  /// What `path` names is about to lose that name. Its inode may come again, as another file that is made by somebody
  /// else (see NumberOfOpened). From within Do, which holds the mutex.
  void Forget(const std::string& path) NO_THREAD_SAFETY_ANALYSIS;

  Env& base;
  Mutex mutex;
  Trace trace GUARDED_BY(mutex);
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> numbers GUARDED_BY(mutex);
  std::uint64_t next_number GUARDED_BY(mutex) = 1;
  std::shared_ptr<const FaultPlan> plan GUARDED_BY(mutex);
  std::uint64_t calls GUARDED_BY(mutex) = 0;
  std::optional<std::array<std::byte, 16>> boot_id GUARDED_BY(mutex);
  std::deque<HostInfo> hosts GUARDED_BY(mutex);  ///< Stable addresses; only the last is current.
  // Offsets of clocks: each stands alone, so relaxed accesses are enough.
  std::atomic<std::int64_t> wall_offset_ms{0};
  std::atomic<std::uint64_t> boottime_offset_ms{0};
};

Status RecordingEnv::Shared::Admit(Kind kind, const std::string& path) {
  std::shared_ptr<const FaultPlan> current;
  std::uint64_t index = 0;
  {
    MutexLock lock(mutex);
    index = calls++;
    current = plan;
  }
  if (current == nullptr || !*current) return {};
  return (*current)(index, kind, path);
}

template <typename Call>
Status RecordingEnv::Shared::Do(TraceStep step, Call call) {
  Status status = Admit(step.kind, step.path);
  MutexLock lock(mutex);
  if (status.ok()) status = call();
  if (!status.ok()) {
    if (step.kind != Kind::kSyncData && step.kind != Kind::kSyncAll) return status;
    step.kind = Kind::kSyncFailed;
  }
  trace.push_back(std::move(step));
  return status;
}

Result<std::uint64_t> RecordingEnv::Shared::NumberOf(const File& file, bool is_new) {
  TENURE_ASSIGN(const auto identity, file.Identity());
  std::uint64_t& number = numbers[identity];
  if (is_new || number == 0) number = next_number++;
  return number;
}

void RecordingEnv::Shared::Forget(const std::string& path) {
  struct stat info {};
  // Not by opening it: closing another descriptor of SQLite's files drops its locks.
  if (::lstat(path.c_str(), &info) == 0) numbers.erase({info.st_dev, info.st_ino});
}

namespace {

class RecordingFile final : public File {
 public:
  RecordingFile(std::shared_ptr<RecordingEnv::Shared> shared, std::unique_ptr<File> base, std::uint64_t number)
      : shared_(std::move(shared)), base_(std::move(base)), number_(number) {}

  const std::string& path() const override { return base_->path(); }

  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    return shared_->Read(path(), [&] { return base_->ReadAt(offset, out); });
  }
  Status WriteAt(std::uint64_t offset, ByteView data) override {
    TraceStep step = Step(Kind::kWrite, offset);
    step.data.assign(data.begin(), data.end());
    return shared_->Do(std::move(step), [&] { return base_->WriteAt(offset, data); });
  }
  Status SyncData() override {
    return shared_->Do(Step(Kind::kSyncData, 0), [&] { return base_->SyncData(); });
  }
  Status SyncAll() override {
    return shared_->Do(Step(Kind::kSyncAll, 0), [&] { return base_->SyncAll(); });
  }
  Status Allocate(std::uint64_t bytes) override {
    return shared_->Do(Step(Kind::kAllocate, bytes), [&] { return base_->Allocate(bytes); });
  }
  Status AllocateRange(std::uint64_t offset, std::uint64_t bytes) override {
    return shared_->Do(Step(Kind::kAllocate, offset + bytes), [&] { return base_->AllocateRange(offset, bytes); });
  }
  Status Truncate(std::uint64_t bytes) override {
    return shared_->Do(Step(Kind::kTruncate, bytes), [&] { return base_->Truncate(bytes); });
  }
  Result<std::uint64_t> Size() const override {
    return shared_->Read(path(), [&] { return base_->Size(); });
  }
  Result<std::pair<std::uint64_t, std::uint64_t>> Identity() const override { return base_->Identity(); }
  Result<bool> TryLock(LockKind kind, std::uint64_t offset, std::uint64_t length) override {
    return base_->TryLock(kind, offset, length);
  }
  Status Lock(LockKind kind, std::uint64_t offset, std::uint64_t length) override {
    return base_->Lock(kind, offset, length);
  }
  Status Unlock(std::uint64_t offset, std::uint64_t length) override { return base_->Unlock(offset, length); }
  Result<bool> LockedByOthers(std::uint64_t offset, std::uint64_t length) const override {
    return base_->LockedByOthers(offset, length);
  }
  Result<std::byte*> MapShared(std::uint64_t bytes) override { return base_->MapShared(bytes); }

 private:
  TraceStep Step(Kind kind, std::uint64_t offset) const {
    TraceStep step;
    step.kind = kind;
    step.path = path();
    step.file = number_;
    step.offset = offset;
    return step;
  }

  const std::shared_ptr<RecordingEnv::Shared> shared_;
  const std::unique_ptr<File> base_;
  const std::uint64_t number_;
};

TraceStep NameStep(Kind kind, const std::string& path, const std::string& to = {}) {
  TraceStep step;
  step.kind = kind;
  step.path = path;
  step.to = to;
  return step;
}

Result<std::unique_ptr<File>> OpenExisting(const std::shared_ptr<RecordingEnv::Shared>& shared, const std::string& path,
                                           OpenMode mode) {
  MutexLock lock(shared->mutex);
  TENURE_ASSIGN(auto file, shared->base.Open(path, mode));
  TENURE_ASSIGN(const std::uint64_t number, shared->NumberOf(*file, /*is_new=*/false));
  return std::unique_ptr<File>(std::make_unique<RecordingFile>(shared, std::move(file), number));
}

Result<std::unique_ptr<File>> CreateNew(const std::shared_ptr<RecordingEnv::Shared>& shared, const std::string& path) {
  MutexLock lock(shared->mutex);
  TENURE_ASSIGN(auto file, shared->base.Open(path, OpenMode::kCreateNew));
  TENURE_ASSIGN(const std::uint64_t number, shared->NumberOf(*file, /*is_new=*/true));
  TraceStep step = NameStep(Kind::kCreate, path);
  step.file = number;
  shared->trace.push_back(std::move(step));
  return std::unique_ptr<File>(std::make_unique<RecordingFile>(shared, std::move(file), number));
}

}  // namespace

RecordingEnv::RecordingEnv(Env& base) : shared_(std::make_shared<Shared>(base)) {}

RecordingEnv::~RecordingEnv() = default;

Trace RecordingEnv::TakeTrace() {
  MutexLock lock(shared_->mutex);
  return std::exchange(shared_->trace, {});
}

Trace RecordingEnv::CopyTrace() const {
  MutexLock lock(shared_->mutex);
  return shared_->trace;
}

void RecordingEnv::Mark(const std::string& note) {
  MutexLock lock(shared_->mutex);
  shared_->trace.push_back(NameStep(Kind::kMark, note));
}

Status RecordingEnv::Perform(TraceStep step, const std::function<Status()>& call) {
  const std::string path = step.path;
  const bool removes = step.kind == Kind::kRemove;
  return shared_->Do(std::move(step), [&] {
    if (removes) shared_->Forget(path);
    return call();
  });
}

std::uint64_t RecordingEnv::NumberOfOpened(const std::string& path) {
  struct stat info {};
  MutexLock lock(shared_->mutex);
  if (::stat(path.c_str(), &info) != 0) return 0;
  std::uint64_t& number = shared_->numbers[{info.st_dev, info.st_ino}];
  if (number == 0) {
    number = shared_->next_number++;
    TraceStep step = NameStep(Kind::kCreate, path);
    step.file = number;
    shared_->trace.push_back(std::move(step));
  }
  return number;
}

void RecordingEnv::SetFaultPlan(FaultPlan plan) {
  auto shared_plan = std::make_shared<const FaultPlan>(std::move(plan));
  MutexLock lock(shared_->mutex);
  shared_->plan.swap(shared_plan);
}

std::uint64_t RecordingEnv::calls() const {
  MutexLock lock(shared_->mutex);
  return shared_->calls;
}

void RecordingEnv::AdvanceWallMs(std::int64_t by) { shared_->wall_offset_ms.fetch_add(by, std::memory_order_relaxed); }

void RecordingEnv::AdvanceBoottimeMs(std::uint64_t by) {
  shared_->boottime_offset_ms.fetch_add(by, std::memory_order_relaxed);
}

void RecordingEnv::SetBootId(std::array<std::byte, 16> id) {
  MutexLock lock(shared_->mutex);
  shared_->boot_id = id;
}

Result<std::unique_ptr<File>> RecordingEnv::Open(const std::string& path, OpenMode mode) {
  const bool may_create = mode == OpenMode::kCreateNew || mode == OpenMode::kOpenOrCreate;
  TENURE_RETURN_IF_ERROR(shared_->Admit(may_create ? Kind::kCreate : Kind::kRead, path));
  if (mode == OpenMode::kCreateNew) return CreateNew(shared_, path);
  if (mode != OpenMode::kOpenOrCreate) return OpenExisting(shared_, path, mode);
  // Two steps, to know whether it was created.
  constexpr int kAttempts = 100;
  for (int attempt = 1;; ++attempt) {
    auto existing = OpenExisting(shared_, path, OpenMode::kReadWrite);
    if (existing.ok() || existing.error().code != ErrorCode::kNotFound) return existing;
    auto created = CreateNew(shared_, path);
    if (created.ok() || created.error().code != ErrorCode::kExists || attempt == kAttempts) return created;
  }
}

Result<bool> RecordingEnv::Exists(const std::string& path) const {
  return shared_->Read(path, [&] { return shared_->base.Exists(path); });
}

Result<std::vector<std::string>> RecordingEnv::List(const std::string& dir) const {
  return shared_->Read(dir, [&] { return shared_->base.List(dir); });
}

Status RecordingEnv::CreateDirectory(const std::string& dir) {
  return shared_->Do(NameStep(Kind::kMakeDirectory, dir), [&] { return shared_->base.CreateDirectory(dir); });
}

Status RecordingEnv::Remove(const std::string& path) {
  return shared_->Do(NameStep(Kind::kRemove, path), [&] {
    shared_->Forget(path);
    return shared_->base.Remove(path);
  });
}

Status RecordingEnv::RemoveAll(const std::string& dir) {
  // Entry by entry, as the trace must say it. Removal comes first: it settles whether this is a
  // directory with something in it without ever following a link.
  Status removed = Remove(dir);
  if (removed.ok() || removed.error().code == ErrorCode::kNotFound) return {};
  const auto names = shared_->base.List(dir);
  if (!names.ok() || names->empty()) return removed;
  for (const std::string& name : *names) TENURE_RETURN_IF_ERROR(RemoveAll(dir + "/" + name));
  return Remove(dir);
}

Status RecordingEnv::Rename(const std::string& from, const std::string& to) {
  return shared_->Do(NameStep(Kind::kRename, from, to), [&] {
    shared_->Forget(to);
    return shared_->base.Rename(from, to);
  });
}

Status RecordingEnv::RenameNoReplace(const std::string& from, const std::string& to) {
  return shared_->Do(NameStep(Kind::kRename, from, to), [&] { return shared_->base.RenameNoReplace(from, to); });
}

Status RecordingEnv::SyncDirectory(const std::string& dir) {
  return shared_->Do(NameStep(Kind::kSyncDirectory, dir), [&] { return shared_->base.SyncDirectory(dir); });
}

Result<std::string> RecordingEnv::Canonical(const std::string& path) const { return shared_->base.Canonical(path); }

Result<FileSystemInfo> RecordingEnv::FileSystem(const std::string& path) const {
  return shared_->base.FileSystem(path);
}

void RecordingEnv::SetSharedWithGroup(bool shared) { shared_->base.SetSharedWithGroup(shared); }

TimeMs RecordingEnv::WallMs() const {
  return shared_->base.WallMs() + shared_->wall_offset_ms.load(std::memory_order_relaxed);
}

std::uint64_t RecordingEnv::MonotonicNs() const { return shared_->base.MonotonicNs(); }

std::uint64_t RecordingEnv::BoottimeMs() const {
  return shared_->base.BoottimeMs() + shared_->boottime_offset_ms.load(std::memory_order_relaxed);
}

void RecordingEnv::Random(std::span<std::byte> out) { shared_->base.Random(out); }

const HostInfo& RecordingEnv::Host() const {
  const HostInfo& real = shared_->base.Host();
  MutexLock lock(shared_->mutex);
  if (!shared_->boot_id) return real;
  auto& hosts = shared_->hosts;
  if (hosts.empty() || hosts.back().pid != real.pid || hosts.back().boot_id != *shared_->boot_id) {
    hosts.push_back(real);
    hosts.back().boot_id = *shared_->boot_id;
  }
  return hosts.back();
}

}  // namespace tenure::base
