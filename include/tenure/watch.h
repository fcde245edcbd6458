// The change feed: committed effects in order, from any retained LSN, without a gap, as they become durable.
//
//   auto watch = store.Watch({.glob = "release/**", .cursor = "mirror"});
//   while (!watch->ended()) {
//     auto events = watch->Next();            // sleeps until something is committed: no polling
//     ... handle them, durably ...
//     watch->Acknowledge();                   // the cursor moves, at most once a second
//   }
//
// Order: LSN, then effect number. Nothing is given before it is durable. A watch holds up nobody: not a writer, when it
// is slow, stopped or killed, and not compaction, unless it has a cursor.
//
// A cursor is a place in the feed with a name, kept in the store. A watch that names one goes on where the last one
// with this name had acknowledged: every event is given at least once, and again when it was not acknowledged yet.
// Two watches at a time with one cursor each get everything; the place is where the last of them said. A cursor holds
// back the trimming of the journal (Store::Compact) until seven days after its last move.
//
// A Watch belongs to one thread at a time, but for Stop. It keeps its store open.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tenure/export.h"
#include "tenure/result.h"
#include "tenure/types.h"

namespace tenure {

class WatchImpl;

struct WatchOptions {
  /// The first LSN to give. 0: what is committed from now on. A cursor that is there already begins at its own place.
  Lsn from = 0;
  /// Only entries and tags of names that match (with ':', only entries "name:version" that do); empty means everything
  /// that `log` shows. The moves of cursors are shown only without a glob and without a cursor.
  std::string glob = {};
  /// Name of the cursor (letters, digits, '._-'; at most 128 bytes); made when it is not there. Empty: none.
  std::string cursor = {};
  Lsn until = 0;            ///< Ends behind this LSN. 0: never.
  std::uint64_t count = 0;  ///< Ends after so many events. 0: never.
};

class TENURE_API Watch {
 public:
  /// The next events, some thousand at most; waits for them up to `timeout` (negative: without bound). Empty when the
  /// time ran out, the watch has ended or was stopped. kCompacted, with the oldest LSN, when what comes next is
  /// no longer retained. While nobody writes it makes a system call a minute.
  Result<std::vector<Event>> Next(std::chrono::milliseconds timeout = std::chrono::milliseconds(-1));
  /// `until` or `count` is reached: nothing more will come.
  bool ended() const;
  /// Every event up to here has been given.
  Lsn position() const;

  /// Everything given so far is handled. With a cursor that is journaled, at once or, when it last moved less than a
  /// second ago, by a later call of Next, Acknowledge or Close. A failure leaves the watch usable.
  Status Acknowledge();
  /// Journals what was acknowledged and is not yet; the destructor does it too, and tells nobody when it fails.
  Status Close();
  /// Next returns, now and from now on. From any thread, and from a signal handler.
  void Stop() noexcept;

  explicit Watch(std::unique_ptr<WatchImpl> impl);
  ~Watch();
  Watch(Watch&&) noexcept;
  Watch& operator=(Watch&&) noexcept;

 private:
  std::unique_ptr<WatchImpl> impl_;
};

}  // namespace tenure
