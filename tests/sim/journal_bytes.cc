#include "tests/sim/journal_bytes.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <stdexcept>

#include "store/journal/reader.h"
#include "store/recovery/config.h"
#include "tests/sim/sim_env.h"

namespace tenure::sim {
namespace {

namespace frame_at = journal::frame_at;

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

std::vector<FrameSpan> FramesOf(const recovery::Layout& layout) {
  base::Env& env = base::Env::Posix();
  const recovery::Config config = Must(recovery::ReadConfig(env, layout));
  const auto reader = Must(journal::Reader::OpenAtStart(env, layout.journal(), config.journal_id, 0));
  std::vector<FrameSpan> frames;
  journal::RawFrame raw;
  journal::FrameFault fault = journal::FrameFault::kNone;
  constexpr Lsn kNoLimit = std::numeric_limits<Lsn>::max();
  while (Must(reader->NextRaw(kNoLimit, 0, raw, fault)) == journal::Stop::kFrame) {
    const journal::LiveSegment& segment = *reader->chain().Find(raw.header.first_lsn);
    frames.push_back({segment.path, raw.offset, raw.after.offset, raw.header.first_lsn, raw.header.last_lsn(),
                      raw.header.epoch, segment.header.salt});
  }
  return frames;
}

/// CRC32C over the salt, then the data, as docs/journal-format.md has it: on purpose not the product's code.
std::uint32_t SaltedCrc(base::ByteView data, std::uint64_t salt) {
  std::byte seed[sizeof salt];
  base::StoreLe(seed, salt);
  return base::Crc32c(data, base::Crc32c(seed));
}

}  // namespace

ClosedStore::ClosedStore(const std::string& dir, int transactions) : dir_(dir) {
  SimEnv env(11);
  OpenOptions options;
  options.env = &env;
  options.background = false;
  options.writer = "sim@sim";
  {
    Store store = Must(Store::Create(dir_, {}, options));
    for (int i = 0; i < transactions; ++i) Must(CommitPlanned(store, env, i, /*large=*/false));
    if (!store.CatchUp().ok()) throw std::runtime_error("the index could not be brought up to date");
  }
  const base::Trace trace = env.CopyTrace();
  expected_ = ExpectedAt(trace, trace.size(), /*large=*/false);
  frames_ = FramesOf(layout());
}

base::Bytes ReadBytes(const std::string& path, std::uint64_t begin, std::uint64_t end) {
  base::Bytes bytes(end - begin);
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(begin));
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file) throw std::runtime_error("cannot read " + path);
  return bytes;
}

void WriteBytes(const std::string& path, std::uint64_t begin, base::ByteView bytes) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(begin));
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.flush();
  if (!file) throw std::runtime_error("cannot write " + path);
}

void FlipBits(const std::string& path, std::uint64_t offset, std::byte bits) {
  base::Bytes byte = ReadBytes(path, offset, offset + 1);
  byte[0] ^= bits;
  WriteBytes(path, offset, byte);
}

void ZeroFrame(const FrameSpan& frame) { WriteBytes(frame.path, frame.begin, base::Bytes(frame.end - frame.begin)); }

void EditFrame(const FrameSpan& frame, bool mend_chain) {
  base::Bytes bytes = ReadBytes(frame.path, frame.begin, frame.end);
  journal::FrameHeader header;
  if (journal::CheckFrameHeader(bytes, frame.epoch, frame.salt, header) != journal::FrameFault::kNone) {
    throw std::runtime_error("no frame to edit");
  }
  // A letter of the annotations' filling: the transaction still decodes, into something else.
  const std::string fill = "\"fill\":\"";
  const auto at = std::search(bytes.begin(), bytes.end(), reinterpret_cast<const std::byte*>(fill.data()),
                              reinterpret_cast<const std::byte*>(fill.data() + fill.size()));
  if (at == bytes.end()) throw std::runtime_error("nothing to edit in the frame");
  *(at + static_cast<std::ptrdiff_t>(fill.size())) = std::byte{'!'};
  if (mend_chain) {
    const base::Bytes payload(bytes.begin() + journal::kFrameHeaderBytes,
                              bytes.begin() + journal::kFrameHeaderBytes + header.payload_bytes);
    journal::EncodeFrame(header, payload, frame.salt, bytes);
  } else {
    const base::ByteView all(bytes);
    base::StoreLe(&bytes[frame_at::kPayloadCrc], SaltedCrc(all.subspan(journal::kFrameHeaderBytes), frame.salt));
    base::StoreLe(&bytes[frame_at::kHeaderCrc],
                  SaltedCrc(all.subspan(frame_at::kEpoch, journal::kFrameHeaderBytes - frame_at::kEpoch), frame.salt));
  }
  WriteBytes(frame.path, frame.begin, bytes);
}

}  // namespace tenure::sim
