// Waits for a store to move, without asking it again and again: inotify on the journal's directory (every
// append writes there) and on the store's (shared memory is made anew there). One thread.
//
// What a committer writes counts a little later, when it publishes, and that moves only a word of shared
// memory, of which the kernel tells nobody. So behind each notice the caller looks again in short, growing
// steps while somebody lives who could still publish, and sleeps untimed when nobody does.
#pragma once

#include <chrono>
#include <string>

#include "store/base/unique_fd.h"
#include "tenure/result.h"

namespace tenure::cli {

class StoreWatch {
 public:
  static Result<StoreWatch> Open(const std::string& journal_dir, const std::string& store_dir);
  /// True: something was written since the last call. False: the time ran out (negative: there is none).
  Result<bool> Wait(std::chrono::milliseconds timeout);

 private:
  explicit StoreWatch(base::UniqueFd fd) : fd_(std::move(fd)) {}
  base::UniqueFd fd_;
};

}  // namespace tenure::cli
