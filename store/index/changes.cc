#include "store/index/changes.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tenure::index {
namespace {

// Room for this many rows is kept from one small batch to the next.
constexpr std::size_t kRowsKept = 4096;

std::size_t CommonPrefix(std::string_view a, std::string_view b, std::size_t at_most) {
  const std::size_t end = std::min({a.size(), b.size(), at_most});
  return static_cast<std::size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(end), b.begin()).first - a.begin());
}

// Eight bytes of name, NUL, rest from `skip` on, as a word that compares like the bytes. Names hold no
// NUL; were there one, the order would suffer, but equal keys still have equal words.
std::uint64_t PrefixWord(std::string_view name, std::string_view rest, std::size_t skip) {
  char bytes[8] = {};
  std::size_t have = 0;
  if (skip < name.size()) {
    have = std::min(name.size() - skip, sizeof bytes);
    std::memcpy(bytes, name.data() + skip, have);
    skip = name.size();
  }
  have += have < sizeof bytes && skip == name.size() ? 1 : 0;
  if (have < sizeof bytes) std::memcpy(bytes + have, rest.data(), std::min(rest.size(), sizeof bytes - have));
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return __builtin_bswap64(word);
}

}  // namespace

template <typename View>
std::vector<SortKey> SortByKey(const std::vector<View>& rows) {
  std::vector<SortKey> order(rows.size());
  if (rows.empty()) return order;
  const std::string_view first = rows.front().name;
  std::size_t skip = first.size();
  for (const View& row : rows) skip = CommonPrefix(first, row.name, skip);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    order[i] = {PrefixWord(rows[i].name, rows[i].key_rest(), skip), static_cast<std::uint32_t>(i)};
  }
  std::sort(order.begin(), order.end(), [&rows](const SortKey& a, const SortKey& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    const View& x = rows[a.position];
    const View& y = rows[b.position];
    if (const int names = x.name.compare(y.name); names != 0) return names < 0;
    if (const int rests = x.key_rest().compare(y.key_rest()); rests != 0) return rests < 0;
    return a.position < b.position;
  });
  return order;
}
template std::vector<SortKey> SortByKey(const std::vector<EntryView>& rows);
template std::vector<SortKey> SortByKey(const std::vector<TagView>& rows);

std::string_view Changes::KeepWriter(std::string_view writer) {
  if (texts_ == Texts::kBorrowed) return writer;
  if (writer != last_writer_) last_writer_ = arena_.Copy(writer);
  return last_writer_;
}

void Changes::Add(const model::CommittedTxn& txn, const model::Effect& effect) {
  if (effect.kind == model::EffectKind::kPutEntry || effect.kind == model::EffectKind::kDeleteEntry) {
    EntryView row = EntryViewOf(txn, effect, arena_);
    row.name = Keep(row.name);
    row.version = Keep(row.version);
    row.digest = Keep(row.digest);
    row.media_type = Keep(row.media_type);
    row.annotations = row.annotations == "{}" ? std::string_view("{}") : Keep(row.annotations);
    row.writer = KeepWriter(row.writer);
    entries_.push_back(row);  // urls_json is a constant or in the arena already
  } else {
    TagView row = TagViewOf(txn, effect);
    row.name = Keep(row.name);
    row.tag = Keep(row.tag);
    row.version = Keep(row.version);
    row.writer = KeepWriter(row.writer);
    tags_.push_back(row);
  }
}

std::size_t Changes::memory_bytes() const {
  return arena_.bytes() + entries_.size() * (sizeof(EntryView) + sizeof(SortKey)) +
         tags_.size() * (sizeof(TagView) + sizeof(SortKey)) + requests_.size() * 2 * sizeof(model::RequestRow);
}

void Changes::Clear() {
  arena_.Clear();
  last_writer_ = {};
  if (texts_ == Texts::kOwned || entries_.size() + tags_.size() + requests_.size() > kRowsKept) {
    entries_ = {};
    tags_ = {};
    requests_ = {};
  } else {
    entries_.clear();
    tags_.clear();
    requests_.clear();
  }
}

}  // namespace tenure::index
