// tenure.json.
#include "store/recovery/config.h"

#include "tests/fuzz/directory.h"
#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz::config_target {
namespace {

bool Same(const recovery::Config& a, const recovery::Config& b) {
  return a.format == b.format && a.store_id == b.store_id && a.journal_id == b.journal_id &&
         a.incarnation == b.incarnation && a.created_at_ms == b.created_at_ms &&
         a.shared_with_group == b.shared_with_group && a.allow_any_file_system == b.allow_any_file_system &&
         a.writer_slots == b.writer_slots;
}

const Target& ThisTarget() {
  static const Target target = [] {
    Target made;
    made.words = {"\"format\":",
                  "\"store_id\":",
                  "\"options\":",
                  "\"writer_slots\":",
                  "\"incarnation\":",
                  "\"created_at\":",
                  "{}",
                  "null",
                  "true",
                  "18446744073709551615",
                  "-1",
                  "1.0",
                  "9999-12-31T23:59:59-23:59"};
    return made;
  }();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Directory directory;
  const recovery::Layout layout = {directory.path()};
  base::Env& env = base::Env::Posix();
  directory.Write("tenure.json", Text(data, size));
  const auto config = recovery::ReadConfig(env, layout);
  if (!config.ok()) {
    FUZZ_EXPECT(config.error().code == ErrorCode::kCorruption || config.error().code == ErrorCode::kUnsupported);
    return ExpectWorded(config.error()), 0;
  }
  FUZZ_EXPECT(config->format == 1 && config->incarnation >= 1 && config->writer_slots >= 1);
  Must(recovery::WriteConfig(env, layout, *config));
  FUZZ_EXPECT(Same(Must(recovery::ReadConfig(env, layout)), *config));
  return 0;
}

const Registration registration("config", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::config_target
