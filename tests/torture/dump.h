// What a store holds, as text: to compare an index with the one that a replay of the journal gives.
#pragma once

#include <string>

#include "tenure/store.h"

namespace tenure::torture {

/// Everything that can be read of entries, tags and their pasts.
Result<std::string> DumpStore(const Store& store);

}  // namespace tenure::torture
