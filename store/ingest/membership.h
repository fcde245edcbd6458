// Being a member of a store: one byte of `members.lock`, held by a kernel lock for as long as the
// process lives, and the shared segment mapped.
//
//   bytes 0 … 1023      one per member slot
//   byte 2^20 …         the turn to apply, one byte per index generation (ApplyByte)
//   byte 2^21           the turn to build past a process that stopped in its turn to apply (kBuildByte)
//
// The segment is created or discarded only under an exclusive lock over the whole file, so a process
// that holds its byte knows that the segment it has mapped is the one. members.lock is never unlinked.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "store/base/env.h"
#include "store/ingest/shared_segment.h"

namespace tenure::ingest {

/// A process that stops with the turn of one generation does not keep others from applying to the next.
inline constexpr std::uint64_t kApplyBytesAt = 1u << 20;
inline constexpr std::uint64_t kApplyBytes = 1u << 16;
constexpr std::uint64_t ApplyByte(std::uint64_t generation_number) {
  return kApplyBytesAt + generation_number % kApplyBytes;
}
inline constexpr std::uint64_t kBuildByte = 1u << 21;
inline constexpr std::uint64_t kWholeBytes = 1u << 30;

class Membership {
 public:
  /// Joins. When there is no segment, or a foreign one, and no other member, `initialise` fills a new
  /// one while everybody else is kept out. Fails with kForeignSegment when a member holds its byte
  /// beside a missing or foreign segment, kBusy when all slots are taken.
  static Result<std::unique_ptr<Membership>> Join(base::Env& env, const std::string& members_path,
                                                  const std::string& segment_path,
                                                  const std::array<std::byte, 16>& journal_id,
                                                  std::uint32_t writer_slots,
                                                  const std::function<Status(CommitArea&)>& initialise);
  ~Membership();
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  SharedSegment& segment() { return *segment_; }
  base::File& lock_file() { return *lock_; }
  std::uint32_t slot() const { return slot_; }
  std::uint32_t generation() const { return generation_; }
  /// This process, as words in shared memory name it.
  std::uint64_t word() const { return OwnerWord(slot_, generation_); }
  /// True when the process of an OwnerWord has died for certain: its byte is free, or somebody else's by now.
  bool IsDead(std::uint64_t process) const;
  bool created_segment() const { return created_; }
  /// How many processes hold a member byte now, this one included.
  Result<std::uint32_t> CountMembers() const;

 private:
  Membership() = default;
  Status EnterRow(const base::HostInfo& host);

  std::unique_ptr<base::File> lock_;  // declared before segment_: the byte outlives the mapping
  std::unique_ptr<SharedSegment> segment_;
  std::uint32_t slot_ = 0;
  std::uint32_t generation_ = 0;
  bool created_ = false;
};

}  // namespace tenure::ingest
