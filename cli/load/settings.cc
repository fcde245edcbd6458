#include "cli/load/settings.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "cli/parse.h"
#include "store/base/error.h"

namespace tenure::cli::load {
namespace {

constexpr std::array<std::pair<const char*, Distribution>, 3> kDistributions = {
    {{"uniform", Distribution::kUniform},
     {"fixed", Distribution::kFixed},
     {"exponential", Distribution::kExponential}}};
constexpr std::array<std::pair<const char*, Pattern>, 4> kPatterns = {{{"random", Pattern::kRandom},
                                                                       {"zero", Pattern::kZero},
                                                                       {"sequence", Pattern::kSequence},
                                                                       {"text", Pattern::kText}}};

constexpr std::uint64_t kSizeLimit = 1 << 20;

Error InvalidSetting(const std::string& message) {
  return base::MakeError(ErrorCode::kInvalidArgument, message, "see 'tenure-load --help'");
}

template <typename Table, typename Value>
Status Choose(const Table& table, const std::string& text, const char* option, Value& value) {
  if (text.empty()) return {};
  std::string known;
  for (const auto& [name, candidate] : table) {
    if (text == name) return value = candidate, Status();
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  return InvalidSetting("option '" + std::string(option) + "' is '" + text + "'; possible are " + known);
}

Status Take(const std::optional<std::uint64_t>& given, const char* option, std::uint64_t max, unsigned& value) {
  if (!given) return {};
  if (*given < 1 || *given > max) {
    return InvalidSetting("option '" + std::string(option) + "' is " + std::to_string(*given) +
                          "; it must be from 1 to " + std::to_string(max));
  }
  value = static_cast<unsigned>(*given);
  return {};
}

Status TakeSize(const std::string& text, Settings& settings) {
  if (text.empty()) return {};
  const std::size_t colon = text.find(':');
  TENURE_ASSIGN(settings.size_min, ParseCount(text.substr(0, colon), "option '--size'"));
  settings.size_max = settings.size_min;
  if (colon != std::string::npos) {
    TENURE_ASSIGN(settings.size_max, ParseCount(text.substr(colon + 1), "option '--size'"));
  }
  if (settings.size_min < 1 || settings.size_max < settings.size_min || settings.size_max > kSizeLimit) {
    return InvalidSetting("option '--size' is '" + text + "'; it must be MIN:MAX with 1 <= MIN <= MAX <= 1048576");
  }
  return {};
}

/// "0,2,4-6", or "auto": all that the process may use.
Result<std::vector<int>> ParseCores(const std::string& text, const std::vector<int>& allowed) {
  if (text.empty()) return std::vector<int>();
  if (text == "auto") return allowed;
  std::vector<int> cores;
  std::string_view rest = text;
  while (true) {
    const std::string item(rest.substr(0, rest.find(',')));
    const std::size_t dash = item.find('-');
    TENURE_ASSIGN(const std::uint64_t first, ParseCount(item.substr(0, dash), "option '--affinity'"));
    std::uint64_t last = first;
    if (dash != std::string::npos) {
      TENURE_ASSIGN(last, ParseCount(item.substr(dash + 1), "option '--affinity'"));
    }
    if (last < first || last > 4095)
      return InvalidSetting("option '--affinity' has an impossible range '" + item + "'");
    for (std::uint64_t core = first; core <= last; ++core) {
      if (std::find(allowed.begin(), allowed.end(), static_cast<int>(core)) == allowed.end()) {
        return InvalidSetting("option '--affinity': core " + std::to_string(core) +
                              " is not one that this process may use");
      }
      cores.push_back(static_cast<int>(core));
    }
    if (rest.size() == item.size()) return cores;
    rest.remove_prefix(item.size() + 1);
  }
}

}  // namespace

void RawSettings::Define(Args& args) {
  args.Option("--writers", writers, "N", "Writer threads; default: one per core");
  args.Option("--store", store, "DIR", "Put an entry per block into this store; default: a double buffer in memory");
  args.Option("--duration", duration, "TIME", "Stop after so long: 500ms, 10s, 2m; default: at SIGINT or SIGTERM");
  args.Option("--blocks", blocks, "N", "Each writer stops after N blocks");
  args.Option("--size", size, "MIN:MAX", "Bytes of a block (10:10000)");
  args.Option("--distribution", distribution, "NAME", "Of the sizes: uniform (default), fixed, exponential");
  args.Option("--pattern", pattern, "NAME", "Of the content: random (default), zero, sequence, text");
  args.Option("--batch", batch, "N", "Blocks written together; with --store, in one transaction (1)");
  args.Option("--seed", seed, "N", "The same sizes and content for the same seed; default: a new one, which is told");
  args.Option("--affinity", affinity, "LIST", "Cores for the writers, in turn: 0,2,4-6 or auto; default: anywhere");
  args.Option("--cells", cells, "N", "Cells in each half of the double buffer (64)");
  args.Flag("--json", json, "The final statistics as one JSON object; errors as one on stderr");
}

Result<Settings> SettingsOf(const RawSettings& raw, const std::vector<int>& allowed, std::uint64_t seed) {
  Settings settings;
  settings.writers = std::max(1u, static_cast<unsigned>(allowed.size()));
  settings.seed = raw.seed.value_or(seed);
  settings.store = raw.store;
  settings.json = raw.json;
  settings.blocks = raw.blocks;
  TENURE_RETURN_IF_ERROR(Take(raw.writers, "--writers", 1024, settings.writers));
  TENURE_RETURN_IF_ERROR(Take(raw.batch, "--batch", 10'000, settings.batch));
  TENURE_RETURN_IF_ERROR(Take(raw.cells, "--cells", 65'536, settings.cells));
  TENURE_RETURN_IF_ERROR(TakeSize(raw.size, settings));
  TENURE_RETURN_IF_ERROR(Choose(kDistributions, raw.distribution, "--distribution", settings.distribution));
  TENURE_RETURN_IF_ERROR(Choose(kPatterns, raw.pattern, "--pattern", settings.pattern));
  TENURE_ASSIGN(settings.cores, ParseCores(raw.affinity, allowed));
  if (!raw.duration.empty()) {
    TENURE_ASSIGN(settings.span_ms, ParseDurationMs(raw.duration, "option '--duration'"));
  }
  if (raw.cells && !raw.store.empty())
    return InvalidSetting("option '--cells' is for the double buffer, not for --store");
  return settings;
}

const char* NameOf(Distribution distribution) { return kDistributions[static_cast<std::size_t>(distribution)].first; }
const char* NameOf(Pattern pattern) { return kPatterns[static_cast<std::size_t>(pattern)].first; }

Result<std::uint64_t> ParseDurationMs(const std::string& text, const std::string& what) {
  char* end = nullptr;
  const double number = std::isdigit(static_cast<unsigned char>(text.empty() ? 'x' : text[0])) != 0
                            ? std::strtod(text.c_str(), &end)
                            : -1;
  const std::string unit = end == nullptr ? "" : end;
  const double scale = unit == "ms"                  ? 1
                       : unit.empty() || unit == "s" ? 1e3
                       : unit == "m"                 ? 6e4
                       : unit == "h"                 ? 3.6e6
                                                     : 0;
  if (!(number >= 0) || scale == 0 || !(number * scale >= 1) || number * scale > 1e12) {
    return InvalidSetting(what + " is '" + text + "'; expected a time such as 500ms, 10s, 2m or 1h");
  }
  return static_cast<std::uint64_t>(number * scale);
}

}  // namespace tenure::cli::load
