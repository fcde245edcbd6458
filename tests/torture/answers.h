// Which answers the scenario explains; any other is a failure of its own.
#pragma once

#include "tests/torture/record.h"

namespace tenure::torture {

/// The store may say this to what is asked here, whoever is killed or stopped, when the disk does what it is told.
bool IsExpected(const Record& record);

}  // namespace tenure::torture
