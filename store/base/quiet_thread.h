// Threads of the library: no signal of the program is ever delivered to one.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <thread>
#include <utility>

namespace tenure::base {

/// What a thread started while it lives inherits: every signal blocked.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

/// Throws what std::thread throws: there may be no memory, or no thread, for it. `run` must not throw.
template <typename Function>
std::thread StartQuietThread(Function run) {
  const BlockedSignals blocked;
  return std::thread(std::move(run));
}

}  // namespace tenure::base
