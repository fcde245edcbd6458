// What a batch of an import is to do, decided from the state of the store.
//
// Decided against a read that may be old: every write carries the revision it was decided on as a
// condition, so that a transaction that comes too late is rejected as a whole, and decided again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tenure/options.h"
#include "tenure/result.h"
#include "tenure/store.h"
#include "tenure/transaction.h"

namespace tenure::cli {

/// A record to import: a normalised put or set_tag.
struct ImportItem {
  Operation op;
  std::string where;  ///< "FILE:LINE"
};
std::string KeyOfItem(const ImportItem& item);

struct ImportPlan {
  Transaction txn;             ///< Empty: nothing is to be written.
  std::vector<Operation> put;  ///< Puts of txn, for the acknowledgements.
  std::uint64_t added = 0;     ///< Entries and tags that were not there.
  std::uint64_t updated = 0;   ///< Entries that get another URL.
  std::uint64_t unchanged = 0;
  /// An entry or tag that is not the store's: what would be written if a strategy says so, and the message if not.
  struct Conflict {
    Operation op;
    std::string message;
  };
  std::vector<Conflict> conflicts;
  std::vector<std::string> invalid;  ///< Tags that point to nothing.
};

/// Adds what `items` [begin, end) need. Keys within the range are different from each other.
Result<ImportPlan> PlanImport(const Store& store, const std::vector<ImportItem>& items, std::size_t begin,
                              std::size_t end, Consistency consistency);

/// `more` behind `urls`, without those that are there already.
std::vector<std::string> UnitedUrls(const std::vector<std::string>& urls, const std::vector<std::string>& more);

}  // namespace tenure::cli
