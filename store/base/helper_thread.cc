#include "store/base/helper_thread.h"

#include <utility>

#include "store/base/error.h"
#include "store/base/guarded.h"
#include "store/base/quiet_thread.h"

namespace tenure::base {

bool HelperThread::Start(std::function<void()> work) {
  TENURE_CHECK(!thread_.joinable());
  Attempt([&] { thread_ = StartQuietThread(std::move(work)); });
  return thread_.joinable();
}

}  // namespace tenure::base
