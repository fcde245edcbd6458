// The conditions that writes of one entry have in common: --if-revision, --if-digest, --base.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/args.h"
#include "tenure/transaction.h"

namespace tenure::cli {

inline constexpr char kBaseHelp[] =
    "The revision that the change was made from; when it is not the current one, "
    "--on-conflict decides";

struct Conditions {
  std::optional<std::uint64_t> if_revision;
  std::optional<std::string> if_digest;
  std::optional<std::uint64_t> base;

  void Define(Args& args) {
    args.Option("--if-revision", if_revision, "N", "Only when this is the current revision; 0: only when absent");
    args.Option("--if-digest", if_digest, "DIGEST", "Only when the entry has this digest");
    args.Option("--base", base, "N", kBaseHelp);
  }
  void ApplyTo(Operation& op) const {
    op.if_revision = if_revision;
    op.if_digest = if_digest;
    op.base = base;
  }
};

}  // namespace tenure::cli
