// What one flush for all who wait can reach on this machine, with nothing of a store in it: one thread takes what the
// writers ask for, writes as many bytes as a journal would, syncs, and wakes them. No decision, no checksum, no index,
// no safety: whoever dies in it takes the rest along. What a store reaches beside it is what its own work costs.
//
//   writer                                committing thread, of the process that came first
//   asked := n (seat)                     gathers seats with asked > answered; a moment for those answered just now
//   wakes the thread if it sleeps         pwrite (O_DIRECT, whole blocks), fdatasync
//   sleeps on `turn` until answered = n   answered := asked; turn + 1; one wake-up for all
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <climits>
#include <cstdlib>
#include <new>
#include <thread>
#include <vector>

#include "bench/common/clock.h"
#include "bench/common/failure.h"
#include "bench/subjects/subject.h"
#include "store/base/futex.h"

namespace tenure::bench {
namespace {

constexpr std::size_t kSeats = 128;
constexpr std::size_t kRecordBytes = 300;  // a put in a frame of the journal
constexpr std::size_t kBlockBytes = 4'096;
constexpr std::size_t kFileBytes = std::size_t{64} << 20;

struct Seat {
  alignas(64) std::atomic<std::uint64_t> asked{0};
  alignas(64) std::atomic<std::uint64_t> answered{0};
};
struct Shared {
  alignas(64) std::atomic<std::uint32_t> handles{0};  // open ones
  std::atomic<std::uint32_t> led{0};                  // some process has the committing thread
  alignas(64) std::atomic<std::uint32_t> asleep{0};   // futex: the committing thread waits for work
  alignas(64) std::atomic<std::uint32_t> turn{0};     // futex: batches so far
  std::array<Seat, kSeats> seats;
};

std::string SharedPath(const SubjectSetup& setup) { return setup.dir + "/group.shm"; }
std::string FilePath(const SubjectSetup& setup) { return setup.dir + "/group.dat"; }

Result<Shared*> MapShared(const SubjectSetup& setup, int flags) {
  const int fd = open(SharedPath(setup).c_str(), O_RDWR | O_CLOEXEC | flags, 0600);
  if (fd < 0) return FailErrno("open " + SharedPath(setup));
  const bool sized = posix_fallocate(fd, 0, sizeof(Shared)) == 0;
  void* const memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (!sized) return Fail(SharedPath(setup) + ": posix_fallocate: no space");
  if (memory == MAP_FAILED) return FailErrno("map " + SharedPath(setup));
  return static_cast<Shared*>(memory);
}

/// The committing thread's work.
class Committer {
 public:
  Committer(Shared& shared, int fd) : shared_(shared), fd_(fd) {}
  ~Committer() { std::free(block_); }
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  /// Until every handle is closed.
  void Run() {
    while (shared_.handles.load() != 0) {
      if (Gather() == 0) {
        Sleep();
        continue;
      }
      AwaitReturning();
      if (!Flush()) std::abort();  // the figures would be nobody's
      Answer();
    }
  }

 private:
  std::size_t Gather() {
    taken_.clear();
    for (std::size_t seat = 0; seat < kSeats; ++seat) {
      const std::uint64_t asked = shared_.seats[seat].asked.load(std::memory_order_acquire);
      if (asked > shared_.seats[seat].answered.load(std::memory_order_relaxed)) taken_.push_back({seat, asked});
    }
    return taken_.size();
  }

  /// As tenure does: as many as were answered just now, for at most three quarters of a flush.
  void AwaitReturning() {
    const std::uint64_t began_ns = NowNs();
    while (taken_.size() < answered_ && NowNs() - began_ns < flush_ns_ * 3 / 4) {
      (void)sched_yield();
      Gather();
    }
  }

