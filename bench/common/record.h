// The entries that every subject writes: the same bytes for all, about 200 of them, each different from
// the one before, so that no put is a repetition that a store could answer without writing.
//
// Key i is name "bench/<i>" (six digits or more), version "1.0". Content depends on the seed, the
// writer and the count only: two runs with one seed write the same.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tenure::bench {

inline constexpr std::string_view kVersion = "1.0";
inline constexpr std::string_view kMediaType = "application/vnd.oci.image.manifest.v1+json";

struct Record {
  std::uint64_t key = 0;
  std::string name;
  std::array<unsigned char, 32> digest{};  ///< Binary, for subjects that store it so.
  std::string digest_text;                 ///< "sha256:<hex>".
  std::uint64_t size = 0;
  std::string annotations;  ///< A JSON object.
};

std::string KeyName(std::uint64_t key);

/// One writer's stream of records. Not thread-safe.
class RecordSource {
 public:
  /// Keys are uniform over [0, keys).
  RecordSource(std::uint64_t seed, unsigned writer, std::uint64_t keys);
  /// Fills `record`, reusing its memory.
  void Next(Record& record) { Fill(record, Random() % keys_); }
  /// The next content under a given key.
  void NextAt(std::uint64_t key, Record& record) { Fill(record, key); }

 private:
  std::uint64_t Random();
  void Fill(Record& record, std::uint64_t key);
  std::uint64_t state_;
  std::uint64_t keys_;
  std::uint64_t count_ = 0;
  unsigned writer_;
};

/// The i-th of `count` distinct keys in an order that jumps about: a bijection of [0, count),
/// for counts below 2^32.
std::uint64_t ScatteredKey(std::uint64_t i, std::uint64_t count);

}  // namespace tenure::bench
