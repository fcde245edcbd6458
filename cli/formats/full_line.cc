#include "cli/formats/full_line.h"

#include <string_view>

#include "store/model/json.h"

namespace tenure::cli {
namespace {

/// One object, member by member; the caller names them in order.
class Line {
 public:
  void Raw(const char* name, std::string_view json) {
    text_ += text_.empty() ? "{\"" : ",\"";
    text_ += name;
    text_ += "\":";
    text_ += json;
  }
  void Text(const char* name, const std::string& value) {
    if (!value.empty()) Raw(name, model::QuoteJson(value));
  }
  void Number(const char* name, std::uint64_t value) { Raw(name, std::to_string(value)); }
  void Time(const char* name, TimeMs ms) {
    if (ms != 0) Raw(name, model::QuoteJson(model::FormatTime(ms)));
  }
  std::string Take() { return std::move(text_) + "}"; }

 private:
  std::string text_;
};

std::string UrlsJson(const std::vector<std::string>& urls) {
  std::string json = "[";
  for (const std::string& url : urls) json += (json.size() > 1 ? "," : "") + model::QuoteJson(url);
  return json + "]";
}

}  // namespace

std::string FullLine(const ArtifactEntry& entry) {
  Line line;
  if (entry.annotations != "{}" && !entry.annotations.empty()) line.Raw("annotations", entry.annotations);
  line.Time("createdAt", entry.created_at_ms);
  if (entry.deleted) line.Raw("deleted", "true");
  line.Text("digest", entry.digest);
  line.Number("lsn", entry.lsn);
  line.Text("mediaType", entry.media_type);
  line.Text("name", entry.name);
  line.Number("revision", entry.revision);
  if (entry.size) line.Number("size", *entry.size);
  line.Time("updatedAt", entry.updated_at_ms);
  if (!entry.urls.empty()) line.Raw("urls", UrlsJson(entry.urls));
  line.Text("version", entry.version);
  line.Text("writer", entry.writer);
  return line.Take();
}

std::string FullLine(const TagEntry& tag) {
  Line line;
  if (tag.deleted) line.Raw("deleted", "true");
  line.Number("lsn", tag.lsn);
  line.Text("name", tag.name);
  line.Number("revision", tag.revision);
  line.Text("tag", tag.tag);
  line.Time("updatedAt", tag.updated_at_ms);
  line.Text("version", tag.version);
  line.Text("writer", tag.writer);
  return "{\"tag\":" + line.Take() + "}";
}

}  // namespace tenure::cli
