// What opening does before anybody may read or write: fills the shared words when shared memory was
// lost, and makes sure that there is an index.
//
//   shared memory is there and of this boot      nothing: the durable word says what counts
//   lost, reboot since the newest segment        scan to the last valid frame; keep what is valid; seal
//                                                there and begin a new epoch
//   lost, same boot (somebody removed the file)  frames that the index has applied, or that a seal covers,
//                                                were durable; later ones cannot be proven so: they are
//                                                written again where they are and synced, before the new
//                                                epoch begins behind them
//   newest segment empty, this boot              nothing to doubt: its epoch goes on
#pragma once

#include "store/commit/context.h"
#include "store/ingest/shared_segment.h"
#include "store/journal/segments.h"
#include "store/recovery/config.h"
#include "tenure/store.h"

namespace tenure::recovery {

/// Fills `area`. Called with every other process kept out. kCorruption changes nothing.
Status InitialiseShared(base::Env& env, const Layout& layout, const Config& config, ingest::CommitArea& area,
                        RecoveryNote& note);

/// The same for shared memory that one reader has to itself (private_files.h): what is on the disk counts, and nothing
/// is written to the journal.
Status InitialiseForReading(base::Env& env, const Layout& layout, const Config& config, ingest::CommitArea& area,
                            RecoveryNote& note);

/// Rebuilds the index and makes it live when the live generation's file is gone. As a member, before any
/// index is open. Gives `context` the means to build further generations, and removes superseded ones when
/// nobody else is there.
Status EnsureIndex(commit::Context& context, const Layout& layout);

/// Checks that journal and index can belong together: the newest segment is whole, and the index is
/// not ahead of the durable LSN. Cheap: headers and one row.
Status CheckConsistency(const commit::Context& context, const Layout& layout);
/// The part of it that needs the chain alone.
Status CheckChain(const journal::Chain& chain, const Layout& layout);

/// Makes the files of a new, empty store below `layout.root`, which exists and is empty.
Status CreateFiles(base::Env& env, const Layout& layout, const Config& config);

}  // namespace tenure::recovery
