#include "store/model/packed_entry.h"

#include <limits>
#include <string>

#include "store/base/codec.h"
#include "store/base/error.h"
#include "store/model/hash_input.h"

namespace tenure::model {
namespace {

constexpr std::size_t kBytesAt = 0;
constexpr std::size_t kContentBeginAt = 4;
constexpr std::size_t kContentEndAt = 8;
constexpr std::size_t kRowAt = 12;

std::uint32_t At(const std::byte* block, std::size_t offset) { return base::LoadLe<std::uint32_t>(block + offset); }

/// Reads what FlatWriter wrote in this process: what does not fit is a broken invariant.
class FlatReader {
 public:
  explicit FlatReader(base::ByteView in) : in_(in) {}
  std::uint8_t U8() { return Fixed<std::uint8_t>(); }
  std::uint32_t U32() { return Fixed<std::uint32_t>(); }
  std::uint64_t U64() { return Fixed<std::uint64_t>(); }
  std::string Text() {
    const std::uint32_t bytes = U32();
    TENURE_CHECK(bytes <= in_.size() - at_);
    std::string text(reinterpret_cast<const char*>(in_.data() + at_), bytes);
    at_ += bytes;
    return text;
  }
  bool empty() const { return at_ == in_.size(); }

 private:
  template <typename T>
  T Fixed() {
    TENURE_CHECK(sizeof(T) <= in_.size() - at_);
    const T value = base::LoadLe<T>(in_.data() + at_);
    at_ += sizeof(T);
    return value;
  }
  base::ByteView in_;
  std::size_t at_ = 0;
};

}  // namespace

PackedEntry::PackedEntry(const ArtifactEntry& entry, base::BlockLog* log) {
  const EntryFields fields = FieldsOf(entry);
  const std::size_t bytes_max = FlatBytesMax(fields);
  TENURE_CHECK(bytes_max <= std::numeric_limits<std::uint32_t>::max());
  const std::size_t block_bytes = kRowAt + bytes_max;
  block_ = log != nullptr ? log->Take(block_bytes) : base::BlockLog::TakeAlone(block_bytes);
  FlatWriter out(block_.get() + kRowAt, bytes_max);
  const FlatContent content = AppendFlat(fields, out);
  base::StoreLe(block_.get() + kBytesAt, static_cast<std::uint32_t>(out.size()));
  base::StoreLe(block_.get() + kContentBeginAt, static_cast<std::uint32_t>(content.begin));
  base::StoreLe(block_.get() + kContentEndAt, static_cast<std::uint32_t>(content.end));
}

base::ByteView PackedEntry::Row() const {
  TENURE_CHECK(block_ != nullptr);
  return {block_.get() + kRowAt, At(block_.get(), kBytesAt)};
}

base::Hash128 PackedEntry::RowHash() const { return base::Xxh128(Row()); }

std::uint64_t PackedEntry::ContentHash() const {
  const std::uint32_t begin = At(block_.get(), kContentBeginAt);
  return base::Xxh128(Row().subspan(begin, At(block_.get(), kContentEndAt) - begin)).low;
}

ArtifactEntry PackedEntry::Unpack() const {
  FlatReader in(Row());
  (void)in.U8();  // the domain
  ArtifactEntry entry;
  entry.name = in.Text();
  entry.version = in.Text();
  entry.digest = in.Text();
  const bool has_size = in.U8() != 0;
  const std::uint64_t size = in.U64();
  if (has_size) entry.size = size;
  entry.media_type = in.Text();
  entry.urls.resize(in.U32());
  for (std::string& url : entry.urls) url = in.Text();
  entry.annotations = in.Text();
  entry.created_at_ms = static_cast<TimeMs>(in.U64());
  entry.updated_at_ms = static_cast<TimeMs>(in.U64());
  entry.writer = in.Text();
  entry.revision = in.U64();
  entry.lsn = in.U64();
  entry.deleted = in.U8() != 0;
  TENURE_CHECK(in.empty());
  return entry;
}

}  // namespace tenure::model
