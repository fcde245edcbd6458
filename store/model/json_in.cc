// Operations and lines of exports, read back.
#include <algorithm>
#include <array>
#include <string>

#include "store/model/json.h"
#include "store/model/json_members.h"
#include "store/model/refusal.h"

namespace tenure::model {
namespace {

constexpr std::array<std::string_view, 5> kStrategies = {"reject", "last-writer-wins", "first-writer-wins", "merge",
                                                         "park"};

struct OpName {
  std::string_view text;
  OpKind kind;
};
constexpr std::array<OpName, 5> kOps = {{{"put", OpKind::kPut},
                                         {"patch", OpKind::kPatch},
                                         {"delete", OpKind::kDelete},
                                         {"set_tag", OpKind::kSetTag},
                                         {"delete_tag", OpKind::kDeleteTag}}};

Result<OpKind> KindOf(const Json& object) {
  constexpr const char* kHint = "op is put, patch, delete, set_tag or delete_tag";
  const auto op = object.find("op");
  if (op == object.end()) return Invalid("operation: member \"op\" is missing", kHint);
  if (!op->is_string())
    return Invalid("operation: member \"op\": expected a string, got " + std::string(op->type_name()), kHint);
  const std::string& text = op->get_ref<const std::string&>();
  for (const OpName& known : kOps) {
    if (known.text == text) return known.kind;
  }
  return Invalid("operation: unknown op " + Shown(text), kHint);
}

std::function<Status(const Json&)> TakeStrategy(std::optional<std::string>& to) {
  return [&to](const Json& value) -> Status {
    TENURE_RETURN_IF_ERROR(TakeText(to)(value));
    if (std::find(kStrategies.begin(), kStrategies.end(), *to) != kStrategies.end()) return {};
    return Invalid("unknown strategy " + Shown(*to),
                   "strategies are reject, last-writer-wins, first-writer-wins, merge and park");
  };
}

/// The members that operations of `op.kind` have.
std::vector<Member> MembersOf(ParsedOperation& parsed, std::string& kind_text) {
  Operation& op = parsed.operation;
  std::vector<Member> members = {{"op", true, TakeText(kind_text)}, {"name", true, TakeText(op.name)}};
  const auto add = [&](std::string_view name, std::function<Status(const Json&)> take, bool required = false) {
    members.push_back(Member{name, required, std::move(take)});
  };
  switch (op.kind) {
    case OpKind::kPut:
      add("version", TakeText(op.version), true);
      add("digest", TakeText(op.digest));
      add("size", TakeNumber(op.size));
      add("mediaType", TakeText(op.media_type));
      add("urls", TakeTexts(op.urls));
      add("annotations", TakeObject(op.annotations));
      add("if_absent", TakeBool(op.if_absent));
      break;
    case OpKind::kPatch:
      add("version", TakeText(op.version), true);
      add("annotations", TakeObject(op.annotations), true);
      break;
    case OpKind::kDelete:
      add("version", TakeText(op.version), true);
      add("with_tags", TakeBool(op.with_tags));
      break;
    case OpKind::kSetTag:
      add("tag", TakeText(op.tag), true);
      add("version", TakeText(op.version), true);
      add("if_version", TakeText(op.if_version));
      break;
    case OpKind::kDeleteTag:
      add("tag", TakeText(op.tag), true);
      break;
  }
  if (op.kind == OpKind::kPut || op.kind == OpKind::kPatch || op.kind == OpKind::kDelete) {
    add("if_revision", TakeNumber(op.if_revision));
    add("if_digest", TakeText(op.if_digest));
  }
  add("base", TakeNumber(op.base));
  add("lease", TakeText(parsed.lease));
  add("request_id", TakeText(parsed.request_id));
  add("on_conflict", TakeStrategy(parsed.on_conflict));
  return members;
}

Result<TagEntry> ReadTag(const Json& object) {
  TagEntry tag;
  const std::array<Member, 8> members = {{{"name", true, TakeText(tag.name)},
                                          {"tag", true, TakeText(tag.tag)},
                                          {"version", false, TakeText(tag.version)},
                                          {"updatedAt", false, TakeTime(tag.updated_at_ms)},
                                          {"writer", false, TakeText(tag.writer)},
                                          {"revision", false, TakeNumber(tag.revision)},
                                          {"lsn", false, TakeNumber(tag.lsn)},
                                          {"deleted", false, TakeBool(tag.deleted)}}};
  TENURE_RETURN_IF_ERROR(ReadMembers(object, members, "tag"));
  if (!tag.deleted && tag.version.empty()) return Invalid("tag: member \"version\" is missing");
  return tag;
}

Result<ArtifactEntry> ReadEntry(const Json& object) {
  ArtifactEntry entry;
  const std::array<Member, 13> members = {{{"name", true, TakeText(entry.name)},
                                           {"version", true, TakeText(entry.version)},
                                           {"digest", false, TakeText(entry.digest)},
                                           {"size", false, TakeNumber(entry.size)},
                                           {"mediaType", false, TakeText(entry.media_type)},
                                           {"urls", false, TakeTexts(entry.urls)},
                                           {"annotations", false, TakeObject(entry.annotations)},
                                           {"createdAt", false, TakeTime(entry.created_at_ms)},
                                           {"updatedAt", false, TakeTime(entry.updated_at_ms)},
                                           {"writer", false, TakeText(entry.writer)},
                                           {"revision", false, TakeNumber(entry.revision)},
                                           {"lsn", false, TakeNumber(entry.lsn)},
                                           {"deleted", false, TakeBool(entry.deleted)}}};
  TENURE_RETURN_IF_ERROR(ReadMembers(object, members, "entry"));
  return entry;
}

}  // namespace

Result<ParsedOperation> ParseOperation(std::string_view json) {
  TENURE_ASSIGN(const Json object, ParseLine(json));
  ParsedOperation parsed;
  TENURE_ASSIGN(parsed.operation.kind, KindOf(object));
  std::string kind_text;
  const std::vector<Member> members = MembersOf(parsed, kind_text);
  const std::string where = "operation " + object["op"].dump();
  TENURE_RETURN_IF_ERROR(ReadMembers(object, members, where));
  return parsed;
}

Result<ImportLine> ParseImportLine(std::string_view json) {
  TENURE_ASSIGN(const Json object, ParseLine(json));
  ImportLine line;
  const auto tag = object.find("tag");
  if (tag == object.end()) {
    TENURE_ASSIGN(line.entry, ReadEntry(object));
  } else if (tag->is_object() && object.size() == 1) {
    TENURE_ASSIGN(line.tag, ReadTag(*tag));
  } else {
    TENURE_ASSIGN(line.tag, ReadTag(object));
  }
  return line;
}

}  // namespace tenure::model
