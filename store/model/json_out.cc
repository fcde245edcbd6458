// The JSON forms that go out. Written by hand, because the order of members is part of them.
#include <string>

#include "store/model/json.h"
#include "store/model/json_tree.h"
#include "store/model/json_writer.h"
#include "store/model/utf8.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

/// Annotations as they go into an object. What a store holds is canonical; a text that is no object
/// (a caller's own struct, an index edited by hand) is shown as a string, so that the line stays JSON.
std::string AnnotationsText(const std::string& annotations) {
  if (IsPlainCanonicalObject(annotations)) return annotations;
  auto canonical = CanonicalObject(annotations);
  return canonical.ok() ? std::move(canonical).value() : QuoteJson(annotations);
}

void WriteAnnotations(ObjectWriter& w, const std::string& annotations) {
  if (annotations != "{}") w.Raw("annotations", AnnotationsText(annotations));
}

/// digest, size, mediaType, urls, annotations: each left out when absent.
void WriteContent(ObjectWriter& w, const std::string& digest, const std::optional<std::uint64_t>& size,
                  const std::string& media_type, const std::vector<std::string>& urls) {
  w.TextIfAny("digest", digest);
  if (size) w.Number("size", *size);
  w.TextIfAny("mediaType", media_type);
  if (!urls.empty()) w.Texts("urls", urls);
}

void WriteConditions(ObjectWriter& w, const Operation& op) {
  if (op.if_absent) w.True("if_absent");
  if (op.if_revision) w.Number("if_revision", *op.if_revision);
  if (op.if_digest) w.Text("if_digest", *op.if_digest);
  if (op.if_version) w.Text("if_version", *op.if_version);
  if (op.base) w.Number("base", *op.base);
}

}  // namespace

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

std::string OperationJson(const Operation& op) {
  std::string out;
  ObjectWriter w(out);
  w.Text("op", OpKindName(op.kind));
  w.Text("name", op.name);
  if (op.kind == OpKind::kSetTag || op.kind == OpKind::kDeleteTag) w.Text("tag", op.tag);
  if (op.kind != OpKind::kDeleteTag) w.Text("version", op.version);
  if (op.kind == OpKind::kPut) {
    WriteContent(w, op.digest, op.size, op.media_type, op.urls);
    WriteAnnotations(w, op.annotations);
  }
  if (op.kind == OpKind::kPatch) w.Raw("annotations", AnnotationsText(op.annotations));
  if (op.with_tags) w.True("with_tags");
  WriteConditions(w, op);
  w.End();
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
