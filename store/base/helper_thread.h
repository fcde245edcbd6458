// A thread for a part of one job: started, joined before the job ends, never detached.
//
// It blocks all signals, so that none of the host program's handlers runs on it. Owned by one thread.
#pragma once

#include <functional>
#include <thread>

namespace tenure::base {

class HelperThread {
 public:
  HelperThread() = default;
  /// Waits for what is running.
  ~HelperThread() { Join(); }
  HelperThread(const HelperThread&) = delete;
  HelperThread& operator=(const HelperThread&) = delete;

  /// False when there is no thread, or no memory, to be had: the caller does the work itself. `work` must not throw.
  /// Once until Join.
  bool Start(std::function<void()> work);
  /// Everything that the thread did is visible afterwards. Nothing to do when it was not started.
  void Join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::thread thread_;
};

}  // namespace tenure::base
