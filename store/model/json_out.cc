// The JSON forms that go out. Written by hand, because the order of members is part of them.
#include <string>

#include "store/model/json.h"
#include "store/model/json_parts.h"
#include "store/model/json_tree.h"
#include "store/model/json_writer.h"
#include "store/model/utf8.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {}  // namespace

void AppendQuoted(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (std::size_t pos = 0; pos < text.size();) {
    const std::size_t at = pos;
    const char32_t c = NextCharacter(text, pos);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case kInvalidCharacter:
        out += "\xEF\xBF\xBD";
        break;
      default:
        if (c < 0x20) {
          out += "\\u00";
          out += kHex[c >> 4];
          out += kHex[c & 0xF];
        } else {
          out += text.substr(at, pos - at);
        }
    }
  }
  out += '"';
}

std::string QuoteJson(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  AppendQuoted(out, text);
  return out;
}

std::string EntryJson(const ArtifactEntry& e) {
  std::string out;
  ObjectWriter w(out);
  w.Text("name", e.name);
  w.Text("version", e.version);
  WriteContent(w, e.digest, e.size, e.media_type, e.urls);
  WriteAnnotations(w, e.annotations);
  if (e.created_at_ms != 0) w.Time("createdAt", e.created_at_ms);
  if (e.updated_at_ms != 0) w.Time("updatedAt", e.updated_at_ms);
  w.TextIfAny("writer", e.writer);
  if (!e.uncommitted) {
    w.Number("revision", e.revision);
    w.Number("lsn", e.lsn);
  }
  if (e.deleted) w.True("deleted");
  if (e.uncommitted) w.True("uncommitted");
  w.End();
  return out;
}

std::string TagJson(const TagEntry& t) {
  std::string out;
  ObjectWriter w(out);
  w.Text("name", t.name);
  w.Text("tag", t.tag);
  w.TextIfAny("version", t.version);
  if (t.updated_at_ms != 0) w.Time("updatedAt", t.updated_at_ms);
  w.TextIfAny("writer", t.writer);
  w.Number("revision", t.revision);
  w.Number("lsn", t.lsn);
  if (t.deleted) w.True("deleted");
  w.End();
  return out;
}

namespace {

void WriteHolder(ObjectWriter& w, const LeaseInfo& lease) {
  w.Texts("scopes", lease.scopes);
  w.Text("mode", lease.mode == LeaseMode::kShared ? "shared" : "exclusive");
  w.Text("writer", lease.writer);
  w.TextIfAny("host", lease.host);
  w.Number("pid", lease.pid);
  w.TextIfAny("purpose", lease.purpose);
}

/// The event itself says writer, uid and time.
void WriteLeaseEvent(ObjectWriter& w, const Event& event) {
  const LeaseInfo& lease = *event.lease;
  w.Number("lease_id", lease.id);
  w.TextIfAny("reason", event.reason);
  if (lease.scopes.empty()) return;
  w.Texts("scopes", lease.scopes);
  w.Text("mode", lease.mode == LeaseMode::kShared ? "shared" : "exclusive");
  if (lease.bound) w.True("bound");
  w.Number("ttl_ms", lease.ttl_ms);
  w.TextIfAny("host", lease.host);
  w.Number("pid", lease.pid);
  w.TextIfAny("purpose", lease.purpose);
}

}  // namespace

std::string LeaseJson(const LeaseInfo& lease) {
  std::string out;
  ObjectWriter w(out);
  w.Number("lease_id", lease.id);
  w.Number("fencing_token", lease.id);
  WriteHolder(w, lease);
  if (lease.bound) w.True("bound");
  w.Number("ttl_ms", lease.ttl_ms);
  w.Number("left_ms", lease.left_ms);
  w.Time("acquiredAt", lease.granted_at_ms);
  w.End();
  return out;
}

