#include "cli/formats/input.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/working_directory.h"
#include "store/base/error.h"
#include "store/base/unique_fd.h"

namespace tenure::cli {
namespace {

/// Knows every compression that apt uses, and is there wherever package lists are. Only the second choice:
/// it takes a gzip file that was cut off, or is none, for a whole one.
constexpr const char* kAptHelper = "/usr/lib/apt/apt-helper";

struct Unpacker {
  std::string_view suffix;
  const char* program;
};
constexpr std::array<Unpacker, 5> kUnpackers = {
    {{".gz", "gzip"}, {".xz", "xz"}, {".lz4", "lz4"}, {".zst", "zstd"}, {".bz2", "bzip2"}}};

const Unpacker* UnpackerOf(std::string_view path) {
  for (const Unpacker& unpacker : kUnpackers) {
    if (path.size() > unpacker.suffix.size() && path.ends_with(unpacker.suffix)) return &unpacker;
  }
  return nullptr;
}

Error Failed(const std::string& path, const std::string& what, std::string hint = {}) {
  Error error = base::MakeError(ErrorCode::kIo, "cannot read " + path + ": " + what, std::move(hint));
  error.path = path;
  return error;
}

/// Starts `command` with nothing on its standard input and `out` as its standard output.
int Spawn(std::vector<std::string> command, int out, pid_t& child) {
  std::vector<char*> argv;
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
  // We ignore SIGPIPE; the child must not: it ends by it when we stop reading.
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  const int error = ::posix_spawnp(&child, argv[0], &files, &attributes, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  ::posix_spawnattr_destroy(&attributes);
  return error;
}

int WaitFor(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return status;
}

}  // namespace

Result<std::unique_ptr<Input>> Input::Open(const std::string& path, std::size_t line_bytes_max) {
  const bool standard = path == "-";
  std::unique_ptr<Input> input(new Input(standard ? "standard input" : path));
  if (!standard && UnpackerOf(path) != nullptr) {
    TENURE_RETURN_IF_ERROR(input->OpenUnpacked(path, line_bytes_max));
  } else {
    TENURE_ASSIGN(input->lines_, LineReader::Open(path, line_bytes_max));
  }
  return input;
}

Status Input::OpenUnpacked(const std::string& path, std::size_t line_bytes_max) {
  TENURE_ASSIGN(const std::string absolute, AbsolutePath(path));
  if (::access(absolute.c_str(), R_OK) != 0) return Failed(path, std::strerror(errno));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Failed(path, std::strerror(errno));
  const base::UniqueFd ours(ends[0]);
  {
    const base::UniqueFd theirs(ends[1]);
    program_ = UnpackerOf(path)->program;
    int error = Spawn({program_, "-dc", "--", absolute}, theirs.get(), child_);
    if (error == ENOENT && ::access(kAptHelper, X_OK) == 0) {
      program_ = kAptHelper;
      error = Spawn({program_, "cat-file", absolute}, theirs.get(), child_);
    }
    if (error != 0) {
      child_ = -1;
      return Failed(path, "cannot run '" + program_ + "': " + std::strerror(error),
                    "install it, or unpack the file first");
    }
  }
  TENURE_ASSIGN(lines_, LineReader::Open("/dev/fd/" + std::to_string(ours.get()), line_bytes_max));
  return {};
}

Status Input::Finish() {
  if (child_ < 0) return {};
  const int status = WaitFor(std::exchange(child_, -1));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  const std::string how = WIFSIGNALED(status) ? "was ended by signal " + std::to_string(WTERMSIG(status))
                                              : "ended with status " + std::to_string(WEXITSTATUS(status));
  return Failed(name_, "'" + program_ + "' " + how + "; what came before was imported",
                "the file is damaged or not compressed as its name says");
}

Input::~Input() {
  if (child_ < 0) return;
  lines_.reset();  // its next write ends it
  ::kill(child_, SIGTERM);
  WaitFor(child_);
}

}  // namespace tenure::cli
