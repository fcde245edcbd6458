// Checks a store without changing it: journal bytes, seals, hash chain, index, state hash.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "store/recovery/config.h"

namespace tenure::recovery {

/// Done and total, in bytes; called often, must be cheap. Returning false interrupts (kClosed).
using Progress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

struct VerifyOptions {
  bool index = true;  ///< Also the SQLite file: integrity, state hash, applied LSN, equality.
  /// Rebuild all rows from checkpoint and journal in memory and compare them with the index (slow).
  bool deep = false;
  std::optional<std::string> expect_head;  ///< Hex chain hash (or "<lsn>:<hex>") that must occur in the chain.
  std::optional<Lsn> durable;              ///< Known durable LSN (from shared memory); else the last valid frame.
  Progress progress;
};

struct VerifyReport {
  std::uint64_t segments = 0, orphan_segments = 0, frames = 0, transactions = 0, effects = 0, bytes = 0;
  Lsn first_lsn = 0;  ///< 0: no transaction retained.
  Lsn last_lsn = 0;
  std::string chain_head;  ///< Hex.
  std::string state_hash;  ///< Hex, of the last frame.
  std::string index_path;  ///< Empty: there is none.
  Lsn applied_lsn = 0;
  bool state_hash_checked = false;
  std::vector<Error> problems;        ///< Corruption: each names file and offset.
  std::vector<std::string> warnings;  ///< Set-aside tails, orphans, non-zero bytes behind the end, a missing index.
  bool ok() const { return problems.empty(); }
};

/// A failure only when the store cannot be looked at (no store, I/O); damage is in the report.
Result<VerifyReport> Verify(base::Env& env, const Layout& layout, const VerifyOptions& options);

}  // namespace tenure::recovery
