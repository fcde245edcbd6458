#include "store/recovery/config.h"

#include <limits>
#include <optional>
#include <utility>

#include "store/base/error.h"
#include "store/base/hash.h"
#include "store/ingest/layout.h"
#include "store/model/json.h"
#include "store/model/json_memory.h"

namespace tenure::recovery {
namespace {

using base::MakeError;
using model::Json;

constexpr std::uint32_t kConfigFormat = 1;
constexpr char kStoreDirectory[] = ".tenure";

std::string LastComponent(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// Takes members out of a parsed tenure.json; the first one that is missing or of the wrong kind is
/// remembered with its name, so that the caller asks once.
class Members {
 public:
  explicit Members(const Json& object) : object_(object) {}

  std::uint64_t Number(const char* name, std::uint64_t smallest) {
    const Json* value = Find(name);
    if (value == nullptr) return 0;
    if (!value->is_number_unsigned() || value->get<std::uint64_t>() < smallest) {
      return Bad(name, "is no whole number of at least " + std::to_string(smallest)), 0;
    }
    return value->get<std::uint64_t>();
  }
  std::string Text(const char* name) {
    const Json* value = Find(name);
    if (value == nullptr) return {};
    if (!value->is_string()) return Bad(name, "is no string"), std::string();
    return value->get<std::string>();
  }
  journal::StoreId Id(const char* name) {
    journal::StoreId id{};
    const std::string text = Text(name);
    if (fault_.empty() && !base::FromHex(text, id)) Bad(name, "is not 32 hexadecimal digits");
    return id;
  }
  /// Absent means false: options that later versions add have a default too.
  bool Flag(const char* name) {
    const auto at = object_.find(name);
    if (at == object_.end()) return false;
    if (!at->is_boolean()) return Bad(name, "is neither true nor false"), false;
    return at->get<bool>();
  }
  const std::string& fault() const { return fault_; }
  void Bad(const std::string& name, const std::string& what) {
    if (fault_.empty()) fault_ = "member '" + name + "' " + what;
  }

 private:
  const Json* Find(const char* name) {
    const auto at = object_.find(name);
    if (at == object_.end()) return Bad(name, "is missing"), nullptr;
    return &*at;
  }
  const Json& object_;
  std::string fault_;
};

Result<Json> ParseObject(const std::string& path, std::string_view text) {
  try {
    Json parsed = Json::parse(text);
    if (!parsed.is_object()) return base::CorruptionAt(path, 0, "not a JSON object");
    return parsed;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const Json::parse_error& e) {
    return base::CorruptionAt(path, e.byte > 0 ? e.byte - 1 : 0, "not JSON");
  } catch (const std::exception& e) {
    return base::CorruptionAt(path, 0, e.what());
  }
}

Result<Config> FromJson(const std::string& path, const Json& object) {
  Members members(object);
  const std::uint64_t format = members.Number("format", 1);
  if (members.fault().empty() && format > kConfigFormat) {
    return MakeError(ErrorCode::kUnsupported,
                     path + ": the store has format " + std::to_string(format) + ", this version reads up to " +
                         std::to_string(kConfigFormat),
                     "use the version of tenure that made or upgraded the store, or a newer one");
  }
  Config config;
  config.format = static_cast<std::uint32_t>(format);
  config.store_id = members.Id("store_id");
  config.journal_id = members.Id("journal_id");
  config.incarnation = members.Number("incarnation", 1);
  const std::string created = members.Text("created_at");
  if (members.fault().empty()) {
    const Result<TimeMs> time = model::ParseTime(created);
    if (time.ok()) {
      config.created_at_ms = time.value();
    } else {
      members.Bad("created_at", "is no RFC 3339 time");
    }
  }
  const auto options = object.find("options");
  if (options != object.end() && options->is_object()) {
    Members flags(*options);
    config.shared_with_group = flags.Flag("shared_with_group");
    config.allow_any_file_system = flags.Flag("allow_any_file_system");
    // Stores made before writer slots do not say.
    if (options->contains("writer_slots")) {
      const std::uint64_t slots = flags.Number("writer_slots", 1);
      if (slots > ingest::kWriterSlotsMax)
        flags.Bad("writer_slots", "is over " + std::to_string(ingest::kWriterSlotsMax));
      config.writer_slots = static_cast<std::uint32_t>(slots);
    }
    if (!flags.fault().empty()) members.Bad("options", "has a bad " + flags.fault());
  } else if (options != object.end()) {
    members.Bad("options", "is no object");
  }
  if (!members.fault().empty()) return base::CorruptionAt(path, 0, members.fault());
  return config;
}

Error NoStore(const std::string& message) {
  return MakeError(ErrorCode::kNoStore, message, "make one with 'tenure init', or name another with --store");
}

}  // namespace

std::string IndexIdOf(const Config& config) { return base::Hex(config.journal_id); }

Result<Layout> FindStore(base::Env& env, const std::string& path) {
  TENURE_ASSIGN(const bool there, env.Exists(path));
  if (!there) return NoStore(path + " does not exist");
  TENURE_ASSIGN(const std::string canonical, env.Canonical(path));
  Layout layout;
  layout.root = canonical;
  if (LastComponent(canonical) != kStoreDirectory) {
    layout.root = (canonical == "/" ? "" : canonical) + "/" + kStoreDirectory;
    TENURE_ASSIGN(const bool has_root, env.Exists(layout.root));
    if (!has_root) return NoStore("no store in " + canonical);
    TENURE_ASSIGN(layout.root, env.Canonical(layout.root));
  }
  TENURE_ASSIGN(const bool has_config, env.Exists(layout.config()));
  if (has_config) return layout;
  // Without its tenure.json a directory is either an init that never finished, or a damaged store. Only
  // the first may be made anew.
  TENURE_ASSIGN(const bool has_journal, env.Exists(layout.journal()));
  if (has_journal) {
    TENURE_ASSIGN(const std::vector<std::string> names, env.List(layout.journal()));
    for (const std::string& name : names) {
      if (!journal::ParseSegmentFileName(name)) continue;
      return base::CorruptionAt(layout.config(), 0, "missing, although " + layout.journal() + " holds segments");
    }
  }
  return NoStore(layout.root + " has no tenure.json: an interrupted 'init'");
}

Result<Config> ReadConfig(base::Env& env, const Layout& layout) {
  TENURE_ASSIGN(const base::Bytes content, base::ReadFile(env, layout.config()));
  TENURE_ASSIGN(const Json object, ParseObject(layout.config(), base::AsText(content)));
  return FromJson(layout.config(), object);
}

Status WriteConfig(base::Env& env, const Layout& layout, const Config& config) {
  const auto flag = [](bool value) { return value ? "true" : "false"; };
  std::string text = "{\n";
  text += "  \"format\": " + std::to_string(config.format) + ",\n";
  text += "  \"store_id\": \"" + base::Hex(config.store_id) + "\",\n";
  text += "  \"journal_id\": \"" + base::Hex(config.journal_id) + "\",\n";
  text += "  \"incarnation\": " + std::to_string(config.incarnation) + ",\n";
  text += "  \"created_at\": \"" + model::FormatTime(config.created_at_ms) + "\",\n";
  text += "  \"options\": {\n";
  text += std::string("    \"shared_with_group\": ") + flag(config.shared_with_group) + ",\n";
  text += std::string("    \"allow_any_file_system\": ") + flag(config.allow_any_file_system) + ",\n";
  text += "    \"writer_slots\": " + std::to_string(config.writer_slots) + "\n";
  text += "  }\n}\n";
  return base::WriteFileDurably(env, layout.config(), base::AsBytes(text));
}

}  // namespace tenure::recovery
