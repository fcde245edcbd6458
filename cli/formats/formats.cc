#include "cli/formats/formats.h"

#include "store/base/error.h"

namespace tenure::cli {
namespace {

Result<std::vector<std::string>> StandardInput(base::Env&) { return std::vector<std::string>{"-"}; }
Result<std::vector<std::string>> MachinePackageLists(base::Env& env) { return PackageLists(env, "/var/lib/apt/lists"); }

constexpr ImportFormat kFormats[] = {
    {"jsonl", "one entry or tag per line, as 'export jsonl', 'list --format jsonl' and 'tag list --format jsonl' print",
     std::size_t{16} << 20, OpenJsonl, StandardInput},
    {"deb-packages", "Debian package lists (Packages); without FILE those of this machine", std::size_t{1} << 20,
     OpenDebPackages, MachinePackageLists},
};

}  // namespace

std::span<const ImportFormat> ImportFormats() { return kFormats; }

Result<const ImportFormat*> FindImportFormat(std::string_view name) {
  std::string names;
  for (const ImportFormat& format : kFormats) {
    if (name == format.name) return &format;
    names += (names.empty() ? "" : ", ") + std::string(format.name);
  }
  return base::MakeError(ErrorCode::kInvalidArgument, "there is no import format '" + std::string(name) + "'",
                         "the formats are " + names);
}

}  // namespace tenure::cli
