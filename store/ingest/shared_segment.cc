#include "store/ingest/shared_segment.h"

#include <climits>
#include <cstring>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/futex.h"
#include "store/base/guarded.h"
#include "store/base/hash.h"
#include "store/base/raise.h"
#include "store/ingest/registry.h"

namespace tenure::ingest {
namespace {

static_assert(kBufferBytes == DoubleBuffer::BytesFor(kBufferCells, kBufferPayloadBytes));
static_assert(SlotMemory::kBytes % kPageBytes == 0);

std::uint64_t BytesOf(std::uint32_t writer_slots) {
  return SlotsAt(writer_slots) + writer_slots * SlotMemory::kBytes + kMemberSlots * kBankBytes +
         kWaitCells * kWaitBodyBytes;
}

bool IsOfOurShape(const DoubleBuffer& buffer) {
  return buffer.cells_per_half() == kBufferCells && buffer.max_payload() == kBufferPayloadBytes;
}

SegmentHeader ExpectedHeader(const base::HostInfo& host, std::pair<std::uint64_t, std::uint64_t> identity,
                             const std::array<std::byte, 16>& journal_id, std::uint32_t writer_slots) {
  SegmentHeader header;
  header.magic = kMagic;
  header.layout_version = kLayoutVersion;
  header.header_bytes = sizeof(SegmentHeader);
  header.bytes = BytesOf(writer_slots);
  header.boot_id = host.boot_id;
  header.time_namespace = host.time_namespace;
  header.device = identity.first;
  header.inode = identity.second;
  header.journal_id = journal_id;
  header.writer_slots = writer_slots;
  header.slot_bytes = SlotMemory::kBytes;
  return header;
}

/// Why `found` is not the header that this process would have written, or empty.
std::string Difference(const SegmentHeader& found, const SegmentHeader& expected) {
  if (found.magic != expected.magic) return "it is not a shared-memory segment of tenure";
  if (found.layout_version != expected.layout_version || found.header_bytes != expected.header_bytes ||
      found.slot_bytes != expected.slot_bytes) {
    return "it has layout version " + std::to_string(found.layout_version) + ", this library uses " +
           std::to_string(expected.layout_version);
  }
  if (found.bytes != expected.bytes) return "its header says another size than its writer slots need";
  if (found.boot_id != expected.boot_id) return "it was made before the last reboot";
  if (found.time_namespace != expected.time_namespace) return "it was made in another time namespace";
  if (found.device != expected.device || found.inode != expected.inode) return "it was copied from another place";
  if (found.journal_id != expected.journal_id) return "it belongs to another store";
  return {};
}

}  // namespace

Result<std::unique_ptr<SharedSegment>> SharedSegment::Attach(base::Env& env, const std::string& path,
                                                             const std::array<std::byte, 16>& journal_id) {
  TENURE_ASSIGN(auto file, env.Open(path, base::OpenMode::kReadWrite));
  TENURE_ASSIGN(const std::uint64_t size, file->Size());
  SegmentHeader found;
  TENURE_ASSIGN(auto identity, file->Identity());
  TENURE_ASSIGN(const std::size_t got, file->ReadAt(0, std::as_writable_bytes(std::span(&found, 1))));
  std::string why = "it is " + std::to_string(size) + " bytes long, too short for its header";
  if (got == sizeof found) {
    const bool plausible = found.writer_slots >= 1 && found.writer_slots <= kWriterSlotsMax;
    const std::uint32_t slots = plausible ? found.writer_slots : kWriterSlotsDefault;
    why = Difference(found, ExpectedHeader(env.Host(), identity, journal_id, slots));
    if (why.empty() && size != found.bytes) {
      why = "it is " + std::to_string(size) + " bytes long instead of " + std::to_string(found.bytes);
    }
  }
  if (!why.empty()) {
    Error error = base::MakeError(ErrorCode::kForeignSegment, path + ": " + why,
                                  "stop the processes that still use this store, then open it again");
    error.path = path;
    return error;
  }
  TENURE_ASSIGN(std::byte * memory, file->MapShared(found.bytes));
  auto segment = std::unique_ptr<SharedSegment>(new SharedSegment(std::move(file), memory, found));
  auto buffer = DoubleBuffer::Attach(segment->buffer_memory());
  if (!buffer.ok() || !IsOfOurShape(*buffer)) {
    Error error = base::MakeError(ErrorCode::kForeignSegment, path + ": it holds no double buffer of this library",
                                  "stop the processes that still use this store, then open it again");
    error.path = path;
    return error;
  }
  segment->buffer_ = *buffer;
  return segment;
}

Result<std::unique_ptr<SharedSegment>> SharedSegment::Create(base::Env& env, const std::string& path,
                                                             const std::array<std::byte, 16>& journal_id,
                                                             std::uint32_t writer_slots,
                                                             const std::function<Status(CommitArea&)>& initialise) {
  TENURE_CHECK(writer_slots >= 1 && writer_slots <= kWriterSlotsMax);
  std::array<std::byte, 8> random{};
  env.Random(random);
  const std::string making = path + ".making-" + base::Hex(random);
  TENURE_ASSIGN(auto file, env.Open(making, base::OpenMode::kCreateNew));
  auto made = base::Guarded([&]() -> Result<std::unique_ptr<SharedSegment>> {
    // Reserved now: a sparse mapping on a full disk would be a SIGBUS later.
    TENURE_RETURN_IF_ERROR(file->Truncate(BytesOf(writer_slots)));
    TENURE_RETURN_IF_ERROR(file->Allocate(SlotsAt(writer_slots)));
    TENURE_ASSIGN(auto identity, file->Identity());
    const SegmentHeader header = ExpectedHeader(env.Host(), identity, journal_id, writer_slots);
    TENURE_ASSIGN(std::byte * memory, file->MapShared(header.bytes));
    std::memcpy(memory, &header, sizeof header);
    auto segment = std::unique_ptr<SharedSegment>(new SharedSegment(std::move(file), memory, header));
    TENURE_ASSIGN(segment->buffer_, DoubleBuffer::Create(segment->buffer_memory(), kBufferCells, kBufferPayloadBytes));
    TENURE_RETURN_IF_ERROR(initialise(segment->commit()));
    TENURE_FAIL_POINT("shm.before_rename");
    TENURE_RETURN_IF_ERROR(env.Rename(making, path));
    return segment;
  });
  if (!made.ok()) (void)env.Remove(making);
  return made;
}

Status SharedSegment::AllocateSlot(std::uint32_t slot) {
  return file_->AllocateRange(SlotsAt(writer_slots_) + std::uint64_t{slot} * slot_bytes_, slot_bytes_);
}

Status SharedSegment::AllocateBank(std::uint32_t member_slot) {
  return file_->AllocateRange(
      SlotsAt(writer_slots_) + std::uint64_t{writer_slots_} * slot_bytes_ + std::uint64_t{member_slot} * kBankBytes,
      kBankBytes);
}

Status SharedSegment::AllocateWaitBody(std::uint32_t cell) {
  return file_->AllocateRange(WaitBodiesAt() + std::uint64_t{cell} * kWaitBodyBytes, kWaitBodyBytes);
}

void SharedSegment::AdvanceApplied(Lsn lsn) {
  CommitArea& area = commit();
  base::Raise(area.applied_lsn, lsn);
  // seq_cst pairs with the waiter's {waiters += 1; load applied_lsn}: either it sees the new LSN or we
  // see that it waits.
  if (area.applied_waiters.load(std::memory_order_seq_cst) != 0) {
    area.applied_turn.fetch_add(1, std::memory_order_seq_cst);
    base::FutexWake(area.applied_turn, INT_MAX);
  }
}

}  // namespace tenure::ingest
