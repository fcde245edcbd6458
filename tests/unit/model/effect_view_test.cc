#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "model_testing.h"
#include "store/model/effect.h"

namespace tenure::model {
namespace {

using namespace testing;

CommittedTxn Committed() {
  CommittedTxn txn;
  txn.lsn = 42;
  txn.time_ms = 5000;
  txn.writer = "ci@host";
  txn.uid = 1000;
  txn.request_id = "r";
  txn.body_hash = {3, 4};
  txn.receipt_lsn = 42;
  txn.results.resize(1);
  txn.results[0].revision = 9;
  return txn;
}

TEST(EffectView, PutTakesLsnTimeAndWriterFromTheFrame) {
  CommittedTxn txn = Committed();
  Effect& effect = txn.effects.emplace_back();
  effect.entry.name = "a";
  effect.entry.version = "1";
  effect.entry.digest = "d";
  effect.entry.created_at_ms = 100;
  effect.entry.revision = 3;
  const ArtifactEntry entry = EntryAfter(txn, effect);
  EXPECT_EQ(entry.lsn, 42u);
  EXPECT_EQ(entry.updated_at_ms, 5000);
  EXPECT_EQ(entry.created_at_ms, 100);
  EXPECT_EQ(entry.writer, "ci@host");
  EXPECT_EQ(entry.digest, "d");
  EXPECT_FALSE(entry.deleted);
}

TEST(EffectView, TombstoneKeepsOnlyItsKeyAndWhoAndWhen) {
  CommittedTxn txn = Committed();
  Effect& effect = txn.effects.emplace_back();
  effect.kind = EffectKind::kDeleteEntry;
  effect.entry.name = "a";
  effect.entry.version = "1";
  effect.entry.revision = 4;
  effect.entry.digest = "must not survive";
  ArtifactEntry expected;
  expected.name = "a";
  expected.version = "1";
  expected.revision = 4;
  expected.lsn = 42;
  expected.updated_at_ms = 5000;
  expected.writer = "ci@host";
  expected.deleted = true;
  EXPECT_EQ(EntryAfter(txn, effect), expected);
}

TEST(EffectView, TagsAfterSetAndDelete) {
  CommittedTxn txn = Committed();
  Effect effect;
  effect.kind = EffectKind::kSetTag;
  effect.tag.name = "a";
  effect.tag.tag = "prod";
  effect.tag.version = "1";
  effect.tag.revision = 2;
  TagEntry tag = TagAfter(txn, effect);
  EXPECT_EQ(tag.version, "1");
  EXPECT_EQ(tag.lsn, 42u);
  EXPECT_EQ(tag.updated_at_ms, 5000);
  EXPECT_FALSE(tag.deleted);
  effect.kind = EffectKind::kDeleteTag;
  tag = TagAfter(txn, effect);
  EXPECT_TRUE(tag.deleted);
  EXPECT_EQ(tag.version, "");
}

TEST(EffectView, EventsOfEveryKind) {
  CommittedTxn txn = Committed();
  const std::vector<std::string> ops = {"put",          "delete",         "set_tag",     "delete_tag",
                                        "trim_history", "prune_requests", "trim_journal"};
  for (std::size_t i = 0; i < ops.size(); ++i) {
    Effect& effect = txn.effects.emplace_back();
    effect.kind = static_cast<EffectKind>(i + 1);
    effect.below_lsn = 17;
  }
  for (std::uint32_t i = 0; i < ops.size(); ++i) {
    const Event event = EventOf(txn, i);
    EXPECT_EQ(event.op, ops[i]);
    EXPECT_EQ(event.effect, i);
    EXPECT_EQ(event.lsn, 42u);
    EXPECT_EQ(event.uid, 1000u);
    EXPECT_EQ(event.request_id, "r");
    EXPECT_EQ(event.entry.has_value(), i < 2);
    EXPECT_EQ(event.tag.has_value(), i == 2 || i == 3);
    EXPECT_EQ(event.below_lsn, i < 4 ? 0u : 17u);
  }
}

TEST(EffectView, CursorsAndTheirEvents) {
  CommittedTxn txn = Committed();
  Effect effect;
  effect.kind = EffectKind::kSetCursor;
  RareEffect rare;
  rare.cursor.name = "mirror";
  rare.cursor.lsn = 17;
  rare.cursor.effects = 3;
  effect.rare = std::make_shared<const RareEffect>(rare);
  txn.effects = {effect, effect};
  txn.effects[1].kind = EffectKind::kDeleteCursor;
  const Event set = EventOf(txn, 0);
  EXPECT_EQ(set.op, "set_cursor");
  EXPECT_EQ(set.cursor, CursorAfter(txn, txn.effects[0]));
  EXPECT_EQ(set.cursor->lsn, 17u);
  EXPECT_EQ(set.cursor->effects, 3u);
  EXPECT_EQ(set.cursor->moved_at_ms, txn.time_ms);
  EXPECT_EQ(set.cursor->writer, txn.writer);
  const Event removed = EventOf(txn, 1);
  EXPECT_EQ(removed.op, "delete_cursor");
  EXPECT_EQ(removed.cursor->name, "mirror");
  EXPECT_EQ(removed.cursor->lsn, 0u);
}

TEST(EffectView, ATransactionWithoutEffectsIsOneRequestEvent) {
  const Event event = EventOf(Committed(), 0);
  EXPECT_EQ(event.op, "request");
  EXPECT_EQ(event.request_id, "r");
  EXPECT_FALSE(event.entry || event.tag);
}

TEST(EffectView, RequestRowHoldsTheReceipt) {
  const CommittedTxn txn = Committed();
  const auto row = RequestRowOf(txn);
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->request_id, "r");
  EXPECT_EQ(row->lsn, 42u);
  EXPECT_EQ(row->receipt_lsn, 42u);
  EXPECT_EQ(row->body_hash, txn.body_hash);
  EXPECT_EQ(row->results, txn.results);
  CommittedTxn without = txn;
  without.request_id.clear();
  EXPECT_FALSE(RequestRowOf(without).has_value());
}

// Each change of one field of a row gives another hash, and so does each kind of row.
class HashSet {
 public:
  template <typename Row>
  void Add(const Row& row, const char* what) {
    const base::Hash128 h = RowHash(row);
    EXPECT_TRUE(seen_.emplace(h.low, h.high).second) << what;
    EXPECT_EQ(h, RowHash(row));
  }

