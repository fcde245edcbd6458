// JSON Schema of a stated subset, as policies use it. Pure.
//
// Checked: type, const, enum, properties, required, additionalProperties, propertyNames, minProperties,
// maxProperties, items, minItems, maxItems, uniqueItems, contains, minLength, maxLength, minimum, maximum,
// exclusiveMinimum, exclusiveMaximum, allOf, anyOf, oneOf, not, and the schemas true and false. Passed over:
// $schema, $id, $comment, title, description, default, examples. Every other keyword is refused when the schema is
// set: a rule that is not checked must not look as if it were. No pattern: matching takes no more than time in
// proportion to the value, and cannot fail.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tenure/result.h"
#include "tenure/types.h"

namespace tenure::conflict {

class Schema {
 public:
  /// Fails with kInvalidArgument, naming the keyword and where it is.
  static Result<Schema> Compile(std::string_view text);
  /// Empty when the JSON text `value` is valid; else where and why not: "$.annotations.team is missing".
  std::string WhyNot(std::string_view value) const;
  /// The same for an entry, in the form that `export jsonl` prints.
  std::string WhyNot(const ArtifactEntry& entry) const;

 private:
  struct Tree;
  explicit Schema(std::shared_ptr<const Tree> tree) : tree_(std::move(tree)) {}
  std::shared_ptr<const Tree> tree_;
};

}  // namespace tenure::conflict
