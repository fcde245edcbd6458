// Makes a newly built index the live one of a store that may be in use.
//
// Whoever builds holds the turn to apply if it can be had: applying to an index that is about to be replaced is
// wasted. Others go on with the old generation until they look at the generation word again, which they do for every
// read and before every apply; its file stays, since they may still be opening it by its name, until somebody
// is alone.
#pragma once

#include "store/ingest/membership.h"
#include "store/recovery/rebuild.h"

namespace tenure::recovery {

/// The turn to apply to the live generation, for a scope. It spares others needless work; nothing depends on it, so
/// that it is waited for only a moment: a process may have stopped with it.
class ApplyTurn {
 public:
  ApplyTurn(base::Env& env, ingest::Membership& member) : env_(env), member_(member) {}
  ~ApplyTurn();
  ApplyTurn(const ApplyTurn&) = delete;
  ApplyTurn& operator=(const ApplyTurn&) = delete;
  /// Success also when the bound ran out.
  Status Take();

 private:
  static constexpr std::uint64_t kTurnBoundNs = 2'000'000'000;
  base::Env& env_;
  ingest::Membership& member_;
  std::uint64_t byte_ = 0;
  bool held_ = false;
};

/// Builds the next generation up to the durable LSN and switches to
/// it. A failure changes nothing; kCorruption also when the old index has applied more than the journal
/// holds. `options.to_lsn` and `options.durable` are set by the function.
Result<RebuildReport> SwitchToRebuilt(base::Env& env, const Layout& layout, ingest::Membership& member,
                                      RebuildOptions options);

/// Removes superseded generations and leftovers of builds when no other process has the store open and nobody
/// has the turn. Best effort: what stays is only space. For a time when this process has no index open.
void RemoveSuperseded(base::Env& env, const Layout& layout, ingest::Membership& member);

/// Becomes a member for the time of it (recovering first, when it is the first one since a crash or reboot)
/// and does the above. The calling process must not have the store open. One thread.
Result<RebuildReport> ReplaceIndex(base::Env& env, const Layout& layout, const Config& config, RebuildOptions options);

}  // namespace tenure::recovery
