// Operations and lines of exports, read back.
#include <algorithm>
#include <array>
#include <string>

#include "store/model/json.h"
#include "store/model/json_members.h"
#include "store/model/refusal.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

constexpr const char* kStrategyHint =
    "strategies are reject, last-writer-wins, first-writer-wins, merge, merge-or-park and park";

struct OpName {
  std::string_view text;
  OpKind kind;
};
constexpr std::array<OpName, 8> kOps = {{{"put", OpKind::kPut},
                                         {"patch", OpKind::kPatch},
                                         {"delete", OpKind::kDelete},
                                         {"set_tag", OpKind::kSetTag},
                                         {"delete_tag", OpKind::kDeleteTag},
                                         {"set_policy", OpKind::kSetPolicy},
                                         {"delete_policy", OpKind::kDeletePolicy},
                                         {"resolve", OpKind::kResolve}}};

Result<OpKind> KindOf(const Json& object) {
  constexpr const char* kHint = "op is put, patch, delete, set_tag, delete_tag, set_policy, delete_policy or resolve";
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

Status CheckStrategy(const std::string& name) {
  if (StrategyOf(name)) return {};
  return Invalid("unknown strategy " + Shown(name), kStrategyHint);
}

std::function<Status(const Json&)> TakeStrategy(std::optional<std::string>& to) {
  return [&to](const Json& value) -> Status {
    TENURE_RETURN_IF_ERROR(TakeText(to)(value));
    return CheckStrategy(*to);
  };
}

std::function<Status(const Json&)> TakeFlag(std::optional<bool>& to) {
  return [&to](const Json& value) -> Status { return TakeBool(to.emplace())(value); };
}

/// {"immutable":…,"require_lease":…,"on_conflict":…,"schema":…,"keep_history":…}
std::function<Status(const Json&)> TakePolicy(PolicySpec& to) {
  return [&to](const Json& value) -> Status {
    if (!value.is_object()) return Invalid("expected an object, got " + std::string(value.type_name()));
    std::optional<std::string> strategy;
    const auto take_schema = [&to](const Json& schema) -> Status {
      to.schema = CanonicalText(schema);
      return {};
    };
    const std::array<Member, 5> members = {{{"immutable", false, TakeFlag(to.immutable)},
                                            {"require_lease", false, TakeFlag(to.require_lease)},
                                            {"on_conflict", false, TakeStrategy(strategy)},
                                            {"schema", false, take_schema},
                                            {"keep_history", false, TakeFlag(to.keep_history)}}};
    TENURE_RETURN_IF_ERROR(ReadMembers(value, members, "policy"));
    if (strategy) to.on_conflict = StrategyOf(*strategy);
    return {};
  };
}

std::function<Status(const Json&)> TakeConflictId(ConflictId& to) {
  return [&to](const Json& value) -> Status {
    std::string text;
    TENURE_RETURN_IF_ERROR(TakeText(text)(value));
    const auto id = ParseConflictId(text);
    if (!id) return Invalid(Shown(text) + " is not the id of a conflict", "ids look like \"42\" or \"42.1\"");
    to = *id;
    return {};
  };
}

std::function<Status(const Json&)> TakeSide(Take& to) {
  return [&to](const Json& value) -> Status {
    std::string text;
    TENURE_RETURN_IF_ERROR(TakeText(text)(value));
    for (const Take take : {Take::kOurs, Take::kTheirs, Take::kBase, Take::kGiven}) {
      if (text != TakeName(take)) continue;
      to = take;
      return {};
    }
    return Invalid(Shown(text) + " is no side of a conflict", "take is ours, theirs, base or given");
  };
}

class MemberTable {
 public:
  void Add(std::string_view name, std::function<Status(const Json&)> take, bool required = false) {
    members_.push_back(Member{name, required, std::move(take)});
  }
  /// What a put and a given resolution say of an entry.
  void AddContent(Operation& op) {
    Add("digest", TakeText(op.digest));
    Add("size", TakeNumber(op.size));
    Add("mediaType", TakeText(op.media_type));
    Add("urls", TakeTexts(op.urls));
    Add("annotations", TakeObject(op.annotations));
  }
  std::vector<Member> Take() { return std::move(members_); }

 private:
  std::vector<Member> members_;
};

/// Members of operations on policies and parked conflicts.
void AddRareMembers(Operation& op, MemberTable& table) {
  switch (op.kind) {
    case OpKind::kSetPolicy:
      table.Add("glob", TakeText(op.glob), true);
      table.Add("policy", TakePolicy(op.policy.emplace()), true);
      table.Add("unset", TakeTexts(op.policy->unset));
      break;
    case OpKind::kDeletePolicy:
      table.Add("glob", TakeText(op.glob), true);
      break;
    case OpKind::kResolve:
      table.Add("conflict", TakeConflictId(op.conflict), true);
      table.Add("take", TakeSide(op.take), true);
      table.Add("version", TakeText(op.version));
      table.AddContent(op);
      table.Add("base", TakeNumber(op.base));
      break;
    default:
      break;
  }
}

/// The members that operations of `op.kind` have.
std::vector<Member> MembersOf(ParsedOperation& parsed, std::string& kind_text) {
  Operation& op = parsed.operation;
  MemberTable table;
  table.Add("op", TakeText(kind_text), true);
  if (OnEntry(op.kind) || OnTag(op.kind)) table.Add("name", TakeText(op.name), true);
  switch (op.kind) {
    case OpKind::kPut:
      table.Add("version", TakeText(op.version), true);
      table.AddContent(op);
      table.Add("if_absent", TakeBool(op.if_absent));
      break;
    case OpKind::kPatch:
      table.Add("version", TakeText(op.version), true);
      table.Add("annotations", TakeObject(op.annotations), true);
      break;
    case OpKind::kDelete:
      table.Add("version", TakeText(op.version), true);
      table.Add("with_tags", TakeBool(op.with_tags));
      break;
    case OpKind::kSetTag:
      table.Add("tag", TakeText(op.tag), true);
      table.Add("version", TakeText(op.version), true);
      table.Add("if_version", TakeText(op.if_version));
      break;
    case OpKind::kDeleteTag:
      table.Add("tag", TakeText(op.tag), true);
      break;
    default:
      AddRareMembers(op, table);
  }
  if (OnEntry(op.kind)) {
    table.Add("if_revision", TakeNumber(op.if_revision));
    table.Add("if_digest", TakeText(op.if_digest));
  }
  if (OnEntry(op.kind) || OnTag(op.kind)) table.Add("base", TakeNumber(op.base));
  table.Add("lease", TakeText(parsed.lease));
  table.Add("request_id", TakeText(parsed.request_id));
  table.Add("on_conflict", TakeStrategy(parsed.on_conflict));
  return table.Take();
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
  // Of a full export; they belong to the store that it was made of.
  if (object.size() == 1 && (object.contains("policy") || object.contains("conflict"))) return line;
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
