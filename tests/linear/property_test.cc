// Histories that a correct object produces always pass; with one output changed they nearly never do.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "tests/linear/group_model.h"
#include "tests/linear/key_model.h"
#include "tests/linear/lease_model.h"
#include "tests/linear/wgl.h"

namespace tenure::linear {
namespace {

/// Calls that take effect one after the other, at 10, 20, 30 …; each begins up to `spread` before and returns up to
/// `spread` after that.
struct Clock {
  std::mt19937_64& random;
  std::uint64_t spread;
  std::uint64_t now = 1'000;
  template <class Model>
  void Advance(Call<Model>& call) {
    now += 10;
    call.called = now - random() % spread;
    call.returned = now + random() % spread;
  }
};

std::vector<Call<KeyModel>> KeyHistory(std::mt19937_64& random, int calls, std::uint64_t spread, int unknown_percent) {
  std::vector<Call<KeyModel>> history;
  KeyModel::State state;
  Clock clock{random, spread};
  for (int i = 0; i < calls; ++i) {
    Call<KeyModel> call;
    call.process = static_cast<std::uint64_t>(i);
    clock.Advance(call);
    KeyModel::Input& input = call.input;
    input.what = static_cast<KeyModel::Do>(random() % 3);
    const bool live = state.value != 0;
    if (input.what == KeyModel::Do::kPut) input.value = static_cast<std::uint64_t>(i) + 1;
    if (input.what != KeyModel::Do::kRead && random() % 3 == 0) input.if_revision = state.revision - random() % 2;
    KeyModel::Output output;
    const bool applies = (!input.if_revision || *input.if_revision == (live ? state.revision : 0)) &&
                         (input.what != KeyModel::Do::kDelete || live);
    if (input.what == KeyModel::Do::kRead) {
      output = {KeyModel::Answer::kValue, state.revision, state.value};
    } else if (!applies) {
      output.answer = input.if_revision && *input.if_revision != (live ? state.revision : 0)
                          ? KeyModel::Answer::kConflict
                          : KeyModel::Answer::kNotFound;
    } else if (static_cast<int>(random() % 100) < unknown_percent) {
      if (random() % 2 == 0) state = {state.revision + 1, input.value};
      history.push_back(call);  // no output
      continue;
    } else {
      state = {state.revision + 1, input.value};
      output = {KeyModel::Answer::kDone, state.revision};
    }
    call.output = output;
    history.push_back(call);
  }
  return history;
}

std::vector<Call<LeaseModel>> LeaseHistory(std::mt19937_64& random, int calls, std::uint64_t spread) {
  using Do = LeaseModel::Do;
  using Answer = LeaseModel::Answer;
  std::vector<Call<LeaseModel>> history;
  std::uint64_t holder = 0, deadline = 0, token = 0, newest = 0;
  Clock clock{random, spread};
  for (int i = 0; i < calls; ++i) {
    Call<LeaseModel> call;
    clock.Advance(call);
    if (holder != 0 && deadline <= clock.now) holder = 0;
    LeaseModel::Input& input = call.input;
    input.what = static_cast<Do>(random() % 5);
    const std::uint64_t until = call.called + 20 + random() % 100;
    // What this object does is what the model allows at the least: the deadline counts from the call.
    LeaseModel::Output output;
    if (input.what == Do::kAcquire) {
      input.lease = static_cast<std::uint64_t>(i) + 1;
      input.deadline = until;
      output.answer = holder == 0 ? Answer::kOk : Answer::kBusy;
      if (holder == 0) {
        holder = newest = input.lease;
        deadline = until;
        output.token = token += 1 + random() % 5;
        history.push_back({0, until, kNever, {Do::kExpire, holder, until}});
      }
    } else {
      input.lease = random() % 4 == 0 ? newest / 2 : newest;
      if (input.lease == 0) input.lease = 1'000'000;
      const bool mine = holder != 0 && holder == input.lease;
      output.answer = mine ? Answer::kOk : Answer::kLost;
      if (mine && input.what == Do::kRenew) {
        input.deadline = until;
        deadline = std::max(deadline, until);
        history.push_back({0, until, kNever, {Do::kExpire, holder, until}});
      }
      if (mine && (input.what == Do::kRelease || input.what == Do::kBreak)) holder = 0;
    }
    call.output = output;
    history.push_back(call);
  }
  return history;
}

/// Transactions of one to three operations, of which some are of unknown outcome, and reads of all cells at once.
std::vector<Call<GroupModel>> GroupHistory(std::mt19937_64& random, int calls, std::uint64_t spread) {
  using Do = GroupModel::Do;
  std::vector<Call<GroupModel>> history;
  GroupModel::State state;
  Clock clock{random, spread};
  for (int i = 0; i < calls; ++i) {
    Call<GroupModel>& call = history.emplace_back();
    clock.Advance(call);
    if (random() % 3 == 0) {
      call.input.looks = GroupModel::kAll;
      call.output = GroupModel::Output{GroupModel::Answer::kSeen, {state.cells.begin(), state.cells.end()}};
      continue;
    }
    for (std::uint64_t n = 1 + random() % 3; n > 0; --n) {
      GroupModel::Op& op = call.input.ops.emplace_back();
      const bool tag = random() % 3 == 0;
      op.what = static_cast<Do>(tag ? 3 + random() % 2 : random() % 5 % 3);
      op.cell = static_cast<std::uint32_t>(tag ? GroupModel::kEntries + random() % 2 : random() % 3);
      if (op.what == Do::kPut) op.value = static_cast<std::uint64_t>(i) + 1;
      if (op.what == Do::kSetTag) op.value = 1 + random() % 2;
      if (!tag && random() % 3 == 0) op.if_revision = state.cells[op.cell].revision;
    }
    auto played = GroupModel::Play(state, call.input.ops);
    if (!played.after) {
      call.output = GroupModel::Output{played.refusals.front()};
    } else if (random() % 20 == 0) {
      if (random() % 2 == 0) state = *played.after;
    } else {
      GroupModel::Output output;
      for (const std::uint64_t revision : played.revisions) output.cells.push_back({revision, 0});
      call.output = output;
      state = *played.after;
    }
  }
  return history;
}

/// Shared and exclusive leases of any of four parts, that live until they are released, and writes.
std::vector<Call<LeaseModel>> OverlappingLeases(std::mt19937_64& random, int calls, std::uint64_t spread) {
  using Do = LeaseModel::Do;
  using Answer = LeaseModel::Answer;
  struct Holder {
    std::uint64_t lease, parts;
    bool shared;
  };
  std::vector<Call<LeaseModel>> history;
  std::vector<Holder> holders;
  for (Clock clock{random, spread}; calls > 0; --calls) {
    Call<LeaseModel>& call = history.emplace_back();
    clock.Advance(call);
    LeaseModel::Input& input = call.input;
    input.parts = 1 + random() % 15;
    const auto meets = [&](bool shared, std::uint64_t but) {
      return std::any_of(holders.begin(), holders.end(), [&](const Holder& held) {
        return held.lease != but && (held.parts & input.parts) != 0 && !(held.shared && shared);
      });
    };
    Answer answer = Answer::kOk;
    if (holders.empty() || random() % 3 == 0) {
      input.lease = static_cast<std::uint64_t>(calls);
      input.deadline = LeaseModel::kNoTime;
      input.shared = random() % 2 == 0;
      if (meets(input.shared, 0)) answer = Answer::kBusy;
      if (answer == Answer::kOk) holders.push_back({input.lease, input.parts, input.shared});
      call.output = LeaseModel::Output{answer, answer == Answer::kOk ? clock.now : 0};
      continue;
    }
    const std::size_t at = random() % holders.size();
    input.lease = holders[at].lease;
    if (random() % 3 == 0) {
      input.what = Do::kRelease;
      holders.erase(holders.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      input.what = Do::kWrite;
      if (random() % 2 == 0) input.lease = 0;
      if (input.lease != 0) input.parts &= holders[at].parts;
      if (input.parts == 0) input.parts = holders[at].parts;
      if (input.lease == 0 && meets(false, 0)) answer = Answer::kBusy;
      if (input.lease != 0 && holders[at].shared) answer = Answer::kNotCovering;
    }
    call.output = LeaseModel::Output{answer};
  }
  return history;
}

RC_GTEST_PROP(LinearProperty, WhatACorrectKeyProducesPasses, ()) {
  std::mt19937_64 random(*rc::gen::arbitrary<std::uint64_t>());
  const int calls = *rc::gen::inRange(1, 120);
  const auto spread = static_cast<std::uint64_t>(*rc::gen::inRange(1, 60));
  const auto history = KeyHistory(random, calls, spread, 10);
  const Verdict verdict = Check(history);
  RC_ASSERT(verdict.linearizable);
  // The order that was found is one: no call is placed behind one that began after it was over.
  std::uint64_t latest = 0;
  for (const std::size_t i : verdict.placed) {
    if (history[i].output) RC_ASSERT(history[i].returned >= latest);
    latest = std::max(latest, history[i].called);
  }
}

RC_GTEST_PROP(LinearProperty, WhatACorrectLeaseProducesPasses, ()) {
  std::mt19937_64 random(*rc::gen::arbitrary<std::uint64_t>());
  const int calls = *rc::gen::inRange(1, 120);
  const auto spread = static_cast<std::uint64_t>(*rc::gen::inRange(1, 60));
  RC_ASSERT(Check(LeaseHistory(random, calls, spread)).linearizable);
}

RC_GTEST_PROP(LinearProperty, WhatACorrectGroupProducesPasses, ()) {
  std::mt19937_64 random(*rc::gen::arbitrary<std::uint64_t>());
  const int calls = *rc::gen::inRange(1, 120);
  const auto spread = static_cast<std::uint64_t>(*rc::gen::inRange(1, 60));
  RC_ASSERT(Check(GroupHistory(random, calls, spread)).linearizable);
}

RC_GTEST_PROP(LinearProperty, WhatCorrectLeasesOfOverlappingScopesProducePasses, ()) {
  std::mt19937_64 random(*rc::gen::arbitrary<std::uint64_t>());
  const int calls = *rc::gen::inRange(1, 120);
  const auto spread = static_cast<std::uint64_t>(*rc::gen::inRange(1, 60));
  RC_ASSERT(Check(OverlappingLeases(random, calls, spread)).linearizable);
}

/// What was refused again when one output was changed, of `tries`.
template <class Model, class Make, class Mutate>
int Refused(int tries, Make make, Mutate mutate) {
  int refused = 0;
  for (int seed = 0; seed < tries; ++seed) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    auto history = make(random);
    std::vector<std::size_t> known;
    for (std::size_t i = 0; i < history.size(); ++i) {
      if (history[i].output) known.push_back(i);
    }
    mutate(random, *history[known[random() % known.size()]].output);
    refused += Check(history).linearizable ? 0 : 1;
  }
  return refused;
}

TEST(LinearProperty, AChangedOutputOfAKeyIsRefused) {
  const int refused = Refused<KeyModel>(
      400, [](std::mt19937_64& random) { return KeyHistory(random, 60, 30, 3); },
      [](std::mt19937_64& random, KeyModel::Output& output) {
        if (output.answer == KeyModel::Answer::kDone || output.answer == KeyModel::Answer::kValue) {
          output.revision += 1 + random() % 3;
        } else {
          output = {KeyModel::Answer::kDone, random() % 60};
        }
      });
  EXPECT_GE(refused, 390);
}

TEST(LinearProperty, AChangedOutputOfALeaseIsRefused) {
  const int refused = Refused<LeaseModel>(
      400, [](std::mt19937_64& random) { return LeaseHistory(random, 60, 8); },
      [](std::mt19937_64&, LeaseModel::Output& output) {
        using Answer = LeaseModel::Answer;
        output.answer = output.answer == Answer::kOk ? Answer::kLost : Answer::kOk;
        output.token = 0;
      });
  // That a lease was lost shortly before the end of its time, or at the very end of a history, may well be true.
  EXPECT_GE(refused, 340);
}

TEST(LinearProperty, AChangedOutputOfAGroupIsRefused) {
  const int refused = Refused<GroupModel>(
      400, [](std::mt19937_64& random) { return GroupHistory(random, 60, 30); },
      [](std::mt19937_64& random, GroupModel::Output& output) {
        if (output.cells.empty()) {
          output = {GroupModel::Answer::kDone, {{random() % 60, 0}}};
        } else {
          output.cells[random() % output.cells.size()].revision += 1 + random() % 3;
        }
      });
  EXPECT_GE(refused, 390);
}

TEST(LinearProperty, AChangedOutputOfAnOverlappingLeaseIsRefused) {
  const int refused = Refused<LeaseModel>(
      400, [](std::mt19937_64& random) { return OverlappingLeases(random, 60, 8); },
      [](std::mt19937_64&, LeaseModel::Output& output) {
        using Answer = LeaseModel::Answer;
        output.answer = output.answer == Answer::kOk ? Answer::kBusy : Answer::kOk;
      });
  EXPECT_GE(refused, 380);
}

}  // namespace
}  // namespace tenure::linear
