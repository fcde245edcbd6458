#include "store/model/packed_entry.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <utility>

#include "model_testing.h"

namespace tenure::model {
namespace {

using namespace testing;

ArtifactEntry AnyRow() {
  ArtifactEntry row = AnyPutEntry();
  row.updated_at_ms = static_cast<TimeMs>(AnyNumber());
  row.writer = AnyBytes(0, 40);
  row.lsn = AnyNumber();
  row.deleted = AnyBool();
  return row;
}

RC_GTEST_PROP(PackedEntry, HoldsTheWholeRowAndItsHashes, ()) {
  const ArtifactEntry row = AnyRow();
  const PackedEntry packed(row);
  RC_ASSERT(packed.Unpack() == row);
  RC_ASSERT(packed.RowHash() == RowHash(row));
  RC_ASSERT(packed.ContentHash() == ContentHash(row));
}

TEST(PackedEntry, TextsLongerThanTheHashBufferOnTheStack) {
  ArtifactEntry row;
  row.name = "a";
  row.version = "1";
  row.annotations = "{\"k\":\"" + std::string(1u << 20, 'x') + "\"}";
  row.urls.assign(100, std::string(2'000, 'u'));
  const PackedEntry packed(row);
  EXPECT_EQ(packed.Unpack(), row);
  EXPECT_EQ(packed.RowHash(), RowHash(row));
  EXPECT_EQ(packed.ContentHash(), ContentHash(row));
}

TEST(PackedEntry, NoneUntilItIsGivenOneAndWhenItIsMovedAway) {
  PackedEntry packed;
  EXPECT_FALSE(packed);
  packed = PackedEntry(ArtifactEntry());
  EXPECT_TRUE(packed);
  const PackedEntry moved = std::move(packed);
  EXPECT_TRUE(moved);
  EXPECT_FALSE(packed);
  packed = PackedEntry(ArtifactEntry());
  packed.Reset();
  EXPECT_FALSE(packed);
}

}  // namespace
}  // namespace tenure::model
