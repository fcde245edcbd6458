// Which file systems a store may live on. The journal needs preallocated blocks that stay where they
// are and an fdatasync that means it; the members need one kernel's locks and shared mappings.
#include <string>

#include "store/base/error.h"
#include "store/recovery/config.h"

namespace tenure::recovery {
namespace {

enum class FileSystemClass : std::uint8_t {
  kGood,
  kVolatile,     ///< Works; what is durable ends with the machine or the container.
  kCopyOnWrite,  ///< Preallocation promises nothing: a full disk can stop a commit.
  kRemote,       ///< Locks and mappings are not shared between machines, or run through a process.
  kReadOnly,     ///< Made to be read.
  kUnknown,
};

struct KnownFileSystem {
  std::string_view type;
  FileSystemClass what;
};
constexpr KnownFileSystem kKnown[] = {
    {"ext4", FileSystemClass::kGood},
    {"ext3", FileSystemClass::kGood},
    {"ext2", FileSystemClass::kGood},
    {"xfs", FileSystemClass::kGood},
    {"tmpfs", FileSystemClass::kVolatile},
    {"ramfs", FileSystemClass::kVolatile},
    {"overlayfs", FileSystemClass::kVolatile},
    {"overlay", FileSystemClass::kVolatile},
    {"btrfs", FileSystemClass::kCopyOnWrite},
    {"zfs", FileSystemClass::kCopyOnWrite},
    {"bcachefs", FileSystemClass::kCopyOnWrite},
    {"nfs", FileSystemClass::kRemote},
    {"nfs4", FileSystemClass::kRemote},
    {"cifs", FileSystemClass::kRemote},
    {"smb", FileSystemClass::kRemote},
    {"smb2", FileSystemClass::kRemote},
    {"smb3", FileSystemClass::kRemote},
    {"fuse", FileSystemClass::kRemote},
    {"fuseblk", FileSystemClass::kRemote},
    {"9p", FileSystemClass::kRemote},
    {"ceph", FileSystemClass::kRemote},
    {"lustre", FileSystemClass::kRemote},
    {"gpfs", FileSystemClass::kRemote},
    {"gfs2", FileSystemClass::kRemote},
    {"ocfs2", FileSystemClass::kRemote},
    {"afs", FileSystemClass::kRemote},
    {"squashfs", FileSystemClass::kReadOnly},
    {"iso9660", FileSystemClass::kReadOnly},
};

FileSystemClass Classify(std::string_view type) {
  for (const KnownFileSystem& known : kKnown) {
    if (known.type == type) return known.what;
  }
  return FileSystemClass::kUnknown;
}

Error Refuse(const std::string& path, const std::string& type, const std::string& why, const std::string& remedy) {
  Error e = base::MakeError(ErrorCode::kUnsupported, path + " is on " + type + ": " + why, remedy);
  e.path = path;
  return e;
}

}  // namespace

Status CheckFileSystem(base::Env& env, const std::string& path, bool allow_any, const LogCallback& log) {
  TENURE_ASSIGN(const base::FileSystemInfo info, env.FileSystem(path));
  const auto warn = [&](const std::string& text) {
    if (log) log("warning", path + " is on " + info.type + ": " + text);
  };
  const std::string remedy = "put the store on a local ext4 or xfs file system";
  switch (Classify(info.type)) {
    case FileSystemClass::kGood:
      return {};
    case FileSystemClass::kVolatile:
      warn("nothing in this store survives the end of the machine or container");
      return {};
    case FileSystemClass::kReadOnly:
      // Nothing can be written here, so nothing can be written wrongly: snapshot reads work.
      return {};
    case FileSystemClass::kRemote:
      return Refuse(path, info.type, "locks and shared memory do not reach every process that sees these files",
                    remedy + "; to share it between machines, use a cluster store");
    case FileSystemClass::kCopyOnWrite:
    case FileSystemClass::kUnknown:
      break;
  }
  const bool copy_on_write = Classify(info.type) == FileSystemClass::kCopyOnWrite;
  if (allow_any) {
    warn(copy_on_write ? "preallocation promises nothing here, a full disk can stop a commit"
                       : "not a file system that was tested with tenure");
    return {};
  }
  return Refuse(path, info.type,
                copy_on_write ? "a copy-on-write file system, where preallocation promises nothing"
                              : "not among the file systems that tenure knows",
                remedy + ", or accept the risk with 'init --allow-any-file-system'");
}

}  // namespace tenure::recovery
