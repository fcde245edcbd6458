// The committing end of the double buffer: what lanes are to LaneDrain, for the threads without a slot.
//
//   Begin ─▶ Next … Next ─▶ (decided, appended, published) ─▶ PopAll ─▶ AnswerAll ─▶ Wake
//
// Begin copies what the half that is not being written holds, letting the halves change places first when that
// half is empty. Popping is releasing the cells, from exactly the words that were copied: it fails once a higher epoch
// has stamped them. What was copied and not handed out by Next stays in its cell for the next batch. One thread at
// a time, under the commit lease.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "store/commit/context.h"
#include "store/commit/lane_work.h"
#include "store/ingest/answer_bank.h"
#include "store/ingest/done_bell.h"

namespace tenure::commit {

class BufferDrain {
 public:
  explicit BufferDrain(const Context& context) : context_(context) {}

  /// Stamps the epoch on the whole buffer: from here on nothing of a lower one pops. False: superseded.
  bool TakeOver(std::uint32_t epoch);
  void Begin(std::uint32_t epoch);
  /// Begin copied something.
  bool Any() const { return count_ != 0; }
  /// The next operation, into `work` and, unless it comes with an answer, `request`; false when there is none left.
  bool Next(LaneWork& work, Request& request);
  /// Releases the cells of everything that Next gave or passed over as bad. False: fenced.
  bool PopAll();
  /// Answers one operation that Next gave.
  bool Answer(const LaneWork& work, std::uint32_t epoch);
  /// Answers the writers of the bad records that Next passed over.
  void AnswerBad(std::uint32_t epoch);
  /// Its sleepers, if somebody of that process sleeps.
  void Wake(const LaneWork& work, ingest::DoneBell& bell) const;

  /// Next passed over records that nobody can read.
  bool HasBad() const { return !bad_.empty(); }
  bool AnyWork() const { return context_.member.segment().buffer().AnyReady(); }

 private:
  struct Copy {
    std::uint32_t cell = 0;
    base::Pair64 word;
    ingest::CellOwner owner;
    bool sound = false;
    ingest::RecordType type = ingest::RecordType::kInline;
    base::Bytes payload;
  };
  void Collect();
  bool Decode(Copy& copy, LaneWork& work, Request& request);
  std::optional<ingest::AnswerBank> BankOf(ingest::CellOwner owner) const;

  const Context& context_;
  std::optional<ingest::Drain> drain_;
  std::uint32_t epoch_ = 0;
  std::vector<Copy> copies_;  // reused; count_ of them are of this batch
  std::size_t count_ = 0;
  std::size_t at_ = 0;  // handed out so far
  std::vector<std::size_t> bad_;
};

}  // namespace tenure::commit
