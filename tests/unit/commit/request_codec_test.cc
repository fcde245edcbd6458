// Requests between the memory of a writer and of a committer.
#include "store/commit/request_codec.h"

#include <gtest/gtest.h>

namespace tenure::commit {
namespace {

Request RequestOf(std::size_t operations, std::size_t annotation_bytes) {
  Request request;
  for (std::size_t i = 0; i < operations; ++i) {
    Operation op;
    op.kind = OpKind::kPut;
    op.name = "name" + std::to_string(i);
    op.version = "1";
    op.annotations = "{\"n\":\"" + std::string(annotation_bytes, 'a') + "\"}";
    request.operations.push_back(op);
  }
  request.writer = "w@h";
  return request;
}

base::Bytes Encoded(const Request& request) {
  base::Bytes bytes;
  EncodeRequest(request, bytes);
  return bytes;
}

TEST(RequestCodec, ASmallRequestIsDecodedIntoTheMemoryOfTheOneBefore) {
  const base::Bytes bytes = Encoded(RequestOf(1, 100));
  Request request;
  ASSERT_TRUE(DecodeRequest(bytes, request));
  const Operation* memory = request.operations.data();
  ShedMemory(request);
  ASSERT_TRUE(DecodeRequest(bytes, request));
  EXPECT_EQ(request.operations.data(), memory);
  EXPECT_EQ(Encoded(request), bytes);
}

TEST(RequestCodec, TheMemoryOfALargeRequestIsGivenBack) {
  for (const Request& large : {RequestOf(1'000, 10), RequestOf(1, 100'000)}) {
    const base::Bytes bytes = Encoded(large);
    Request request;
    ASSERT_TRUE(DecodeRequest(bytes, request));
    EXPECT_EQ(Encoded(request), bytes);
    ShedMemory(request);
    EXPECT_EQ(request.operations.capacity(), 0u);
  }
}

}  // namespace
}  // namespace tenure::commit
