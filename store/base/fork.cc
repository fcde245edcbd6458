#include "store/base/fork.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "store/base/error.h"

namespace tenure::base {
namespace {

struct Forks {
  std::atomic<std::uint64_t> generation{0};
  std::mutex mutex;  // held over a fork, so that the child finds the list whole
  std::vector<int> descriptors;

  static Forks& Instance() {
    static Forks& forks = *[] {
      auto* made = new Forks();  // never destroyed: handlers stay registered
      TENURE_CHECK(::pthread_atfork([] { Instance().mutex.lock(); }, [] { Instance().mutex.unlock(); },
                                    [] { Instance().InChild(); }) == 0);
      return made;
    }();
    return forks;
  }
  void InChild() {
    for (const int descriptor : descriptors) ::close(descriptor);
    descriptors.clear();
    generation.fetch_add(1, std::memory_order_relaxed);
    mutex.unlock();
  }
};

}  // namespace

std::uint64_t ForkGeneration() { return Forks::Instance().generation.load(std::memory_order_relaxed); }

void CloseInChildren(int descriptor) {
  Forks& forks = Forks::Instance();
  const std::lock_guard lock(forks.mutex);
  if (std::find(forks.descriptors.begin(), forks.descriptors.end(), descriptor) == forks.descriptors.end()) {
    forks.descriptors.push_back(descriptor);
  }
}

void ForgetDescriptor(int descriptor) {
  Forks& forks = Forks::Instance();
  const std::lock_guard lock(forks.mutex);
  std::erase(forks.descriptors, descriptor);
}

}  // namespace tenure::base
