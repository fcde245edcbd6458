// Large transactions: rows of many frames are kept, sorted together and written at once, so that a page that
// many of them share is written once and not once per batch.
#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/index/writer_state.h"

namespace tenure::index {

Status IndexWriter::Gather(std::span<const AppliedFrame> frames) {
  State& s = *state_;
  if (s.bulk) return base::MakeError(ErrorCode::kInternal, "index " + s.path + ": Gather during a bulk build");
  if (!s.gathered) {
    TENURE_ASSIGN(WriteTransaction transaction, WriteTransaction::Begin(s.connection));
    TENURE_FAIL_POINT("index.begin");
    TENURE_ASSIGN(const Mark mark, s.ReadMark());
    s.gathered = std::make_unique<Gathered>(s.connection, std::move(transaction));
    s.gathered->position = mark.position;
    s.gathered->begun_at = mark.position.last_lsn;
  }
  const auto gather = [&]() -> Status {
    Gathered& g = *s.gathered;
    TENURE_ASSIGN(const std::vector<const AppliedFrame*> fresh, FramesBehind(frames, g.position.last_lsn));
    for (const AppliedFrame* frame : fresh) {
      for (const model::CommittedTxn& txn : frame->txns) TENURE_RETURN_IF_ERROR(s.Collect(txn, g.changes));
      g.position = frame->after;
    }
    return {};
  };
  Status gathered = gather();
  if (!gathered.ok()) s.gathered.reset();
  return gathered;
}

Status IndexWriter::CommitGathered() {
  State& s = *state_;
  if (!s.gathered) return {};
  // Whatever happens, it is over then: rolled back unless committed.
  const std::unique_ptr<Gathered> gathered = std::move(s.gathered);
  if (gathered->position.last_lsn == gathered->begun_at) return {};  // all of it was applied before
  TENURE_RETURN_IF_ERROR(s.Flush(gathered->changes));
  TENURE_RETURN_IF_ERROR(s.WritePositionRow(gathered->position));
  TENURE_FAIL_POINT("index.before_commit");
  TENURE_RETURN_IF_ERROR(gathered->transaction.Commit());
  TENURE_FAIL_POINT("index.after_commit");
  return {};
}

std::size_t IndexWriter::gathered_bytes() const {
  return state_->gathered ? state_->gathered->changes.memory_bytes() : 0;
}

}  // namespace tenure::index
