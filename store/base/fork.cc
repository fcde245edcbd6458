#include "store/base/fork.h"

#include <pthread.h>

#include <atomic>

#include "store/base/error.h"

namespace tenure::base {
namespace {

std::atomic<std::uint64_t> generation{0};

}  // namespace

std::uint64_t ForkGeneration() {
  [[maybe_unused]] static const bool registered = [] {
    TENURE_CHECK(::pthread_atfork(nullptr, nullptr, [] { generation.fetch_add(1, std::memory_order_relaxed); }) == 0);
    return true;
  }();
  return generation.load(std::memory_order_relaxed);
}

}  // namespace tenure::base