 private:
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen_;
};

template <typename Row, typename Change>
Row With(Row row, Change change) {
  change(row);
  return row;
}

TEST(RowHash, EveryFieldOfAnEntryCounts) {
  HashSet set;
  const ArtifactEntry e;
  set.Add(e, "default");
  using E = ArtifactEntry&;
  set.Add(With(e, [](E x) { x.name = "a"; }), "name");
  set.Add(With(e, [](E x) { x.version = "a"; }), "version");
  set.Add(With(e, [](E x) { x.digest = "a"; }), "digest");
  set.Add(With(e, [](E x) { x.size = 0; }), "size 0 is not no size");
  set.Add(With(e, [](E x) { x.size = 1; }), "size");
  set.Add(With(e, [](E x) { x.media_type = "a"; }), "media type");
  set.Add(With(e, [](E x) { x.urls = {""}; }), "one empty url");
  set.Add(With(e, [](E x) { x.urls = {"ab"}; }), "url");
  set.Add(With(e, [](E x) { x.urls = {"a", "b"}; }), "urls are not joined");
  set.Add(With(e, [](E x) { x.annotations = "{\"a\":1}"; }), "annotations");
  set.Add(With(e, [](E x) { x.created_at_ms = 1; }), "created");
  set.Add(With(e, [](E x) { x.updated_at_ms = 1; }), "updated");
  set.Add(With(e, [](E x) { x.writer = "a"; }), "writer");
  set.Add(With(e, [](E x) { x.revision = 1; }), "revision");
  set.Add(With(e, [](E x) { x.lsn = 1; }), "lsn");
  set.Add(With(e, [](E x) { x.deleted = true; }), "deleted");
}

TEST(RowHash, EveryFieldOfTagsAndRequestsCounts) {
  HashSet set;
  const TagEntry t;
  using T = TagEntry&;
  set.Add(t, "default");
  set.Add(With(t, [](T x) { x.name = "a"; }), "name");
  set.Add(With(t, [](T x) { x.tag = "a"; }), "tag");
  set.Add(With(t, [](T x) { x.version = "a"; }), "version");
  set.Add(With(t, [](T x) { x.updated_at_ms = 1; }), "updated");
  set.Add(With(t, [](T x) { x.writer = "a"; }), "writer");
  set.Add(With(t, [](T x) { x.revision = 1; }), "revision");
  set.Add(With(t, [](T x) { x.lsn = 1; }), "lsn");
  set.Add(With(t, [](T x) { x.deleted = true; }), "deleted");
  const RequestRow r;
  using R = RequestRow&;
  set.Add(r, "request");
  set.Add(With(r, [](R x) { x.request_id = "a"; }), "request id");
  set.Add(With(r, [](R x) { x.lsn = 1; }), "lsn");
  set.Add(With(r, [](R x) { x.time_ms = 1; }), "time");
  set.Add(With(r, [](R x) { x.body_hash.low = 1; }), "hash low");
  set.Add(With(r, [](R x) { x.body_hash.high = 1; }), "hash high");
  set.Add(With(r, [](R x) { x.cancelled = true; }), "cancelled");
  set.Add(With(r, [](R x) { x.outcome = Outcome::kUnchanged; }), "outcome");
  set.Add(With(r, [](R x) { x.receipt_lsn = 1; }), "receipt lsn");
  set.Add(With(r, [](R x) { x.results.resize(1); }), "results");
  set.Add(With(r,
               [](R x) {
                 x.results.resize(1);
                 x.results[0].revision = 1;
               }),
          "a result's revision");
}

// The state hash of every existing store depends on these values: they change with the format version only.
TEST(RowHash, ValuesArePinned) {
  ArtifactEntry e;
  e.name = "release/app";
  e.version = "1.4.2";
  e.size = 5;
  e.revision = 7;
  e.lsn = 1042;
  TagEntry t;
  t.name = "release/app";
  t.tag = "prod";
  t.version = "1.4.2";
  RequestRow r;
  r.request_id = "job";
  EXPECT_EQ(base::Hex(RowHash(e)), "d2d34b9e2e73ad2993288b0dcc844575");
  EXPECT_EQ(base::Hex(RowHash(t)), "33a656e470da8603bb342f19461d9b72");
  EXPECT_EQ(base::Hex(RowHash(r)), "cf12313b83da8861a3240b6cb76cfac3");
}

TEST(RowHash, LargeRowsTakeTheHeap) {
  ArtifactEntry small;
  ArtifactEntry large;
  large.annotations.assign(1u << 20, 'a');
  ArtifactEntry other = large;
  other.annotations.back() = 'b';
  EXPECT_NE(RowHash(small), RowHash(large));
  EXPECT_NE(RowHash(other), RowHash(large));
  EXPECT_EQ(RowHash(large), RowHash(ArtifactEntry(large)));
}

RC_GTEST_PROP(RowHash, EqualRowsHashAlikeAndOthersDoNot, ()) {
  const ArtifactEntry a = AnyPutEntry();
  const ArtifactEntry b = AnyBool() ? a : AnyPutEntry();
  RC_ASSERT((a == b) == (RowHash(a) == RowHash(b)));
}

}  // namespace
}  // namespace tenure::model
