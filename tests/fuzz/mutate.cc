#include "tests/fuzz/mutate.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "store/base/codec.h"

namespace tenure::fuzz {
namespace {

/// Numbers at which lengths, counts and signs go wrong.
constexpr std::uint64_t kEdges[] = {
    0,          1,           2,         7,     8,     63,    64,         127,        128,         255,
    256,        4095,        4096,      32767, 65535, 65536, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFFu, 0x1'00000000,
    ~0ull >> 1, ~0ull << 63, ~0ull - 1, ~0ull};

std::string Piece(const std::string& of, Random& random, std::size_t bytes_max) {
  if (of.empty()) return {};
  const std::size_t at = Below(random, of.size());
  const std::size_t length = 1 + Below(random, std::min(bytes_max, of.size() - at));
  return of.substr(at, length);
}

/// A number as the formats write them: fixed width, varint, or digits.
std::string Number(Random& random) {
  const std::uint64_t value = kEdges[Below(random, std::size(kEdges))];
  base::Bytes bytes;
  base::Encoder out(bytes);
  switch (Below(random, 4)) {
    case 0:
      out.U32(static_cast<std::uint32_t>(value));
      break;
    case 1:
      out.U64(value);
      break;
    case 2:
      out.Varint(value);
      break;
    default:
      return std::to_string(value);
  }
  return std::string(base::AsText(bytes));
}

void Place(std::string& input, const std::string& piece, Random& random) {
  const std::size_t at = Below(random, input.size() + 1);
  if (Below(random, 2) == 0) {
    input.insert(at, piece);
  } else {
    input.replace(at, std::min(piece.size(), input.size() - at), piece);
  }
}

void MutateOnce(std::string& input, const Target& target, const std::vector<std::string>& others, Random& random) {
  if (input.empty()) input += static_cast<char>(random());
  const std::size_t at = Below(random, input.size());
  switch (Below(random, 9)) {
    case 0:
      input[at] = static_cast<char>(input[at] ^ static_cast<char>(1u << Below(random, 8)));
      break;
    case 1:
      input[at] = static_cast<char>(random());
      break;
    case 2:
      input[at] = static_cast<char>(input[at] + (Below(random, 2) == 0 ? 1 : -1));
      break;
    case 3:
      input.erase(at, 1 + Below(random, std::min<std::size_t>(16, input.size() - at)));
      break;
    case 4:
      input.insert(at, 1 + Below(random, 8), static_cast<char>(random()));
      break;
    case 5:
      Place(input, Number(random), random);
      break;
    case 6:
      Place(input, Piece(input, random, 64), random);
      break;
    case 7:
      if (!target.words.empty()) Place(input, target.words[Below(random, target.words.size())], random);
      break;
    default:
      if (!others.empty()) Place(input, Piece(others[Below(random, others.size())], random, 256), random);
      break;
  }
}

}  // namespace

void Mutate(std::string& input, const Target& target, const std::vector<std::string>& others, Random& random) {
  for (std::uint64_t times = 1 + Below(random, 8); times > 0; --times) MutateOnce(input, target, others, random);
  if (input.size() > target.bytes_max) input.resize(target.bytes_max);
  if (target.mend != nullptr && Below(random, 8) != 0) target.mend(std::as_writable_bytes(std::span(input)));
}

std::vector<std::string> ReadCorpus(const std::string& directory) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    if (at->is_regular_file()) paths.push_back(at->path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> inputs;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return inputs;
}

bool WriteCorpus(const std::string& directory, const std::vector<std::string>& seeds) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    std::string number = std::to_string(i);
    number.insert(0, number.size() < 3 ? 3 - number.size() : 0, '0');
    std::ofstream out(directory + "/seed-" + number, std::ios::binary);
    out << seeds[i];
    if (!out.flush()) return false;
  }
  return true;
}

}  // namespace tenure::fuzz
