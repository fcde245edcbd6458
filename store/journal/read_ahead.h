// Frames of a Reader, read and checked on a second thread and decoded on the caller's: for replaying much.
//
// Reading, CRC and the SHA-256 chain take about as long as decoding and collecting the rows. What is read
// ahead is bounded. Belongs to one thread; the Reader is its helper's until it is destroyed, and is
// then where the helper had got to, not where the caller had.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "store/base/helper_thread.h"
#include "store/base/mutex.h"
#include "store/journal/reader.h"

namespace tenure::journal {

class ReadAhead {
 public:
  /// `reader` of the journal in `dir`; `limit` and `durable` as for Reader::Next. Without `helper`, or when
  /// the system gives no thread, everything happens on the caller's thread.
  ReadAhead(Reader& reader, std::string dir, Lsn limit, Lsn durable, bool helper);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// The next frame into `frame`, whose memory is used again. Any other stop, and any error, is final.
  Result<Stop> Next(Frame& frame);

 private:
  /// Frames handed over together, so that small ones do not cost a hand-over each.
  struct Block {
    std::vector<RawFrame> frames;  // memory is used again: only the first `used` count
    std::size_t used = 0;
    std::size_t next = 0;  // the caller's
    Result<Stop> stop = Stop::kFrame;
  };
  void Fill(Block& block);
  void FillGuarded(Block& block);
  void HelperMain();
  void TakeBlock();

  Reader& reader_;
  const std::string dir_;
  const Lsn limit_;
  const Lsn durable_;
  bool helping_ = false;

  base::Mutex mutex_;
  base::CondVar changed_;
  std::vector<Block> filled_ GUARDED_BY(mutex_);  // oldest first; of a capacity that the helper never outgrows
  std::vector<Block> empty_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;

  Block current_;              // the caller's
  base::HelperThread helper_;  // last: joined before what it uses goes
};

}  // namespace tenure::journal
