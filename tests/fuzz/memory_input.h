// An input of an import from memory.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "cli/formats/formats.h"
#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz {

/// A file without a name, read through /proc.
class MemoryInput {
 public:
  explicit MemoryInput(std::string_view text) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    FUZZ_EXPECT(fd_ >= 0);
    FUZZ_EXPECT(::write(fd_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  ~MemoryInput() { ::close(fd_); }
  MemoryInput(const MemoryInput&) = delete;
  MemoryInput& operator=(const MemoryInput&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

/// Reads `text` with a parser of imports to its end. Every record is given to `take`; a refusal is worded, and lines
/// count up.
template <typename Take>
void ReadRecords(std::string_view text, const char* format_name, const Take& take) {
  const MemoryInput memory(text);
  const cli::ImportFormat* const format = Must(cli::FindImportFormat(format_name));
  // A small limit, so that lines beyond it are met.
  const auto input = Must(cli::Input::Open(memory.path(), 600));
  const auto source = format->open(*input);
  std::uint64_t line = 0;
  for (std::size_t reads = 0;; ++reads) {
    FUZZ_EXPECT(reads <= text.size() + 1);
    cli::Record record;
    Error why;
    const cli::EntrySource::Kind kind = Must(source->Next(record, why));
    if (kind == cli::EntrySource::Kind::kEnd) break;
    FUZZ_EXPECT(source->line() > line);
    line = source->line();
    if (kind == cli::EntrySource::Kind::kInvalid) {
      ExpectWorded(why);
    } else {
      FUZZ_EXPECT(kind == cli::EntrySource::Kind::kRecord && record.entry.has_value() != record.tag.has_value());
      take(record);
    }
  }
  Must(input->Finish());
}

}  // namespace tenure::fuzz
