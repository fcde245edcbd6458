#include "cli/formats/shard.h"

#include "cli/parse.h"
#include "store/base/error.h"
#include "store/base/hash.h"

namespace tenure::cli {
namespace {

constexpr std::uint64_t kSharesMax = 65'536;

}  // namespace

bool Shard::Takes(std::string_view name, std::string_view version) const {
  if (count == 1) return true;
  std::string key(name);
  key += ':';  // is in no name
  key += version;
  const base::Hash128 hash = base::Xxh128(base::AsBytes(key));
  const std::uint64_t share = hash.low % count;
  if (share == number - 1) return true;
  return share == number % count && hash.high % 100 < overlap_percent;
}

Result<Shard> ParseShard(const std::string& text) {
  const std::size_t slash = text.find('/');
  const Error wrong = base::MakeError(ErrorCode::kInvalidArgument, "'" + text + "' is no share of an import",
                                      "expected I/N with 1 <= I <= N, such as 1/8");
  if (slash == std::string::npos) return wrong;
  const auto number = ParseCount(std::string_view(text).substr(0, slash), "the share");
  const auto count = ParseCount(std::string_view(text).substr(slash + 1), "the number of shares");
  if (!number.ok() || !count.ok() || *number == 0 || *number > *count || *count > kSharesMax) return wrong;
  Shard shard;
  shard.number = *number;
  shard.count = *count;
  return shard;
}

}  // namespace tenure::cli