std::string EventJson(const Event& event) {
  std::string out;
  ObjectWriter w(out);
  w.Number("lsn", event.lsn);
  w.Number("effect", event.effect);
  w.Time("time", event.time_ms);
  w.Text("writer", event.writer);
  w.Number("uid", event.uid);
  w.TextIfAny("request_id", event.request_id);
  w.Text("op", event.op);
  if (event.entry) {
    const ArtifactEntry& e = *event.entry;
    w.Text("key", e.name + ":" + e.version);
    w.Number("revision", e.revision);
    if (event.merged_base) w.Number("merged_base", *event.merged_base);
    if (!e.deleted) {
      WriteContent(w, e.digest, e.size, e.media_type, e.urls);
      WriteAnnotations(w, e.annotations);
      if (e.created_at_ms != 0) w.Time("createdAt", e.created_at_ms);
    }
  } else if (event.tag) {
    const TagEntry& t = *event.tag;
    w.Text("key", t.name + "@" + t.tag);
    w.Number("revision", t.revision);
    w.TextIfAny("version", t.version);
  } else if (event.parked) {
    w.Text("key", KeyOf(*event.parked));
    w.Text("conflict", event.conflict);
    w.Raw("parked", ConflictJson(*event.parked));
  } else if (!event.conflict.empty()) {
    w.Text("conflict", event.conflict);
    w.Text("take", event.take);
  } else if (!event.glob.empty()) {
    w.Text("glob", event.glob);
    if (event.policy) w.Raw("policy", PolicyJson(*event.policy));
  } else if (event.lease) {
    WriteLeaseEvent(w, event);
  } else if (event.below_lsn != 0) {
    w.Number("below_lsn", event.below_lsn);
  } else if (event.cursor) {
    w.Text("cursor", event.cursor->name);
    if (event.op == "set_cursor") w.Number("position", event.cursor->lsn);
    if (event.cursor->effects != 0) w.Number("position_effects", event.cursor->effects);
  }
  w.End();
  return out;
}

std::string CursorJson(const CursorEntry& cursor) {
  std::string out;
  ObjectWriter w(out);
  w.Text("name", cursor.name);
  w.Number("position", cursor.lsn);
  if (cursor.effects != 0) w.Number("position_effects", cursor.effects);
  w.Time("movedAt", cursor.moved_at_ms);
  w.Text("writer", cursor.writer);
  w.End();
  return out;
}

std::string ReceiptJson(const Receipt& receipt) {
  std::string out;
  ObjectWriter w(out);
  w.Number("lsn", receipt.lsn);
  if (!receipt.results.empty()) w.Number("revision", receipt.results.back().revision);
  w.Text("outcome", OutcomeName(receipt.outcome));
  if (receipt.outcome == Outcome::kParked) w.Text("conflict", ConflictIdText({receipt.lsn, 0}));
  if (receipt.time_ms > 0) w.Time("time", receipt.time_ms);
  if (receipt.replayed) w.True("replayed");
  if (receipt.results.size() > 1) {
    w.Name("results");
    const char* separator = "[";
    for (const OpResult& result : receipt.results) {
      out += separator;
      separator = ",";
      ObjectWriter one(out);
      one.Text("outcome", OutcomeName(result.outcome));
      one.Number("revision", result.revision);
      one.End();
    }
    out += ']';
  }
  w.End();
  return out;
}

std::string ErrorJson(const Error& error) {
  std::string out;
  ObjectWriter outer(out);
  outer.Name("error");
  ObjectWriter w(out);
  w.Text("code", ErrorCodeName(error.code));
  w.TextIfAny("message", error.message);
  w.TextIfAny("hint", error.hint);
  w.TextIfAny("path", error.path);
  if (error.offset) w.Number("offset", *error.offset);
  w.TextIfAny("key", error.key);
  if (error.revision) w.Number("revision", *error.revision);
  if (error.lsn) w.Number("lsn", *error.lsn);
  if (error.holder) {
    w.Name("holder");
    ObjectWriter holder(out);
    holder.Number("lease_id", error.holder->id);
    WriteHolder(holder, *error.holder);
    holder.Time("acquiredAt", error.holder->granted_at_ms);
    holder.Number("left_ms", error.holder->left_ms);
    holder.Number("waiting", error.holder->waiters);
    holder.End();
  }
  if (error.retry_after_ms) w.Number("retry_after_ms", *error.retry_after_ms);
  w.End();
  outer.End();
  return out;
}

std::string ExportEntryJson(const ArtifactEntry& e) {
  std::string out;
  ObjectWriter w(out);
  WriteAnnotations(w, e.annotations);
  w.TextIfAny("digest", e.digest);
  w.TextIfAny("mediaType", e.media_type);
  w.Text("name", e.name);
  if (e.size) w.Number("size", *e.size);
  if (!e.urls.empty()) w.Texts("urls", e.urls);
  w.Text("version", e.version);
  w.End();
  return out;
}

std::string ExportTagJson(const TagEntry& t) {
  std::string out;
  ObjectWriter outer(out);
  outer.Name("tag");
  ObjectWriter w(out);
  w.Text("name", t.name);
  w.Text("tag", t.tag);
  w.Text("version", t.version);
  w.End();
  outer.End();
  return out;
}

}  // namespace tenure::model
