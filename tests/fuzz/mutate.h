// Mutations of an input, repeatable from a seed.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz {

using Random = std::mt19937_64;

/// Below `end`, which is not 0. Not a distribution of the library: those differ between libraries.
inline std::uint64_t Below(Random& random, std::uint64_t end) { return random() % end; }

/// Changes `input` in one to eight places: bits, bytes, numbers, words of the target, pieces moved, repeated or cut,
/// and pieces of `others`. Mends its checksums most of the time.
void Mutate(std::string& input, const Target& target, const std::vector<std::string>& others, Random& random);

/// Reads the files of a directory, in the order of their names; nothing when there is none.
std::vector<std::string> ReadCorpus(const std::string& directory);
/// Makes the directory and writes `seeds` into it, as seed-000 and so on. False: it cannot be written.
bool WriteCorpus(const std::string& directory, const std::vector<std::string>& seeds);

}  // namespace tenure::fuzz
