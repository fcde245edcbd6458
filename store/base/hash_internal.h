// The portable CRC32C by itself, so that tests compare it with whatever Crc32c chose on this machine.
#pragma once

#include "store/base/hash.h"

namespace tenure::base {

std::uint32_t Crc32cByTable(ByteView data, std::uint32_t crc = 0);

}  // namespace tenure::base
