// Heads of entries, against a plain model of what is committed and what is applied.
#include "store/commit/entry_heads.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <utility>

#include "store/model/effect.h"
#include "store/model/packed_entry.h"

namespace tenure::commit {
namespace {

ArtifactEntry RowOf(const std::string& name, Lsn lsn, Revision revision) {
  ArtifactEntry row;
  row.name = name;
  row.version = "1";
  row.lsn = lsn;
  row.revision = revision;
  row.size = lsn;
  return row;
}

EntryHead HeadOf(const ArtifactEntry& row) { return EntryHead::Of(row, model::PackedEntry(row)); }

TEST(EntryHeads, AHeadSaysWhatItsRowSays) {
  ArtifactEntry row = RowOf("a", 7, 3);
  row.created_at_ms = 5;
  EntryHead head = HeadOf(row);
  EXPECT_EQ(head.lsn, 7u);
  EXPECT_EQ(head.revision, 3u);
  EXPECT_EQ(head.created_at_ms, 5);
  EXPECT_TRUE(head.live);
  EXPECT_EQ(head.row_hash, model::RowHash(row));
  row.revision = 4;
  EXPECT_EQ(HeadOf(row).content, head.content) << "revision is no content";
  row.urls = {"https://x"};
  EXPECT_NE(HeadOf(row).content, head.content);
  row.deleted = true;
  EXPECT_FALSE(HeadOf(row).live);
}

TEST(EntryHeads, ContentHashOfAPutIsThatOfTheRowItMakes) {
  Operation put;
  put.digest = "sha256:00";
  put.size = 4;
  put.media_type = "text/plain";
  put.urls = {"a", "b"};
  put.annotations = R"({"k":1})";
  ArtifactEntry row;
  row.digest = put.digest;
  row.size = put.size;
  row.media_type = put.media_type;
  row.urls = put.urls;
  row.annotations = put.annotations;
  EXPECT_EQ(model::ContentHash(put), model::ContentHash(row));
  put.urls = {"ab", ""};
  EXPECT_NE(model::ContentHash(put), model::ContentHash(row));
  put.urls = row.urls;
  put.size.reset();
  EXPECT_NE(model::ContentHash(put), model::ContentHash(row));
}

TEST(EntryHeads, NeverForgetsWhatIsNotAppliedAndNeverLies) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  EntryHeads heads({16, 64});
  heads.Reset(true);
  std::map<std::string, Lsn> newest;
  Lsn lsn = 0;
  Lsn applied = 0;
  bool forgot = false;
  for (int round = 0; round < 3'000; ++round) {
    for (std::uint64_t n = random() % 6; n > 0; --n) {
      const std::string key = "k" + std::to_string(random() % 400);
      const bool forgotten = heads.Find(key) == nullptr && newest.contains(key);
      EntryHeads::Slot& slot = heads.At(key);
      if (forgotten) {  // the index is asked first
        const ArtifactEntry read = RowOf(key, newest[key], 1);
        heads.Set(slot, model::PackedEntry(read), HeadOf(read));
      }
      const EntryHead before = slot.head;
      model::PackedEntry row_before = std::move(slot.row);
      const ArtifactEntry row = RowOf(key, ++lsn, before.revision + 1);
      heads.Set(slot, model::PackedEntry(row), HeadOf(row));
      if (random() % 8 == 0) {  // rolled back
        slot.head = before;
        slot.row = std::move(row_before);
        --lsn;
        continue;
      }
      newest[key] = lsn;
    }
    if (random() % 4 == 0) applied += (lsn - applied) / 2;
    heads.TrimTo(applied);
    forgot = forgot || !heads.complete();
    for (const auto& [key, at] : newest) {
      const EntryHeads::Slot* slot = heads.Find(key);
      if (slot == nullptr || slot->head.lsn == 0) {
        ASSERT_TRUE(slot == nullptr && forgot && at <= applied) << key << " at " << at << ", applied " << applied;
        continue;
      }
      ASSERT_EQ(slot->head.lsn, at) << key;
      ASSERT_TRUE(slot->row ? slot->row.Unpack().lsn == at : at <= applied) << key;
    }
  }
  EXPECT_TRUE(forgot) << "the limit was never reached";
  applied = lsn;
  for (int i = 0; i < 1'000; ++i) heads.TrimTo(applied);
  EXPECT_LE(heads.size(), 64u + 16u);
}

}  // namespace
}  // namespace tenure::commit
