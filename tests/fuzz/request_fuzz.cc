// A request as it travels through the lanes.
#include "store/commit/request_codec.h"
#include "store/model/validate.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/samples.h"

namespace tenure::fuzz::request_target {
namespace {

std::string Encoded(const commit::Request& request) {
  base::Bytes bytes;
  commit::EncodeRequest(request, bytes);
  return std::string(base::AsText(bytes));
}

commit::Request Blank() {
  commit::Request request;
  request.writer = "builder@host";
  request.uid = 1000;
  return request;
}

commit::LeaseAction Action(commit::LeaseDo what) {
  commit::LeaseAction action;
  action.what = what;
  action.id = 7;
  if (what == commit::LeaseDo::kBreak) action.reason = "holder is gone";
  if (what != commit::LeaseDo::kAcquire) return action;
  action.row.info.scopes = {"release/**", "tools/cc:1.0"};
  action.row.info.ttl_ms = 30'000;
  action.row.info.host = "build-1";
  action.owner = 17;
  return action;
}

/// Everything at once, as far as one request can have it.
commit::Request Large() {
  commit::Request request = Blank();
  request.operations = SampleOperations();
  request.request_id = "request-1";
  request.body_hash = {1, 2};
  request.on_conflict = ConflictStrategy::kMerge;
  request.leases.push_back({9, {}, true});
  return request;
}

Target RequestTarget() {
  Target target;
  for (const Operation& op : SampleOperations()) {
    commit::Request request = Blank();
    request.operations = {op};
    target.seeds.push_back(Encoded(request));
  }
  target.seeds.push_back(Encoded(Large()));
  commit::Request asks = Blank();
  asks.request_id = "request-1";
  asks.asks_outcome = true;
  target.seeds.push_back(Encoded(asks));
  for (int what = 1; what <= 5; ++what) {
    commit::Request request = Blank();
    request.lease_action = std::make_shared<const commit::LeaseAction>(Action(static_cast<commit::LeaseDo>(what)));
    target.seeds.push_back(Encoded(request));
  }
  return target;
}

const Target& ThisTarget() {
  static const Target target = RequestTarget();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  commit::Request request;
  const bool decoded = commit::DecodeRequest(View(data, size), request);
  // Memory that is used again leaves no trace.
  commit::Request used = Large();
  FUZZ_EXPECT(commit::DecodeRequest(View(data, size), used) == decoded);
  if (!decoded) return 0;
  const std::string bytes = Encoded(request);
  FUZZ_EXPECT(Encoded(used) == bytes);
  // Operations are normalised by decoding; from there on nothing changes any more.
  commit::Request again;
  FUZZ_EXPECT(commit::DecodeRequest(base::AsBytes(bytes), again));
  FUZZ_EXPECT(Encoded(again) == bytes);
  FUZZ_EXPECT(model::BodyHash(again.operations.view()) == model::BodyHash(request.operations.view()));
  commit::ReplyBytesMax(request);
  commit::ShedMemory(used);
  return 0;
}

const Registration registration("request", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::request_target
