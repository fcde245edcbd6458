#include "store/journal/payload.h"

#include <algorithm>
#include <utility>

#include "store/base/error.h"

namespace tenure::journal {

Status DecodePayloadInto(const FrameHeader& header, base::ByteView payload, const std::string& path,
                         std::uint64_t frame_offset, std::vector<model::CommittedTxn>& txns) {
  // A transaction takes at least a byte: a count beyond that cannot make us reserve memory for nothing.
  txns.reserve(std::min<std::size_t>(header.count, payload.size()));
  if (txns.size() > header.count) txns.resize(header.count);
  base::Decoder in(payload);
  for (std::uint32_t i = 0; i < header.count; ++i) {
    if (i == txns.size()) txns.emplace_back();
    const Status decoded = model::DecodeTxnInto(in, header.first_lsn + i, header.time_ms, txns[i]);
    if (!decoded.ok()) {
      Error error = base::CorruptionAt(path, frame_offset, decoded.error().message);
      error.code = decoded.error().code;
      error.hint = decoded.error().hint;
      error.lsn = header.first_lsn + i;
      return error;
    }
  }
  if (!in.empty()) {
    return base::CorruptionAt(path, frame_offset,
                              "the frame holds " + std::to_string(in.remaining()) + " bytes behind its " +
                                  std::to_string(header.count) + " transactions");
  }
  return {};
}

Result<std::vector<model::CommittedTxn>> DecodePayload(const FrameHeader& header, base::ByteView payload,
                                                       const std::string& path, std::uint64_t frame_offset) {
  std::vector<model::CommittedTxn> txns;
  TENURE_RETURN_IF_ERROR(DecodePayloadInto(header, payload, path, frame_offset, txns));
  return txns;
}

}  // namespace tenure::journal
