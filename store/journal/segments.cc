#include "store/journal/segments.h"

#include <algorithm>
#include <map>
#include <utility>

#include "store/base/error.h"

namespace tenure::journal {
namespace {

std::string PathOf(const std::string& dir, const model::SegmentId& id) { return dir + "/" + SegmentFileName(id); }

/// Header and size of one named segment; every mismatch with its name or the store is corruption.
Result<LiveSegment> ReadSegment(base::Env& env, const std::string& dir, const StoreId& store_id,
                                const model::SegmentId& id) {
  LiveSegment segment;
  segment.path = PathOf(dir, id);
  TENURE_ASSIGN(const auto file, env.Open(segment.path, base::OpenMode::kRead));
  TENURE_ASSIGN(segment.file_bytes, file->Size());
  base::Bytes block(kSegmentHeaderBytes);
  TENURE_ASSIGN(const std::size_t got, file->ReadAt(0, block));
  TENURE_ASSIGN(segment.header, DecodeSegmentHeader(base::ByteView(block).first(got), segment.path));
  if (segment.header.store_id != store_id) {
    return base::CorruptionAt(segment.path, segment_at::kStoreId, "the segment belongs to another store");
  }
  if (segment.header.id != id) {
    return base::CorruptionAt(segment.path, segment_at::kEpoch,
                              "the segment's header calls it " + SegmentFileName(segment.header.id));
  }
  return segment;
}

/// Sets the sealed length of `prev` as `next` states it.
Status Seal(LiveSegment& prev, const LiveSegment& next) {
  if (prev.header.first_lsn > next.header.first_lsn) {
    return base::CorruptionAt(next.path, segment_at::kFirstLsn, "the segment begins before its predecessor does");
  }
  prev.sealed_bytes = next.header.prev_sealed_bytes;
  if (prev.sealed_bytes > prev.file_bytes) {
    return base::CorruptionAt(prev.path, prev.file_bytes,
                              "the file is shorter than its sealed length of " + std::to_string(prev.sealed_bytes) +
                                  " bytes, stated by " + next.path);
  }
  return {};
}

Error MissingPredecessor(const std::string& dir, const LiveSegment& segment) {
  const Lsn needed = segment.header.first_lsn - 1;
  std::string what = "the journal before LSN " + std::to_string(segment.header.first_lsn) + " is missing";
  if (segment.header.prev.epoch != 0) what += ": there is no " + PathOf(dir, segment.header.prev);
  what += ", and no checkpoint covers LSN " + std::to_string(needed);
  Error error = base::CorruptionAt(segment.path, segment_at::kPrevEpoch, what);
  error.lsn = needed;
  return error;
}

}  // namespace

const LiveSegment* Chain::Find(Lsn lsn) const {
  // The last one that begins at or before it: an empty segment begins where its successor does.
  const auto behind = std::upper_bound(segments.begin(), segments.end(), lsn,
                                       [](Lsn wanted, const LiveSegment& s) { return wanted < s.header.first_lsn; });
  return behind == segments.begin() ? nullptr : &*std::prev(behind);
}

TrimmedBelow TrimmedBelow::AtLeast(Lsn lsn) const {
  TrimmedBelow more = *this;
  more.known_ = std::max(known_, lsn);
  return more;
}

Result<bool> TrimmedBelow::Covers(Lsn lsn) const {
  if (lsn <= known_) return true;
  if (!newest_checkpoint_) return false;
  TENURE_ASSIGN(const Lsn newest, newest_checkpoint_());
  return lsn <= newest;
}

namespace {

/// Follows the links from the newest of `names` backwards, as far as there are files. kNotFound: not even that one is
/// there any more.
Result<Chain> FollowLinks(base::Env& env, const std::string& dir, const StoreId& store_id,
                          const std::vector<std::string>& names) {
  std::map<model::SegmentId, bool> live;  // every named segment -> whether a link names it
  for (const std::string& name : names) {
    if (const auto id = ParseSegmentFileName(name)) live.emplace(*id, false);
  }
  Chain chain;
  if (live.empty()) return chain;
  chain.highest_epoch = live.rbegin()->first.epoch;

  // The newest named segment must be sound: it was synced before it got its name, so a bad header is
  // damage, and going on from the one before would silently drop everything that this one holds.
  model::SegmentId id = live.rbegin()->first;
  for (;;) {
    auto read = ReadSegment(env, dir, store_id, id);
    if (!read.ok()) {
      const bool trimmed_meanwhile = read.error().code == ErrorCode::kNotFound && !chain.segments.empty();
      if (!trimmed_meanwhile) return std::move(read).error();
      live.erase(id);
      break;
    }
    LiveSegment segment = std::move(read).value();
    if (!chain.segments.empty()) TENURE_RETURN_IF_ERROR(Seal(segment, chain.segments.back()));
    live[id] = true;
    chain.segments.push_back(std::move(segment));
    id = chain.segments.back().header.prev;
    if (live.find(id) == live.end()) break;
  }
  std::reverse(chain.segments.begin(), chain.segments.end());
  for (const auto& [other, named] : live) {
    if (!named) chain.orphans.push_back(PathOf(dir, other));
  }
  return chain;
}

}  // namespace

Result<Chain> ReadChain(base::Env& env, const std::string& dir, const StoreId& store_id, const TrimmedBelow& trimmed) {
  for (std::vector<std::string> seen;;) {
    TENURE_ASSIGN(std::vector<std::string> names, env.List(dir));
    auto chain = FollowLinks(env, dir, store_id, names);
    // The newest one may have been sealed and trimmed since the directory was read: then it says something else now.
    if (!chain.ok() && chain.error().code == ErrorCode::kNotFound && names != seen) {
      seen = std::move(names);
      continue;
    }
    if (!chain.ok() || chain->segments.empty()) return chain;
    const LiveSegment& oldest = chain->segments.front();
    TENURE_ASSIGN(const bool covered, trimmed.Covers(oldest.header.first_lsn - 1));
    if (!covered) return MissingPredecessor(dir, oldest);
    return chain;
  }
}

std::uint64_t NextCapacity(std::uint64_t previous) {
  if (previous < kSegmentBytesMin) return kSegmentBytesMin;
  return std::min(previous * 2, kSegmentBytesMax);
}

}  // namespace tenure::journal
