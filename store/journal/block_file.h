// The open end of a segment, written in whole blocks past the page cache.
//
// A direct write costs the kernel a quarter less than a buffered one that fdatasync writes back at once, and the flush
// behind it comes a sixth sooner (docs/performance.md). It must consist of whole blocks. So the block in which the last
// frame ended is written again, with what it held: the bytes are the same, and a disk that tears the write leaves them
// as they are, as it does when the page cache writes that block back. Behind the frame follow zeros, which is what was
// there.
//
// What is larger than kDirectBytesMax goes through the page cache: it is the device that takes its time then, and
// whoever applies it to the index finds it in memory.
//
// Only the one who appends may use it, one thread at a time: blocks are not read again between two appends. Readers use
// the page cache; the kernel drops what a direct write has made old there.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "store/base/env.h"

namespace tenure::journal {

class BlockFile {
 public:
  static constexpr std::uint64_t kBlockBytes = base::kDirectBlockBytes;
  static constexpr std::uint64_t kDirectBytesMax = 64u << 10;

  /// To append at `offset` of the file, which must be zero from there on and a whole number of blocks long.
  static Result<std::unique_ptr<BlockFile>> Open(base::Env& env, const std::string& path, std::uint64_t offset);

  /// Behind what was appended last; the file must have room for it. After a failure nobody knows what is there, and
  /// nothing more may be appended.
  Status Append(base::ByteView data);
  /// Of everything that was appended.
  Status SyncData() { return direct_->SyncData(); }

 private:
  BlockFile(std::unique_ptr<base::File> direct, std::unique_ptr<base::File> cached, std::uint64_t offset);

  const std::unique_ptr<base::File> direct_;
  const std::unique_ptr<base::File> cached_;  ///< The same file.
  std::uint64_t offset_;                      ///< Where the next byte goes.
  base::Bytes memory_;
  std::span<std::byte> blocks_;  ///< Of memory_, aligned; begins with what the block at offset_ holds in front of it.
};

}  // namespace tenure::journal
