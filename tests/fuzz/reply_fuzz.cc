// The answer to a request. The first bytes say what a cell of shared memory would: state, and number of operations.
#include "store/commit/request_codec.h"
#include "store/model/validate.h"
#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz::reply_target {
namespace {

constexpr std::size_t kHead = 3;

std::string SeedReply(const Result<Receipt>& answer, std::size_t operations) {
  const ingest::Reply reply = commit::EncodeReply(answer, operations);
  std::string bytes = {static_cast<char>(reply.state), static_cast<char>(operations), '\1'};
  return bytes + std::string(base::AsText(reply.detail));
}

Target ReplyTarget() {
  Target target;
  Receipt receipt;
  receipt.lsn = 42;
  receipt.results = {{Outcome::kCommitted, 1}, {Outcome::kMerged, 300}};
  target.seeds.push_back(SeedReply(receipt, 2));
  receipt.results.resize(1);
  target.seeds.push_back(SeedReply(receipt, 1));
  Error error;
  error.code = ErrorCode::kRevisionMismatch;
  error.message = "release/app:1.4.2 has revision 8, not 7";
  error.hint = "read it again";
  error.key = "release/app:1.4.2";
  error.revision = 8;
  error.lsn = 41;
  target.seeds.push_back(SeedReply(error, 1));
  auto holder = std::make_shared<LeaseInfo>();
  holder->id = 9;
  holder->scopes = {"release/**"};
  holder->writer = "other@host";
  holder->host = "build-2";
  holder->left_ms = 3'000;
  error.code = ErrorCode::kLeaseHeld;
  error.holder = holder;
  target.seeds.push_back(SeedReply(error, 1));
  return target;
}

ingest::Reply With(const ingest::Reply& like, std::string_view detail) {
  ingest::Reply reply = like;
  const base::ByteView bytes = base::AsBytes(detail);
  reply.detail.assign(bytes.begin(), bytes.end());
  return reply;
}

const Target& ThisTarget() {
  static const Target target = ReplyTarget();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kHead) return 0;
  ingest::Reply reply;
  reply.state = static_cast<ingest::AnswerState>(data[0]);
  reply.replayed = (data[2] & 2) != 0;
  reply.whole = (data[2] & 1) != 0;
  reply.lsn = 42;
  reply.revision = 5;
  const std::size_t operations = data[1];
  reply = With(reply, Text(data + kHead, size - kHead));
  const auto answer = commit::DecodeReply(reply, operations);
  if (!answer) return 0;
  // Texts may be cut on the way, once.
  const ingest::Reply second = commit::EncodeReply(*answer, operations);
  const auto again = commit::DecodeReply(second, operations);
  FUZZ_EXPECT(again && again->ok() == answer->ok());
  if (answer->ok()) {
    FUZZ_EXPECT((*again)->results == (*answer)->results && (*again)->lsn == (*answer)->lsn);
    FUZZ_EXPECT((*again)->outcome == (*answer)->outcome && (*again)->replayed == (*answer)->replayed);
    return 0;
  }
  FUZZ_EXPECT(again->error().code == answer->error().code);
  FUZZ_EXPECT(second.detail.size() <= ingest::kRefusalBytes);
  const ingest::Reply third = commit::EncodeReply(*again, operations);
  FUZZ_EXPECT(base::AsText(third.detail) == base::AsText(second.detail));
  return 0;
}

const Registration registration("reply", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::reply_target
