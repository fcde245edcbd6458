// What the shared library exports: everything else is hidden.
#pragma once

#define TENURE_API __attribute__((visibility("default")))
