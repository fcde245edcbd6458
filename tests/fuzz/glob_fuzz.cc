// Globs: a pattern, a name and a version, one a line.
#include <algorithm>

#include "cli/parse.h"
#include "store/model/reference.h"
#include "store/model/validate.h"
#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz::glob_target {
namespace {

const Target& ThisTarget() {
  static const Target target = [] {
    Target made;
    made.words = {"*", "**", "**/", "/**", "?", "[a-z]", "[!a]", "[", "]", "[*]", ":", "\n", "/", "\xC3\xA9"};
    made.bytes_max = 300;
    return made;
  }();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::string> parts = Parts(Text(data, size), 3);
  const std::string& pattern = parts[0];
  const std::string& name = parts[1];
  const std::string& version = parts[2];
  const auto glob = model::Glob::Compile(pattern);
  if (glob.ok()) {
    const bool matches = glob->Matches(name, version);
    FUZZ_EXPECT(glob->Matches(name, version) == matches);
    const std::string key = glob->matches_versions() ? name + ":" + version : name;
    if (matches) FUZZ_EXPECT(key.starts_with(glob->literal_prefix()));
    if (!glob->matches_versions()) FUZZ_EXPECT(glob->Matches(name, version + "x") == matches);
    // Without a wildcard it matches itself, and nothing else.
    if (!pattern.empty() && pattern.find_first_of("*?[") == std::string::npos) {
      FUZZ_EXPECT(matches == (key == pattern));
      if (!glob->matches_versions()) FUZZ_EXPECT(glob->Matches(pattern, ""));
    }
    if (pattern.empty() || pattern == "**") FUZZ_EXPECT(matches);
    // What a pattern matches, it matches with a wildcard for the rest in front, too.
    if (matches && !pattern.empty() && pattern.size() + 3 <= model::kGlobBytesMax) {
      const auto wider = model::Glob::Compile("**/" + pattern);
      FUZZ_EXPECT(wider.ok() && wider->Matches(name, version));
    }
  } else {
    ExpectWorded(glob.error());
  }
  if (!name.empty() && model::ValidateName(name).ok()) {
    const auto exact = model::Glob::Compile(cli::EscapeGlob(name));
    FUZZ_EXPECT(exact.ok() && exact->Matches(name, version));
    FUZZ_EXPECT(exact->Matches(pattern, version) == (pattern == name));
  }
  return 0;
}

const Registration registration("glob", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::glob_target
