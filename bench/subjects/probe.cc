// The device itself: pwrite of one entry-sized frame and fdatasync, in a preallocated, zero-written and
// synced file, at sequential offsets that wrap. Its p50 is L, the unit of every durable figure.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "bench/common/failure.h"
#include "bench/subjects/subject.h"

namespace tenure::bench {
namespace {

constexpr std::size_t kFrameBytes = 512;
constexpr std::size_t kFileBytes = std::size_t{64} << 20;

std::string FilePath(const SubjectSetup& setup) { return setup.dir + "/probe.dat"; }

class ProbeClient : public Client {
 public:
  explicit ProbeClient(int fd) : fd_(fd) {}
  Status Put(const Record& record) override {
    frame_.fill(0);
    record.digest_text.copy(frame_.data(), frame_.size());
    if (pwrite(fd_, frame_.data(), frame_.size(), static_cast<off_t>(offset_)) != static_cast<ssize_t>(frame_.size())) {
      return FailErrno("pwrite");
    }
    if (fdatasync(fd_) != 0) return FailErrno("fdatasync");
    offset_ = (offset_ + kFrameBytes) % kFileBytes;
    return {};
  }

 private:
  int fd_;
  std::size_t offset_ = 0;
  std::array<char, kFrameBytes> frame_{};
};

class ProbeHandle : public Handle {
 public:
  explicit ProbeHandle(int fd) : fd_(fd) {}
  ~ProbeHandle() override { close(fd_); }
  Result<std::unique_ptr<Client>> NewClient(unsigned) override {
    return std::unique_ptr<Client>(std::make_unique<ProbeClient>(fd_));
  }

 private:
  int fd_;
};

class Probe : public Subject {
 public:
  Status Prepare(const SubjectSetup& setup) override {
    const int fd = open(FilePath(setup).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return FailErrno("create " + FilePath(setup));
    const Status filled = FillWithZeros(fd);
    close(fd);
    return filled;
  }
  Result<std::unique_ptr<Handle>> Open(const SubjectSetup& setup) override {
    const int fd = open(FilePath(setup).c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) return FailErrno("open " + FilePath(setup));
    return std::unique_ptr<Handle>(std::make_unique<ProbeHandle>(fd));
  }

 private:
  static Status FillWithZeros(int fd) {
    if (posix_fallocate(fd, 0, static_cast<off_t>(kFileBytes)) != 0) return Fail("posix_fallocate: no space");
    const std::vector<char> zeros(std::size_t{1} << 20, 0);
    for (std::size_t offset = 0; offset < kFileBytes; offset += zeros.size()) {
      if (pwrite(fd, zeros.data(), zeros.size(), static_cast<off_t>(offset)) != static_cast<ssize_t>(zeros.size())) {
        return FailErrno("pwrite");
      }
    }
    if (fsync(fd) != 0) return FailErrno("fsync");
    return {};
  }
};

const SubjectEntry kEntry("probe", "pwrite of 512 bytes + fdatasync, one writer", SubjectTraits{},
                          [] { return std::unique_ptr<Subject>(std::make_unique<Probe>()); });

}  // namespace
}  // namespace tenure::bench
