// The only user of <regex>, by itself: GCC 12 with a sanitizer takes the library's own NFA for using
// an uninitialised std::function (a known false positive), and -Werror would refuse the file.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <regex>
#include <string>

#include "schema_check.h"

namespace tenure::model::testing {

bool MatchesPattern(const std::string& text, const std::string& pattern) {
  return std::regex_search(text, std::regex(pattern));
}

}  // namespace tenure::model::testing
