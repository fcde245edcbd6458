// What a store and its processes take: memory, descriptors, files.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tenure::torture {

struct Figures {
  std::uint64_t memory_kib = 0;   ///< Anonymous memory of the process that is never killed.
  std::uint64_t descriptors = 0;  ///< Of the same.
  std::uint64_t wal_kib = 0;      ///< SQLite's write-ahead logs.
  std::uint64_t journal_kib = 0;
  std::uint64_t files = 0;  ///< In the store.
};

Figures Measure(const std::string& store, pid_t pid);
/// What grew from the middle third of a run to its last sample; too few samples say nothing.
std::vector<std::string> Grown(const std::vector<Figures>& samples);

}  // namespace tenure::torture
