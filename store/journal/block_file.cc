#include "store/journal/block_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "store/base/error.h"

namespace tenure::journal {
namespace {

/// What is written at once: larger frames go in pieces, so that memory stays bounded.
constexpr std::uint64_t kWriteBytesMax = 1u << 20;

constexpr std::uint64_t InBlock(std::uint64_t offset) { return offset % BlockFile::kBlockBytes; }
constexpr std::uint64_t RoundUp(std::uint64_t bytes) {
  return bytes + InBlock(BlockFile::kBlockBytes - InBlock(bytes));
}

}  // namespace

Result<std::unique_ptr<BlockFile>> BlockFile::Open(base::Env& env, const std::string& path, std::uint64_t offset) {
  TENURE_ASSIGN(auto file, env.Open(path, base::OpenMode::kWriteDirect));
  std::unique_ptr<BlockFile> opened(new BlockFile(std::move(file), offset));
  opened->MakeRoom(kBlockBytes);
  const std::uint64_t before = InBlock(offset);
  if (before == 0) return opened;
  // Through the page cache, where a reader has just found the end.
  TENURE_ASSIGN(const auto cached, env.Open(path, base::OpenMode::kRead));
  TENURE_ASSIGN(const std::size_t got, cached->ReadAt(offset - before, opened->blocks_.first(before)));
  if (got < before) {
    Error error = base::MakeError(ErrorCode::kIo, path + " ends before offset " + std::to_string(offset) +
                                                      ", where the next frame belongs: somebody has cut it");
    error.path = path;
    return error;
  }
  return opened;
}

void BlockFile::MakeRoom(std::uint64_t bytes) {
  bytes = RoundUp(bytes);
  if (blocks_.size() >= bytes) return;
  base::Bytes larger(bytes + kBlockBytes);
  void* aligned = larger.data();
  std::size_t space = larger.size();
  TENURE_CHECK(std::align(kBlockBytes, bytes, aligned, space) != nullptr);
  const std::span<std::byte> blocks(static_cast<std::byte*>(aligned), bytes);
  if (!blocks_.empty()) std::memcpy(blocks.data(), blocks_.data(), InBlock(offset_));
  memory_.swap(larger);
  blocks_ = blocks;
}

Status BlockFile::Append(base::ByteView data) {
  MakeRoom(std::min(kWriteBytesMax, InBlock(offset_) + data.size()));
  while (!data.empty()) {
    const std::uint64_t before = InBlock(offset_);
    const std::uint64_t bytes = std::min<std::uint64_t>(data.size(), blocks_.size() - before);
    const std::uint64_t end = before + bytes;
    std::memcpy(blocks_.data() + before, data.data(), bytes);
    std::memset(blocks_.data() + end, 0, RoundUp(end) - end);
    TENURE_RETURN_IF_ERROR(file_->WriteAt(offset_ - before, blocks_.first(RoundUp(end))));
    std::memmove(blocks_.data(), blocks_.data() + end - InBlock(end), InBlock(end));
    offset_ += bytes;
    data = data.subspan(bytes);
  }
  return {};
}

}  // namespace tenure::journal
