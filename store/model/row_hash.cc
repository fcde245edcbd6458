// Row hashes of the state hash. Every field of a row enters, in the order of its struct.
#include "store/model/effect.h"
#include "store/model/hash_input.h"
#include "store/model/packed_entry.h"

namespace tenure::model {
namespace {

// One domain byte per kind of row, so that rows of different kinds never hash alike. Never renumber.
// A cursor's row is hashed to compare it, nothing else.
constexpr std::uint8_t kEntryRow = 1;
constexpr std::uint8_t kTagRow = 2;
constexpr std::uint8_t kRequestRow = 3;
constexpr std::uint8_t kLeaseRow = 4;
constexpr std::uint8_t kPolicyRow = 5;
constexpr std::uint8_t kParkedRow = 6;
constexpr std::uint8_t kCursorRow = 7;

// Above the sum of all fixed-width fields and text lengths of any row.
constexpr std::size_t kFixedBytesMax = 128;

void AppendContent(std::string_view digest, const std::optional<std::uint64_t>& size, std::string_view media_type,
                   const std::vector<std::string>& urls, std::string_view annotations, FlatWriter& out) {
  out.Text(digest);
  out.U8(size.has_value() ? 1 : 0);
  out.U64(size.value_or(0));
  out.Text(media_type);
  out.U32(static_cast<std::uint32_t>(urls.size()));
  for (const std::string& url : urls) out.Text(url);
  out.Text(annotations);
}

/// Rows that are hashed as the journal encodes them, with what the frame gives behind.
base::Hash128 HashEncoded(std::uint8_t domain, const base::Bytes& body, const std::string& writer, std::uint32_t uid,
                          TimeMs time_ms, Lsn lsn, std::uint32_t effect) {
  HashInput in(kFixedBytesMax + body.size() + writer.size());
  in.U8(domain);
  in.Text({reinterpret_cast<const char*>(body.data()), body.size()});
  in.Text(writer);
  in.U32(uid);
  in.U64(static_cast<std::uint64_t>(time_ms));
  in.U64(lsn);
  in.U32(effect);
  return in.Hash();
}

template <typename T>
std::uint64_t HashContent(const T& of) {
  std::size_t bytes = kFixedBytesMax + of.digest.size() + of.media_type.size() + of.annotations.size();
  for (const std::string& url : of.urls) bytes += HashInput::TextBytes(url);
  HashInput in(bytes);
  AppendContent(of.digest, of.size, of.media_type, of.urls, of.annotations, in.out());
  return base::Xxh128(in.out().bytes()).low;
}

const std::vector<std::string>& UrlsOf(const EntryFields& e) {
  static const std::vector<std::string> kNone;
  return e.urls != nullptr ? *e.urls : kNone;
}

}  // namespace

std::uint64_t ContentHash(const ArtifactEntry& entry) { return HashContent(entry); }
std::uint64_t ContentHash(const Operation& put) { return HashContent(put); }

base::Hash128 RowHash(const Policy& policy) {
  base::Bytes body;
  base::Encoder out(body);
  EncodePolicy(policy, out);
  return HashEncoded(kPolicyRow, body, policy.writer, 0, policy.time_ms, policy.lsn, policy.effect);
}

base::Hash128 RowHash(const ParkedConflict& c) {
  base::Bytes body;
  base::Encoder out(body);
  EncodeParked(c, out);
  return HashEncoded(kParkedRow, body, c.writer, c.uid, c.time_ms, c.id.lsn, c.id.effect);
}

EntryFields FieldsOf(const ArtifactEntry& e) {
  EntryFields fields;
  fields.name = e.name;
  fields.version = e.version;
  fields.digest = e.digest;
  fields.media_type = e.media_type;
  fields.annotations = e.annotations;
  fields.writer = e.writer;
  fields.size = e.size;
  fields.urls = &e.urls;
  fields.created_at_ms = e.created_at_ms;
  fields.updated_at_ms = e.updated_at_ms;
  fields.revision = e.revision;
  fields.lsn = e.lsn;
  fields.deleted = e.deleted;
  return fields;
}

std::size_t FlatBytesMax(const EntryFields& e) {
  std::size_t bytes = kFixedBytesMax + e.name.size() + e.version.size() + e.digest.size() + e.media_type.size() +
                      e.annotations.size() + e.writer.size();
  for (const std::string& url : UrlsOf(e)) bytes += FlatWriter::TextBytes(url);
  return bytes;
}

FlatContent AppendFlat(const EntryFields& e, FlatWriter& out) {
  out.U8(kEntryRow);
  out.Text(e.name);
  out.Text(e.version);
  FlatContent content;
  content.begin = out.size();
  AppendContent(e.digest, e.size, e.media_type, UrlsOf(e), e.annotations, out);
  content.end = out.size();
  out.U64(static_cast<std::uint64_t>(e.created_at_ms));
  out.U64(static_cast<std::uint64_t>(e.updated_at_ms));
  out.Text(e.writer);
  out.U64(e.revision);
  out.U64(e.lsn);
  out.U8(e.deleted ? 1 : 0);
  return content;
}

base::Hash128 RowHash(const ArtifactEntry& e) { return RowHash(FieldsOf(e)); }

base::Hash128 RowHash(const EntryFields& e) {
  HashInput in(FlatBytesMax(e));
  AppendFlat(e, in.out());
  return in.Hash();
}

base::Hash128 RowHash(const TagEntry& t) {
  HashInput in(kFixedBytesMax + t.name.size() + t.tag.size() + t.version.size() + t.writer.size());
  in.U8(kTagRow);
  in.Text(t.name);
  in.Text(t.tag);
  in.Text(t.version);
  in.U64(static_cast<std::uint64_t>(t.updated_at_ms));
  in.Text(t.writer);
  in.U64(t.revision);
  in.U64(t.lsn);
  in.U8(t.deleted ? 1 : 0);
  return in.Hash();
}

base::Hash128 RowHash(const RequestRow& row) {
  constexpr std::size_t kResultBytes = sizeof(std::uint8_t) + sizeof(std::uint64_t);
  HashInput in(kFixedBytesMax + row.request_id.size() + row.results.size() * kResultBytes);
  in.U8(kRequestRow);
  in.Text(row.request_id);
  in.U64(row.lsn);
  in.U64(static_cast<std::uint64_t>(row.time_ms));
  in.U64(row.body_hash.low);
  in.U64(row.body_hash.high);
  in.U8(row.cancelled ? 1 : 0);
  in.U8(static_cast<std::uint8_t>(row.outcome));
  in.U64(row.receipt_lsn);
  in.U32(static_cast<std::uint32_t>(row.results.size()));
  for (const OpResult& result : row.results) {
    in.U8(static_cast<std::uint8_t>(result.outcome));
    in.U64(result.revision);
  }
  return in.Hash();
}

base::Hash128 RowHash(const LeaseRow& row) {
  const LeaseInfo& lease = row.info;
  std::size_t bytes =
      kFixedBytesMax + row.secret_hash.size() + lease.writer.size() + lease.host.size() + lease.purpose.size();
  for (const std::string& scope : lease.scopes) bytes += HashInput::TextBytes(scope);
  HashInput in(bytes);
  in.U8(kLeaseRow);
  in.U64(lease.id);
  in.U32(row.slot);
  in.U32(static_cast<std::uint32_t>(lease.scopes.size()));
  for (const std::string& scope : lease.scopes) in.Text(scope);
  in.U8(static_cast<std::uint8_t>(lease.mode));
  in.U8(lease.bound ? 1 : 0);
  in.U64(lease.ttl_ms);
  in.Text(base::AsText(row.secret_hash));
  in.Text(lease.writer);
  in.U32(lease.uid);
  in.Text(lease.host);
  in.U32(lease.pid);
  in.U64(lease.process_start);
  in.Text(lease.purpose);
  in.U64(static_cast<std::uint64_t>(lease.granted_at_ms));
  return in.Hash();
}

base::Hash128 RowHash(const CursorEntry& cursor) {
  HashInput in(kFixedBytesMax + cursor.name.size() + cursor.writer.size());
  in.U8(kCursorRow);
  in.Text(cursor.name);
  in.U64(cursor.lsn);
  in.U32(cursor.effects);
  in.U64(static_cast<std::uint64_t>(cursor.moved_at_ms));
  in.Text(cursor.writer);
  return in.Hash();
}

}  // namespace tenure::model
