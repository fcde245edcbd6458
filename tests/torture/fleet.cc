#include "tests/torture/fleet.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iterator>

extern char** environ;

namespace tenure::torture {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kStuckMs = 60'000;
/// This process looks around every few ms. When it did not for so long, it was stopped or the machine was suspended,
/// and the others most likely with it.
constexpr std::uint64_t kStallMs = 2'000;

/// Where processes kill or stop themselves; those of opening and of takeovers among them.
constexpr const char* kFailPoints[] = {"turn.claimed",
                                       "turn.before_release",
                                       "slot.claimed",
                                       "slot.initialised",
                                       "commit.decided",
                                       "commit.before_publish",
                                       "commit.after_publish",
                                       "commit.popped",
                                       "commit.answered",
                                       "journal.before_write",
                                       "journal.mid_write",
                                       "journal.after_write",
                                       "journal.after_sync",
                                       "journal.before_seal",
                                       "journal.after_seal",
                                       "segment.header_written",
                                       "segment.renamed",
                                       "apply.before",
                                       "apply.after",
                                       "index.begin",
                                       "index.before_commit",
                                       "index.after_commit",
                                       "index.checkpoint",
                                       "takeover.claimed",
                                       "takeover.restamped",
                                       "takeover.head_restamped",
                                       "takeover.heads_restamped",
                                       "takeover.before_segment",
                                       "takeover.after_segment",
                                       "takeover.resolved",
                                       "takeover.answered",
                                       "generation.before_rename",
                                       "generation.after_rename",
                                       "checkpoint.before_rename",
                                       "checkpoint.after_rename",
                                       "compact.published",
                                       "compact.segment_removed",
                                       "complete.before_word",
                                       "push.written",
                                       "feed.before_wake",
                                       "lease.announced"};

std::pair<int, int> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    std::perror("pipe");
    std::exit(1);
  }
  return {ends[0], ends[1]};
}

}  // namespace

Fleet::~Fleet() {
  for (auto& process : processes_) {
    if (!process) continue;
    ::kill(process->pid, SIGKILL);
    ::waitpid(process->pid, nullptr, 0);
    ::close(process->in);
    ::close(process->out);
  }
}

void Fleet::Start(int slot, bool with_fail_point) {
  auto process = std::make_unique<Process>();
  process->slot = slot;
  process->number = ++last_number_;
  std::vector<std::string> words{"/proc/self/exe",
                                 "--worker",
                                 options_.store,
                                 std::to_string(process->number),
                                 std::to_string(options_.seed),
                                 std::to_string(options_.commit_ttl_ms)};
  std::string setting;
  if (with_fail_point) {
    const bool stop = Below(2) == 0;
    process->fail_point = kFailPoints[Below(std::size(kFailPoints))];
    setting = "TENURE_FAILPOINT=" + process->fail_point + (stop ? "=stop@" : "=kill@") +
              std::to_string(1 + Below(1 + Below(40)));
  }
  std::vector<char*> arguments, environment;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  if (!setting.empty()) environment.push_back(setting.data());
  for (char** variable = environ; *variable != nullptr; ++variable) environment.push_back(*variable);
  environment.push_back(nullptr);
  const auto [in_read, in_write] = MakePipe();
  const auto [out_read, out_write] = MakePipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in_read, 0);
  posix_spawn_file_actions_adddup2(&actions, out_write, 1);
  const int failed =
      ::posix_spawn(&process->pid, words[0].c_str(), &actions, nullptr, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  ::close(in_read);
  ::close(out_write);
  process->in = in_write;
  process->out = out_read;
  if (failed != 0) {
    std::perror("cannot start a process");
    std::exit(1);
  }
  ++counts_.starts;
  processes_[static_cast<std::size_t>(slot)] = std::move(process);
}

void Fleet::Send(Process& process, const std::string& line) {
  // Short, into an empty pipe; EPIPE: it is dead, which is found out elsewhere.
  if (::write(process.in, line.data(), line.size()) < 0) return;
}

void Fleet::Handle(Process& process, const std::string& line) {
  Record record;
  if (ParseCall(line, record)) {
    last_heard_[process.number] = record.called;
    open_[record.id] = records_.size();
    records_.push_back(record);
    return;
  }
  if (ParseReturn(line, record)) {
    const auto it = open_.find(record.id);
    if (it == open_.end()) {
      problems_.push_back("a return without a call: " + line);
      return;
    }
    last_heard_[process.number] = record.returned;
    (void)ParseReturn(line, records_[it->second]);
    open_.erase(it);
    return;
  }
  if (line.rfind("q ", 0) == 0) {
    process.quiet_phase = std::stoull(line.substr(2));
    return;
  }
  problems_.push_back("process " + std::to_string(process.number) + ": " + line);
}

