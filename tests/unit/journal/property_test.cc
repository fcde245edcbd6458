// Random histories: batches of random sizes over segments of random sizes, takeovers at random frames,
// readers that come along at random moments. What was published is read back, whole and in order.
#include <gmock/gmock.h>
#include <rapidcheck.h>

#include "store/base/error.h"
#include "tests/unit/journal/journal_fixture.h"

namespace tenure::journal {
namespace {

struct Published {
  model::JournalPosition after;
  std::vector<base::Bytes> txns;
};

/// One random history in a directory of its own.
class History {
 public:
  History() : factory_(env_, temp_.path()) {
    store_id_.fill(std::byte{7});
    model::JournalPosition genesis;
    genesis.chain = GenesisChain(store_id_);
    position_ = genesis;
    TakeOver(8192);
  }

  void TakeOver(std::uint64_t capacity) {
    SegmentHeader header = HeaderAfter(store_id_, {++epoch_, 1}, position_);
    header.capacity = capacity;
    auto segment = factory_.Create(header, kSegmentHeaderBytes);
    RC_ASSERT(segment.ok());
    writer_ = Writer::Open(env_, factory_, *segment, StartOf(segment->header)).value();
  }

  void Spare(std::uint64_t bytes) { RC_ASSERT(factory_.PrepareSpare(bytes, nullptr).ok()); }

  /// `publish` false: written and synced, but its committer was overtaken before it could say so.
  void Append(const std::vector<std::size_t>& sizes, bool publish) {
    Batch batch;
    batch.first_lsn = position_.last_lsn + 1;
    batch.count = static_cast<std::uint32_t>(sizes.size());
    batch.time_ms = position_.time_ms + static_cast<TimeMs>(sizes[0] % 3);
    batch.state_hash = {++salt_, batch.first_lsn};
    batch.buffer.resize(kFrameHeaderBytes);
    base::Encoder out(batch.buffer);
    Published published;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const auto txn = MakeTxn(batch.first_lsn + i, batch.time_ms, salt_, sizes[i]);
      model::EncodeTxn(txn, out);
      published.txns.push_back(Encoded(txn));
    }
    auto after = writer_->Append(batch);
    RC_ASSERT(after.ok());
    if (!publish) {
      TakeOver(8192);
      return;
    }
    position_ = published.after = *after;
    all_.push_back(std::move(published));
  }

  /// The reader that came along goes on to the durable LSN, or only to `limit`.
  void Follow(std::optional<std::size_t> frames) {
    if (!follower_) follower_ = Reader::OpenAtStart(env_, temp_.path(), store_id_, 0).value();
    const std::size_t until = frames ? std::min(all_.size(), followed_ + *frames) : all_.size();
    if (until == followed_) return;
    followed_ = Expect(*follower_, followed_, until);
  }

  /// Anew, from behind the frame `index`.
  void OpenAt(std::size_t index) {
    if (all_.empty()) return;
    index %= all_.size();
    auto reader = Reader::Open(env_, temp_.path(), store_id_, all_[index].after, 0);
    RC_ASSERT(reader.ok());
    RC_ASSERT((*reader)->position().last_lsn == all_[index].after.last_lsn);
    Expect(**reader, index + 1, all_.size());
  }

 private:
  std::size_t Expect(Reader& reader, std::size_t begin, std::size_t end) {
    if (begin >= end) return begin;
    const Lsn limit = all_[end - 1].after.last_lsn;
    for (std::size_t i = begin; i < end; ++i) {
      auto step = reader.Next(limit, position_.last_lsn);
      RC_ASSERT(step.ok());
      RC_ASSERT(step->stop == Stop::kFrame);
      RC_ASSERT(step->frame.after == all_[i].after);
      RC_ASSERT(step->frame.txns.size() == all_[i].txns.size());
      for (std::size_t t = 0; t < all_[i].txns.size(); ++t) RC_ASSERT(Encoded(step->frame.txns[t]) == all_[i].txns[t]);
    }
    auto step = reader.Next(limit, position_.last_lsn);
    RC_ASSERT(step.ok());
    RC_ASSERT(step->stop == Stop::kLimit);
    return end;
  }

  TempDir temp_;
  TestEnv env_;
  StoreId store_id_;
  SegmentFactory factory_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Reader> follower_;
  std::size_t followed_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t salt_ = 0;
  model::JournalPosition position_;
  std::vector<Published> all_;
};

void RunHistory() {
  History history;
  const int steps = *rc::gen::inRange(1, 40);
  for (int i = 0; i < steps; ++i) {
    switch (*rc::gen::weightedElement<int>({{12, 0}, {2, 1}, {2, 2}, {2, 3}, {4, 4}, {2, 5}})) {
      case 0:
      case 1: {
        const bool publish = *rc::gen::inRange(0, 8) != 0;
        const auto sizes = *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 1500));
        history.Append(sizes.empty() ? std::vector<std::size_t>{20} : sizes, publish);
        break;
      }
      case 2:
        history.Spare(*rc::gen::inRange<std::uint64_t>(8192, 65536));
        break;
      case 3:
        history.TakeOver(*rc::gen::inRange<std::uint64_t>(8192, 65536));
        break;
      case 4: {
        const auto frames = *rc::gen::inRange<std::size_t>(0, 6);
        history.Follow(frames < 5 ? std::optional(frames) : std::nullopt);
        break;
      }
      default:
        history.OpenAt(*rc::gen::inRange<std::size_t>(0, 1000));
    }
  }
  history.Follow(std::nullopt);
  history.OpenAt(0);
}

TEST(JournalProperties, WhatWasPublishedIsReadBack) {
  // On failure rapidcheck prints the seed; RC_PARAMS="seed=…" repeats it, "max_success=…" runs more.
  EXPECT_TRUE(rc::check("what was published is read back, whole and in order", RunHistory));
}

}  // namespace
}  // namespace tenure::journal
