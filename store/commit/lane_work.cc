#include "store/commit/lane_work.h"

#include <utility>

#include "store/commit/request_codec.h"
#include "store/commit/staging.h"

namespace tenure::commit {

bool ReadRequest(const Context& context, base::Bytes& body, bool in_file, Request& request) {
  if (in_file) {
    auto read = ReadStaged(context.env, context.staging_dir, body);
    if (!read.ok()) {
      context.Say("error", "a staged transaction cannot be read: " + read.error().message);
      return false;
    }
    body = std::move(read).value();
  }
  return DecodeRequest(body, request);
}

}  // namespace tenure::commit