  bool Flush() {
    const std::size_t bytes = (taken_.size() * kRecordBytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
    if (offset_ + bytes > kFileBytes) offset_ = 0;
    const std::uint64_t began_ns = NowNs();
    const bool written = pwrite(fd_, block_, bytes, static_cast<off_t>(offset_)) == static_cast<ssize_t>(bytes);
    const bool synced = written && fdatasync(fd_) == 0;
    flush_ns_ = NowNs() - began_ns;
    offset_ += kBlockBytes;  // the last block is written again, as a journal's is
    return synced;
  }

  void Answer() {
    for (const Taken& taken : taken_) {
      shared_.seats[taken.seat].answered.store(taken.asked, std::memory_order_release);
    }
    answered_ = taken_.size();
    shared_.turn.fetch_add(1);
    base::FutexWake(shared_.turn, INT_MAX);
  }

  void Sleep() {
    answered_ = 0;
    shared_.asleep.store(1);
    if (Gather() == 0) (void)base::FutexWait(shared_.asleep, 1, std::chrono::milliseconds(20));
    shared_.asleep.store(0);
  }

  struct Taken {
    std::size_t seat;
    std::uint64_t asked;
  };
  Shared& shared_;
  const int fd_;
  void* const block_ = std::aligned_alloc(kBlockBytes, kSeats* kRecordBytes / kBlockBytes * kBlockBytes + kBlockBytes);
  std::vector<Taken> taken_;
  std::size_t answered_ = 0;
  std::size_t offset_ = 0;
  std::uint64_t flush_ns_ = 0;
};

class GroupClient : public Client {
 public:
  GroupClient(Shared& shared, Seat& seat) : shared_(shared), seat_(seat) {}
  Status Put(const Record&) override {
    const std::uint64_t mine = seat_.asked.load(std::memory_order_relaxed) + 1;
    std::uint32_t turn = shared_.turn.load();
    seat_.asked.store(mine);
    if (shared_.asleep.load() == 1 && shared_.asleep.exchange(0) == 1) base::FutexWake(shared_.asleep, 1);
    while (seat_.answered.load(std::memory_order_acquire) < mine) {
      (void)base::FutexWait(shared_.turn, turn, std::chrono::milliseconds(20));
      turn = shared_.turn.load();
      if (seat_.answered.load(std::memory_order_acquire) >= mine) break;
    }
    return {};
  }

 private:
  Shared& shared_;
  Seat& seat_;
};

class GroupHandle : public Handle {
 public:
  GroupHandle(Shared& shared, int fd) : shared_(shared), fd_(fd) {
    shared_.handles.fetch_add(1);
    if (shared_.led.exchange(1) == 0) thread_ = std::thread([this] { Committer(shared_, fd_).Run(); });
  }
  ~GroupHandle() override {
    shared_.handles.fetch_sub(1);
    if (thread_.joinable()) thread_.join();  // the others still need it
    close(fd_);
    munmap(&shared_, sizeof(Shared));
  }
  Result<std::unique_ptr<Client>> NewClient(unsigned writer) override {
    if (writer >= kSeats) return Fail("group_probe has " + std::to_string(kSeats) + " seats");
    return std::unique_ptr<Client>(std::make_unique<GroupClient>(shared_, shared_.seats[writer]));
  }

 private:
  Shared& shared_;
  const int fd_;
  std::thread thread_;
};

class GroupProbe : public Subject {
 public:
  Status Prepare(const SubjectSetup& setup) override {
    TENURE_ASSIGN(Shared * shared, MapShared(setup, O_CREAT | O_EXCL));
    new (shared) Shared{};
    munmap(shared, sizeof(Shared));
    const int fd = open(FilePath(setup).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return FailErrno("create " + FilePath(setup));
    const std::vector<char> zeros(std::size_t{1} << 20, 0);
    bool filled = true;
    for (std::size_t at = 0; filled && at < kFileBytes; at += zeros.size()) {
      filled = pwrite(fd, zeros.data(), zeros.size(), static_cast<off_t>(at)) == static_cast<ssize_t>(zeros.size());
    }
    filled = filled && fsync(fd) == 0;
    const Status status = filled ? Status() : Status(FailErrno("fill " + FilePath(setup)));
    close(fd);
    return status;
  }
  Result<std::unique_ptr<Handle>> Open(const SubjectSetup& setup) override {
    TENURE_ASSIGN(Shared * shared, MapShared(setup, 0));
    const int fd = open(FilePath(setup).c_str(), O_RDWR | O_DIRECT | O_CLOEXEC);
    if (fd < 0) return FailErrno("open " + FilePath(setup));
    return std::unique_ptr<Handle>(std::make_unique<GroupHandle>(*shared, fd));
  }
};

const SubjectEntry kEntry("group_probe", "one flush and one wake-up for all who wait, and nothing else",
                          SubjectTraits{}, [] { return std::unique_ptr<Subject>(std::make_unique<GroupProbe>()); });

}  // namespace
}  // namespace tenure::bench
