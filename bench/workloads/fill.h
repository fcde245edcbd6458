// Stores of a given size, made fast.
#pragma once

#include <cstdint>
#include <string>

#include "tenure/result.h"

namespace tenure::bench {

/// A new store in `dir` with the entries [0, count), put in their order in large transactions, all of them applied.
/// Tells on stderr how far it is when it takes long.
Status FillStore(const std::string& dir, std::uint64_t count);

}  // namespace tenure::bench
