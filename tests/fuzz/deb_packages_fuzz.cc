// Package lists, as `import deb-packages` reads them.
#include "store/model/json.h"
#include "store/model/validate.h"
#include "tests/fuzz/memory_input.h"

namespace tenure::fuzz::deb_packages_target {
namespace {

const Target& ThisTarget() {
  static const Target target = [] {
    Target made;
    made.words = {"\n",
                  "\n\n",
                  "\r\n",
                  ":",
                  " continued\n",
                  "\t",
                  "Package: a\n",
                  "Architecture: all\n",
                  "Version: 1\n",
                  "SHA256: 00\n",
                  "Size: 18446744073709551616\n",
                  "Filename: pool/a.deb\n",
                  "Description: \xC3\xA9\n",
                  "Section:",
                  "priority:",
                  "MAINTAINER: a\n"};
    return made;
  }();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  ReadRecords(Text(data, size), "deb-packages", [](const cli::Record& record) {
    FUZZ_EXPECT(record.entry && !record.entry->name.empty() && !record.entry->version.empty());
    const ArtifactEntry& entry = *record.entry;
    const auto annotations = model::CanonicalObject(entry.annotations);
    if (annotations.ok()) FUZZ_EXPECT(*annotations == entry.annotations);
    // The importer has not looked at it yet; what it prints as is read back all the same.
    const auto again = model::ParseImportLine(model::ExportEntryJson(entry));
    if (again.ok()) FUZZ_EXPECT(again->entry && again->entry->name == entry.name && again->entry->size == entry.size);
  });
  return 0;
}

const Registration registration("deb_packages", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::deb_packages_target
