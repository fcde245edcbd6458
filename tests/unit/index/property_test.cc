// Random histories against the plain model. On failure rapidcheck prints the seed of the run, and the
// counterexample the seed of the history.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <span>

#include "store/index/changes.h"
#include "tests/unit/index/index_testing.h"
#include "tests/unit/index/sync_vfs.h"

namespace tenure::index {
namespace {

// Applies in random pieces, some of them repeated, some frames given twice in one piece.
void ApplyInPieces(IndexWriter& writer, std::span<const AppliedFrame> frames, Generator& dice) {
  std::size_t done = 0;
  while (done < frames.size()) {
    const std::size_t from = done - std::min<std::size_t>(done, dice.Below(3));
    const std::size_t to = std::min(frames.size(), done + 1 + dice.Below(12));
    Must(writer.Apply(frames.subspan(from, to - from)));
    if (dice.Below(4) == 0) Must(writer.Apply(frames.subspan(from, to - from)));
    if (dice.Below(6) == 0) Must(writer.Checkpoint(0));
    done = to;
  }
}

RC_GTEST_PROP(IndexProperty, AppliedInAnyPiecesItHoldsWhatTheModelHolds, ()) {
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const auto txns = *rc::gen::inRange<std::size_t>(1, 60);
  Scratch dir;
  SyncVfs unsynced(SyncVfs::Syncs::kLeftOut);
  Generator generator(seed);
  const auto frames = generator.Frames(txns);
  auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
  ApplyInPieces(*writer, frames, generator);
  const auto reader = Must(IndexReader::Open(dir / "i.db"));
  ExpectSame(*reader, generator.plain());
  Must(reader->CheckIntegrity());
  RC_ASSERT(!::testing::Test::HasFailure());
}

RC_GTEST_PROP(IndexProperty, BulkAndSplitsAndReopeningGiveEqualIndexes, ()) {
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const auto txns = *rc::gen::inRange<std::size_t>(1, 400);
  Scratch dir;
  SyncVfs unsynced(SyncVfs::Syncs::kLeftOut);
  Generator generator(seed);
  const auto frames = generator.Frames(txns);
  {
    auto writer = Must(IndexWriter::Create(dir / "pieces.db", kStoreId, {}));
    ApplyInPieces(*writer, std::span(frames).first(frames.size() / 2), generator);
    writer = Must(IndexWriter::Open(dir / "pieces.db"));
    ApplyInPieces(*writer, frames, generator);
    auto whole = Must(IndexWriter::Create(dir / "whole.db", kStoreId, {}));
    Must(whole->Apply(frames));
    auto bulk = Must(IndexWriter::Create(dir / "bulk.db", kStoreId, {}));
    const std::size_t half = generator.Below(frames.size() + 1);
    Must(bulk->ApplyBulk(std::span(frames).first(half)));
    Must(bulk->ApplyBulk(frames));
    RC_ASSERT(Must(bulk->ReadMark()).position == frames.back().after);
    Must(bulk->FinishBulk());
  }
  const std::string expected = Dump(*Must(IndexReader::Open(dir / "pieces.db")));
  RC_ASSERT(Dump(*Must(IndexReader::Open(dir / "whole.db"))) == expected);
  RC_ASSERT(Dump(*Must(IndexReader::Open(dir / "bulk.db"))) == expected);
  RC_ASSERT(Must(Must(IndexReader::Open(dir / "bulk.db"))->ComputeStateHash()) == generator.plain().StateHash());
}

RC_GTEST_PROP(IndexProperty, PagesAndPrefixesAreSlicesOfTheWholeList, ()) {
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  Scratch dir;
  SyncVfs unsynced(SyncVfs::Syncs::kLeftOut);
  Generator generator(seed);
  const auto frames = generator.Frames(80);
  auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
  Must(writer->Apply(frames));
  const auto reader = Must(IndexReader::Open(dir / "i.db"));
  const std::string prefixes[] = {"", "a", "a/", "\xc3", "\xc3\xa9t", "release/team", "zz"};
  for (const std::string& prefix : prefixes) {
    for (const std::optional<Lsn> at : {std::optional<Lsn>(), std::optional<Lsn>(1 + generator.Below(80))}) {
      std::vector<PlainIndex::Key> expected;
      for (const auto& [key, row] : generator.plain().entries.current) {
        const ArtifactEntry* then = at ? generator.plain().entries.At(key, *at) : &row;
        if (then != nullptr && !then->deleted && key.first.starts_with(prefix)) expected.push_back(key);
      }
      // In pages of three, each continuing behind the last key of the one before.
      std::vector<PlainIndex::Key> paged;
      Listing page;
      page.name_prefix = prefix;
      for (bool more = true; more;) {
        std::size_t rows = 0;
        Must(reader->ForEachEntry(page, at, [&](const ArtifactEntry& e) {
          paged.emplace_back(e.name, e.version);
          return ++rows < 3;
        }));
        more = rows == 3;
        if (!paged.empty()) std::tie(page.after_name, page.after_version) = paged.back();
      }
      RC_ASSERT(paged == expected);
    }
  }
}

RC_GTEST_PROP(SortByKey, OrdersLikeThePairsAndKeepsArrivalWithinAKey, ()) {
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  std::mt19937_64 random(seed);
  const std::size_t rows = 1 + random() % 600;
  // Few letters, so that long common beginnings, prefixes of one another and equal keys are frequent.
  const auto word = [&random](std::size_t longest) {
    static constexpr char kLetters[] = {'a', 'b', '/', '\x01', '\xc3'};
    std::string text(random() % 3 == 0 ? "common/beginning/" : "");
    for (std::size_t i = random() % longest; i > 0; --i) text += kLetters[random() % std::size(kLetters)];
    return text;
  };
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 2 * rows; ++i) texts.push_back(word(i % 2 == 0 ? 14 : 4));
  std::vector<EntryView> views(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    views[i].name = texts[2 * (random() % rows)];
    views[i].version = texts[2 * (random() % rows) + 1];
  }
  std::vector<std::uint32_t> expected(rows);
  for (std::size_t i = 0; i < rows; ++i) expected[i] = static_cast<std::uint32_t>(i);
  std::stable_sort(expected.begin(), expected.end(), [&views](std::uint32_t a, std::uint32_t b) {
    return std::pair(views[a].name, views[a].version) < std::pair(views[b].name, views[b].version);
  });
  std::vector<std::uint32_t> sorted;
  Rows<EntryView> chunked;
  for (const EntryView& view : views) chunked.push_back(view);
  for (const SortKey& key : SortByKey(chunked)) sorted.push_back(key.position);
  RC_ASSERT(sorted == expected);
}

}  // namespace
}  // namespace tenure::index
