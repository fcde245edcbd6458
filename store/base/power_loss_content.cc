#include "store/base/power_loss_content.h"

#include <algorithm>
#include <unordered_set>

#include "store/base/error.h"

namespace tenure::base {
namespace {

using Kind = TraceStep::Kind;
using State = ContentChange::State;

/// SplitMix64's output function.
std::uint64_t Scramble(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

/// What became of one change: which units of a write were kept, and what else it did to the size.
struct Fate {
  std::vector<bool> units;  ///< Of a write: unit by unit from its first.
  bool sizes = false;       ///< The change of the size happened.
};

std::uint64_t FirstUnit(const TraceStep& write, std::size_t tear_bytes) { return write.offset / tear_bytes; }

std::size_t UnitCount(const TraceStep& write, std::size_t tear_bytes) {
  if (write.data.empty()) return 0;
  return static_cast<std::size_t>((write.offset + write.data.size() - 1) / tear_bytes - FirstUnit(write, tear_bytes) +
                                  1);
}

Fate Decide(const ContentChange& change, std::size_t tear_bytes, Dice& dice) {
  const bool is_write = change.step->kind == Kind::kWrite;
  const std::size_t units = is_write ? UnitCount(*change.step, tear_bytes) : 0;
  if (change.state == State::kDurable) return {std::vector<bool>(units, true), true};
  const bool torn = is_write && dice.mood() == Dice::Mood::kMixed && dice.Roll(3) == 0;
  if (!torn) {
    const bool kept = dice.Keep();
    return {std::vector<bool>(units, kept), kept};
  }
  Fate fate;
  for (std::size_t i = 0; i < units; ++i) fate.units.push_back(dice.Roll(2) == 0);
  fate.sizes = dice.Roll(2) == 0;
  return fate;
}

/// A unit reaches the disk as a whole: with a later write in it come the earlier ones. Writes that a
/// failed sync left uncertain are exempt: their page may have been forgotten and read back.
void KeepWholeUnits(const std::vector<ContentChange>& history, std::size_t tear_bytes, std::vector<Fate>& fates) {
  std::unordered_set<std::uint64_t> kept_later;
  for (std::size_t i = history.size(); i-- > 0;) {
    const ContentChange& change = history[i];
    if (change.step->kind != Kind::kWrite || change.state != State::kPending) continue;
    const std::uint64_t first = FirstUnit(*change.step, tear_bytes);
    for (std::size_t unit = 0; unit < fates[i].units.size(); ++unit) {
      if (fates[i].units[unit]) {
        kept_later.insert(first + unit);
      } else if (kept_later.count(first + unit) != 0) {
        fates[i].units[unit] = true;
      }
    }
  }
}

void GrowTo(LostFile& file, std::uint64_t bytes) { file.size = std::max(file.size, bytes); }

void Shrink(LostFile& file, std::uint64_t bytes) {
  file.size = bytes;
  if (file.content.size() > bytes) file.content.resize(static_cast<std::size_t>(bytes));
}

/// Zeros beyond what is there already are what is there already.
void Put(LostFile& file, std::uint64_t at, ByteView data) {
  GrowTo(file, at + data.size());
  const auto is_zero = [](std::byte b) { return b == std::byte{0}; };
  if (at + data.size() > file.content.size() && !std::all_of(data.begin(), data.end(), is_zero)) {
    file.content.resize(static_cast<std::size_t>(at + data.size()));
  }
  if (at >= file.content.size()) return;
  const std::size_t count = std::min<std::size_t>(data.size(), file.content.size() - static_cast<std::size_t>(at));
  std::copy_n(data.begin(), count, file.content.begin() + static_cast<std::ptrdiff_t>(at));
}

void ApplyWrite(const TraceStep& write, const Fate& fate, std::size_t tear_bytes, LostFile& file) {
  const std::uint64_t end = write.offset + write.data.size();
  const std::uint64_t first = FirstUnit(write, tear_bytes);
  const auto start_of = [&](std::uint64_t unit) { return std::max(write.offset, (first + unit) * tear_bytes); };
  for (std::size_t unit = 0; unit < fate.units.size();) {
    std::size_t last = unit;
    while (last < fate.units.size() && fate.units[last] == fate.units[unit]) ++last;
    if (fate.units[unit]) {
      const std::uint64_t from = start_of(unit);
      const std::uint64_t to = std::min(end, start_of(last));
      Put(file, from, ByteView(write.data).subspan(from - write.offset, to - from));
    }
    unit = last;
  }
  if (fate.sizes && !write.data.empty()) GrowTo(file, end);
}

std::uint64_t SizeAfter(const TraceStep& step, std::uint64_t size_before) {
  if (step.kind == Kind::kTruncate) return step.offset;
  if (step.kind == Kind::kAllocate) return std::max(size_before, step.offset);
  return step.data.empty() ? size_before : std::max<std::uint64_t>(size_before, step.offset + step.data.size());
}

}  // namespace

Dice::Dice(std::uint64_t seed) : state_(seed) {
  constexpr std::uint64_t kMoods = 8;
  const std::uint64_t mood = Roll(kMoods);
  if (mood == 0) mood_ = Mood::kKeepAll;
  if (mood == 1) mood_ = Mood::kDropAll;
  keep_of_four_ = 1 + Roll(3);
}

std::uint64_t Dice::Next() {
  state_ += 0x9E3779B97F4A7C15;
  return Scramble(state_);
}

bool Dice::Keep() {
  if (mood_ != Mood::kMixed) return mood_ == Mood::kKeepAll;
  return Roll(4) < keep_of_four_;
}

void Dice::Note(std::uint64_t decision) { hash_ = Scramble(hash_ + 0x9E3779B97F4A7C15 * (decision + 1)); }

void RecordContentStep(const TraceStep& step, std::vector<ContentChange>& history) {
  const bool is_change = step.kind == Kind::kWrite || step.kind == Kind::kTruncate || step.kind == Kind::kAllocate;
  if (is_change) {
    const std::uint64_t before = history.empty() ? 0 : history.back().size_after;
    const std::uint64_t after = SizeAfter(step, before);
    history.push_back(ContentChange{&step, State::kPending, after < before, after});
    return;
  }
  const bool failed = step.kind == Kind::kSyncFailed;
  TENURE_CHECK(failed || step.kind == Kind::kSyncData || step.kind == Kind::kSyncAll);
  for (ContentChange& change : history) {
    if (change.state != State::kPending) continue;
    // fdatasync owes what is needed to read the data back; a smaller size is not.
    if (step.kind == Kind::kSyncData && change.shrinks) continue;
    change.state = failed ? State::kUncertain : State::kDurable;
  }
}

LostFile LostContent(const std::vector<ContentChange>& history, std::size_t tear_bytes, Dice& dice) {
  std::vector<Fate> fates;
  for (const ContentChange& change : history) fates.push_back(Decide(change, tear_bytes, dice));
  KeepWholeUnits(history, tear_bytes, fates);
  LostFile file;
  for (std::size_t i = 0; i < history.size(); ++i) {
    const TraceStep& step = *history[i].step;
    for (const bool unit : fates[i].units) dice.Note(unit);
    dice.Note(fates[i].sizes);
    if (step.kind == Kind::kWrite) {
      ApplyWrite(step, fates[i], tear_bytes, file);
    } else if (step.kind == Kind::kAllocate && fates[i].sizes) {
      GrowTo(file, step.offset);
    } else if (step.kind == Kind::kTruncate && fates[i].sizes) {
      Shrink(file, step.offset);
    }
  }
  return file;
}

}  // namespace tenure::base
