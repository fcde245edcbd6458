// Makes a newly built index the live one of a store that may be in use.
//
// Whoever builds holds the turn to apply if it can be had: applying to an index that is about to be replaced is
// wasted. Others go on with the old generation until they look at the generation word again, which they do for every
// read and before every apply; its file stays until the next switch, or until somebody is alone.
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

/// What the calling process does with the index at the time.
enum class IndexUse { kNone, kOpen };
/// Removes superseded generations. Where nobody has the index open, this process included, nobody builds one either:
/// all go, and leftovers of builds. Else the one before the live one stays, since a batch that is being decided reads
/// the generation that it began with, and opens it by its name. What is not removed is only space.
Status RemoveSuperseded(base::Env& env, const Layout& layout, ingest::Membership& member, IndexUse use);

/// Becomes a member for the time of it (recovering first, when it is the first one since a crash or reboot)
/// and does the above. The calling process must not have the store open. One thread.
Result<RebuildReport> ReplaceIndex(base::Env& env, const Layout& layout, const Config& config, RebuildOptions options);

}  // namespace tenure::recovery
