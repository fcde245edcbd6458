#include "store/commit/lane_work.h"

#include <utility>

#include "store/commit/request_codec.h"
#include "store/commit/staging.h"

namespace tenure::commit {

Result<bool> ReadRequest(const Context& context, base::Bytes& body, bool in_file, Request& request) {
  if (in_file) {
    auto read = ReadStaged(context.env, context.staging_dir, body);
    if (!read.ok()) {
      Error error = std::move(read).error();
      context.Say("error", "a staged transaction cannot be read: " + error.message);
      // A file that is gone, or is not what was staged, is damage.
      if (error.code == ErrorCode::kNotFound || error.code == ErrorCode::kCorruption) return false;
      error.message = "the transaction was not committed, its staging file cannot be read: " + error.message;
      if (error.hint.empty()) error.hint = "submit it again";
      return error;
    }
    body = std::move(read).value();
  }
  return DecodeRequest(body, request);
}

}  // namespace tenure::commit
