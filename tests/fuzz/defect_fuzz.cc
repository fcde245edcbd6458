// A parser with a defect, to test the tests: it forgets a checksum's protection for one length that no seed has. That
// the driver finds it, says how to repeat it and keeps the input is checked by ctest.
#include "store/base/codec.h"
#include "store/base/hash.h"
#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz::defect_target {
namespace {

/// u32 checksum, u8 length, bytes.
constexpr std::size_t kHead = 5;

void Mend(std::span<std::byte> bytes) {
  if (bytes.size() < kHead) return;
  base::StoreLe(bytes.data(), base::Crc32c(base::ByteView(bytes).subspan(4)));
}

const Target& ThisTarget() {
  static const Target target = [] {
    Target made;
    std::string seed("\0\0\0\0\4text", 9);
    Mend(std::as_writable_bytes(std::span(seed)));
    made.seeds.push_back(seed);
    made.mend = Mend;
    return made;
  }();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::ByteView bytes = View(data, size);
  if (size < kHead || base::LoadLe<std::uint32_t>(bytes.data()) != base::Crc32c(bytes.subspan(4))) return 0;
  const std::size_t length = data[4];
  if (length > size - kHead && length != 64) return 0;  // the defect: 64 is not refused
  FUZZ_EXPECT(kHead + length <= size);
  return 0;
}

const Registration registration("defect", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::defect_target
