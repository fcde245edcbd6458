#include "store/commit/key_index.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "store/base/error.h"

namespace tenure::commit {
namespace {

constexpr std::size_t kPlacesMin = 64;

}  // namespace

void KeyIndex::Clear() {
  places_ = {};
  used_ = 0;
}

void KeyIndex::Put(std::uint32_t tag, std::uint32_t number) {
  std::size_t at = tag & mask();
  while (places_[at].number != kNone) at = (at + 1) & mask();
  places_[at] = {tag, number};
}

void KeyIndex::Reserve(std::size_t keys) {
  const std::size_t wanted = std::bit_ceil(std::max(kPlacesMin, CapacityFor(keys)));
  if (wanted <= places_.size()) return;
  const std::vector<Place> before = std::exchange(places_, std::vector<Place>(wanted));
  for (const Place& place : before) {
    if (place.number != kNone) Put(place.tag, place.number);
  }
}

void KeyIndex::Insert(std::uint32_t tag, std::uint32_t number) {
  TENURE_CHECK(number != kNone);
  Reserve(used_ + 1);
  Put(tag, number);
  ++used_;
}

/// Whoever stands behind the gap and may stand in it moves there, so that no search ends too early.
void KeyIndex::Erase(std::uint32_t tag, std::uint32_t number) {
  std::size_t gap = tag & mask();
  while (places_[gap].number != number) {
    TENURE_CHECK(places_[gap].number != kNone);
    gap = (gap + 1) & mask();
  }
  for (std::size_t at = (gap + 1) & mask(); places_[at].number != kNone; at = (at + 1) & mask()) {
    const std::size_t home = places_[at].tag & mask();
    if (((at - home) & mask()) < ((at - gap) & mask())) continue;
    places_[gap] = places_[at];
    gap = at;
  }
  places_[gap] = {};
  --used_;
}

}  // namespace tenure::commit
