#include "tests/fuzz/fuzz.h"

#include <cstdio>
#include <cstdlib>

#include "store/model/validate.h"

namespace tenure::fuzz {
namespace {

std::vector<const Registration*>& Registered() {
  static std::vector<const Registration*> registered;
  return registered;
}

}  // namespace

Registration::Registration(const char* name, const Target& (*target)(), int (*test)(const std::uint8_t*, std::size_t))
    : name_(name), target_(target), test_(test) {
  Registered().push_back(this);
}

const std::vector<const Registration*>& Registrations() { return Registered(); }

void Broken(const char* what, const char* file, int line) {
  std::fprintf(stderr, "fuzz: a promise is broken: %s (%s:%d)\n", what, file, line);
  std::abort();
}

void ExpectWorded(const Error& error) {
  FUZZ_EXPECT(!error.message.empty());
  FUZZ_EXPECT(model::IsValidUtf8(error.message) && model::IsValidUtf8(error.hint));
}

}  // namespace tenure::fuzz
