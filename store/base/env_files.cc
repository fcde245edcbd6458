#include <array>

#include "store/base/env.h"
#include "store/base/error.h"
#include "store/base/hash.h"

namespace tenure::base {
namespace {

std::string DirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status WriteAndSync(Env& env, const std::string& path, ByteView data) {
  TENURE_ASSIGN(const auto file, env.Open(path, OpenMode::kCreateNew));
  TENURE_RETURN_IF_ERROR(file->WriteAt(0, data));
  return file->SyncAll();
}

}  // namespace

Result<Bytes> ReadFile(Env& env, const std::string& path) {
  TENURE_ASSIGN(const auto file, env.Open(path, OpenMode::kRead));
  TENURE_ASSIGN(const std::uint64_t size, file->Size());
  // One byte more than the file has now: a short read is then the proof that all of it was read, also
  // of a file that grows meanwhile or reports no size.
  Bytes content(static_cast<std::size_t>(size) + 1);
  std::size_t used = 0;
  for (;;) {
    TENURE_ASSIGN(const std::size_t got, file->ReadAt(used, std::span(content).subspan(used)));
    used += got;
    if (used < content.size()) break;
    content.resize(2 * content.size());
  }
  content.resize(used);
  return content;
}

// A process that was stopped in here and continues an hour later still replaces `path` by one whole
// older content, so `path` must be a file that is written once, or a hint. The temporary name is
// nobody else's.
Status WriteFileDurably(Env& env, const std::string& path, ByteView data) {
  std::array<std::byte, 8> random{};
  env.Random(random);
  const std::string temporary = path + ".tmp-" + Hex(random);
  Status written = WriteAndSync(env, temporary, data);
  if (written.ok()) written = env.Rename(temporary, path);
  if (!written.ok()) {
    static_cast<void>(env.Remove(temporary));  // best effort: the first error is the one to report
    return written;
  }
  return env.SyncDirectory(DirectoryOf(path));
}

}  // namespace tenure::base
