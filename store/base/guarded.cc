#include "store/base/guarded.h"

#include <new>
#include <stdexcept>
#include <system_error>

namespace tenure::base {
namespace {

/// With more words when there is memory for them; `shortly` needs none.
Error Told(ErrorCode code, const char* shortly, const char* fully, const char* hint) noexcept {
  Error error;
  error.code = code;
  error.message = shortly;  // fits into the string itself
  try {
    std::string message = fully;
    std::string advice = hint;
    error.message = std::move(message);
    error.hint = std::move(advice);
  } catch (const std::bad_alloc&) {
  }
  return error;
}

}  // namespace

Error ErrorOfException() noexcept {
  constexpr char kHint[] = "give the process more memory, then try again";
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return Told(ErrorCode::kOutOfMemory, "out of memory", "memory could not be allocated", kHint);
  } catch (const std::length_error&) {
    return Told(ErrorCode::kOutOfMemory, "out of memory", "something became larger than memory can be", kHint);
  } catch (const std::system_error& error) {
    return Told(ErrorCode::kIo, "system error", error.what(), "");
  } catch (const std::exception& error) {
    return Told(ErrorCode::kInternal, "exception", error.what(), "");
  } catch (...) {
    return Told(ErrorCode::kInternal, "exception", "an exception of unknown type", "");
  }
}

}  // namespace tenure::base
