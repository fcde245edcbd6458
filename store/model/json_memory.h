// Memory for taking JSON trees apart.
//
// The library's trees are destroyed without recursion: the destructor, which must not throw, moves the children into a
// std::vector, for which there may be no memory. That vector is given some of a reserve then. It is known by its
// allocator, std::allocator of the tree's type; what trees are built of comes from TreeAllocator, and may run out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <vector>

namespace tenure::model {

/// What std::allocator is for everything else.
template <typename T>
struct TreeAllocator {
  using value_type = T;
  TreeAllocator() noexcept = default;
  template <typename Other>
  TreeAllocator(const TreeAllocator<Other>&) noexcept {}
  T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T))); }
  void deallocate(T* block, std::size_t) noexcept { ::operator delete(block); }
  template <typename Other>
  friend bool operator==(const TreeAllocator&, const TreeAllocator<Other>&) noexcept {
    return true;
  }
};

using Json =
    nlohmann::basic_json<std::map, std::vector, std::string, bool, std::int64_t, std::uint64_t, double, TreeAllocator>;

/// From the heap, or from the reserve when that is empty. Thread-safe; throws std::bad_alloc when neither has so much.
void* AllocateToDismantle(std::size_t bytes);
void FreeDismantled(void* block) noexcept;

}  // namespace tenure::model

template <>
class std::allocator<tenure::model::Json> {
 public:
  using value_type = tenure::model::Json;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using propagate_on_container_move_assignment = std::true_type;

  allocator() noexcept = default;
  template <typename Other>
  allocator(const std::allocator<Other>&) noexcept {}
  value_type* allocate(std::size_t count) {
    return static_cast<value_type*>(tenure::model::AllocateToDismantle(count * sizeof(value_type)));
  }
  void deallocate(value_type* block, std::size_t) noexcept { tenure::model::FreeDismantled(block); }
  friend bool operator==(const allocator&, const allocator&) noexcept { return true; }
};