/// False: its end is closed.
bool Fleet::ReadFrom(Process& process) {
  char buffer[65'536];
  const ssize_t got = ::read(process.out, buffer, sizeof buffer);
  if (got <= 0) return false;
  process.text.append(buffer, static_cast<std::size_t>(got));
  std::size_t from = 0;
  for (std::size_t end; (end = process.text.find('\n', from)) != std::string::npos; from = end + 1) {
    Handle(process, process.text.substr(from, end - from));
  }
  process.text.erase(0, from);
  return true;
}

void Fleet::ReadSome(int timeout_ms) {
  std::vector<pollfd> fds;
  std::vector<Process*> whose;
  for (auto& process : processes_) {
    if (!process) continue;
    fds.push_back({process->out, POLLIN, 0});
    whose.push_back(process.get());
  }
  if (::poll(fds.data(), fds.size(), timeout_ms) <= 0) return;
  for (std::size_t i = 0; i < fds.size(); ++i) {
    if ((fds[i].revents & POLLIN) != 0) (void)ReadFrom(*whose[i]);
  }
}

void Fleet::Bury(Process& process, int status) {
  while (ReadFrom(process)) {
  }
  ::close(process.in);
  ::close(process.out);
  if (process.stopped_at != 0) stops_[process.number].emplace_back(process.stopped_at, Now());
  dead_since_[process.number] = std::max<std::uint64_t>(1, last_heard_[process.number]);
  const bool sigkill = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  if (sigkill && !process.killed && !process.fail_point.empty()) {
    ++counts_.point_kills;
  } else if (!sigkill || !process.killed) {
    problems_.push_back("process " + std::to_string(process.number) + " (pid " + std::to_string(process.pid) + ") " +
                        (WIFSIGNALED(status) ? "died of signal " + std::to_string(WTERMSIG(status))
                                             : "ended with status " + std::to_string(WEXITSTATUS(status))) +
                        ", unasked");
  }
  processes_[static_cast<std::size_t>(process.slot)] = nullptr;
}

void Fleet::BuryDead() {
  for (auto& process : processes_) {
    int status = 0;
    if (process && ::waitpid(process->pid, &status, WNOHANG) == process->pid) Bury(*process, status);
  }
}

/// Notices who died or stopped, wakes up whose time has come, replaces the dead.
void Fleet::Watch(std::uint64_t phase, std::uint64_t until) {
  const std::uint64_t now = Now();
  for (int slot = 0; slot < options_.processes; ++slot) {
    auto& process = processes_[static_cast<std::size_t>(slot)];
    int status = 0;
    if (process && ::waitpid(process->pid, &status, WNOHANG | WUNTRACED) == process->pid) {
      if (!WIFSTOPPED(status)) {
        Bury(*process, status);
      } else if (process->stopped_at == 0) {
        process->stopped_at = now;
        process->continue_at = now + (50 + Below(1'500)) * kMs;
        ++counts_.point_stops;
      }
    }
    if (process && process->stopped_at != 0 && (now >= process->continue_at || now >= until)) Continue(*process);
    if (!process && now < until) {
      Start(slot, slot != 0 && Below(2) == 0);
      Send(*processes_[static_cast<std::size_t>(slot)],
           "run " + std::to_string(phase) + " " + std::to_string(until) + "\n");
    }
  }
}

void Fleet::Stop(Process& process) {
  if (process.stopped_at != 0) return;
  const auto stopped =
      std::count_if(processes_.begin(), processes_.end(), [](const auto& p) { return p && p->stopped_at != 0; });
  if (stopped >= options_.processes / 2) return;
  process.stopped_at = Now();
  process.continue_at = process.stopped_at + (30 + Below(10) * Below(10) * 25) * kMs;
  ::kill(process.pid, SIGSTOP);
  ++counts_.stops;
}

void Fleet::Continue(Process& process) {
  ::kill(process.pid, SIGCONT);
  stops_[process.number].emplace_back(process.stopped_at, Now());
  process.stopped_at = 0;
}

void Fleet::Fault() {
  Process* process = processes_[Below(processes_.size())].get();
  if (process == nullptr) return;
  // The first one is never killed: its memory and descriptors are watched.
  if (Below(2) == 0 || process->slot == 0) return Stop(*process);
  if (process->killed) return;
  process->killed = true;
  ++(process->stopped_at != 0 ? counts_.killed_stopped : counts_.kills);
  ::kill(process->pid, SIGKILL);
}

bool Fleet::RunPhase(std::uint64_t phase, std::uint64_t until, std::uint64_t fault_gap_ms) {
  processes_.resize(static_cast<std::size_t>(options_.processes));
  for (auto& process : processes_) {
    if (process) Send(*process, "run " + std::to_string(phase) + " " + std::to_string(until) + "\n");
  }
  std::uint64_t next_fault = Now() + fault_gap_ms * kMs;
  std::uint64_t stuck_at = until + kStuckMs * kMs;
  for (std::uint64_t before = Now();;) {
    ReadSome(5);
    Watch(phase, until);
    const std::uint64_t now = Now();
    if (now > before + kStallMs * kMs) {
      stalls_.emplace_back(before, now);
      stuck_at += now - before;
    }
    before = now;
    if (now < until && now >= next_fault) {
      Fault();
      next_fault = now + (1 + Below(2 * fault_gap_ms)) * kMs;
    }
    if (now < until) continue;
    const bool quiet = std::all_of(processes_.begin(), processes_.end(),
                                   [&](const auto& process) { return !process || process->quiet_phase == phase; });
    if (quiet || !problems_.empty()) return problems_.empty();
    if (now > stuck_at) {
      for (const auto& process : processes_) {
        if (!process || process->quiet_phase == phase) continue;
        problems_.push_back("process " + std::to_string(process->number) + " (pid " + std::to_string(process->pid) +
                            ") is not back a minute after the end of the phase");
      }
      return false;
    }
  }
}

/// Waits for its end, waking it up where it stops at a fail point. False: it does not come, and is killed.
bool Fleet::WaitForEnd(Process& process, int& status) {
  for (const std::uint64_t began = Now();;) {
    pollfd fd{process.out, POLLIN, 0};
    if (::poll(&fd, 1, 5) > 0 && (fd.revents & POLLIN) != 0) (void)ReadFrom(process);
    if (::waitpid(process.pid, &status, WNOHANG | WUNTRACED) == process.pid) {
      if (!WIFSTOPPED(status)) return true;
      ::kill(process.pid, SIGCONT);
    }
    if (Now() > began + kStuckMs * kMs) {
      ::kill(process.pid, SIGKILL);
      ::waitpid(process.pid, &status, 0);
      return false;
    }
  }
}

bool Fleet::End() {
  for (auto& process : processes_) {
    if (process) Send(*process, "end\n");
  }
  for (auto& process : processes_) {
    if (!process) continue;
    int status = 0;
    const bool came = WaitForEnd(*process, status);
    while (ReadFrom(*process)) {
    }
    const bool at_point = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !process->fail_point.empty();
    if (!came || (!at_point && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))) {
      problems_.push_back("process " + std::to_string(process->number) + " did not end well");
    }
    ::close(process->in);
    ::close(process->out);
    process = nullptr;
  }
  return problems_.empty();
}

std::vector<Record> Fleet::TakeRecords() {
  open_.clear();
  return std::exchange(records_, {});
}

std::uint64_t Fleet::DeadSince(std::uint64_t process) const {
  const auto it = dead_since_.find(process);
  return it == dead_since_.end() ? 0 : it->second;
}

bool Fleet::WasStopped(std::uint64_t process, std::uint64_t from, std::uint64_t to) const {
  const auto meets = [&](const auto& stop) { return stop.first <= to && stop.second >= from; };
  if (std::any_of(stalls_.begin(), stalls_.end(), meets)) return true;
  const auto it = stops_.find(process);
  return it != stops_.end() && std::any_of(it->second.begin(), it->second.end(), meets);
}

pid_t Fleet::PidOfSlot(int slot) const {
  const auto& process = processes_[static_cast<std::size_t>(slot)];
  return process ? process->pid : 0;
}

std::vector<pid_t> Fleet::Pids() const {
  std::vector<pid_t> pids;
  for (const auto& process : processes_) {
    if (process) pids.push_back(process->pid);
  }
  return pids;
}

}  // namespace tenure::torture
