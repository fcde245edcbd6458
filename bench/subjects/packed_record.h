// A record as key and value bytes, for the key-value peers. Key: name, a zero byte, version. Value: the
// revision (8 bytes, host order), then size, digest, media type and annotations.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "bench/common/record.h"

namespace tenure::bench {

inline void PackKey(const Record& record, std::string& out) {
  out.assign(record.name);
  out.push_back('\0');
  out.append(kVersion);
}

inline void PackValue(const Record& record, std::uint64_t revision, std::string& out) {
  out.clear();
  const auto append = [&out](std::uint64_t word) { out.append(reinterpret_cast<const char*>(&word), sizeof word); };
  append(revision);
  append(record.size);
  out.append(reinterpret_cast<const char*>(record.digest.data()), record.digest.size());
  append(kMediaType.size());
  out.append(kMediaType);
  out.append(record.annotations);
}

inline std::uint64_t PackedRevision(std::string_view value) {
  std::uint64_t revision = 0;
  if (value.size() >= sizeof revision) std::memcpy(&revision, value.data(), sizeof revision);
  return revision;
}

inline std::string PackedAnnotations(std::string_view value) {
  const std::size_t fixed = 8 + 8 + 32 + 8 + kMediaType.size();
  return value.size() < fixed ? std::string() : std::string(value.substr(fixed));
}

}  // namespace tenure::bench
