#include <algorithm>
#include <iterator>
#include <utility>

#include "cli/replay.h"
#include "cli/working_directory.h"
#include "store/base/error.h"
#include "store/journal/reader.h"
#include "store/journal/segments.h"
#include "store/model/json.h"
#include "store/recovery/checkpoints.h"

namespace tenure::cli {
namespace {

constexpr Lsn kNoLimit = ~Lsn{0};

}  // namespace

std::optional<Lsn> ReplayStore::durable() const {
  if (!shared) return std::nullopt;
  return shared->commit().durable.Load().second;
}

std::unique_ptr<ingest::SharedSegment> AttachShared(base::Env& env, const recovery::Layout& layout,
                                                    const journal::StoreId& journal_id) {
  auto shared = ingest::SharedSegment::Attach(env, layout.shared_segment(), journal_id);
  // Missing, of another boot, not writable for us: the journal has to speak for itself.
  return shared.ok() ? std::move(shared).value() : nullptr;
}

Result<ReplayStore> FindReplayStore(Context& ctx, const std::string& path) {
  base::Env& env = ctx.env();
  ReplayStore store;
  std::string where = path;
  if (where.empty()) {
    TENURE_ASSIGN(where, ctx.StorePath());
  } else {
    TENURE_ASSIGN(where, AbsolutePath(path));
  }
  TENURE_ASSIGN(store.layout, recovery::FindStore(env, where));
  TENURE_ASSIGN(store.config, recovery::ReadConfig(env, store.layout));
  store.trimmed_below = recovery::TrimmedBelowOf(env, store.layout);
  env.SetSharedWithGroup(store.config.shared_with_group);
  store.shared = AttachShared(env, store.layout, store.config.journal_id);
  return store;
}

/// Segments begin with the time of the last frame before them: only one segment's frames are read.
Result<Lsn> ReplayLsnAt(base::Env& env, const ReplayStore& store, TimeMs time_ms) {
  const journal::StoreId& id = store.config.journal_id;
  const std::string dir = store.layout.journal();
  TENURE_ASSIGN(const journal::Chain chain, journal::ReadChain(env, dir, id, store.trimmed_below));
  const auto later = std::find_if(chain.segments.begin(), chain.segments.end(), [&](const journal::LiveSegment& s) {
    return s.header.first_lsn > 1 && s.header.prev_time_ms > time_ms;
  });
  if (chain.segments.empty() || later == chain.segments.begin()) {
    return base::MakeError(ErrorCode::kCompacted, "the journal no longer reaches back to " + model::FormatTime(time_ms),
                           "name a later time, or an LSN");
  }
  const Lsn limit = store.durable().value_or(kNoLimit);
  const Lsn known = store.durable().value_or(0);
  const journal::SegmentHeader& header = std::prev(later)->header;
  Lsn found = header.first_lsn - 1;
  TENURE_ASSIGN(const auto reader, journal::Reader::Open(env, dir, id, journal::StartOf(header), store.trimmed_below));
  journal::RawFrame raw;
  journal::FrameFault fault = journal::FrameFault::kNone;
  for (;;) {
    TENURE_ASSIGN(const journal::Stop stop, reader->NextRaw(limit, known, raw, fault));
    if (stop != journal::Stop::kFrame || raw.header.time_ms > time_ms) return found;
    found = raw.header.last_lsn();
  }
}

Result<std::optional<Lsn>> ReplayTarget(base::Env& env, const ReplayStore& store, const std::optional<Lsn>& to_lsn,
                                        const std::optional<std::string>& to_time) {
  if (to_lsn && to_time) {
    return base::MakeError(ErrorCode::kInvalidArgument, "--to-lsn and --to-time name two different points",
                           "give one of them");
  }
  if (!to_time) return to_lsn;
  TENURE_ASSIGN(const TimeMs time_ms, model::ParseTime(*to_time));
  TENURE_ASSIGN(const Lsn lsn, ReplayLsnAt(env, store, time_ms));
  return std::optional<Lsn>(lsn);
}

std::string ErrorListJson(const std::vector<Error>& errors) {
  std::string json = "[";
  for (const Error& error : errors) {
    const std::string one = model::ErrorJson(error);  // {"error":{…}}
    constexpr std::size_t kHead = sizeof("{\"error\":") - 1;
    json += (json.size() > 1 ? "," : "") + one.substr(kHead, one.size() - kHead - 1);
  }
  return json + "]";
}

std::string TextListJson(const std::vector<std::string>& texts) {
  std::string json = "[";
  for (const std::string& text : texts) json += (json.size() > 1 ? "," : "") + model::QuoteJson(text);
  return json + "]";
}

std::string FileName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace tenure::cli
