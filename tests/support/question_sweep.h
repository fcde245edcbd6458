// Fails every question that something asks of its environment and that base::RecordingEnv does not count, one after the
// other: what a path really is, on which file system it lies, whether somebody holds a lock.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "store/base/error.h"
#include "store/base/recording_env.h"

namespace tenure::testing {

/// Asked in front of each question, with the path and what is asked: an error is the answer.
using Answer = std::function<Status(const std::string& path, const char* question)>;

/// A file that passes everything on, and questions about locks through `answer`.
class QuestionedFile final : public base::File {
 public:
  QuestionedFile(std::unique_ptr<base::File> base, std::shared_ptr<const Answer> answer)
      : base_(std::move(base)), answer_(std::move(answer)) {}

  const std::string& path() const override { return base_->path(); }
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    return base_->ReadAt(offset, out);
  }
  Status WriteAt(std::uint64_t offset, base::ByteView data) override { return base_->WriteAt(offset, data); }
  Status SyncData() override { return base_->SyncData(); }
  Status SyncAll() override { return base_->SyncAll(); }
  Status Allocate(std::uint64_t bytes) override { return base_->Allocate(bytes); }
  Status AllocateRange(std::uint64_t offset, std::uint64_t bytes) override {
    return base_->AllocateRange(offset, bytes);
  }
  Status Truncate(std::uint64_t bytes) override { return base_->Truncate(bytes); }
  Result<std::uint64_t> Size() const override { return base_->Size(); }
  Result<std::pair<std::uint64_t, std::uint64_t>> Identity() const override { return base_->Identity(); }
  Result<bool> TryLock(base::LockKind kind, std::uint64_t offset, std::uint64_t length) override {
    TENURE_RETURN_IF_ERROR((*answer_)(path(), "TryLock"));
    return base_->TryLock(kind, offset, length);
  }
  Status Lock(base::LockKind kind, std::uint64_t offset, std::uint64_t length) override {
    TENURE_RETURN_IF_ERROR((*answer_)(path(), "Lock"));
    return base_->Lock(kind, offset, length);
  }
  Status Unlock(std::uint64_t offset, std::uint64_t length) override {
    TENURE_RETURN_IF_ERROR((*answer_)(path(), "Unlock"));
    return base_->Unlock(offset, length);
  }
  Result<bool> LockedByOthers(std::uint64_t offset, std::uint64_t length) const override {
    TENURE_RETURN_IF_ERROR((*answer_)(path(), "LockedByOthers"));
    return base_->LockedByOthers(offset, length);
  }
  Result<std::byte*> MapShared(std::uint64_t bytes) override { return base_->MapShared(bytes); }

 private:
  const std::unique_ptr<base::File> base_;
  const std::shared_ptr<const Answer> answer_;
};

/// The machine's environment. Its files may outlive it.
class QuestionedEnv : public base::RecordingEnv {
 public:
  explicit QuestionedEnv(Answer answer)
      : RecordingEnv(base::Env::Posix()), answer_(std::make_shared<const Answer>(std::move(answer))) {}

  Result<std::unique_ptr<base::File>> Open(const std::string& path, base::OpenMode mode) override {
    TENURE_ASSIGN(auto file, RecordingEnv::Open(path, mode));
    return std::unique_ptr<base::File>(std::make_unique<QuestionedFile>(std::move(file), answer_));
  }
  Result<std::string> Canonical(const std::string& path) const override {
    TENURE_RETURN_IF_ERROR((*answer_)(path, "Canonical"));
    return RecordingEnv::Canonical(path);
  }
  Result<base::FileSystemInfo> FileSystem(const std::string& path) const override {
    TENURE_RETURN_IF_ERROR((*answer_)(path, "FileSystem"));
    return RecordingEnv::FileSystem(path);
  }

 private:
  const std::shared_ptr<const Answer> answer_;
};

/// Runs `act` on an environment whose first question is not answered, then on one whose second one is not, until none
/// is left, and returns how many there were. Each time the answer must be success (what failed was done on the side) or
/// the injected error itself: its code, and the path. `behind` sees the answer and the question, and puts everything
/// back.
inline std::uint64_t FailEveryQuestion(
    const std::function<Status(base::RecordingEnv& env)>& act,
    const std::function<void(const Status& answer, const std::string& question)>& behind) {
  for (std::uint64_t index = 0;; ++index) {
    std::uint64_t asked = 0;
    std::string failed, text;
    QuestionedEnv env([&](const std::string& path, const char* question) -> Status {
      if (asked++ != index) return {};
      failed = std::string(question) + " of " + path;
      text = path + ": not answered by the test";
      Error error = base::MakeError(ErrorCode::kIo, text);
      error.path = path;
      return error;
    });
    const Status answer = act(env);
    if (!answer.ok()) {
      EXPECT_EQ(answer.error().code, ErrorCode::kIo) << index << ", " << failed << ": " << answer.error().message;
      EXPECT_NE(answer.error().message.find(text), std::string::npos)
          << index << ", " << failed << ": " << answer.error().message;
    }
    const bool none_left = failed.empty();
    if (none_left) {
      EXPECT_TRUE(answer.ok()) << answer.error().message;
    }
    behind(answer, failed);
    if (none_left || ::testing::Test::HasFatalFailure()) return index;
  }
}

}  // namespace tenure::testing
