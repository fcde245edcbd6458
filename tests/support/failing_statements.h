// SQLite, of which one call fails with SQLITE_IOERR, as if the disk had not answered: opening a database, preparing a
// statement, or the first step of running one. Unlike a failing VFS it reaches each call that the code makes, whatever
// SQLite has in its page cache. Or no commit succeeds any more, as if the disk were full.
//
// The program must be linked with tenure_failing_statements, which puts itself in front of SQLite. Any thread; one at a
// time.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>

#include "store/base/error.h"

namespace tenure::testing {

class FailingStatements {
 public:
  /// The call of this number fails, counted from 0.
  static void FailAt(std::uint64_t index);
  /// Ends that. Returns how many calls there were.
  static std::uint64_t Stop();
  /// From now on no transaction on a database below `directory` can be committed, as SQLite's `code` says: its file
  /// system is full (13), or read-only (8). Empty: it takes writes again. Independent of FailAt, and not counted.
  static void RefuseCommits(const std::string& directory, int code = 13);
  /// The call that failed last: its SQL, or the file that was to be opened. Empty when there was none since FailAt.
  static std::string Failed();
};

/// Runs `act` so that its first call of SQLite fails, then so that its second one does, until none is left, and returns
/// how many there were. Each time the answer must be success (what failed was done on the side, or another way was
/// found), or an I/O error that names a file. `behind` sees the answer and the call, and puts everything back.
inline std::uint64_t FailEveryStatement(
    const std::function<Status()>& act,
    const std::function<void(const Status& answer, const std::string& call)>& behind, std::uint64_t step = 1) {
  for (std::uint64_t index = 0;; index += step) {
    FailingStatements::FailAt(index);
    const Status answer = act();
    const std::uint64_t calls = FailingStatements::Stop();
    const std::string call = "call " + std::to_string(index) + ", " + FailingStatements::Failed();
    if (!answer.ok()) {
      EXPECT_EQ(answer.error().code, ErrorCode::kIo) << call << ": " << answer.error().message;
      EXPECT_NE(answer.error().message.find('/'), std::string::npos) << call << ": " << answer.error().message;
    }
    const bool none_left = calls <= index;
    if (none_left) {
      EXPECT_TRUE(answer.ok()) << answer.error().message;
    }
    behind(answer, call);
    if (none_left || ::testing::Test::HasFatalFailure()) return index;
  }
}

}  // namespace tenure::testing
