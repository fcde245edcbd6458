#include "store/ingest/record.h"

#include "store/base/hash.h"

namespace tenure::ingest {
namespace {

std::uint32_t HeaderChecksum(HeaderWords header) {
  header.words[2] &= ~std::uint64_t{0xFFFFFFFF};
  return base::Crc32c(std::as_bytes(std::span(header.words)));
}

}  // namespace

const char* ReadFaultText(ReadFault fault) {
  switch (fault) {
    case ReadFault::kNone:
      return "no fault";
    case ReadFault::kEmpty:
      return "there is no record";
    case ReadFault::kPosition:
      return "the position is not one of a record in this ring";
    case ReadFault::kTruncated:
      return "the tail is within the record's header";
    case ReadFault::kSize:
      return "the record reaches beyond the tail";
    case ReadFault::kType:
      return "the record has type 0";
    case ReadFault::kReserved:
      return "the record's reserved field is not zero";
    case ReadFault::kChecksum:
      return "the record's checksum differs";
  }
  return "unknown fault";
}

std::uint32_t RecordChecksum(const HeaderWords& header, base::ByteView payload) {
  return base::Crc32c(payload, HeaderChecksum(header));
}

std::uint32_t RecordChecksum(const HeaderWords& header, std::span<const base::ByteView> pieces) {
  std::uint32_t crc = HeaderChecksum(header);
  for (const base::ByteView piece : pieces) crc = base::Crc32c(piece, crc);
  return crc;
}

}  // namespace tenure::ingest
