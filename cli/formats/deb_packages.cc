// Debian package lists: stanzas of "Field: value" lines, separated by blank lines (deb822).
//
// Key "Package/Architecture:Version", digest from SHA256. Kept small, about 300 bytes an entry: section,
// priority, maintainer and the first line of the description become annotations, Filename the URL. Other
// fields are passed over, so a stanza costs the memory of the fields kept, however long it is.
#include <algorithm>
#include <array>
#include <utility>

#include "cli/formats/formats.h"
#include "cli/parse.h"
#include "store/base/error.h"
#include "store/model/json.h"
#include "store/model/validate.h"

namespace tenure::cli {
namespace {

constexpr const char* kMediaType = "application/vnd.debian.binary-package";

struct Stanza {
  std::uint64_t line = 0;  ///< Of its first line; 0: nothing was read yet.
  std::optional<std::string> package, architecture, version, sha256, size, filename;
  std::optional<std::string> section, priority, maintainer, description;
  std::string fault;  ///< The first thing that is wrong with it.
};

struct Field {
  std::string_view name;  ///< In lower case: names of fields are the same in any case.
  std::optional<std::string> Stanza::*value;
  bool required;
};
constexpr std::array<Field, 10> kFields = {{{"package", &Stanza::package, true},
                                            {"architecture", &Stanza::architecture, true},
                                            {"version", &Stanza::version, true},
                                            {"sha256", &Stanza::sha256, true},
                                            {"size", &Stanza::size, false},
                                            {"filename", &Stanza::filename, false},
                                            {"section", &Stanza::section, false},
                                            {"priority", &Stanza::priority, false},
                                            {"maintainer", &Stanza::maintainer, false},
                                            {"description", &Stanza::description, false}}};

bool IsSpace(char c) { return c == ' ' || c == '\t'; }

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

/// `line` is neither blank nor a continuation.
std::string ReadField(std::string_view line, Stanza& stanza) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return "expected 'Field: value'";
  constexpr std::size_t kNameMax = 64;  // longer than any name we know: not worth a copy
  if (colon > kNameMax) return {};
  const std::string name = LowerCase(Trimmed(line.substr(0, colon)));
  const auto field = std::find_if(kFields.begin(), kFields.end(), [&](const Field& f) { return f.name == name; });
  if (field == kFields.end()) return {};
  std::optional<std::string>& value = stanza.*(field->value);
  if (value) return "the field '" + name + "' is there twice";
  value = std::string(Trimmed(line.substr(colon + 1)));
  return model::IsValidUtf8(*value) ? std::string() : "the field '" + name + "' is not valid UTF-8";
}

std::string AnnotationsOf(const Stanza& stanza) {
  std::string json = "{";
  const auto add = [&json](const char* name, const std::optional<std::string>& value) {
    if (!value || value->empty()) return;
    json += std::string(json.size() > 1 ? "," : "") + "\"" + name + "\":" + model::QuoteJson(*value);
  };
  add("description", stanza.description);  // sorted: the canonical order
  add("maintainer", stanza.maintainer);
  add("priority", stanza.priority);
  add("section", stanza.section);
  return json + "}";
}

Result<ArtifactEntry> EntryOf(const Stanza& stanza) {
  if (!stanza.fault.empty()) return base::MakeError(ErrorCode::kInvalidArgument, stanza.fault);
  for (const Field& field : kFields) {
    if (!field.required || !(stanza.*(field.value)).value_or("").empty()) continue;
    return base::MakeError(ErrorCode::kInvalidArgument, "the stanza has no field '" + std::string(field.name) + "'");
  }
  ArtifactEntry entry;
  entry.name = *stanza.package + "/" + *stanza.architecture;
  entry.version = *stanza.version;
  entry.digest = "sha256:" + *stanza.sha256;
  if (stanza.size) {
    TENURE_ASSIGN(entry.size, ParseCount(*stanza.size, "the field 'size'"));
  }
  if (stanza.filename && !stanza.filename->empty()) entry.urls.push_back(*stanza.filename);
  entry.media_type = kMediaType;
  entry.annotations = AnnotationsOf(stanza);
  return entry;
}

class DebPackagesSource : public EntrySource {
 public:
  explicit DebPackagesSource(Input& input) : input_(input) {}

  Result<Kind> Next(Record& record, Error& why) override {
    stanza_ = {};
    std::string_view line;
    for (;;) {
      TENURE_ASSIGN(const LineReader::Kind kind, input_.lines().Next(line));
      if (kind == LineReader::Kind::kWoken) return Kind::kInterrupted;
      const bool end = kind == LineReader::Kind::kEnd;
      const bool blank = kind == LineReader::Kind::kLine && Trimmed(line).empty();
      if (end || blank) {
        if (stanza_.line > 0) return Give(record, why);
        if (end) return Kind::kEnd;
        continue;
      }
      Take(kind, line);
    }
  }
  std::uint64_t line() const override { return stanza_.line; }

 private:
  void Take(LineReader::Kind kind, std::string_view line) {
    const bool first = stanza_.line == 0;
    if (first) stanza_.line = input_.lines().number();
    if (kind == LineReader::Kind::kTooLong) {
      Fault("the line is longer than a package list may have");
    } else if (!IsSpace(line.front())) {
      const std::string fault = ReadField(line, stanza_);
      if (!fault.empty()) Fault(fault);
    } else if (first) {
      Fault("the stanza begins with a continuation line");
    }
  }
  void Fault(const std::string& what) {
    if (stanza_.fault.empty()) {
      stanza_.fault = what + " (line " + std::to_string(input_.lines().number()) + ")";
    }
  }
  Kind Give(Record& record, Error& why) const {
    auto entry = EntryOf(stanza_);
    if (!entry.ok()) {
      why = std::move(entry).error();
      return Kind::kInvalid;
    }
    record.entry = std::move(entry).value();
    record.tag.reset();
    return Kind::kRecord;
  }

  Input& input_;
  Stanza stanza_;
};

/// "…_Packages", plain or compressed.
bool IsPackageList(std::string_view name) {
  const std::size_t at = name.rfind("_Packages");
  if (at == std::string_view::npos) return false;
  const std::string_view rest = name.substr(at + std::string_view("_Packages").size());
  constexpr std::array<std::string_view, 6> kEnds = {"", ".lz4", ".gz", ".xz", ".zst", ".bz2"};
  return std::find(kEnds.begin(), kEnds.end(), rest) != kEnds.end();
}

}  // namespace

std::unique_ptr<EntrySource> OpenDebPackages(Input& input) { return std::make_unique<DebPackagesSource>(input); }

Result<std::vector<std::string>> PackageLists(base::Env& env, const std::string& dir) {
  std::vector<std::string> paths;
  TENURE_ASSIGN(const bool there, env.Exists(dir));
  if (there) {
    TENURE_ASSIGN(const std::vector<std::string> names, env.List(dir));
    for (const std::string& name : names) {
      if (IsPackageList(name)) paths.push_back(dir + "/" + name);
    }
  }
  if (!paths.empty()) return paths;
  Error error = base::MakeError(ErrorCode::kNotFound, "there are no package lists in " + dir,
                                "run 'apt-get update', or name a Packages file");
  error.path = dir;
  return error;
}

}  // namespace tenure::cli
