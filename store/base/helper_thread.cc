#include "store/base/helper_thread.h"

#include <signal.h>

#include <system_error>
#include <utility>

#include "store/base/error.h"

namespace tenure::base {

bool HelperThread::Start(std::function<void()> work) {
  TENURE_CHECK(!thread_.joinable());
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  // A new thread inherits the mask.
  TENURE_CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
  bool started = true;
  try {
    thread_ = std::thread(std::move(work));
  } catch (const std::system_error&) {
    started = false;
  }
  TENURE_CHECK(pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
  return started;
}

}  // namespace tenure::base
