#include "bench/common/record.h"

#include <cstdio>
#include <cstring>
#include <numeric>

namespace tenure::bench {
namespace {

constexpr char kHex[] = "0123456789abcdef";

/// Decimal digits of `value`, at least `width`, appended.
void AppendNumber(std::string& out, std::uint64_t value, std::size_t width) {
  char digits[24];
  std::size_t n = 0;
  do {
    digits[n++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  for (std::size_t i = n; i < width; ++i) out.push_back('0');
  while (n > 0) out.push_back(digits[--n]);
}

}  // namespace

std::string KeyName(std::uint64_t key) {
  std::string name = "bench/";
  AppendNumber(name, key, 6);
  return name;
}

RecordSource::RecordSource(std::uint64_t seed, unsigned writer, std::uint64_t keys)
    : state_(seed * 0xBF58476D1CE4E5B9U + writer * 0xD1B54A32D192ED03U + 1), keys_(keys), writer_(writer) {}

// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
std::uint64_t RecordSource::Random() {
  state_ += 0x9E3779B97F4A7C15U;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

void RecordSource::Fill(Record& record, std::uint64_t key) {
  record.key = key;
  record.name.assign("bench/");
  AppendNumber(record.name, key, 6);
  for (std::size_t i = 0; i < record.digest.size(); i += 8) {
    const std::uint64_t word = Random();
    std::memcpy(record.digest.data() + i, &word, sizeof word);
  }
  record.digest_text.assign("sha256:");
  for (const unsigned char byte : record.digest) {
    record.digest_text.push_back(kHex[byte >> 4]);
    record.digest_text.push_back(kHex[byte & 15]);
  }
  record.size = Random() >> 36;
  record.annotations.assign(R"({"build":")");
  AppendNumber(record.annotations, writer_, 2);
  record.annotations.push_back('-');
  AppendNumber(record.annotations, ++count_, 8);
  record.annotations.append(R"(","stage":"candidate"})");
}

std::uint64_t ScatteredKey(std::uint64_t i, std::uint64_t count) {
  std::uint64_t step = count / 2 + count / 9 + 1;
  while (std::gcd(step, count) != 1) ++step;
  return i * step % count;
}

}  // namespace tenure::bench
