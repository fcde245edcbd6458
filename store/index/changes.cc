#include "store/index/changes.h"

#include <algorithm>
#include <cstring>
#include <span>

namespace tenure::index {
namespace {

// Room for this many request rows is kept from one small batch to the next.
constexpr std::size_t kRequestsKept = 4096;

// Below this many rows a plain comparison sort is as good.
constexpr std::size_t kPlainSortRows = 24;

// The byte string that sorts rows: name, NUL, rest. Validated names hold no NUL, so that it orders as
// the pair does.
template <typename View>
struct KeyBytes {
  std::string_view name, rest;
  explicit KeyBytes(const View& row) : name(row.name), rest(row.key_rest()) {}
  std::size_t size() const { return name.size() + 1 + rest.size(); }
  unsigned char at(std::size_t i) const {
    if (i < name.size()) return static_cast<unsigned char>(name[i]);
    i -= name.size();
    return i == 0 || i > rest.size() ? 0 : static_cast<unsigned char>(rest[i - 1]);
  }
  /// Eight bytes from `skip` on as a word that compares like them; zeros behind the end.
  std::uint64_t WordAt(std::size_t skip) const {
    unsigned char bytes[8] = {};
    std::size_t have = 0;
    if (skip < name.size()) {
      have = std::min(name.size() - skip, sizeof bytes);
      std::memcpy(bytes, name.data() + skip, have);
      skip = name.size();
    }
    std::size_t in_rest = skip - name.size();
    if (in_rest == 0 && have < sizeof bytes) {
      ++have;  // the NUL
      in_rest = 1;
    }
    if (have < sizeof bytes && in_rest >= 1 && in_rest - 1 < rest.size()) {
      std::memcpy(bytes + have, rest.data() + in_rest - 1, std::min(rest.size() - (in_rest - 1), sizeof bytes - have));
    }
    std::uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
    return __builtin_bswap64(word);
  }
};

template <typename View>
bool KeyBefore(const Rows<View>& rows, const SortKey& a, const SortKey& b) {
  const View& x = rows[a.position];
  const View& y = rows[b.position];
  if (const int names = x.name.compare(y.name); names != 0) return names < 0;
  if (const int rests = x.key_rest().compare(y.key_rest()); rests != 0) return rests < 0;
  return a.position < b.position;
}

// Sorts a run whose keys agree in their first `skip` bytes: skips what else they share, sorts by the
// next eight bytes, and goes on inside each run of equal ones. A row is touched once per level instead
// of once per comparison, which is what sorting many rows costs.
template <typename View>
void SortRun(const Rows<View>& rows, std::span<SortKey> run, std::size_t skip) {
  const auto before = [&rows](const SortKey& a, const SortKey& b) { return KeyBefore(rows, a, b); };
  if (run.size() <= kPlainSortRows) {
    std::sort(run.begin(), run.end(), before);
    return;
  }
  const KeyBytes<View> first(rows[run.front().position]);
  std::size_t shared = first.size();
  std::size_t longest = 0;
  for (const SortKey& key : run) {
    const KeyBytes<View> bytes(rows[key.position]);
    longest = std::max(longest, bytes.size());
    std::size_t i = skip;
    while (i < shared && bytes.at(i) == first.at(i)) ++i;
    shared = i;
  }
  if (shared >= longest) {
    std::sort(run.begin(), run.end(), before);
    return;
  }
  for (SortKey& key : run) key.prefix = KeyBytes<View>(rows[key.position]).WordAt(shared);
  std::sort(run.begin(), run.end(), [](const SortKey& a, const SortKey& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix : a.position < b.position;
  });
  for (std::size_t begin = 0; begin < run.size();) {
    std::size_t end = begin + 1;
    while (end < run.size() && run[end].prefix == run[begin].prefix) ++end;
    if (end - begin > 1) SortRun(rows, run.subspan(begin, end - begin), shared + sizeof(std::uint64_t));
    begin = end;
  }
}

}  // namespace

template <typename View>
std::vector<SortKey> SortByKey(const Rows<View>& rows) {
  std::vector<SortKey> order(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) order[i].position = static_cast<std::uint32_t>(i);
  SortRun(rows, std::span(order), 0);
  return order;
}
template std::vector<SortKey> SortByKey(const Rows<EntryView>& rows);
template std::vector<SortKey> SortByKey(const Rows<TagView>& rows);

std::string_view Changes::KeepRepeated(std::string_view text, std::string_view& last) {
  if (texts_ == Texts::kBorrowed) return text;
  if (text != last) last = arena_.Copy(text);
  return last;
}

void Changes::Add(const model::CommittedTxn& txn, const model::Effect& effect) {
  if (effect.kind == model::EffectKind::kPutEntry || effect.kind == model::EffectKind::kDeleteEntry) {
    EntryView row = EntryViewOf(txn, effect, arena_);
    row.name = Keep(row.name);
    row.version = Keep(row.version);
    row.digest = Keep(row.digest);
    row.media_type = KeepRepeated(row.media_type, last_media_type_);
    row.annotations = row.annotations == "{}" ? std::string_view("{}") : Keep(row.annotations);
    row.writer = KeepRepeated(row.writer, last_writer_);
    entries_.push_back(row);  // urls_json is a constant or in the arena already
  } else {
    TagView row = TagViewOf(txn, effect);
    row.name = Keep(row.name);
    row.tag = Keep(row.tag);
    row.version = Keep(row.version);
    row.writer = KeepRepeated(row.writer, last_writer_);
    tags_.push_back(row);
  }
}

void Changes::AddLease(const model::CommittedTxn& txn, const model::Effect& effect) {
  if (effect.kind == model::EffectKind::kGrantLease) {
    leases_.emplace(txn.lsn, model::LeaseAfter(txn, effect));
    return;
  }
  const Lsn id = effect.lease.front().row.info.id;
  const auto granted = leases_.find(id);
  if (granted != leases_.end() && granted->second) {
    leases_.erase(granted);
  } else {
    leases_.emplace(id, std::nullopt);
  }
}

std::size_t Changes::memory_bytes() const {
  return leases_.size() * 2 * sizeof(model::LeaseRow) + arena_.bytes() + entries_.memory_bytes() +
         tags_.memory_bytes() + (entries_.size() + tags_.size()) * sizeof(SortKey) +
         requests_.size() * 2 * sizeof(model::RequestRow);
}

void Changes::Clear() {
  arena_.Clear();
  last_writer_ = last_media_type_ = {};
  leases_.clear();
  if (texts_ == Texts::kOwned) {
    entries_ = {};
    tags_ = {};
  } else {
    entries_.clear();
    tags_.clear();
  }
  if (texts_ == Texts::kOwned || requests_.size() > kRequestsKept) {
    requests_ = {};
  } else {
    requests_.clear();
  }
}

}  // namespace tenure::index
