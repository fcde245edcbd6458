// Reads that also see what is still queued.
#include "store/commit/queued.h"
#include "store/model/validate.h"
#include "store/store_impl.h"

namespace tenure {
namespace {

/// Looks and looks again while operations are popped between the look at the lanes and that at the index.
constexpr int kLooksMax = 8;

void Overlay(const Operation& op, const std::string& writer, std::optional<ArtifactEntry>& entry) {
  const bool live = entry && !entry->deleted;
  ArtifactEntry next;
  next.name = op.name;
  next.version = op.version;
  switch (op.kind) {
    case OpKind::kPut:
      next.digest = op.digest;
      next.size = op.size;
      next.media_type = op.media_type;
      next.urls = op.urls;
      next.annotations = op.annotations;
      if (live) next.created_at_ms = entry->created_at_ms;
      break;
    case OpKind::kPatch: {
      if (!live) return;  // it will be refused
      auto merged = model::MergePatch(entry->annotations, op.annotations);
      if (!merged.ok()) return;
      next = *entry;
      next.annotations = std::move(merged).value();
      break;
    }
    case OpKind::kDelete:
      if (!live) return;
      next.deleted = true;
      break;
    case OpKind::kSetTag:
    case OpKind::kDeleteTag:
    case OpKind::kSetPolicy:
    case OpKind::kDeletePolicy:
    case OpKind::kResolve:
      return;
  }
  next.writer = writer;
  next.updated_at_ms = 0;
  next.revision = 0;
  next.lsn = 0;
  next.uncommitted = true;
  entry = std::move(next);
}

}  // namespace

/// The lanes first, then the index: an operation that is committed in between is seen at least once, and one that was
/// popped meanwhile makes both be read again.
Result<std::optional<ArtifactEntry>> StoreImpl::Uncommitted(const std::string& name, const std::string& version) {
  std::optional<ArtifactEntry> entry;
  for (int look = 0; look < kLooksMax; ++look) {
    const auto queued = commit::QueuedOn(*context, *registry, name, version);
    TENURE_ASSIGN(entry, CurrentEntry(name, version, {}));
    const bool settled = std::all_of(queued.begin(), queued.end(), [&](const commit::QueuedRequest& request) {
      return commit::StillQueued(*registry, request.origin);
    });
    if (!settled) continue;
    for (const commit::QueuedRequest& request : queued) {
      for (const Operation& op : request.request.operations) {
        if (op.name == name && op.version == version) Overlay(op, request.request.writer, entry);
      }
    }
    break;
  }
  return entry;
}

}  // namespace tenure
