#include "store/journal/block_file.h"

#include <cstring>
#include <memory>
#include <utility>

#include "store/base/error.h"

namespace tenure::journal {
namespace {

constexpr std::uint64_t InBlock(std::uint64_t offset) { return offset % BlockFile::kBlockBytes; }
constexpr std::uint64_t RoundUp(std::uint64_t bytes) {
  return bytes + InBlock(BlockFile::kBlockBytes - InBlock(bytes));
}

/// What is in front of it in its block, the largest direct append, zeros up to the end of a block.
constexpr std::uint64_t kBlocksBytes = BlockFile::kDirectBytesMax + 2 * BlockFile::kBlockBytes;

}  // namespace

BlockFile::BlockFile(std::unique_ptr<base::File> direct, std::unique_ptr<base::File> cached, std::uint64_t offset)
    : direct_(std::move(direct)), cached_(std::move(cached)), offset_(offset), memory_(kBlocksBytes + kBlockBytes) {
  void* aligned = memory_.data();
  std::size_t space = memory_.size();
  TENURE_CHECK(std::align(kBlockBytes, kBlocksBytes, aligned, space) != nullptr);
  blocks_ = {static_cast<std::byte*>(aligned), kBlocksBytes};
}

Result<std::unique_ptr<BlockFile>> BlockFile::Open(base::Env& env, const std::string& path, std::uint64_t offset) {
  TENURE_ASSIGN(auto direct, env.Open(path, base::OpenMode::kReadWriteDirect));
  TENURE_ASSIGN(auto cached, env.Open(path, base::OpenMode::kReadWrite));
  std::unique_ptr<BlockFile> opened(new BlockFile(std::move(direct), std::move(cached), offset));
  const std::uint64_t before = InBlock(offset);
  if (before == 0) return opened;
  // What will be written again is what the disk holds, not what the page cache has of it.
  TENURE_ASSIGN(const std::size_t got, opened->direct_->ReadAt(offset - before, opened->blocks_.first(kBlockBytes)));
  if (got < before) {
    Error error = base::MakeError(ErrorCode::kIo, path + " ends before offset " + std::to_string(offset) +
                                                      ", where the next frame belongs: somebody has cut it");
    error.path = path;
    return error;
  }
  return opened;
}

Status BlockFile::Append(base::ByteView data) {
  if (data.size() > kDirectBytesMax) {
    TENURE_RETURN_IF_ERROR(cached_->WriteAt(offset_, data));
    offset_ += data.size();
    // More than a block: what the next one begins behind is all of it.
    std::memcpy(blocks_.data(), data.last(InBlock(offset_)).data(), InBlock(offset_));
    return {};
  }
  const std::uint64_t before = InBlock(offset_);
  const std::uint64_t end = before + data.size();
  std::memcpy(blocks_.data() + before, data.data(), data.size());
  std::memset(blocks_.data() + end, 0, RoundUp(end) - end);
  TENURE_RETURN_IF_ERROR(direct_->WriteAt(offset_ - before, blocks_.first(RoundUp(end))));
  std::memmove(blocks_.data(), blocks_.data() + end - InBlock(end), InBlock(end));
  offset_ += data.size();
  return {};
}

}  // namespace tenure::journal
