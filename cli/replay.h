// The seam between `tenure-replay` and its commands, and what they share: a store looked at through its
// files. Nothing here opens a Store, so all of it works on stores that do not open.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "store/ingest/shared_segment.h"
#include "store/journal/segments.h"
#include "store/recovery/config.h"

namespace tenure::cli {

std::unique_ptr<Command> MakeReplayInspect();
std::unique_ptr<Command> MakeReplayVerify();
std::unique_ptr<Command> MakeReplayRebuild();
std::unique_ptr<Command> MakeReplayRepair();
std::unique_ptr<Command> MakeReplayDiff();
std::unique_ptr<Command> MakeReplayFollow();

/// The program: `arguments` without its name. Returns the exit status.
int RunReplay(const std::vector<std::string>& arguments);

inline constexpr int kDamagedStatus = 13;

/// The files of a store and what shared memory says of it.
struct ReplayStore {
  recovery::Layout layout;
  recovery::Config config;
  journal::TrimmedBelow trimmed_below{0};  ///< Newest checkpoint: journal below it may be gone.
  /// The shared words of this boot; null when there are none (nobody opened the store since the boot,
  /// or the medium is read-only).
  std::unique_ptr<ingest::SharedSegment> shared;

  /// The LSN up to which everything was acknowledged; nullopt: only the journal can tell.
  std::optional<Lsn> durable() const;
};
/// `path` empty: the store that the options, TENURE_STORE or the working directory name.
Result<ReplayStore> FindReplayStore(Context& ctx, const std::string& path = {});
/// The shared words, when there are any that hold now.
std::unique_ptr<ingest::SharedSegment> AttachShared(base::Env& env, const recovery::Layout& layout,
                                                    const journal::StoreId& journal_id);

/// The last LSN committed at or before `time_ms`, read from the journal.
Result<Lsn> ReplayLsnAt(base::Env& env, const ReplayStore& store, TimeMs time_ms);
/// --to-lsn and --to-time as one LSN; nullopt when neither is given.
Result<std::optional<Lsn>> ReplayTarget(base::Env& env, const ReplayStore& store, const std::optional<Lsn>& to_lsn,
                                        const std::optional<std::string>& to_time);

/// Lists of errors and texts as JSON.
std::string ErrorListJson(const std::vector<Error>& errors);
std::string TextListJson(const std::vector<std::string>& texts);

/// "file.seg" of "/dir/file.seg".
std::string FileName(const std::string& path);

}  // namespace tenure::cli
