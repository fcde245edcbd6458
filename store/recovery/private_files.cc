#include "store/recovery/private_files.h"

#include <array>
#include <cstdlib>
#include <utility>

#include "store/base/error.h"
#include "store/base/hash.h"
#include "store/index/generations.h"
#include "store/ingest/layout.h"

namespace tenure::recovery {
namespace {

constexpr std::size_t kStepBytes = 1u << 20;

/// A copy that was not finished is told with what would help, when it is the copy and not what is copied.
Status WithRemedy(Status status, const std::string& dir) {
  if (status.ok() || !status.error().path.starts_with(dir + "/")) return status;
  Error error = std::move(status).error();
  if (error.code == ErrorCode::kNotFound) error.code = ErrorCode::kIo;  // it is no entry that is missing
  error.hint = "reading a store that cannot be written to needs room for a copy of its index in " + dir +
               "; set TMPDIR to another directory";
  return error;
}

}  // namespace

std::string TemporaryDirectory() {
  const char* named = std::getenv("TMPDIR");
  return named != nullptr && *named != '\0' ? named : "/tmp";
}

Result<std::unique_ptr<PrivateFiles>> PrivateFiles::MakeIfNeeded(base::Env& env, Layout& layout) {
  const auto writable = env.Open(layout.members(), base::OpenMode::kOpenOrCreate);
  if (writable.ok()) return std::unique_ptr<PrivateFiles>();
  const auto readable = env.Open(layout.members(), base::OpenMode::kRead);
  if (!readable.ok() && readable.error().code != ErrorCode::kNotFound) return std::unique_ptr<PrivateFiles>();
  if (readable.ok()) {
    TENURE_ASSIGN(const bool in_use, (*readable)->LockedByOthers(0, ingest::kMemberSlots));
    if (in_use) {
      return base::MakeError(ErrorCode::kBusy,
                             layout.root + " cannot be written to from here (" + writable.error().message +
                                 "), and is open for writing elsewhere",
                             "read it where it can be written to, or read a copy: tenure backup DIR");
    }
  }
  std::unique_ptr<PrivateFiles> files(new PrivateFiles(env));
  std::array<std::byte, 8> random{};
  env.Random(random);
  const std::string temporary = TemporaryDirectory();
  const std::string root = temporary + "/tenure-read-" + base::Hex(random);
  TENURE_RETURN_IF_ERROR(WithRemedy(env.CreateDirectory(root), temporary));
  files->root_ = root;
  Layout with_private = layout;
  with_private.private_root = root;
  TENURE_RETURN_IF_ERROR(WithRemedy(env.CreateDirectory(with_private.index()), temporary));
  TENURE_RETURN_IF_ERROR(WithRemedy(files->CopyIndex(layout, with_private.index()), temporary));
  layout = std::move(with_private);
  return files;
}

PrivateFiles::~PrivateFiles() {
  if (!root_.empty()) (void)env_.RemoveAll(root_);  // best effort: what stays is space in a temporary directory
}

/// Without one on the medium nothing is copied: opening builds it from the journal.
Status PrivateFiles::CopyIndex(const Layout& from, const std::string& to_dir) {
  TENURE_ASSIGN(const bool there, env_.Exists(from.index()));
  if (!there) return {};
  TENURE_ASSIGN(const auto generation, index::CurrentGeneration(env_, from.index()));
  if (!generation) return {};
  const std::string name = index::GenerationFileName(*generation);
  index_path_ = from.index() + "/" + name;
  // The file alone may be half of a checkpoint that was interrupted: its WAL belongs to it. The -shm is made anew.
  for (const std::string& file : {name, name + "-wal"}) {
    TENURE_ASSIGN(const bool exists, env_.Exists(from.index() + "/" + file));
    if (exists) TENURE_RETURN_IF_ERROR(CopyFile(from.index() + "/" + file, to_dir + "/" + file));
  }
  return {};
}

Status PrivateFiles::CopyFile(const std::string& from, const std::string& to) {
  TENURE_ASSIGN(const auto source, env_.Open(from, base::OpenMode::kRead));
  TENURE_ASSIGN(const auto target, env_.Open(to, base::OpenMode::kCreateNew));
  base::Bytes step(kStepBytes);
  for (std::uint64_t at = 0;;) {
    TENURE_ASSIGN(const std::size_t got, source->ReadAt(at, step));
    if (got == 0) return {};
    TENURE_RETURN_IF_ERROR(target->WriteAt(at, base::ByteView(step).first(got)));
    at += got;
  }
}

}  // namespace tenure::recovery
