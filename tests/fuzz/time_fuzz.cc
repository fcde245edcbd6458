// Times and durations.
#include "store/model/json.h"
#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz::time_target {
namespace {

const Target& ThisTarget() {
  static const Target target = [] {
    Target made;
    made.words = {"2026-01-02T03:04:05Z",
                  "T",
                  "Z",
                  "+01:00",
                  "-23:59",
                  "0000-01-01",
                  "9999-12-31",
                  ".678",
                  "23:59:60",
                  "ms",
                  "s",
                  "m",
                  "h",
                  "18446744073709551615",
                  "02-29"};
    made.bytes_max = 64;
    return made;
  }();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = Text(data, size);
  const auto time = model::ParseTime(text);
  if (time.ok()) {
    const std::string printed = model::FormatTime(*time);
    const auto again = model::ParseTime(printed);
    FUZZ_EXPECT(again.ok() && *again == *time);
    FUZZ_EXPECT(model::FormatTime(*again) == printed);
  } else {
    ExpectWorded(time.error());
  }
  const auto ms = model::ParseDurationMs(text);
  if (!ms.ok()) return ExpectWorded(ms.error()), 0;
  FUZZ_EXPECT(Must(model::ParseDurationMs(std::to_string(*ms) + "ms")) == *ms);
  return 0;
}

const Registration registration("time", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::time_target
