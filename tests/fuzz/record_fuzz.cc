// A record of a ring, as a reader of foreign memory judges it.
#include <array>
#include <cstring>

#include "store/base/codec.h"
#include "store/ingest/record.h"
#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz::record_target {
namespace {

using ingest::HeaderWords;
using ingest::ReadFault;

HeaderWords HeaderOf(base::ByteView bytes) {
  HeaderWords header;
  std::memcpy(header.words, bytes.data(), sizeof header.words);
  return header;
}

void Mend(std::span<std::byte> bytes) {
  if (bytes.size() < sizeof(ingest::RecordHeader)) return;
  const HeaderWords header = HeaderOf(bytes);
  if (header.size() > bytes.size() - sizeof(ingest::RecordHeader)) return;
  const base::ByteView payload = bytes.subspan(sizeof(ingest::RecordHeader), header.size());
  base::StoreLe(&bytes[offsetof(ingest::RecordHeader, checksum)], ingest::RecordChecksum(header, payload));
}

Target RecordTarget() {
  Target target;
  for (const std::string_view text : {"", "x", "a payload of some length, behind its header"}) {
    ingest::RecordHeader header;
    header.size = static_cast<std::uint32_t>(text.size());
    header.type = 1;
    header.timestamp_ns = 123;
    std::string record(sizeof header, '\0');
    std::memcpy(record.data(), &header, sizeof header);
    record += text;
    record.resize(ingest::RecordBytes(text.size()));
    Mend(std::as_writable_bytes(std::span(record)));
    target.seeds.push_back(record);
  }
  target.mend = Mend;
  return target;
}

const Target& ThisTarget() {
  static const Target target = RecordTarget();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < sizeof(ingest::RecordHeader)) return 0;
  const base::ByteView bytes = View(data, size);
  const HeaderWords header = HeaderOf(bytes);
  const HeaderWords again = HeaderWords::Of(header.Header());
  FUZZ_EXPECT(std::memcmp(again.words, header.words, sizeof header.words) == 0);
  const ReadFault fault = ingest::CheckHeader(header, size);
  FUZZ_EXPECT(std::strlen(ingest::ReadFaultText(fault)) > 0);
  if (fault != ReadFault::kNone) return 0;
  const base::ByteView behind = bytes.subspan(sizeof(ingest::RecordHeader), header.size());
  base::Bytes payload(behind.begin(), behind.end());
  const std::size_t half = payload.size() / 2;
  const std::array<base::ByteView, 2> pieces = {base::ByteView(payload).first(half),
                                                base::ByteView(payload).subspan(half)};
  FUZZ_EXPECT(ingest::RecordChecksum(header, pieces) == ingest::RecordChecksum(header, payload));
  if (ingest::CheckPayload(header, payload) != ReadFault::kNone || (header.flags() & ingest::kUnchecked) != 0) return 0;
  // A record that is accepted is not accepted with one bit of it changed.
  if (!payload.empty()) {
    const std::size_t at = header.words[1] % payload.size();
    payload[at] ^= std::byte{1};
    FUZZ_EXPECT(ingest::CheckPayload(header, payload) == ReadFault::kChecksum);
    payload[at] ^= std::byte{1};
  }
  HeaderWords changed = header;
  changed.words[1] ^= 1;
  FUZZ_EXPECT(ingest::CheckPayload(changed, payload) == ReadFault::kChecksum);
  return 0;
}

const Registration registration("record", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::record_target
