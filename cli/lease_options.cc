#include "cli/lease_options.h"

#include <algorithm>
#include <cstdlib>

#include "cli/working_directory.h"
#include "lease/token.h"
#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::cli {
namespace {

/// A file of tokens is short.
constexpr std::size_t kTokenFileBytesMax = 64u << 10;

Result<std::vector<std::string>> Texts(std::string_view text, const std::string& from) {
  auto tokens = lease::ParseTokens(text);
  if (!tokens.ok()) {
    Error error = std::move(tokens).error();
    error.message = from + ": " + error.message;
    return error;
  }
  std::vector<std::string> texts;
  for (const lease::Token& token : *tokens) texts.push_back(lease::Print(token));
  return texts;
}

}  // namespace

Result<std::vector<std::string>> TokensOf(const std::string& text) {
  if (text.empty() || text[0] != '@') return Texts(text, "the token given");
  TENURE_ASSIGN(const std::string path, AbsolutePath(text.substr(1)));
  TENURE_ASSIGN(const auto file, base::Env::Posix().Open(path, base::OpenMode::kRead));
  base::Bytes bytes(kTokenFileBytesMax);
  TENURE_ASSIGN(const std::size_t got, file->ReadAt(0, bytes));
  TENURE_ASSIGN(auto tokens, Texts(base::AsText(base::ByteView(bytes).first(got)), text.substr(1)));
  if (!tokens.empty()) return tokens;
  return base::MakeError(ErrorCode::kInvalidArgument, text.substr(1) + " holds no lease token",
                         "write what 'tenure lease acquire' prints into it");
}

Result<std::string> TokenOf(const std::string& text) {
  TENURE_ASSIGN(const std::vector<std::string> tokens, TokensOf(text));
  if (tokens.size() == 1) return tokens.front();
  return base::MakeError(ErrorCode::kInvalidArgument,
                         "one lease token is needed, not " + std::to_string(tokens.size()));
}

Result<std::vector<std::string>> AmbientTokens() {
  const char* variable = std::getenv("TENURE_LEASE_TOKEN");
  if (variable == nullptr) return std::vector<std::string>();
  return Texts(variable, "TENURE_LEASE_TOKEN");
}

Result<std::uint64_t> ParseDurationOption(const std::string& text, const char* option) {
  auto ms = model::ParseDurationMs(text);
  if (ms.ok()) return ms;
  Error error = std::move(ms).error();
  error.message = std::string("option '") + option + "': " + error.message;
  return error;
}

void LeaseArguments::Define(Args& args) {
  args.Rest("SCOPE", scopes, 1, "name:version, name@tag, name, prefix/** or **; all of them or none");
  args.Option("--ttl", ttl, "DUR", "How long it lives without being renewed: 100ms to 24h (default 300s)");
  args.Option("--wait", wait, "DUR", "How long to wait in the queue (default: not at all)");
  args.Flag("--shared", shared, "Together with other shared holders; keeps writers away, entitles to no write");
  args.Option("--purpose", purpose, "TEXT", "What it is for; others are told");
  args.Option("--writer", writer, "ID", "Who holds it; default user@host");
}

Result<AcquireOptions> LeaseArguments::Options() const {
  AcquireOptions options;
  options.scopes = scopes;
  if (ttl) {
    TENURE_ASSIGN(const std::uint64_t ms, ParseDurationOption(*ttl, "--ttl"));
    options.ttl = std::chrono::milliseconds(ms);
  }
  if (wait) {
    TENURE_ASSIGN(const std::uint64_t ms, ParseDurationOption(*wait, "--wait"));
    options.wait = std::chrono::milliseconds(ms);
  }
  options.mode = shared ? LeaseMode::kShared : LeaseMode::kExclusive;
  options.purpose = purpose;
  options.writer = writer;
  TENURE_ASSIGN(options.held_tokens, AmbientTokens());
  return options;
}

}  // namespace tenure::cli
