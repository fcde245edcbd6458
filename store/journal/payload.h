// The payload of a frame: its transactions, one behind the other, as model::EncodeTxn writes them. They
// delimit themselves; the frame header says how many there are, and supplies their LSNs and time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/journal/format.h"
#include "store/model/effect.h"

namespace tenure::journal {

/// Exactly header.count transactions and not a byte more; else kCorruption (kUnsupported for what a
/// newer version wrote) that names `path` and `frame_offset`.
Result<std::vector<model::CommittedTxn>> DecodePayload(const FrameHeader& header, base::ByteView payload,
                                                       const std::string& path, std::uint64_t frame_offset);

/// The same into `txns`, whose memory is used again. After a failure it holds anything.
Status DecodePayloadInto(const FrameHeader& header, base::ByteView payload, const std::string& path,
                         std::uint64_t frame_offset, std::vector<model::CommittedTxn>& txns);

}  // namespace tenure::journal
