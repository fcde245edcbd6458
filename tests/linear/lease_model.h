// One scope of exclusive leases, as a sequential object.
//
//   free ──acquire──▶ held ──release, break──▶ free
//                      │ expire: not before the deadline that the last renewal told may have passed
//                      ▼
//                     over ──acquire, break──▶ held, free
//
// Expiry is a call of its own, of unknown outcome, made at the earliest moment that the deadline may have passed: one
// for the grant and one for each renewal. The one that belongs to an earlier deadline than that in force is no longer
// possible. A lease that ends with its process has one more, made when the process was last seen alive.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tenure::linear {

struct LeaseModel {
  struct State {
    std::uint64_t holder = 0;  ///< Number of the acquisition; 0: free.
    bool over = false;         ///< It is known that its time had come; its end may not be written down yet.
    std::uint64_t deadline = 0;
    std::uint64_t last_token = 0;
    bool operator==(const State&) const = default;
    std::uint64_t Hash() const {
      return ((holder * 0x9e3779b97f4a7c15u ^ deadline) * 0xbf58476d1ce4e5b9u ^ last_token) * 2 + (over ? 1 : 0);
    }
  };
  enum class Do : std::uint8_t { kAcquire, kRenew, kRelease, kBreak, kWrite, kExpire };
  struct Input {
    Do what = Do::kAcquire;
    /// Number of the acquisition that is meant: chosen by the caller, never 0, never twice. kWrite: 0 presents none.
    std::uint64_t lease = 0;
    /// kAcquire, kRenew: it expires no earlier than this. kExpire: the deadline that passes; kNever for an end that no
    /// renewal prevents.
    std::uint64_t deadline = 0;
  };
  enum class Answer : std::uint8_t {
    kOk,
    kBusy,    ///< acquire, write: somebody holds it.
    kQueued,  ///< acquire: somebody else comes first, whether it is held or not.
    kLost,    ///< It is not held (any more).
  };
  struct Output {
    Answer answer = Answer::kOk;
    std::uint64_t token = 0;  ///< Fencing token of a granted acquire.
  };

  static std::optional<State> Step(const State& state, const Input& input, const Output* output);
  static bool ChangesNothing(const Input& input, const Output* output);
  static std::string Text(const Input& input, const Output* output);
};

}  // namespace tenure::linear
