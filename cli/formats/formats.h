// The formats that `tenure import` reads: a table of names and parsers.
//
// A parser yields one entry or tag at a time from an Input and holds no more than one record of it in
// memory, whatever the input holds. It checks the shape of its format; names, versions, digests and
// limits are the importer's to check. To add a format: write its EntrySource, add its line to formats.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/formats/input.h"
#include "store/base/env.h"
#include "tenure/result.h"
#include "tenure/types.h"

namespace tenure::cli {

/// What one record of an input says: an entry or a tag.
struct Record {
  std::optional<ArtifactEntry> entry;
  std::optional<TagEntry> tag;
};

class EntrySource {
 public:
  enum class Kind : std::uint8_t {
    kRecord,
    kInvalid,      ///< `why` says what is wrong; reading goes on behind it.
    kEnd,          ///< The input was read to its end.
    kInterrupted,  ///< A signal came.
  };
  virtual ~EntrySource() = default;
  /// An Error only when the input cannot be read.
  virtual Result<Kind> Next(Record& record, Error& why) = 0;
  /// The line of the input at which the last record, or what was invalid, begins.
  virtual std::uint64_t line() const = 0;
};

struct ImportFormat {
  const char* name;
  const char* summary;  ///< For the help.
  std::size_t line_bytes_max;
  /// Parses `input`, which outlives the source.
  std::unique_ptr<EntrySource> (*open)(Input& input);
  /// The inputs when no FILE is given.
  Result<std::vector<std::string>> (*default_inputs)(base::Env& env);
};

std::span<const ImportFormat> ImportFormats();
/// kInvalidArgument, naming those there are.
Result<const ImportFormat*> FindImportFormat(std::string_view name);

/// The two formats of this version.
std::unique_ptr<EntrySource> OpenJsonl(Input& input);
std::unique_ptr<EntrySource> OpenDebPackages(Input& input);
/// This machine's lists of packages; kNotFound when there are none.
Result<std::vector<std::string>> PackageLists(base::Env& env, const std::string& dir);

}  // namespace tenure::cli
