// Rows of an index in the order of their keys, a page at a time, so that two of them can be walked side by
// side. Live rows only. One thread; the reader must outlive it.
#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "store/base/error.h"
#include "store/index/index.h"

namespace tenure::cli {

/// Row is ArtifactEntry or TagEntry.
template <typename Row>
class OrderedRows {
 public:
  explicit OrderedRows(const index::IndexReader& reader) : reader_(reader) {}

  /// The row at hand, or null at the end. Valid until Advance.
  Result<const Row*> Current() {
    if (at_ == page_.size() && !ended_) TENURE_RETURN_IF_ERROR(ReadPage());
    return at_ < page_.size() ? &page_[at_] : nullptr;
  }
  void Advance() { ++at_; }

 private:
  static constexpr std::size_t kPageRows = 4'096;

  Status ReadPage() {
    index::Listing listing;
    if (!page_.empty()) {
      listing.after_name = page_.back().name;
      listing.after_version = RestOf(page_.back());
    }
    page_.clear();
    at_ = 0;
    const auto keep = [this](const Row& row) {
      page_.push_back(row);
      return page_.size() < kPageRows;
    };
    if constexpr (std::is_same_v<Row, ArtifactEntry>) {
      TENURE_RETURN_IF_ERROR(reader_.ForEachEntry(listing, std::nullopt, keep));
    } else {
      TENURE_RETURN_IF_ERROR(reader_.ForEachTag(listing, std::nullopt, keep));
    }
    ended_ = page_.size() < kPageRows;
    return {};
  }
  static const std::string& RestOf(const ArtifactEntry& row) { return row.version; }
  static const std::string& RestOf(const TagEntry& row) { return row.tag; }

  const index::IndexReader& reader_;
  std::vector<Row> page_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

}  // namespace tenure::cli
