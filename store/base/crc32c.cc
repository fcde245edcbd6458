// CRC32C: reflected polynomial 0x82F63B78, initial value and final inversion ~0.
#include <array>

#include "store/base/codec.h"
#include "store/base/hash.h"
#include "store/base/hash_internal.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace tenure::base {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;

// Slicing by 8 (Kounavis and Berry): row k advances a byte over k further zero bytes.
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables MakeTables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t row = 1; row < tables.size(); ++row) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[row - 1][byte];
      tables[row][byte] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}
constexpr Tables kTables = MakeTables();

#if defined(__x86_64__)

bool HardwareHasCrc() { return __builtin_cpu_supports("sse4.2") != 0; }

__attribute__((target("sse4.2"))) std::uint32_t ExtendHardware(ByteView data, std::uint32_t state) {
  const std::byte* at = data.data();
  std::size_t left = data.size();
  std::uint64_t wide = state;
  for (; left >= 8; left -= 8, at += 8) wide = _mm_crc32_u64(wide, LoadLe<std::uint64_t>(at));
  auto narrow = static_cast<std::uint32_t>(wide);
  for (; left > 0; --left, ++at) narrow = _mm_crc32_u8(narrow, std::to_integer<std::uint8_t>(*at));
  return narrow;
}

#elif defined(__aarch64__)

bool HardwareHasCrc() { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }

// arm_acle.h offers these only when the whole file is compiled for them; the compilers differ in names.
#if defined(__clang__)
#define TENURE_CRC_TARGET __attribute__((target("crc")))
#define TENURE_CRC_WORD __builtin_arm_crc32cd
#define TENURE_CRC_BYTE __builtin_arm_crc32cb
#else
#define TENURE_CRC_TARGET __attribute__((target("+crc")))
#define TENURE_CRC_WORD __builtin_aarch64_crc32cx
#define TENURE_CRC_BYTE __builtin_aarch64_crc32cb
#endif

TENURE_CRC_TARGET std::uint32_t ExtendHardware(ByteView data, std::uint32_t state) {
  const std::byte* at = data.data();
  std::size_t left = data.size();
  for (; left >= 8; left -= 8, at += 8) state = TENURE_CRC_WORD(state, LoadLe<std::uint64_t>(at));
  for (; left > 0; --left, ++at) state = TENURE_CRC_BYTE(state, std::to_integer<std::uint8_t>(*at));
  return state;
}

#endif

std::uint32_t ExtendTable(ByteView data, std::uint32_t state) {
  const std::byte* at = data.data();
  std::size_t left = data.size();
  for (; left >= 8; left -= 8, at += 8) {
    const std::uint64_t word = LoadLe<std::uint64_t>(at) ^ state;
    state = 0;
    for (unsigned byte = 0; byte < 8; ++byte) state ^= kTables[7 - byte][(word >> (8 * byte)) & 0xFF];
  }
  for (; left > 0; --left, ++at) {
    state = (state >> 8) ^ kTables[0][(state ^ std::to_integer<std::uint32_t>(*at)) & 0xFF];
  }
  return state;
}

}  // namespace

std::uint32_t Crc32c(ByteView data, std::uint32_t crc) {
  static const bool hardware = HardwareHasCrc();
  return ~(hardware ? ExtendHardware(data, ~crc) : ExtendTable(data, ~crc));
}

std::uint32_t Crc32cByTable(ByteView data, std::uint32_t crc) { return ~ExtendTable(data, ~crc); }

}  // namespace tenure::base
