// Calls back when a process dies, without polling: a thread that sleeps in poll() on its pidfd.
//
// One per waiting call; the thread starts with the first process watched. A process that this one cannot see (another
// pid namespace, another user's) cannot be watched: the caller then has to look from time to time.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "store/base/unique_fd.h"

namespace tenure {

class DeathWatch {
 public:
  /// `on_death` is called from the thread.
  explicit DeathWatch(std::function<void()> on_death) : on_death_(std::move(on_death)) {}
  ~DeathWatch();
  DeathWatch(const DeathWatch&) = delete;
  DeathWatch& operator=(const DeathWatch&) = delete;

  /// From now on this process, named by pid and start time, and no other; 0: none. False: it cannot be watched, or is
  /// dead already.
  bool Watch(std::uint32_t pid, std::uint64_t process_start);

 private:
  void Main();
  bool Start();

  const std::function<void()> on_death_;
  std::mutex mutex_;
  base::UniqueFd process_;    // a pidfd, or none; guarded by mutex_
  std::uint64_t number_ = 0;  // of the process watched, guarded by mutex_
  bool stopping_ = false;     // guarded by mutex_
  std::uint32_t pid_ = 0;     // the caller's thread
  std::uint64_t start_ = 0;   // the caller's thread
  base::UniqueFd wake_;       // an eventfd
  std::thread thread_;
};

}  // namespace tenure
