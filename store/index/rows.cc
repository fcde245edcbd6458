#include "store/index/rows.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "store/base/codec.h"
#include "store/base/error.h"
#include "store/model/json.h"
#include "store/model/json_memory.h"

namespace tenure::index {
namespace {

constexpr std::size_t kFirstChunkBytes = 64u << 10;
/// From so many bytes on, chunks are large blocks.
constexpr std::size_t kSmallBytesMax = 1u << 20;
constexpr std::size_t kChunkBytes = 1u << 20;

Error BadRow(const std::string& table, std::string key, const std::string& what) {
  Error e = base::MakeError(ErrorCode::kCorruption, "index row of " + table + " " + key + ": " + what, kRebuildHint);
  e.key = std::move(key);
  return e;
}

struct Parameter {
  Statement& statement;
  int number;
  void Set(std::string_view text) const { statement.Bind(number, text); }
  void Set(std::int64_t value) const { statement.Bind(number, value); }
  void Set(std::uint64_t value) const { statement.Bind(number, value); }
  void SetNull() const { statement.BindNull(number); }
};

/// An array of strings of printable ASCII without escapes, which is what most URLs are, read without building a tree.
/// nullopt: something else, perhaps not even JSON.
std::optional<std::vector<std::string>> PlainTexts(std::string_view json) {
  std::vector<std::string> texts;
  const auto take = [&json](char c) {
    const bool there = !json.empty() && json.front() == c;
    if (there) json.remove_prefix(1);
    return there;
  };
  if (!take('[')) return std::nullopt;
  do {
    if (!take('"')) return std::nullopt;
    const auto plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
    const auto end = static_cast<std::size_t>(std::find_if_not(json.begin(), json.end(), plain) - json.begin());
    texts.emplace_back(json.substr(0, end));
    json.remove_prefix(end);
    if (!take('"')) return std::nullopt;
  } while (take(','));
  if (json != "]") return std::nullopt;
  return texts;
}

Result<std::vector<std::string>> ReadTexts(std::string_view json, const char* kind, const std::string& key,
                                           const std::string& column) {
  if (auto plain = PlainTexts(json)) return std::move(*plain);
  const model::Json list = model::Json::parse(json.begin(), json.end(), nullptr, false);
  const auto is_text = [](const model::Json& text) { return text.is_string(); };
  if (!list.is_array() || !std::all_of(list.begin(), list.end(), is_text)) {
    return BadRow(kind, key, column + " is not a JSON array");
  }
  std::vector<std::string> texts;
  texts.reserve(list.size());
  for (const model::Json& text : list) texts.push_back(text.get_ref<const std::string&>());
  return texts;
}

template <typename View>
void BindAll(Statement& statement, int first, const View& row) {
  for (int i = 0; i < View::kPayloadColumns; ++i) GivePayload(row, i, Parameter{statement, first + i});
}

}  // namespace

void Arena::Grow(std::size_t bytes) {
  if (bytes_ >= kSmallBytesMax && bytes <= base::LargeBlock::kBytes) {
    large_.push_back(base::LargeBlock::Map());
    next_ = reinterpret_cast<char*>(large_.back().data());
    room_ = base::LargeBlock::kBytes;
  } else {
    room_ = std::max(bytes_ == 0 ? kFirstChunkBytes : kChunkBytes, bytes);
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(room_));
    next_ = chunks_.back().get();
  }
  bytes_ += room_;
}

std::string_view Arena::Copy(std::string_view text) {
  if (text.empty()) return {};
  if (text.size() > room_) Grow(text.size());
  std::memcpy(next_, text.data(), text.size());
  const std::string_view copy(next_, text.size());
  next_ += text.size();
  room_ -= text.size();
  return copy;
}

void Arena::Clear() {
  chunks_.clear();
  large_.clear();
  next_ = nullptr;
  room_ = 0;
  bytes_ = 0;
}

EntryView EntryViewOf(const model::CommittedTxn& txn, const model::Effect& effect, Arena& arena) {
  const ArtifactEntry& entry = effect.entry;
  EntryView view;
  view.name = entry.name;
  view.version = entry.version;
  view.revision = entry.revision;
  view.updated_at_ms = txn.time_ms;
  view.writer = txn.writer;
  view.lsn = txn.lsn;
  view.deleted = effect.kind == model::EffectKind::kDeleteEntry;
  view.urls_json = kNoUrls;
  view.annotations = "{}";
  if (view.deleted) return view;
  view.digest = entry.digest;
  view.size = entry.size;
  view.media_type = entry.media_type;
  view.annotations = entry.annotations;
  view.created_at_ms = entry.created_at_ms;
  if (!entry.urls.empty()) view.urls_json = arena.Copy(RenderUrls(entry.urls));
  return view;
}

TagView TagViewOf(const model::CommittedTxn& txn, const model::Effect& effect) {
  TagView view;
  view.name = effect.tag.name;
  view.tag = effect.tag.tag;
  view.deleted = effect.kind == model::EffectKind::kDeleteTag;
  if (!view.deleted) view.version = effect.tag.version;
  view.revision = effect.tag.revision;
  view.updated_at_ms = txn.time_ms;
  view.writer = txn.writer;
  view.lsn = txn.lsn;
  return view;
}

