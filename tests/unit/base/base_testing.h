// Shared by the tests of store/base: a directory of their own, and child processes.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <new>
#include <string>

#include "store/base/env.h"

namespace tenure::base {

/// A fresh directory, removed with everything in it at the end.
class TempDir {
 public:
  TempDir() {
    const char* parent = std::getenv("TMPDIR");
    path_ = std::string(parent != nullptr ? parent : "/tmp") + "/tenure-base-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~TempDir() { EXPECT_TRUE(Env::Posix().RemoveAll(path_).ok()); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// A T in memory shared with the children forked afterwards.
template <typename T>
class SharedValue {
 public:
  SharedValue() {
    void* at = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) std::abort();
    value_ = new (at) T();
  }
  ~SharedValue() { munmap(value_, sizeof(T)); }
  SharedValue(const SharedValue&) = delete;
  SharedValue& operator=(const SharedValue&) = delete;
  T* operator->() const { return value_; }
  T& operator*() const { return *value_; }

 private:
  T* value_;
};

/// Runs `body` in a child, which exits with what it returns.
template <typename Body>
pid_t StartChild(Body body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  if (child < 0) std::abort();
  return child;
}

/// The wait status of a child that ended (or stopped, with WUNTRACED in `options`).
inline int WaitFor(pid_t child, int options = 0) {
  int status = 0;
  if (waitpid(child, &status, options) != child) std::abort();
  return status;
}

inline bool ExitedWith(int status, int code) { return WIFEXITED(status) && WEXITSTATUS(status) == code; }

/// Yields until the kernel shows the (single-threaded) process in `state`, such as 'S' for asleep.
inline void AwaitProcessState(pid_t process, char state) {
  for (;;) {
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string text;
    std::getline(file, text);
    const std::size_t name_end = text.rfind(')');
    if (name_end != std::string::npos && name_end + 2 < text.size() && text[name_end + 2] == state) return;
    sched_yield();
  }
}

inline Bytes BytesOf(std::string_view text) {
  const ByteView view = AsBytes(text);
  return Bytes(view.begin(), view.end());
}

}  // namespace tenure::base
