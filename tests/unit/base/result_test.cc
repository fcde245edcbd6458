#include "tenure/result.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "store/base/error.h"

namespace tenure {
namespace {

constexpr int kCodes = static_cast<int>(ErrorCode::kOutOfMemory) + 1;

TEST(ExitCode, Table) {
  const std::map<ErrorCode, int> special = {
      {ErrorCode::kInvalidArgument, 2},  {ErrorCode::kTooLarge, 2},       {ErrorCode::kAmbiguous, 2},
      {ErrorCode::kNotFound, 4},         {ErrorCode::kCompacted, 4},      {ErrorCode::kExists, 5},
      {ErrorCode::kRevisionMismatch, 5}, {ErrorCode::kDigestMismatch, 5}, {ErrorCode::kVersionMismatch, 5},
      {ErrorCode::kStaleBase, 5},        {ErrorCode::kTagged, 5},         {ErrorCode::kRequestIdReused, 5},
      {ErrorCode::kRequestCancelled, 5}, {ErrorCode::kChangedSince, 5},   {ErrorCode::kNoStore, 10},
      {ErrorCode::kCorruption, 13},      {ErrorCode::kDeletedSince, 5},   {ErrorCode::kMergeClash, 5},
      {ErrorCode::kImmutable, 5},        {ErrorCode::kSchemaMismatch, 5}, {ErrorCode::kParked, 5},
      {ErrorCode::kLeaseHeld, 11},       {ErrorCode::kDeadlock, 11},      {ErrorCode::kLeasesExhausted, 11},
      {ErrorCode::kLeaseRequired, 12},   {ErrorCode::kLeaseExpired, 12},  {ErrorCode::kFenced, 12},
      {ErrorCode::kLeaseBroken, 12},     {ErrorCode::kLeaseUnknown, 12},  {ErrorCode::kLeaseNotCovering, 12},
  };
  for (int i = 0; i < kCodes; ++i) {
    const auto code = static_cast<ErrorCode>(i);
    const auto found = special.find(code);
    EXPECT_EQ(ExitCode(code), found == special.end() ? 1 : found->second) << ErrorCodeName(code);
  }
}

TEST(ErrorCodeName, IsUniqueSnakeCase) {
  std::set<std::string> names;
  for (int i = 0; i < kCodes; ++i) {
    const std::string name = ErrorCodeName(static_cast<ErrorCode>(i));
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos) << name;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_STREQ(ErrorCodeName(ErrorCode::kRevisionMismatch), "revision_mismatch");
  EXPECT_STREQ(ErrorCodeName(ErrorCode::kAlreadyAStore), "already_a_store");
}

Result<int> Half(int n) {
  if (n % 2 != 0) return base::MakeError(ErrorCode::kInvalidArgument, "odd");
  return n / 2;
}

Result<int> Quarter(int n) {
  TENURE_ASSIGN(const int half, Half(n));
  return Half(half);
}

Status Check(int n) {
  TENURE_RETURN_IF_ERROR(Quarter(n));
  return {};
}

TEST(ErrorMacros, PassErrorsOn) {
  EXPECT_EQ(*Quarter(12), 3);
  EXPECT_EQ(Quarter(6).error().message, "odd");
  EXPECT_TRUE(Check(4).ok());
  EXPECT_EQ(Check(5).error().code, ErrorCode::kInvalidArgument);
}

TEST(ErrorMacrosDeathTest, BrokenInvariantsAndWrongReadsAbort) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(TENURE_CHECK(1 + 1 == 3), "broken invariant at .*result_test.cc:[0-9]+: 1 \\+ 1 == 3");
  EXPECT_DEATH(static_cast<void>(Half(3).value()), "");
  EXPECT_DEATH(static_cast<void>(Half(2).error()), "");
}

TEST(CorruptionAt, NamesFileAndOffset) {
  const Error error = base::CorruptionAt("/store/journal/1.seg", 4096, "bad checksum");
  EXPECT_EQ(error.message, "/store/journal/1.seg at offset 4096: bad checksum");
  EXPECT_EQ(error.path, "/store/journal/1.seg");
  EXPECT_EQ(error.offset, 4096u);
  EXPECT_FALSE(error.hint.empty());
}

}  // namespace
}  // namespace tenure
