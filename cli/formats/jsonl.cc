// JSON Lines: what `export jsonl` prints, with or without --full, and what `list --format jsonl` prints.
//
// In the full form the revisions of a key follow each other, newest first. Only the newest is the state;
// a line with a lower revision of the same key as the line before is its past and passed over. A key
// whose newest revision is a tombstone has no state to import. Policies and parked conflicts are passed over: they
// belong to the store that was exported.
#include <utility>

#include "cli/formats/formats.h"
#include "cli/operations.h"
#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::cli {
namespace {

class JsonlSource : public EntrySource {
 public:
  explicit JsonlSource(Input& input) : input_(input) {}

  Result<Kind> Next(Record& record, Error& why) override {
    std::string_view line;
    for (;;) {
      TENURE_ASSIGN(const LineReader::Kind kind, input_.lines().Next(line));
      switch (kind) {
        case LineReader::Kind::kEnd:
          return Kind::kEnd;
        case LineReader::Kind::kWoken:
          return Kind::kInterrupted;
        case LineReader::Kind::kTooLong:
          why = LineTooLong();
          return Kind::kInvalid;
        case LineReader::Kind::kLine:
          break;
      }
      if (IsBlank(line)) continue;
      auto parsed = model::ParseImportLine(line);
      if (!parsed.ok()) {
        why = std::move(parsed).error();
        return Kind::kInvalid;
      }
      if ((!parsed->entry && !parsed->tag) || IsPast(*parsed)) continue;
      record.entry = std::move(parsed->entry);
      record.tag = std::move(parsed->tag);
      return Kind::kRecord;
    }
  }
  std::uint64_t line() const override { return input_.lines().number(); }

 private:
  /// Remembers the key of the line; true when the line is no state: a superseded revision, or a tombstone.
  bool IsPast(const model::ImportLine& line) {
    std::string key;
    Revision revision = 0;
    bool deleted = false;
    if (line.entry) {
      key = line.entry->name + ":" + line.entry->version;
      revision = line.entry->revision;
      deleted = line.entry->deleted;
    } else if (line.tag) {
      key = line.tag->name + "@" + line.tag->tag;
      revision = line.tag->revision;
      deleted = line.tag->deleted;
    }
    const bool superseded = revision > 0 && revision < last_revision_ && key == last_key_;
    last_key_ = std::move(key);
    last_revision_ = revision;
    return superseded || deleted;
  }

  Input& input_;
  std::string last_key_;
  Revision last_revision_ = 0;
};

}  // namespace

std::unique_ptr<EntrySource> OpenJsonl(Input& input) { return std::make_unique<JsonlSource>(input); }

}  // namespace tenure::cli
