// Which number a key has: an open-addressing table of {tag, number}, so that a look costs one cache line here and those
// of the numbered thing itself. std::unordered_map has four on that way, and with a hundred thousand keys none of them
// is in the cache. (Linear probing, and shifting back on removal: Knuth, The Art of Computer Programming 3, 6.4.)
//
// Keys themselves are not kept here: who has a number knows its key, and says whether it is the one that is looked for.
// One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tenure::commit {

class KeyIndex {
 public:
  static constexpr std::uint32_t kNone = 0xffff'ffff;

  /// Nothing in it, as small as it can be.
  void Clear();
  /// Room for `keys` without growing.
  void Reserve(std::size_t keys);

  /// The number whose tag is `tag` and of which `is_it(number)` is true; kNone: there is none.
  template <typename IsIt>
  std::uint32_t Find(std::uint32_t tag, IsIt is_it) const {
    if (places_.empty()) return kNone;
    for (std::size_t at = tag & mask();; at = (at + 1) & mask()) {
      const Place& place = places_[at];
      if (place.number == kNone) return kNone;
      if (place.tag == tag && is_it(place.number)) return place.number;
    }
  }
  /// A key that is not in it. May throw std::bad_alloc, before anything has changed.
  void Insert(std::uint32_t tag, std::uint32_t number);
  /// One that is.
  void Erase(std::uint32_t tag, std::uint32_t number);

  std::size_t size() const { return used_; }

 private:
  /// At most three of four places are taken: a look passes 2.5 of them at the worst (6.4, theorem K).
  static constexpr std::size_t CapacityFor(std::size_t keys) { return keys + keys / 3 + 1; }
  struct Place {
    std::uint32_t tag = 0;
    std::uint32_t number = kNone;
  };
  std::size_t mask() const { return places_.size() - 1; }
  void Put(std::uint32_t tag, std::uint32_t number);

  std::vector<Place> places_;  // a power of two of them, or none
  std::size_t used_ = 0;
};

}  // namespace tenure::commit
