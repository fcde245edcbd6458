// Shared by the tests of store/index: transactions as a committer would journal them, and the plain
// in-memory model of what an index must hold.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "store/index/index.h"
#include "store/model/effect.h"
#include "tests/support/scratch.h"

namespace tenure::index {

using testing::Scratch;

inline constexpr char kStoreId[] = "00112233445566778899aabbccddeeff";

/// The value, or a failed test that says why there is none.
template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) {
    ADD_FAILURE() << result.error().message;
    std::abort();
  }
  return std::move(result).value();
}
inline void Must(const Status& status) { ASSERT_TRUE(status.ok()) << status.error().message; }

/// What an index must answer, kept in maps.
struct PlainIndex {
  using Key = std::pair<std::string, std::string>;
  template <typename Row>
  struct Past {
    Row row;
    Lsn until_lsn = 0;
  };
  template <typename Row>
  struct Table {
    std::map<Key, Row> current;
    std::map<Key, std::vector<Past<Row>>> history;  // oldest first
    void Put(const Key& key, Row row);
    /// Rows of keys that `keep` does not hold for.
    void Trim(Lsn below, const std::function<bool(const Key&)>& keep = {});
    /// The row in force at `lsn`; null when there was none.
    const Row* At(const Key& key, Lsn lsn) const;
    std::size_t history_rows() const;
  };
  Table<ArtifactEntry> entries;
  Table<TagEntry> tags;
  std::map<std::string, model::RequestRow> requests;
  std::map<std::string, Policy> policies;
  std::map<ConflictId, ParkedConflict> conflicts;
  std::map<Lsn, model::LeaseRow> leases;
  std::map<std::string, CursorEntry> cursors;
  Lsn oldest_history_lsn = 0;

  void Apply(const model::CommittedTxn& txn);
  base::Hash128 StateHash() const;
};

/// Makes transactions that follow from one another, and frames of them, with the positions a journal
/// would give. Equal seeds make equal histories.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}
  model::CommittedTxn Next();
  AppliedFrame NextFrame(std::size_t txns);
  std::vector<AppliedFrame> Frames(std::size_t txns);
  const PlainIndex& plain() const { return plain_; }
  std::uint64_t Below(std::uint64_t bound) { return random_() % bound; }
  /// History and request ids are dropped only when this is set.
  bool with_trims = true;

 private:
  model::Effect NextEffect();
  model::Effect NextRareEffect();
  void AddLeaseEffects(model::CommittedTxn& txn);
  model::Effect NextCursorEffect();
  std::string Name();

  std::mt19937_64 random_;
  PlainIndex plain_;
  Lsn lsn_ = 0;
  TimeMs time_ms_ = 1'700'000'000'000;
};

/// A put of a first revision, for tests that need no more.
model::CommittedTxn PutTxn(Lsn lsn, const std::string& name, const std::string& version, Revision revision = 1);
AppliedFrame FrameOf(std::vector<model::CommittedTxn> txns);

/// Everything the functions of a reader show, as text.
std::string Dump(const IndexReader& reader);
std::string Text(const ArtifactEntry& e);
std::string Text(const TagEntry& t);
/// The reader agrees with the model in everything it can be asked now.
void ExpectSame(const IndexReader& reader, const PlainIndex& plain);

}  // namespace tenure::index
