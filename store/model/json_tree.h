// Untrusted JSON text into a tree, and a tree back into canonical text. Private to this room: the
// tree's type is a dependency's and stays out of every other header.
//
// Stricter than the library underneath: a duplicate member, a NUL byte, nesting beyond the limit, an
// integer beyond 64 bits and a number that a double cannot hold are refused, each by name. The parser
// keeps no recursion, and the depth limit bounds that of writing and destroying the tree.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "store/model/json_memory.h"
#include "tenure/result.h"

namespace tenure::model {

/// Longer texts are refused unread. Escapes and white space can make a text several times as long as
/// its canonical form, which has its own limit.
inline constexpr std::size_t kJsonTextBytesMax = 8u << 20;

/// Fails with kInvalidArgument (the message says where) or kTooLarge. A scalar has depth 0.
Result<Json> ParseJson(std::string_view text, std::size_t depth_max);

/// Members sorted bytewise, no white space, shortest numbers. `value` comes from ParseJson.
std::string CanonicalText(const Json& value);

/// True only when `json` is an object in canonical form; false also when deciding would need a tree
/// (escapes, fractions, deep nesting). One pass, no allocation.
bool IsPlainCanonicalObject(std::string_view json);

/// CanonicalObject without the shortcut for canonical input.
Result<std::string> CanonicalObjectByTree(std::string_view json);

}  // namespace tenure::model
