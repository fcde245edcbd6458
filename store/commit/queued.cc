#include "store/commit/queued.h"

#include <algorithm>

#include "store/commit/request_codec.h"
#include "store/commit/staging.h"
#include "store/ingest/slot_reader.h"
#include "store/model/validate.h"

namespace tenure::commit {
namespace {

bool IsOn(const Request& request, const std::string& name, const std::string& version) {
  return std::any_of(request.operations.begin(), request.operations.end(), [&](const Operation& op) {
    return model::OnEntry(op.kind) && op.name == name && op.version == version;
  });
}

}  // namespace

std::vector<QueuedRequest> QueuedOn(const Context& context, ingest::Registry& registry, const std::string& name,
                                    const std::string& version) {
  std::vector<QueuedRequest> found;
  ingest::QueuedOperation operation;
  registry.ForEachActive([&](std::uint32_t slot) {
    if (!registry.HasWork(slot)) return;
    ingest::SlotReader reader(registry, slot);
    if (!reader.Begin()) return;
    // Bytes that make no sense here were overwritten since, or are the committer's to judge.
    while (reader.Next(operation) == ingest::SlotReader::Step::kOperation) {
      if (operation.in_file) {
        auto staged = ReadStaged(context.env, context.staging_dir, operation.body);
        if (!staged.ok()) return;
        operation.body = std::move(staged).value();
      }
      Request request;
      if (!DecodeRequest(operation.body, request)) return;
      if (!IsOn(request, name, version)) continue;
      const model::Origin origin{slot, operation.generation, operation.sequence};
      found.push_back({std::move(request), origin, operation.timestamp_ns});
    }
  });
  std::stable_sort(found.begin(), found.end(),
                   [](const QueuedRequest& a, const QueuedRequest& b) { return a.timestamp_ns < b.timestamp_ns; });
  std::erase_if(found, [&](const QueuedRequest& queued) { return !StillQueued(registry, queued.origin); });
  return found;
}

bool StillQueued(const ingest::Registry& registry, const model::Origin& origin) {
  const base::Pair64 head = registry.entry(origin.slot).head.Load();
  const std::uint64_t word = registry.entry(origin.slot).word.LoadFirst();
  return ingest::GenerationOf(word) == origin.generation && ingest::LaneHead::Unpack(head).sequence <= origin.sequence;
}

}  // namespace tenure::commit
