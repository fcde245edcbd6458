#include "cli/invocation.h"

#include <cstddef>
#include <cstring>
#include <optional>

namespace tenure::cli {
namespace {

/// True for the global options that take the next argument as their value. An unknown option before
/// the command is left for the command to refuse.
bool TakesNext(const std::string& word) { return word == "-C" || word == "--store" || word == "--format"; }

void NoteFormat(const std::string& word, const std::string* next, Format& format) {
  std::optional<Format> parsed;
  if (word == "--json") parsed = Format::kJson;
  if (word == "--format" && next != nullptr) parsed = ParseFormat(*next);
  if (word.rfind("--format=", 0) == 0) parsed = ParseFormat(word.substr(std::strlen("--format=")));
  // Whoever asks for JSON anywhere gets the errors of a contradiction in JSON.
  if (parsed && format != Format::kJson) format = *parsed;
}

}  // namespace

Invocation Split(const std::vector<std::string>& arguments, bool (*is_group)(std::string_view word)) {
  Invocation result;
  bool options_ended = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    const std::string* next = i + 1 < arguments.size() ? &arguments[i + 1] : nullptr;
    if (!options_ended) NoteFormat(word, next, result.format);
    if (word == "--") options_ended = true;
    const bool naming = result.words.empty() || (result.words.size() == 1 && is_group(result.words[0]));
    const bool option = word.size() > 1 && word[0] == '-';
    if (naming && !options_ended && (word == "-h" || word == "--help")) result.help = true;
    if (result.words.empty() && !options_ended && word == "--version") result.version = true;
    if (naming && !option && !options_ended && !word.empty()) {
      result.words.push_back(word);
      continue;
    }
    result.rest.push_back(word);
    if (naming && !options_ended && TakesNext(word) && next != nullptr) {
      result.rest.push_back(arguments[++i]);
    }
  }
  return result;
}

}  // namespace tenure::cli
