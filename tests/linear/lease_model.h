// Leases of scopes that overlap, as one sequential object: exclusive and shared ones, of any sets of parts.
//
// A part is the smallest that can be leased; a scope is the set of the parts that it covers, so that two scopes
// conflict when their sets meet. Scopes that share no part, directly or over others, are objects of their own. Each
// lease:
//
//   (not there) ──acquire──▶ held ──release, break──▶ (not there)
//                             │ expire: not before the deadline that the last renewal told may have passed
//                             ▼
//                            over ──an acquire that it would be in the way of, break──▶ (not there)
//
// Expiry is a call of its own, of unknown outcome, made at the earliest moment that the deadline may have passed: one
// for the grant and one for each renewal. The one that belongs to an earlier deadline than that in force is no longer
// possible. A lease that ends with its process has one more, made when the process was last seen alive. It may come as
// late as it likes, but no write commits under a lease of which every deadline has passed.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace tenure::linear {

struct LeaseModel {
  static constexpr std::uint64_t kNoTime = std::numeric_limits<std::uint64_t>::max();

  struct Held {
    std::uint64_t lease = 0;  ///< Number of the acquisition.
    std::uint64_t parts = 0;  ///< That it covers, as bits.
    bool shared = false;
    bool over = false;  ///< It is known that its time had come; its end may not be written down yet.
    std::uint64_t deadline = 0;
    std::uint64_t latest = 0;  ///< No renewal that is known of put the deadline off beyond this.
    bool operator==(const Held&) const = default;
  };
  struct State {
    std::vector<Held> held = {};  ///< By number.
    std::uint64_t last_token = 0;
    bool operator==(const State&) const = default;
    std::uint64_t Hash() const;
    const Held* Find(std::uint64_t lease) const;
  };
  enum class Do : std::uint8_t { kAcquire, kRenew, kRelease, kBreak, kWrite, kExpire };
  struct Input {
    Do what = Do::kAcquire;
    /// Number of the acquisition that is meant: chosen by the caller, never 0, never twice. kWrite: 0 presents none.
    std::uint64_t lease = 0;
    /// kAcquire, kRenew: it expires no earlier than this. kExpire: the deadline that passes; kNoTime for an end that no
    /// renewal prevents.
    std::uint64_t deadline = 0;
    /// kAcquire: what is to be covered. kWrite: what is written.
    std::uint64_t parts = 1;
    bool shared = false;             ///< kAcquire.
    std::uint64_t latest = kNoTime;  ///< kAcquire, kRenew: by itself it gives the lease no time beyond this.
    std::uint64_t at = 0;            ///< kWrite: it was decided no earlier than this.
  };
  enum class Answer : std::uint8_t {
    kOk,
    kBusy,         ///< acquire, write: somebody holds a part of it.
    kQueued,       ///< acquire: somebody else comes first, whether it is held or not.
    kLost,         ///< It is not held (any more).
    kNotCovering,  ///< write: the lease presented is held, but does not entitle to all of it.
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
