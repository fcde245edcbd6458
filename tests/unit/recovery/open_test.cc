// The words of shared memory that was lost, made anew from the journal and the index.
#include "store/recovery/open.h"

#include <gtest/gtest.h>

#include "tests/unit/recovery/fixture.h"

namespace tenure::recovery {
namespace {

TEST(InitialiseShared, GoesOnWhereTheJournalEnds) {
  HandMadeStore store;
  store.CommitPuts(5);
  store.ApplyIndex();
  store.CommitPuts(3);
  const std::uint64_t epoch = store.position().segment.epoch;
  store.Close();
  ingest::CommitArea area{};
  RecoveryNote note;
  Must(InitialiseShared(store.env(), store.layout(), store.config(), area, note));
  EXPECT_TRUE(note.took_over);
  EXPECT_EQ(note.epoch, epoch + 1);
  EXPECT_EQ(area.owner.Load(), (base::Pair64{note.epoch, 0})) << "free";
  EXPECT_EQ(area.durable.Load(), (base::Pair64{note.epoch, 8}));
  EXPECT_EQ(area.resolved.Load(), (base::Pair64{note.epoch, 8})) << "nobody waits for what came before";
  EXPECT_NE(area.generation.LoadSecond(), 0u) << "the index that is there";
  EXPECT_EQ(area.applied_lsn.load(), 5u);
}

}  // namespace
}  // namespace tenure::recovery
