// Reports of sanitizers in the processes that a test starts. A report does not always show in the exit status: a test
// may expect that its child fails, or kill it, and ThreadSanitizer lets a program go on. So whoever collects what a
// child wrote to stderr hands it over here.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace tenure::testing {

inline bool HasSanitizerReport(const std::string& err) {
  for (const char* sign : {"ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer",
                           "FATAL: ThreadSanitizer", "runtime error: "}) {
    if (err.find(sign) != std::string::npos) return true;
  }
  return false;
}

/// Fails the test that runs; a program that is no GoogleTest program ends.
inline void FailOnSanitizerReport(const std::string& err) {
  if (!HasSanitizerReport(err)) return;
  if (::testing::UnitTest::GetInstance()->current_test_info() != nullptr) {
    ADD_FAILURE() << "a process of this test has a sanitizer's report:\n" << err;
    return;
  }
  std::fprintf(stderr, "a process of this test has a sanitizer's report:\n%s\n", err.c_str());
  std::abort();
}

}  // namespace tenure::testing
