// The inside of Reader, shared by reader.cc (going on) and reader_open.cc (finding the place).
#pragma once

#include <string>
#include <utility>

#include "store/journal/reader.h"
#include "store/journal/window.h"

namespace tenure::journal {

struct Reader::State {
  State(base::Env& e, std::string d, const StoreId& id, TrimmedBelow below)
      : env(e), dir(std::move(d)), store_id(id), trimmed(std::move(below)) {}

  base::Env& env;
  const std::string dir;
  const StoreId store_id;
  const TrimmedBelow trimmed;

  Chain chain;
  std::size_t index = 0;  ///< Of the current segment in chain.segments.
  model::JournalPosition position;
  Window window;  ///< Over the current segment; opened when first needed.
  /// Up to here the open segment was seen to have no successor at a time when this LSN was already
  /// durable: its frames up to here are the journal, whatever is sealed later.
  Lsn verified_lsn = 0;

  const LiveSegment& current() const { return chain.segments[index]; }
  bool sealed() const { return current().sealed_bytes != 0; }

  /// A frame that passed, borrowed from the window.
  struct Found {
    FrameView view;
    std::uint64_t offset = 0;
  };
  /// The frame at the position; the position stays. See Reader::Next for the outcomes.
  Result<Stop> Peek(Lsn limit, Lsn durable, Found& found, FrameFault& fault);
  void StepOver(const Found& found) { position = PositionAfter(found.view.header, current().header.id, found.offset); }

  /// Reads the directory. kCorruption when it holds no segment. What is missing up to `from` is no concern of ours: it
  /// may have been trimmed since.
  Status ReadDirectory(Lsn from);
  /// When a segment has appeared behind the newest one known: reads the chain anew, finds the position
  /// in it, and says true.
  Result<bool> FollowSuccessor();
  /// Makes `from` the position, wherever the chain has it now.
  Status Locate(const model::JournalPosition& from);
  void EnterSegment(std::size_t which);

 private:
  Result<base::ByteView> ViewFrame(std::uint64_t end);
  Status OpenWindow();
  Status EnterNext();
  Status LocateInside(std::size_t which, const model::JournalPosition& from);
  Status LocateByLsn(const model::JournalPosition& from);
};

}  // namespace tenure::journal
