#include "store/base/posix_error.h"

#include <cerrno>
#include <system_error>

#include "store/base/error.h"

namespace tenure::base {
namespace {

struct Meaning {
  ErrorCode code;
  const char* hint;
};

Meaning MeaningOf(int error_number) {
  switch (error_number) {
    case ENOENT:
      return {ErrorCode::kNotFound, ""};
    case EEXIST:
      return {ErrorCode::kExists, ""};
    case ENOSPC:
      return {ErrorCode::kNoSpace, "free space on this file system, then try again"};
    case EDQUOT:
      return {ErrorCode::kNoSpace, "the disk quota is used up; free space or raise it, then try again"};
    case EROFS:
      return {ErrorCode::kReadOnly, "the file system is mounted read-only; open the store read-only"};
    case EACCES:
    case EPERM:
      return {ErrorCode::kIo,
              "check owner and mode of the file and of the directories above it; "
              "'tenure init --shared=group' makes a store for a group of users"};
    case EMFILE:
      return {ErrorCode::kIo, "this process has too many open files; raise its limit (ulimit -n)"};
    case ENFILE:
      return {ErrorCode::kIo, "the machine has too many open files; raise fs.file-max"};
    case EFBIG:
      return {ErrorCode::kIo, "the file would exceed the file-size limit (ulimit -f) or that of the file system"};
    case ENOMEM:
      return {
          ErrorCode::kOutOfMemory,
          "this process has no memory or address space left for it; raise its limit (ulimit -v) or the container's"};
    case EIO:
      return {ErrorCode::kIo, "the device or file system reported a failure; look at the kernel log (dmesg)"};
    default:
      return {ErrorCode::kIo, ""};
  }
}

}  // namespace

const char* ErrnoHint(int error_number) { return MeaningOf(error_number).hint; }

Error ErrnoError(const std::string& action, const std::string& path, int error_number) {
  const Meaning meaning = MeaningOf(error_number);
  Error error =
      MakeError(meaning.code, "cannot " + action + " " + path + ": " + std::generic_category().message(error_number),
                meaning.hint);
  error.path = path;
  return error;
}

}  // namespace tenure::base
