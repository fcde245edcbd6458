// JSON lines, as `import jsonl` reads them.
#include "store/model/json.h"
#include "tests/fuzz/memory_input.h"
#include "tests/fuzz/samples.h"

namespace tenure::fuzz::jsonl_target {
namespace {

const Target& ThisTarget() {
  static const Target target = [] {
    Target made;
    ArtifactEntry entry;
    for (const Operation& op : SampleOperations()) {
      if (op.kind != OpKind::kPut) continue;
      entry.name = op.name;
      entry.version = op.version;
      entry.digest = op.digest;
      entry.size = op.size;
      entry.media_type = op.media_type;
      entry.urls = op.urls;
      entry.annotations = op.annotations;
      entry.revision = 2;
      made.seeds.push_back(model::ExportEntryJson(entry) + "\n");
      made.seeds.push_back(model::EntryJson(entry) + "\n" + model::ExportEntryJson(entry));
    }
    made.seeds.push_back(model::ExportTagJson({"a", "prod", "1", 0, "", 1, 0, false}) + "\n\n");
    made.words = {"\n",
                  "\r\n",
                  "{\"tag\":",
                  "{\"policy\":",
                  "{\"conflict\":",
                  ",\"deleted\":true",
                  ",\"revision\":1",
                  ",\"lsn\":1",
                  ",\"createdAt\":\"2026-01-02T03:04:05Z\"",
                  "null",
                  "{}"};
    return made;
  }();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  ReadRecords(Text(data, size), "jsonl", [](const cli::Record& record) {
    // What was read prints as an export that reads back the same.
    if (record.tag) {
      const auto again = Must(model::ParseImportLine(model::ExportTagJson(*record.tag)));
      FUZZ_EXPECT(again.tag && again.tag->name == record.tag->name && again.tag->tag == record.tag->tag);
      FUZZ_EXPECT(again.tag->version == record.tag->version);
      return;
    }
    const std::string printed = model::ExportEntryJson(*record.entry);
    const auto again = Must(model::ParseImportLine(printed));
    FUZZ_EXPECT(again.entry && model::ExportEntryJson(*again.entry) == printed);
    FUZZ_EXPECT(again.entry->name == record.entry->name && again.entry->size == record.entry->size);
  });
  return 0;
}

const Registration registration("jsonl", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::jsonl_target
