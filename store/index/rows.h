// Rows of the index: borrowed forms on the way in, the public structs on the way out.
//
// The order of columns is written down once, here: `*_PAYLOAD` are the columns that a current row and
// a superseded one share; binding and reading follow that order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/base/large_block.h"
#include "store/index/sqlite.h"
#include "store/model/effect.h"

#define TENURE_ENTRY_PAYLOAD \
  "digest, size, media_type, urls, annotations, created_at_ms, updated_at_ms, writer, revision, lsn, deleted"
#define TENURE_TAG_PAYLOAD "version, updated_at_ms, writer, revision, lsn, deleted"
/// What ReadEntry and ReadTag expect a query to return.
#define TENURE_ENTRY_COLUMNS "name, version, " TENURE_ENTRY_PAYLOAD
#define TENURE_TAG_COLUMNS "name, tag, " TENURE_TAG_PAYLOAD
#define TENURE_LEASE_COLUMNS \
  "id, slot, scopes, mode, bound, ttl_ms, secret_hash, writer, uid, host, pid, process_start, purpose, granted_at_ms"
#define TENURE_REQUEST_COLUMNS "lsn, request_id, time_ms, body_hash, cancelled, outcome, receipt_lsn, results"

namespace tenure::index {

inline constexpr int kEntryPayloadColumns = 11;
inline constexpr int kTagPayloadColumns = 6;

/// Bytes that live until Clear, at addresses that do not move. The first ones from malloc, the many of a large batch
/// from large blocks.
class Arena {
 public:
  std::string_view Copy(std::string_view text);
  std::size_t bytes() const { return bytes_; }
  void Clear();

 private:
  void Grow(std::size_t bytes);
  std::vector<std::unique_ptr<char[]>> chunks_;
  std::vector<base::LargeBlock> large_;
  std::size_t room_ = 0;
  char* next_ = nullptr;
  std::size_t bytes_ = 0;
};

/// One revision of an entry, as model::EntryAfter gives it, without copying its texts.
struct EntryView {
  std::string_view name, version, digest, media_type, urls_json, annotations, writer;
  std::optional<std::uint64_t> size;
  TimeMs created_at_ms = 0, updated_at_ms = 0;
  Revision revision = 0;
  Lsn lsn = 0;
  bool deleted = false;
  static constexpr int kPayloadColumns = kEntryPayloadColumns;
  std::string_view key_rest() const { return version; }
};
/// One revision of a tag, as model::TagAfter gives it.
struct TagView {
  std::string_view name, tag, version, writer;
  TimeMs updated_at_ms = 0;
  Revision revision = 0;
  Lsn lsn = 0;
  bool deleted = false;
  static constexpr int kPayloadColumns = kTagPayloadColumns;
  std::string_view key_rest() const { return tag; }
};

/// Texts are borrowed from `txn` and `effect`; rendered ones are put into `arena`.
EntryView EntryViewOf(const model::CommittedTxn& txn, const model::Effect& effect, Arena& arena);
TagView TagViewOf(const model::CommittedTxn& txn, const model::Effect& effect);

/// Gives column number `column` of the payload to `to`, which takes it with Set or SetNull.
template <typename To>
void GivePayload(const EntryView& row, int column, To to) {
  const auto optional = [&to](std::string_view text) { text.empty() ? to.SetNull() : to.Set(text); };
  switch (column) {
    case 0:
      return optional(row.digest);
    case 1:
      return row.size ? to.Set(*row.size) : to.SetNull();
    case 2:
      return optional(row.media_type);
    case 3:
      return to.Set(row.urls_json);
    case 4:
      return to.Set(row.annotations);
    case 5:
      return to.Set(row.created_at_ms);
    case 6:
      return to.Set(row.updated_at_ms);
    case 7:
      return to.Set(row.writer);
    case 8:
      return to.Set(row.revision);
    case 9:
      return to.Set(row.lsn);
    default:
      return to.Set(std::int64_t{row.deleted});
  }
}
template <typename To>
void GivePayload(const TagView& row, int column, To to) {
  switch (column) {
    case 0:
      return to.Set(row.version);
    case 1:
      return to.Set(row.updated_at_ms);
    case 2:
      return to.Set(row.writer);
    case 3:
      return to.Set(row.revision);
    case 4:
      return to.Set(row.lsn);
    default:
      return to.Set(std::int64_t{row.deleted});
  }
}

/// Binds the payload columns from parameter `first` on.
void BindPayload(Statement& statement, int first, const EntryView& row);
void BindPayload(Statement& statement, int first, const TagView& row);

inline constexpr std::string_view kNoUrls = "[]";
/// kCorruption, naming the key, when `json` is not what RenderUrls gives.
Result<std::vector<std::string>> ReadUrls(std::string_view json, std::string_view name, std::string_view version);
std::string RenderUrls(const std::vector<std::string>& urls);
/// Reads a row of the columns above. kCorruption, naming the key, when a column cannot be what a
/// writer stored.
Result<ArtifactEntry> ReadEntry(const Statement& row);
Result<TagEntry> ReadTag(const Statement& row);
Result<model::RequestRow> ReadRequest(const Statement& row);
Result<model::LeaseRow> ReadLease(const Statement& row);
/// 32 hex digits, high word first, as base::Hex prints it.
std::optional<base::Hash128> ParseHash128(std::string_view hex);

}  // namespace tenure::index
