#include "store/base/file_system.h"

#include <sys/statvfs.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstdio>

#include "store/base/posix_error.h"

namespace tenure::base {
namespace {

struct Magic {
  std::uint32_t number;
  const char* name;
};

// From linux/magic.h and the file systems' own sources, spelled out because distributions' headers
// lack some of them.
constexpr Magic kMagics[] = {
    {0xEF53, "ext4"},  // ext2 and ext3 share it
    {0x58465342, "xfs"},       {0x9123683E, "btrfs"}, {0x2FC12FC1, "zfs"},   {0x01021994, "tmpfs"},
    {0x794C7630, "overlayfs"}, {0x6969, "nfs"},       {0xFF534D42, "cifs"},  {0xFE534D42, "smb2"},
    {0x517B, "smb"},           {0x65735546, "fuse"},  {0x01021997, "9p"},    {0xF2F52010, "f2fs"},
    {0xCA451A4E, "bcachefs"},  {0x858458F6, "ramfs"}, {0x00C36400, "ceph"},  {0x73717368, "squashfs"},
    {0x0BD00BD0, "lustre"},    {0x47504653, "gpfs"},  {0x01161970, "gfs2"},  {0x7461636F, "ocfs2"},
    {0x5346414F, "afs"},       {0x4D44, "vfat"},      {0x2011BAB0, "exfat"}, {0x9660, "iso9660"},
};

}  // namespace

std::string FileSystemName(std::uint64_t magic) {
  for (const Magic& known : kMagics) {
    if (known.number == magic) return known.name;
  }
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(magic));
  return text;
}

Result<FileSystemInfo> DetectFileSystem(const std::string& path) {
  struct statfs info {};
  while (::statfs(path.c_str(), &info) != 0) {
    if (errno != EINTR) return ErrnoError("find the file system of", path, errno);
  }
  FileSystemInfo found;
  // Some architectures sign-extend f_type; the magic numbers have 32 bits.
  found.type = FileSystemName(static_cast<std::uint32_t>(info.f_type));
  const auto unit = static_cast<std::uint64_t>(info.f_frsize != 0 ? info.f_frsize : info.f_bsize);
  found.free_bytes = unit * info.f_bavail;
  found.read_only = (info.f_flags & ST_RDONLY) != 0;
  return found;
}

}  // namespace tenure::base