void BindPayload(Statement& statement, int first, const EntryView& row) { BindAll(statement, first, row); }
void BindPayload(Statement& statement, int first, const TagView& row) { BindAll(statement, first, row); }

Result<std::vector<std::string>> ReadUrls(std::string_view json, std::string_view name, std::string_view version) {
  if (json == kNoUrls) return std::vector<std::string>();
  return ReadTexts(json, "entry", std::string(name) + ":" + std::string(version), "urls");
}

std::string RenderUrls(const std::vector<std::string>& urls) {
  std::string json = "[";
  for (const std::string& url : urls) {
    if (json.size() > 1) json += ',';
    json += model::QuoteJson(url);
  }
  return json + "]";
}

Result<ArtifactEntry> ReadEntry(const Statement& row) {
  ArtifactEntry e;
  e.name = row.Text(0);
  e.version = row.Text(1);
  e.digest = row.Text(2);
  if (!row.IsNull(3)) e.size = row.Unsigned(3);
  e.media_type = row.Text(4);
  if (const std::string_view urls = row.Text(5); urls != kNoUrls) {
    TENURE_ASSIGN(e.urls, ReadUrls(urls, e.name, e.version));
  }
  e.annotations = row.Text(6);
  e.created_at_ms = row.Int(7);
  e.updated_at_ms = row.Int(8);
  e.writer = row.Text(9);
  e.revision = row.Unsigned(10);
  e.lsn = row.Unsigned(11);
  e.deleted = row.Int(12) != 0;
  return e;
}

Result<TagEntry> ReadTag(const Statement& row) {
  TagEntry t;
  t.name = row.Text(0);
  t.tag = row.Text(1);
  t.version = row.Text(2);
  t.updated_at_ms = row.Int(3);
  t.writer = row.Text(4);
  t.revision = row.Unsigned(5);
  t.lsn = row.Unsigned(6);
  t.deleted = row.Int(7) != 0;
  return t;
}

Result<model::RequestRow> ReadRequest(const Statement& row) {
  model::RequestRow r;
  r.lsn = row.Unsigned(0);
  r.request_id = row.Text(1);
  r.time_ms = row.Int(2);
  const std::optional<base::Hash128> body_hash = ParseHash128(row.Text(3));
  if (!body_hash) return BadRow("request", r.request_id, "body_hash is not 32 hex digits");
  r.body_hash = *body_hash;
  r.cancelled = row.Int(4) != 0;
  const std::int64_t outcome = row.Int(5);
  if (outcome < 0 || outcome > static_cast<std::int64_t>(Outcome::kParked)) {
    return BadRow("request", r.request_id, "outcome " + std::to_string(outcome) + " is unknown");
  }
  r.outcome = static_cast<Outcome>(outcome);
  r.receipt_lsn = row.Unsigned(6);
  base::Decoder decoder(row.Blob(7));
  r.results = model::DecodeResults(decoder);
  if (!decoder.ok() || !decoder.empty()) return BadRow("request", r.request_id, "results cannot be decoded");
  return r;
}

Result<model::LeaseRow> ReadLease(const Statement& row) {
  model::LeaseRow r;
  r.info.id = row.Unsigned(0);
  const std::string key = std::to_string(r.info.id);
  const std::int64_t mode = row.Int(3);
  if (row.Unsigned(1) >= model::kLeasesMax) return BadRow("lease", key, "slot is out of range");
  if (mode != 0 && mode != 1) return BadRow("lease", key, "mode " + std::to_string(mode) + " is unknown");
  if (!base::FromHex(row.Text(6), r.secret_hash)) return BadRow("lease", key, "secret_hash is not 64 hex digits");
  r.slot = static_cast<std::uint32_t>(row.Unsigned(1));
  TENURE_ASSIGN(r.info.scopes, ReadTexts(row.Text(2), "lease", key, "scopes"));
  r.info.mode = static_cast<LeaseMode>(mode);
  r.info.bound = row.Int(4) != 0;
  r.info.ttl_ms = row.Unsigned(5);
  r.info.writer = row.Text(7);
  r.info.uid = static_cast<std::uint32_t>(row.Unsigned(8));
  r.info.host = row.Text(9);
  r.info.pid = static_cast<std::uint32_t>(row.Unsigned(10));
  r.info.process_start = row.Unsigned(11);
  r.info.purpose = row.Text(12);
  r.info.granted_at_ms = row.Int(13);
  return r;
}

std::optional<base::Hash128> ParseHash128(std::string_view hex) {
  std::array<std::byte, 16> raw;
  if (!base::FromHex(hex, raw)) return std::nullopt;
  base::Hash128 hash;
  for (std::size_t i = 0; i < 8; ++i) {
    hash.high = (hash.high << 8) | std::to_integer<std::uint64_t>(raw[i]);
    hash.low = (hash.low << 8) | std::to_integer<std::uint64_t>(raw[8 + i]);
  }
  return hash;
}

}  // namespace tenure::index
