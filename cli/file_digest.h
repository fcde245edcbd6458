// Input files: the digest and size of one, and the whole text of a small one.
#pragma once

#include <cstdint>
#include <string>

#include "cli/command.h"
#include "tenure/result.h"

namespace tenure::cli {

struct FileDigest {
  std::string digest;  ///< "sha256:<hex>"
  std::uint64_t size = 0;
};
/// Reads a regular file once, with a progress bar.
Result<FileDigest> DigestFile(Context& ctx, const std::string& path);

/// Everything that standard input gives, up to `bytes_max`; kTooLarge beyond.
Result<std::string> ReadStandardInput(std::size_t bytes_max);
/// The same of a file; "-" is standard input.
Result<std::string> ReadWhole(const std::string& path, std::size_t bytes_max);

}  // namespace tenure::cli
