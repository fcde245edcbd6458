#include "store/commit/staging.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "store/base/codec.h"
#include "store/base/error.h"
#include "store/base/hash.h"

namespace tenure::commit {
namespace {

constexpr std::string_view kPrefix = "request-";
constexpr std::size_t kNameBytes = kPrefix.size() + 32;
constexpr std::size_t kCrcBytes = 4;

bool IsStagedName(std::string_view name) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return name.size() == kNameBytes && name.starts_with(kPrefix) &&
         std::all_of(name.begin() + kPrefix.size(), name.end(), is_hex);
}

}  // namespace

Result<std::string> StageBody(base::Env& env, const std::string& dir, base::ByteView body) {
  TENURE_ASSIGN(const bool there, env.Exists(dir));
  if (!there) {
    if (Status made = env.CreateDirectory(dir); !made.ok() && made.error().code != ErrorCode::kExists) {
      return std::move(made).error();
    }
  }
  std::array<std::byte, 16> random{};
  env.Random(random);
  const std::string name = std::string(kPrefix) + base::Hex(random);
  TENURE_ASSIGN(auto file, env.Open(dir + "/" + name, base::OpenMode::kCreateNew));
  std::byte crc[kCrcBytes];
  base::StoreLe(crc, base::Crc32c(body));
  Status written = file->WriteAt(0, crc);
  if (written.ok()) written = file->WriteAt(kCrcBytes, body);
  if (!written.ok()) {
    RemoveStaged(env, dir, name);
    return std::move(written).error();
  }
  return name;
}

Result<base::Bytes> ReadStaged(base::Env& env, const std::string& dir, base::ByteView name) {
  const std::string text(base::AsText(name));
  if (!IsStagedName(text)) return base::MakeError(ErrorCode::kCorruption, "a lane names no staging file");
  const std::string path = dir + "/" + text;
  TENURE_ASSIGN(base::Bytes bytes, base::ReadFile(env, path));
  const bool whole = bytes.size() >= kCrcBytes && base::LoadLe<std::uint32_t>(bytes.data()) ==
                                                      base::Crc32c(base::ByteView(bytes).subspan(kCrcBytes));
  if (!whole) return base::CorruptionAt(path, 0, "not what was staged");
  bytes.erase(bytes.begin(), bytes.begin() + kCrcBytes);
  return bytes;
}

void RemoveStaged(base::Env& env, const std::string& dir, const std::string& name) {
  // Left behind, it is only space: RemoveAllStaged finds it.
  (void)env.Remove(dir + "/" + name);
}

void RemoveAllStaged(base::Env& env, const std::string& dir) {
  const auto names = env.List(dir);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (IsStagedName(name)) RemoveStaged(env, dir, name);
  }
}

}  // namespace tenure::commit
