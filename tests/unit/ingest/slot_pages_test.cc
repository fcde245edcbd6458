// Writer slots: their pages are allocated before they are touched, once per segment.
#include "store/ingest/registry.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "store/ingest/writer_slot.h"
#include "tests/support/scratch.h"

namespace tenure::ingest {
namespace {

class RegistryTest : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kSlots = 2;

  void SetUp() override {
    auto made = SharedSegment::Create(base::Env::Posix(), path_, {}, kSlots, [](CommitArea&) { return Status(); });
    ASSERT_TRUE(made.ok()) << made.error().message;
    segment_ = std::move(made).value();
    registry_ = std::make_unique<Registry>(*segment_, OwnerWord(0, 1), [](std::uint64_t) { return false; });
  }
  std::uint64_t AllocatedBytes() const {
    struct stat info {};
    EXPECT_EQ(::stat(path_.c_str(), &info), 0);
    return static_cast<std::uint64_t>(info.st_blocks) * 512;
  }
  std::unique_ptr<WriterSlot> Open() {
    auto slot = WriterSlot::Open(*registry_);
    EXPECT_TRUE(slot.ok());
    return slot.ok() ? std::move(slot).value() : nullptr;
  }

  const testing::Scratch scratch_;
  const std::string path_ = scratch_.path() + "/ingest.shm";
  std::unique_ptr<SharedSegment> segment_;
  std::unique_ptr<Registry> registry_;
};

TEST_F(RegistryTest, ASlotIsAllocatedWholeBeforeItIsUsed) {
  const std::uint64_t before = AllocatedBytes();
  EXPECT_LT(before, kLeaseAreaBytes + SlotMemory::kBytes);
  const auto slot = Open();
  ASSERT_TRUE(slot);
  EXPECT_GE(AllocatedBytes(), before + SlotMemory::kBytes);
  EXPECT_EQ(slot->entry().allocated.load(), 1u);
}

TEST_F(RegistryTest, ItIsAllocatedOnce) {
  std::uint32_t first = kSlots;
  {
    const auto slot = Open();
    ASSERT_TRUE(slot);
    first = slot->slot();
  }
  EXPECT_EQ(registry_->entry(first).allocated.load(), 1u);  // it outlives the owner
  // What says so is believed: of a slot that claims to be allocated only what is touched gets pages.
  const std::uint32_t other = 1 - first;
  registry_->entry(other).allocated.store(1);
  const auto again = Open();
  const std::uint64_t before = AllocatedBytes();
  const auto second = Open();
  ASSERT_TRUE(again && second);
  EXPECT_EQ(again->slot() + second->slot(), 1u);
  EXPECT_LT(AllocatedBytes(), before + SlotMemory::kBytes / 2);
}

}  // namespace
}  // namespace tenure::ingest
