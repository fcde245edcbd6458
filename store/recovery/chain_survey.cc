#include "store/recovery/chain_survey.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "store/base/error.h"

namespace tenure::recovery {
namespace {

namespace at = journal::segment_at;
using model::SegmentId;

/// One segment file as it is, sound or not.
struct SegmentFile {
  journal::LiveSegment live;
  std::optional<Error> fault;
  std::optional<base::Hash256> first_frame_prev_chain;  ///< What the frame behind a damaged header continues.
};

base::Hash256 LoadHash(const std::byte* from) {
  base::Hash256 hash;
  std::memcpy(hash.data(), from, hash.size());
  return hash;
}

/// The header's fields without any check, for a header whose checks failed.
journal::SegmentHeader RawHeader(const base::Bytes& block, const SegmentId& id) {
  journal::SegmentHeader header;
  header.id = id;  // the name is the better witness
  header.first_lsn = std::max<Lsn>(1, base::LoadLe<Lsn>(&block[at::kFirstLsn]));
  header.prev = {base::LoadLe<std::uint64_t>(&block[at::kPrevEpoch]),
                 base::LoadLe<std::uint64_t>(&block[at::kPrevOrdinal])};
  header.prev_time_ms = base::LoadLe<TimeMs>(&block[at::kPrevTimeMs]);
  header.prev_state_hash.low = base::LoadLe<std::uint64_t>(&block[at::kPrevStateHash]);
  header.prev_state_hash.high = base::LoadLe<std::uint64_t>(&block[at::kPrevStateHash + 8]);
  header.prev_chain = LoadHash(&block[at::kPrevChain]);
  header.salt = base::LoadLe<std::uint64_t>(&block[at::kSalt]);
  return header;
}

class Surveyor {
 public:
  Surveyor(base::Env& env, const std::string& dir, const journal::StoreId& journal_id,
           const journal::TrimmedBelow& trimmed)
      : env_(env), dir_(dir), journal_id_(journal_id), trimmed_(trimmed) {}

  Result<ChainSurvey> Run() {
    TENURE_ASSIGN(const std::vector<std::string> names, env_.List(dir_));
    for (const std::string& name : names) {
      const std::optional<SegmentId> id = journal::ParseSegmentFileName(name);
      if (!id) continue;
      TENURE_ASSIGN(SegmentFile file, ReadOne(dir_ + "/" + name, *id));
      files_.emplace(*id, std::move(file));
    }
    if (files_.empty()) return std::move(survey_);
    survey_.highest_epoch = files_.rbegin()->first.epoch;
    // The newest file counts even when its header is damaged: it was synced before it got its name.
    Take(files_.rbegin()->first, 0);
    for (bool more = true; more;) {
      TENURE_ASSIGN(more, Step());
    }
    std::reverse(survey_.segments.begin(), survey_.segments.end());
    for (const auto& [id, file] : files_) {
      const bool taken = std::any_of(survey_.segments.begin(), survey_.segments.end(),
                                     [&id = id](const SurveyedSegment& s) { return s.live.header.id == id; });
      if (!taken) survey_.orphans.push_back(file.live.path);
    }
    return std::move(survey_);
  }

 private:
  Result<SegmentFile> ReadOne(const std::string& path, const SegmentId& id) {
    SegmentFile segment;
    segment.live.path = path;
    TENURE_ASSIGN(const auto file, env_.Open(path, base::OpenMode::kRead));
    TENURE_ASSIGN(segment.live.file_bytes, file->Size());
    base::Bytes block(journal::kSegmentHeaderBytes + journal::kFrameHeaderBytes);
    TENURE_ASSIGN(const std::size_t got, file->ReadAt(0, block));
    const std::size_t header_bytes = std::min<std::size_t>(got, journal::kSegmentHeaderBytes);
    auto header = journal::DecodeSegmentHeader(base::ByteView(block).first(header_bytes), path);
    if (!header.ok() && header.error().code == ErrorCode::kUnsupported) return std::move(header).error();
    if (!header.ok()) {
      segment.fault = header.error();
    } else if (header->store_id != journal_id_) {
      segment.fault = base::CorruptionAt(path, at::kStoreId, "the segment belongs to another store");
    } else if (header->id != id) {
      segment.fault =
          base::CorruptionAt(path, at::kEpoch, "the segment's header calls it " + journal::SegmentFileName(header->id));
    }
    segment.live.header = segment.fault ? RawHeader(block, id) : header.value();
    if (got == block.size()) {
      segment.first_frame_prev_chain = LoadHash(&block[journal::kSegmentHeaderBytes + journal::frame_at::kPrevChain]);
    }
    return segment;
  }

