// Makes the one target that it is linked with a libFuzzer program. `PROGRAM --write-seeds DIR` writes its generated
// seeds and ends.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/fuzz/mutate.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

const tenure::fuzz::Registration& TheTarget() { return *tenure::fuzz::Registrations().front(); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  TheTarget().Test(data, size);
  return 0;
}

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  if (*argc == 3 && std::string_view((*argv)[1]) == "--write-seeds") {
    std::exit(tenure::fuzz::WriteCorpus((*argv)[2], TheTarget().target().seeds) ? 0 : 1);
  }
  return 0;
}

/// Three quarters of the mutations are libFuzzer's, guided by what comparisons it has seen; the rest know the format.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  using namespace tenure::fuzz;
  const Target& target = TheTarget().target();
  Random random(seed);
  if (Below(random, 4) != 0) {
    size = LLVMFuzzerMutate(data, size, std::min(max_size, target.bytes_max));
    if (target.mend != nullptr && Below(random, 8) != 0) target.mend(std::as_writable_bytes(std::span(data, size)));
    return size;
  }
  std::string input(reinterpret_cast<const char*>(data), size);
  Mutate(input, target, target.seeds, random);
  size = std::min(input.size(), max_size);
  std::memcpy(data, input.data(), size);
  return size;
}
