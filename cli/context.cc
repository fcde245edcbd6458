#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "cli/args.h"
#include "cli/command.h"
#include "cli/lease_options.h"
#include "cli/parse.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/working_directory.h"
#include "store/base/error.h"
#include "store/recovery/config.h"

namespace tenure::cli {
namespace {

bool IsDirectory(const std::string& path) {
  struct stat info = {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

/// The nearest directory upwards of the working directory that holds .tenure.
Result<std::string> WalkUp() {
  TENURE_ASSIGN(const std::string start, WorkingDirectory());
  std::string dir = start;
  for (;;) {
    if (IsDirectory(dir + "/.tenure")) return dir;
    const std::size_t slash = dir.rfind('/');
    if (slash == std::string::npos || dir == "/") break;
    dir.erase(slash == 0 ? 1 : slash);
  }
  return base::MakeError(ErrorCode::kNoStore, "no store: neither " + start + " nor a directory above it holds .tenure",
                         "make one with 'tenure init', or name one with -C DIR or TENURE_STORE");
}

/// Levels of TENURE_LOG, quietest first. The default tells warnings.
int LogLevel(const char* name) {
  static constexpr const char* kLevels[] = {"error", "warning", "info", "debug"};
  for (int i = 0; i < 4; ++i) {
    if (std::strcmp(name, kLevels[i]) == 0) return i;
  }
  return 1;
}

/// The store lets this user only read: its files are somebody else's, or the medium is read-only.
bool OnlyReadable(base::Env& env, const std::string& path) {
  const auto layout = recovery::FindStore(env, path);
  return layout.ok() && ::access(layout->members().c_str(), W_OK) != 0 && (errno == EACCES || errno == EROFS);
}

}  // namespace

void DefineWriteOptions(Args& args, WriteOptions& write) {
  args.Option("--request-id", write.request_id, "ID", "Retrying with the same id never applies twice");
  args.Option("--on-conflict", write.on_conflict, "STRATEGY",
              "What becomes of a conflict: reject, last-writer-wins, first-writer-wins, merge,\n"
              "merge-or-park or park; default what the policy of the path says, else reject");
  args.Option("--writer", write.writer, "ID", "Who writes; default user@host");
  args.Repeated("--lease", write.leases, "TOKEN|@FILE",
                "Write under this lease; may be repeated; default: TENURE_LEASE_TOKEN, where it covers");
  args.Option("--wait", write.wait, "DUR", "How long to wait for a lease that others hold: 250ms, 30s, 5m, 2h");
}

Result<CommitOptions> CommitOptionsOf(const WriteOptions& write) {
  CommitOptions options;
  if (!write.on_conflict.empty()) {
    TENURE_ASSIGN(options.on_conflict, ParseStrategy(write.on_conflict));
  }
  options.request_id = write.request_id;
  options.writer = write.writer;
  for (const std::string& text : write.leases) {
    TENURE_ASSIGN(const std::vector<std::string> tokens, TokensOf(text));
    options.lease_tokens.insert(options.lease_tokens.end(), tokens.begin(), tokens.end());
  }
  if (write.leases.empty()) {
    TENURE_ASSIGN(options.ambient_lease_tokens, AmbientTokens());
  }
  if (write.wait) {
    TENURE_ASSIGN(options.wait_ms, ParseDurationOption(*write.wait, "--wait"));
  }
  return options;
}

Context::Context(GlobalOptions global, base::Env& env) : global_(std::move(global)), env_(env), out_(STDOUT_FILENO) {}

Result<std::string> Context::StorePath() const {
  std::string path = global_.store;
  if (path.empty()) {
    const char* variable = std::getenv("TENURE_STORE");
    if (variable == nullptr || *variable == '\0') return WalkUp();
    path = variable;
  }
  if (path.rfind("etcd://", 0) == 0) {
    return base::MakeError(ErrorCode::kInvalidArgument, path + ": etcd stores are not supported by this build",
                           "name a directory: -C DIR");
  }
  return AbsolutePath(path);
}

Result<Store> Context::OpenStore(const StoreUse& use) {
  TENURE_ASSIGN(const std::string path, StorePath());
  OpenOptions options;
  options.writer = use.writer;
  options.background = use.background;
  options.env = &env_;
  const char* variable = std::getenv("TENURE_LOG");
  const int level_max = LogLevel(variable == nullptr ? "" : variable);
  const Format format = global_.format;
  options.log = [level_max, format](const char* level, const std::string& message) {
    if (LogLevel(level) <= level_max) WriteStderr(MessageText(level, message, format));
  };
  auto opened = [&] {
    const BlockSignalsForThreads blocked;
    auto store = Store::Open(path, options);
    if (store.ok() || !use.read) return store;
    if (store.error().code != ErrorCode::kReadOnly && !OnlyReadable(env_, path)) return store;
    options.read_only = true;
    return Store::Open(path, options);
  }();
  if (!opened.ok()) {
    Error error = std::move(opened).error();
    if (error.code == ErrorCode::kNoStore && error.hint.empty())
      error.hint = "make one with 'tenure init " + path + "'";
    return error;
  }
  const RecoveryNote& note = opened->recovery();
  if (note.set_aside_bytes > 0) {
    Warn("recovered: " + std::to_string(note.set_aside_bytes) + " bytes were set aside in " + note.set_aside_path +
         " at offset " + std::to_string(note.set_aside_offset) + " (never acknowledged)");
  }
  if (note.passed_over_bytes > 0) {
    Warn(std::to_string(note.passed_over_bytes) + " bytes of an unfinished commit were passed over in " +
         note.passed_over_path + " at offset " + std::to_string(note.passed_over_offset) +
         " (never acknowledged); nothing was changed");
  }
  if (note.took_over) Note("recovered: the last committer had died; epoch " + std::to_string(note.epoch) + " goes on");
  return opened;
}

void Context::Note(const std::string& text) {
  if (!IsJson(global_.format)) WriteStderr(MessageText("note", text, global_.format));
}

void Context::Warn(const std::string& text) { WriteStderr(MessageText("warning", text, global_.format)); }

Status Context::Confirm(const std::string& question, bool yes) {
  if (yes || !CanAsk() || Ask(question)) return {};
  return base::MakeError(ErrorCode::kClosed, "not confirmed; nothing was done", "answer y, or give -y");
}

std::unique_ptr<Progress> Context::StartProgress(std::string title) {
  Progress::Options options;
  options.enabled = StderrIsTerminal();
  if (options.enabled) {
    options.width = TerminalWidth();
    options.now_ns = [&env = env_] { return env.MonotonicNs(); };
    options.write = [](std::string_view text) { WriteStderr(text); };
  }
  return std::make_unique<Progress>(std::move(title), std::move(options));
}

void Context::BeginCritical(const std::string& pending) {
  Error error = base::MakeError(ErrorCode::kOutcomeUnknown, "interrupted: " + pending);
  BeginCriticalSection(ErrorText(error, global_.format));
}

void Context::EndCritical() { EndCriticalSection(); }

Result<Receipt> Context::Commit(Store& store, const Transaction& txn, const CommitOptions& options) {
  BeginCritical(options.request_id.empty()
                    ? "the outcome of the transaction is not known yet (it has no request id); see 'tenure log'"
                    : "the outcome of request " + options.request_id + " is not known yet; ask with 'tenure outcome " +
                          options.request_id + "'");
  CommitOptions interruptible = options;
  interruptible.interrupted = Interrupted;  // while it waits for a lease, nothing is on its way
  auto receipt = store.Commit(txn, interruptible);
  EndCritical();
  if (receipt.ok()) {
    done_ = std::string(OutcomeName(receipt->outcome)) + " with lsn " + std::to_string(receipt->lsn);
  }
  return receipt;
}

}  // namespace tenure::cli