  void Take(const SegmentId& id, std::uint64_t sealed_bytes) {
    const SegmentFile& file = files_.at(id);
    SurveyedSegment taken;
    taken.live = file.live;
    taken.live.sealed_bytes = sealed_bytes;
    taken.header_ok = !file.fault;
    if (file.fault) survey_.problems.push_back(*file.fault);
    if (sealed_bytes > file.live.file_bytes) {
      survey_.problems.push_back(base::CorruptionAt(
          file.live.path, file.live.file_bytes,
          "the file is shorter than its sealed length of " + std::to_string(sealed_bytes) + " bytes"));
    }
    survey_.segments.push_back(std::move(taken));
  }

  /// The newest file before `id` with a sound header.
  std::optional<SegmentId> SoundBefore(const SegmentId& id) const {
    for (auto it = std::make_reverse_iterator(files_.lower_bound(id)); it != files_.rend(); ++it) {
      if (!it->second.fault) return it->first;
    }
    return std::nullopt;
  }

  /// One link back from the segment taken last; false at the oldest.
  Result<bool> Step() {
    SurveyedSegment& current = survey_.segments.back();
    const SegmentId id = current.live.header.id;
    const SegmentId prev = current.live.header.prev;
    const bool prev_exists = prev < id && files_.count(prev) != 0;
    if (current.header_ok) {
      if (prev_exists) return Take(prev, current.live.header.prev_sealed_bytes), true;
      TENURE_ASSIGN(const bool trimmed, trimmed_.Covers(current.live.header.first_lsn - 1));
      if (trimmed) return false;
      survey_.problems.push_back(base::CorruptionAt(
          current.live.path, at::kPrevEpoch,
          prev.epoch == 0 ? "the journal before LSN " + std::to_string(current.live.header.first_lsn) +
                                " is missing, and no checkpoint covers it"
                          : "the segment before it, " + journal::SegmentFileName(prev) + ", is missing"));
    } else if (!prev_exists && prev == SegmentId{} && current.live.header.first_lsn == 1) {
      return false;  // damaged elsewhere, and the first one by what is left of it
    }
    const std::optional<SegmentId> guess =
        prev_exists && !files_.at(prev).fault ? std::optional(prev) : SoundBefore(id);
    if (!guess) return false;
    current.gap_before = true;
    std::vector<base::Hash256> ends;
    if (!current.header_ok) {
      ends.push_back(current.live.header.prev_chain);
      const auto& continued = files_.at(id).first_frame_prev_chain;
      if (continued) ends.push_back(*continued);
    }
    Take(*guess, 0);
    survey_.segments.back().ends = std::move(ends);
    return true;
  }

  base::Env& env_;
  const std::string& dir_;
  const journal::StoreId& journal_id_;
  const journal::TrimmedBelow& trimmed_;
  std::map<SegmentId, SegmentFile> files_;
  ChainSurvey survey_;
};

}  // namespace

Result<ChainSurvey> SurveyChain(base::Env& env, const std::string& dir, const journal::StoreId& journal_id,
                                const journal::TrimmedBelow& trimmed) {
  auto chain = journal::ReadChain(env, dir, journal_id, trimmed);
  if (chain.ok()) {
    ChainSurvey survey;
    for (journal::LiveSegment& segment : chain->segments) {
      survey.segments.emplace_back();
      survey.segments.back().live = std::move(segment);
    }
    survey.orphans = std::move(chain->orphans);
    survey.highest_epoch = chain->highest_epoch;
    return survey;
  }
  const Error refusal = std::move(chain).error();
  if (refusal.code != ErrorCode::kCorruption) return refusal;
  TENURE_ASSIGN(ChainSurvey survey, Surveyor(env, dir, journal_id, trimmed).Run());
  // Whatever the reader refused is a problem, also if this survey looks at it with milder eyes.
  const bool named = std::any_of(survey.problems.begin(), survey.problems.end(),
                                 [&](const Error& problem) { return problem.path == refusal.path; });
  if (!named) survey.problems.push_back(refusal);
  return survey;
}

}  // namespace tenure::recovery
