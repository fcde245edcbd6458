#include "store/model/validate.h"

#include <array>
#include <string>

#include "store/model/refusal.h"
#include "store/model/utf8.h"

namespace tenure::model {
namespace {

constexpr const char* kNameHint = "a name is 1 to 512 bytes of '/'-separated segments, such as \"team/app\"";
constexpr const char* kVersionHint = "a version is 1 to 256 bytes without '/', '@' and white space, such as \"1.4.2\"";
constexpr const char* kTagHint =
    "a tag begins with a letter, digit or '_', then up to 127 of letters, digits and '._-'";
constexpr const char* kCursorHint =
    "a cursor's name begins with a letter, digit or '_', then up to 127 of letters, digits and '._-'";
constexpr const char* kDigestHint = "write it as \"sha256:\" and 64 lower-case hex digits";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }

// One lookup decides the bytes that nearly all names and versions are made of: letters, digits, '.',
// '_', '-', '+' and '~' need no further rule, wherever they stand (a segment of dots excepted).
constexpr std::array<bool, 256> MakePlainTable() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (const char c : {'.', '_', '-', '+', '~'}) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kPlain = MakePlainTable();
bool IsPlain(char c) { return kPlain[static_cast<unsigned char>(c)]; }

Error NameError(std::string_view name, const std::string& rule) {
  return Invalid("name " + Shown(name) + " " + rule, kNameHint);
}

/// The segment [begin, end) of `name`.
Status CheckSegment(std::string_view name, std::size_t begin, std::size_t end) {
  const std::string_view segment = name.substr(begin, end - begin);
  if (segment.empty()) return NameError(name, "has an empty segment (at byte " + std::to_string(begin) + ")");
  if (segment == "." || segment == "..") return NameError(name, "has a segment " + Shown(segment));
  return {};
}

/// The first character that a text may not hold when it is to be valid UTF-8 without control characters.
Status CheckText(std::string_view text, const char* what, std::size_t bytes_max) {
  if (text.size() > bytes_max) return TooLarge(what, text.size(), bytes_max);
  if (IsPrintableAscii(text)) return {};
  for (std::size_t pos = 0; pos < text.size();) {
    const std::size_t at = pos;
    const char32_t c = NextCharacter(text, pos);
    if (c == kInvalidCharacter) {
      return Invalid(std::string(what) + " " + Shown(text) + " is not valid UTF-8 at byte " + std::to_string(at));
    }
    if (IsControl(c)) {
      return Invalid(std::string(what) + " " + Shown(text) + " holds a control character at byte " +
                     std::to_string(at));
    }
  }
  return {};
}

template <std::size_t kDigits>
Status CheckHexDigest(std::string_view digest, std::string_view hex) {
  if (hex.size() != kDigits) {
    return Invalid("digest " + Shown(digest) + " has " + std::to_string(hex.size()) + " digits; it needs " +
                       std::to_string(kDigits),
                   kDigestHint);
  }
  // Bytes only, no branch for each, and a count that the compiler knows, so that it takes many at a time: every
  // operation that is committed comes through here twice.
  unsigned char bad = 0;
  for (std::size_t i = 0; i < kDigits; ++i) {
    const auto digit = static_cast<unsigned char>(hex[i] - '0');
    const auto letter = static_cast<unsigned char>(hex[i] - 'a');
    bad = static_cast<unsigned char>(bad | ((digit > 9 ? 1 : 0) & (letter > 5 ? 1 : 0)));
  }
  if (bad == 0) return {};
  return Invalid("digest " + Shown(digest) + " holds a character that is not a lower-case hex digit", kDigestHint);
}

/// An algorithm whose length tenure does not know.
Status CheckOtherDigest(std::string_view digest, std::string_view algorithm, std::string_view value) {
  constexpr std::size_t kValueCharactersMin = 32;
  for (const char c : algorithm) {
    if (!IsLower(c) && !IsDigit(c) && c != '+' && c != '.' && c != '_' && c != '-') {
      return Invalid("digest " + Shown(digest) + " names an algorithm with characters outside [a-z0-9+._-]",
                     kDigestHint);
    }
  }
  if (value.size() < kValueCharactersMin) {
    return Invalid("digest " + Shown(digest) + " is too short: " + std::to_string(value.size()) + " characters, not " +
                       std::to_string(kValueCharactersMin) + " or more",
                   kDigestHint);
  }
  for (const char c : value) {
    if (!IsLower(c) && !IsUpper(c) && !IsDigit(c) && c != '=' && c != '_' && c != '-') {
      return Invalid("digest " + Shown(digest) + " holds characters outside [A-Za-z0-9=_-]", kDigestHint);
    }
  }
  return {};
}

/// [A-Za-z0-9_][A-Za-z0-9._-]*
Status CheckWord(const std::string& kind, std::string_view word, std::size_t bytes_max, const char* hint) {
  if (word.empty()) return Invalid(kind + " \"\" is empty", hint);
  if (word.size() > bytes_max) return TooLarge(kind + " " + Shown(word), word.size(), bytes_max);
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    const bool first = IsLower(c) || IsUpper(c) || IsDigit(c) || c == '_';
    if (first || (i > 0 && (c == '.' || c == '-'))) continue;
    return Invalid(kind + " " + Shown(word) + (i == 0 ? " may not begin with " : " may not hold ") + Shown({&c, 1}),
                   hint);
  }
  return {};
}

}  // namespace

