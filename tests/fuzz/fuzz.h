// What a fuzz target is: a file that registers, under a name, a function that takes any bytes and aborts when the
// product does not keep a promise about them, and a Target, which says what to begin with and how to get behind
// checksums.
//
// driver.cc runs the target that is named over its seeds and a fixed number of mutations, the same in every run: one
// program holds them all. libfuzzer.cc makes one of them a libFuzzer program. Both mutate with mutate.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/base/env.h"
#include "tenure/result.h"

namespace tenure::fuzz {

struct Target {
  /// Made with the product's own encoders; texts are in tests/fuzz/corpus/<name>/.
  std::vector<std::string> seeds;
  /// What the format is made of, to be put into inputs.
  std::vector<std::string> words;
  /// Makes checksums good, so that what lies behind them is reached; null: there are none.
  void (*mend)(std::span<std::byte> bytes) = nullptr;
  /// Longer inputs are cut.
  std::size_t bytes_max = 4096;
  /// Mutations that the driver makes unless told otherwise: about a second of them.
  std::uint64_t runs = 10'000;
};

/// One of the program's targets: an object of static storage in the file that has the target.
class Registration {
 public:
  /// `name` lasts as long as the program. `test` answers 0.
  Registration(const char* name, const Target& (*target)(), int (*test)(const std::uint8_t* data, std::size_t size));
  std::string_view name() const { return name_; }
  const Target& target() const { return target_(); }
  void Test(const std::uint8_t* data, std::size_t size) const { test_(data, size); }

 private:
  const char* name_;
  const Target& (*target_)();
  int (*test_)(const std::uint8_t*, std::size_t);
};

/// The program's targets, in no order.
const std::vector<const Registration*>& Registrations();

/// Prints `what` and aborts: for promises that were not kept.
[[noreturn]] void Broken(const char* what, const char* file, int line);

#define FUZZ_EXPECT(condition)                                                \
  do {                                                                        \
    if (!(condition)) ::tenure::fuzz::Broken(#condition, __FILE__, __LINE__); \
  } while (false)

inline base::ByteView View(const std::uint8_t* data, std::size_t size) { return std::as_bytes(std::span(data, size)); }
inline std::string_view Text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// The value, which must be there.
template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) Broken(result.error().message.c_str(), "a call that must succeed", 0);
  return std::move(result).value();
}
inline void Must(const Status& status) {
  if (!status.ok()) Broken(status.error().message.c_str(), "a call that must succeed", 0);
}

/// `text` cut at its first `count - 1` separators; parts that are not there are empty. Several arguments of one call
/// come from one input that way, and seeds stay readable.
inline std::vector<std::string> Parts(std::string_view text, std::size_t count, char separator = '\n') {
  std::vector<std::string> parts;
  while (parts.size() + 1 < count) {
    const std::size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  }
  parts.emplace_back(text);
  return parts;
}

/// A failure tells what is wrong, in valid UTF-8 that can be printed.
void ExpectWorded(const Error& error);

}  // namespace tenure::fuzz
