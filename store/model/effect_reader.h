// Decoding of effects, shared by the files of the codec. Private to this room.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "store/base/codec.h"
#include "store/base/error.h"
#include "store/model/effect.h"

namespace tenure::model {

// One decoding: the input, and why it stopped.
class Reader {
 public:
  Reader(base::Decoder& in, Lsn lsn) : in_(in), lsn_(lsn) {}

  bool ok() const { return in_.ok() && what_ == nullptr; }
  base::Decoder& in() { return in_; }

  /// Records the first reason and stops the decoding. Always false.
  bool Refuse(const char* what, ErrorCode code = ErrorCode::kCorruption) {
    if (ok()) {
      what_ = what;
      code_ = code;
    }
    in_.Fail();
    return false;
  }
  bool RefuseNewer(const char* what) { return Refuse(what, ErrorCode::kUnsupported); }

  /// A text that must be there and keep its limit.
  bool Text(std::string& to, std::size_t bytes_max, const char* what) {
    to = in_.Text(bytes_max);
    if (!in_.ok() || to.empty()) return Refuse(what);
    return true;
  }

  Error Failure() const {
    const std::string where = "transaction at LSN " + std::to_string(lsn_) + ": ";
    if (code_ == ErrorCode::kUnsupported) {
      return base::MakeError(code_, where + (what_ ? what_ : "") + ": written by a newer version of tenure",
                             "use the version that wrote the store, or a later one");
    }
    Error e = base::MakeError(ErrorCode::kCorruption, where + (what_ ? what_ : "ends too early or is malformed"),
                              "run 'tenure-replay verify' for the whole report");
    e.lsn = lsn_;
    return e;
  }

 private:
  base::Decoder& in_;
  Lsn lsn_;
  const char* what_ = nullptr;
  ErrorCode code_ = ErrorCode::kCorruption;
};

/// A put without its kind: flags, key, revision, content.
void EncodePut(const ArtifactEntry& entry, const std::optional<Revision>& merged_base, base::Encoder& out);
bool DecodePut(Reader& r, ArtifactEntry& entry, std::optional<Revision>& merged_base);
/// The kinds from kSetPolicy on, without the kind.
void EncodeRare(const Effect& effect, base::Encoder& out);
bool DecodeRare(Reader& r, Effect& effect);

}  // namespace tenure::model
