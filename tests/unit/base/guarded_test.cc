#include "store/base/guarded.h"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <system_error>

namespace tenure::base {
namespace {

template <typename Exception>
Error Caught(const Exception& exception) {
  const Result<int> result = Guarded([&]() -> Result<int> { throw exception; });
  return result.ok() ? Error() : result.error();
}

TEST(Guarded, PassesOnWhatIsReturned) {
  EXPECT_EQ(*Guarded([]() -> Result<int> { return 7; }), 7);
  const Status failed = Guarded([]() -> Status {
    Error error;
    error.code = ErrorCode::kBusy;
    return error;
  });
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, ErrorCode::kBusy);
}

TEST(Guarded, MakesErrorsOfExceptions) {
  EXPECT_EQ(Caught(std::bad_alloc()).code, ErrorCode::kOutOfMemory);
  EXPECT_EQ(Caught(std::length_error("vector")).code, ErrorCode::kOutOfMemory);
  EXPECT_EQ(Caught(std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again))).code,
            ErrorCode::kIo);
  const Error other = Caught(std::runtime_error("what it says"));
  EXPECT_EQ(other.code, ErrorCode::kInternal);
  EXPECT_EQ(other.message, "what it says");
  EXPECT_EQ(Caught(17).code, ErrorCode::kInternal);
}

TEST(Guarded, AttemptSwallows) {
  bool reached = false;
  Attempt([&] {
    reached = true;
    throw std::bad_alloc();
  });
  EXPECT_TRUE(reached);
}

}  // namespace
}  // namespace tenure::base
