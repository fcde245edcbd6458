// The JSON forms of operations, policies and parked conflicts.
#include <string>

#include "store/model/json.h"
#include "store/model/json_parts.h"
#include "store/model/json_tree.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

void WriteConditions(ObjectWriter& w, const Operation& op) {
  if (op.if_absent) w.True("if_absent");
  if (op.if_revision) w.Number("if_revision", *op.if_revision);
  if (op.if_digest) w.Text("if_digest", *op.if_digest);
  if (op.if_version) w.Text("if_version", *op.if_version);
  if (op.base) w.Number("base", *op.base);
}

void WriteFlag(ObjectWriter& w, const char* name, const std::optional<bool>& value) {
  if (value) w.Raw(name, *value ? "true" : "false");
}

/// `Attributes` is a Policy or a PolicySpec.
template <typename Attributes>
void WriteAttributes(ObjectWriter& w, const Attributes& of) {
  WriteFlag(w, "immutable", of.immutable);
  WriteFlag(w, "require_lease", of.require_lease);
  if (of.on_conflict) w.Text("on_conflict", StrategyName(*of.on_conflict));
  if (of.schema) w.Raw("schema", *of.schema);
  WriteFlag(w, "keep_history", of.keep_history);
}

void WriteRare(ObjectWriter& w, const Operation& op) {
  if (op.kind == OpKind::kResolve) {
    w.Text("conflict", ConflictIdText(op.conflict));
    w.Text("take", TakeName(op.take));
    return;
  }
  w.Text("glob", op.glob);
  if (!op.policy) return;
  std::string attributes;
  ObjectWriter inner(attributes);
  WriteAttributes(inner, *op.policy);
  inner.End();
  w.Raw("policy", attributes);
  if (!op.policy->unset.empty()) w.Texts("unset", op.policy->unset);
}

/// What was committed as it was; what was only wanted without revision, LSN and times.
std::string SideJson(const ArtifactEntry& e) {
  if (e.revision != 0) return EntryJson(e);
  if (!e.deleted) return ExportEntryJson(e);
  std::string out;
  ObjectWriter w(out);
  w.Text("name", e.name);
  w.Text("version", e.version);
  w.True("deleted");
  w.End();
  return out;
}

std::string SideJson(const TagEntry& t) {
  if (t.revision != 0) return TagJson(t);
  std::string out;
  ObjectWriter w(out);
  w.Text("name", t.name);
  w.Text("tag", t.tag);
  w.TextIfAny("version", t.version);
  if (t.deleted) w.True("deleted");
  w.End();
  return out;
}

template <typename Row>
void WriteSides(ObjectWriter& w, const ConflictSides<Row>& sides) {
  if (sides.base) w.Raw("base", SideJson(*sides.base));
  if (sides.ours) w.Raw("ours", SideJson(*sides.ours));
  if (sides.theirs) w.Raw("theirs", SideJson(*sides.theirs));
}

}  // namespace

std::string AnnotationsText(const std::string& annotations) {
  if (IsPlainCanonicalObject(annotations)) return annotations;
  auto canonical = CanonicalObject(annotations);
  return canonical.ok() ? std::move(canonical).value() : QuoteJson(annotations);
}

void WriteAnnotations(ObjectWriter& w, const std::string& annotations) {
  if (annotations != "{}") w.Raw("annotations", AnnotationsText(annotations));
}

void WriteContent(ObjectWriter& w, const std::string& digest, const std::optional<std::uint64_t>& size,
                  const std::string& media_type, const std::vector<std::string>& urls) {
  w.TextIfAny("digest", digest);
  if (size) w.Number("size", *size);
  w.TextIfAny("mediaType", media_type);
  if (!urls.empty()) w.Texts("urls", urls);
}

std::string OperationJson(const Operation& op) {
  std::string out;
  ObjectWriter w(out);
  w.Text("op", OpKindName(op.kind));
  if (!OnEntry(op.kind) && !OnTag(op.kind)) WriteRare(w, op);
  w.TextIfAny("name", op.name);
  if (OnTag(op.kind)) w.Text("tag", op.tag);
  w.TextIfAny("version", op.version);
  if (op.kind == OpKind::kPut || op.kind == OpKind::kResolve) {
    WriteContent(w, op.digest, op.size, op.media_type, op.urls);
    WriteAnnotations(w, op.annotations);
  }
  if (op.kind == OpKind::kPatch) w.Raw("annotations", AnnotationsText(op.annotations));
  if (op.with_tags) w.True("with_tags");
  WriteConditions(w, op);
  w.End();
  return out;
}

std::string PolicyJson(const Policy& policy) {
  std::string out;
  ObjectWriter w(out);
  w.Text("glob", policy.glob);
  WriteAttributes(w, policy);
  w.TextIfAny("writer", policy.writer);
  if (policy.time_ms != 0) w.Time("time", policy.time_ms);
  w.Number("lsn", policy.lsn);
  w.End();
  return out;
}

std::string ConflictJson(const ParkedConflict& c) {
  std::string out;
  ObjectWriter w(out);
  w.Text("id", ConflictIdText(c.id));
  w.Text("key", KeyOf(c));
  w.Text("kind", ConflictKindName(c.kind));
  w.Text("strategy", StrategyName(c.strategy));
  w.TextIfAny("reason", c.reason);
  w.TextIfAny("writer", c.writer);
  w.Number("uid", c.uid);
  if (c.time_ms != 0) w.Time("time", c.time_ms);
  if (c.base_revision) w.Number("base_revision", *c.base_revision);
  c.of_tag ? WriteSides(w, c.tag) : WriteSides(w, c.entry);
  w.End();
  return out;
}

}  // namespace tenure::model
