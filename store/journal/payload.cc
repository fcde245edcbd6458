#include "store/journal/payload.h"

#include <algorithm>
#include <utility>

#include "store/base/error.h"

namespace tenure::journal {

Result<std::vector<model::CommittedTxn>> DecodePayload(const FrameHeader& header, base::ByteView payload,
                                                       const std::string& path, std::uint64_t frame_offset) {
  std::vector<model::CommittedTxn> txns;
  // A transaction takes at least a byte: a count beyond that cannot make us reserve memory for nothing.
  txns.reserve(std::min<std::size_t>(header.count, payload.size()));
  base::Decoder in(payload);
  for (std::uint32_t i = 0; i < header.count; ++i) {
    auto txn = model::DecodeTxn(in, header.first_lsn + i, header.time_ms);
    if (!txn.ok()) {
      Error error = base::CorruptionAt(path, frame_offset, txn.error().message);
      error.code = txn.error().code;
      error.hint = txn.error().hint;
      error.lsn = header.first_lsn + i;
      return error;
    }
    txns.push_back(std::move(txn).value());
  }
  if (!in.empty()) {
    return base::CorruptionAt(path, frame_offset,
                              "the frame holds " + std::to_string(in.remaining()) + " bytes behind its " +
                                  std::to_string(header.count) + " transactions");
  }
  return txns;
}

}  // namespace tenure::journal
