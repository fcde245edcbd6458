// What commands about leases have in common: tokens, durations, and how a lease is asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/args.h"
#include "cli/command.h"
#include "tenure/lease.h"

namespace tenure::cli {

/// "TOKEN" or "@FILE", which may hold several, separated by white space.
Result<std::vector<std::string>> TokensOf(const std::string& text);
/// Exactly one.
Result<std::string> TokenOf(const std::string& text);
/// TENURE_LEASE_TOKEN; empty when it is not set.
Result<std::vector<std::string>> AmbientTokens();
/// "250ms", "30s", "5m", "2h"; a bare number is seconds.
Result<std::uint64_t> ParseDurationOption(const std::string& text, const char* option);

/// SCOPE… and the options of `lease acquire` and `with-lease`.
struct LeaseArguments {
  std::vector<std::string> scopes;
  std::optional<std::string> ttl;
  std::optional<std::string> wait;
  bool shared = false;
  std::string purpose;
  std::string writer;

  void Define(Args& args);
  Result<AcquireOptions> Options() const;
};

}  // namespace tenure::cli