Status ValidateName(std::string_view name) {
  if (name.empty()) return Invalid("name \"\" is empty", kNameHint);
  if (name.size() > kNameBytesMax) return TooLarge("name " + Shown(name), name.size(), kNameBytesMax);
  std::size_t segment = 0;
  for (std::size_t pos = 0; pos < name.size();) {
    const char byte = name[pos];
    if (IsPlain(byte)) {
      ++pos;
      continue;
    }
    if (byte == '/') {
      TENURE_RETURN_IF_ERROR(CheckSegment(name, segment, pos));
      segment = ++pos;
      continue;
    }
    const std::size_t at = pos;
    const char32_t c = NextCharacter(name, pos);
    const std::string where = " at byte " + std::to_string(at);
    if (c == kInvalidCharacter) return NameError(name, "is not valid UTF-8" + where);
    if (IsControl(c)) return NameError(name, "holds a control character" + where);
    if (c == ':') return NameError(name, "holds a ':'" + where + ", which separates a version");
    if (c == '@' && at != segment) {
      return NameError(name, "holds an '@'" + where + ", which may only begin a segment");
    }
  }
  return CheckSegment(name, segment, name.size());
}

Status ValidateVersion(std::string_view version) {
  if (version.empty()) return Invalid("version \"\" is empty", kVersionHint);
  if (version.size() > kVersionBytesMax) {
    return TooLarge("version " + Shown(version), version.size(), kVersionBytesMax);
  }
  for (std::size_t pos = 0; pos < version.size();) {
    if (IsPlain(version[pos])) {
      ++pos;
      continue;
    }
    const std::size_t at = pos;
    const char32_t c = NextCharacter(version, pos);
    const char* rule = nullptr;
    if (c == kInvalidCharacter) {
      rule = " is not valid UTF-8 at byte ";
    } else if (c == '/' || c == '@') {
      rule = c == '/' ? " holds a '/' at byte " : " holds an '@' at byte ";
    } else if (IsWhiteSpace(c)) {
      rule = " holds white space at byte ";
    } else if (IsControl(c)) {
      rule = " holds a control character at byte ";
    }
    if (rule) return Invalid("version " + Shown(version) + rule + std::to_string(at), kVersionHint);
  }
  return {};
}

Status ValidateTag(std::string_view tag) { return CheckWord("tag", tag, kTagBytesMax, kTagHint); }

Status ValidateCursorName(std::string_view name) { return CheckWord("cursor", name, kCursorBytesMax, kCursorHint); }

Status ValidateDigest(std::string_view digest) {
  if (digest.size() > kDigestBytesMax) return TooLarge("digest " + Shown(digest), digest.size(), kDigestBytesMax);
  const std::size_t colon = digest.find(':');
  if (colon == std::string_view::npos || colon == 0) {
    return Invalid("digest " + Shown(digest) + " names no algorithm", kDigestHint);
  }
  const std::string_view algorithm = digest.substr(0, colon);
  const std::string_view value = digest.substr(colon + 1);
  if (algorithm == "sha256") return CheckHexDigest<64>(digest, value);
  if (algorithm == "sha384") return CheckHexDigest<96>(digest, value);
  if (algorithm == "sha512") return CheckHexDigest<128>(digest, value);
  return CheckOtherDigest(digest, algorithm, value);
}

Status ValidateMediaType(std::string_view media_type) { return CheckText(media_type, "mediaType", kMediaTypeBytesMax); }

Status ValidateUrl(std::string_view url) {
  if (url.empty()) return Invalid("a url is empty", "leave it out");
  return CheckText(url, "url", kUrlBytesMax);
}

Status ValidateWriter(std::string_view writer) {
  if (writer.empty()) return Invalid("writer id \"\" is empty", "a writer id is 1 to 256 bytes, such as \"ci@build7\"");
  return CheckText(writer, "writer id", kWriterBytesMax);
}

Status ValidateRequestId(std::string_view id) {
  if (id.empty()) return Invalid("request id \"\" is empty", "a request id is 1 to 128 bytes; leave it out for none");
  return CheckText(id, "request id", kRequestIdBytesMax);
}

}  // namespace tenure::model
