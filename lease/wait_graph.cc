#include "lease/wait_graph.h"

#include <algorithm>

#include "store/base/codec.h"

namespace tenure::lease {
namespace {

struct Edge {
  std::size_t to;
  std::string why;
};

std::string List(const std::vector<Scope>& scopes) {
  std::string text;
  for (const Scope& scope : scopes) text += (text.empty() ? "" : " ") + scope.text();
  return text;
}

bool Has(const std::vector<Lsn>& ids, Lsn id) { return std::find(ids.begin(), ids.end(), id) != ids.end(); }

class Graph {
 public:
  Graph(const Table& table, std::span<const Waiter> waiters, const StandingOf& standing)
      : table_(table), waiters_(waiters), standing_(standing), seen_(waiters.size(), false) {}

  /// Depth first from `at` to `goal`. True: path_ says how.
  bool Reach(std::size_t at, std::size_t goal) {
    for (Edge& edge : EdgesOf(at)) {
      const bool arrived = edge.to == goal;
      if (!arrived && seen_[edge.to]) continue;
      seen_[edge.to] = true;
      path_.push_back(std::move(edge.why));
      if (arrived || Reach(edge.to, goal)) return true;
      path_.pop_back();
    }
    return false;
  }

  std::string Text() const {
    std::string text;
    for (const std::string& step : path_) text += (text.empty() ? "" : "; ") + step;
    return text;
  }

 private:
  std::vector<Edge> EdgesOf(std::size_t at) const {
    std::vector<Edge> edges;
    const Waiter& waiter = waiters_[at];
    if (waiter.kind == WaiterKind::kBell) return edges;
    for (const Lsn id : table_.InTheWay(waiter.scopes, waiter.mode)) {
      if (Has(waiter.presents, id) || standing_(*table_.Find(id)) != Standing::kOpen) continue;
      for (std::size_t i = 0; i < waiters_.size(); ++i) {
        if (!Has(waiters_[i].holds, id)) continue;
        edges.push_back({i, waiter.name + " waits for lease " + std::to_string(id) + " (" + List(table_.ScopesOf(id)) +
                                "), held by " + waiters_[i].name});
      }
    }
    // A write lets earlier requests pass when it is woken up, but not for ever.
    if (waiter.kind != WaiterKind::kAcquire) return edges;
    for (std::size_t i = 0; i < waiters_.size(); ++i) {
      if (i == at || waiters_[i].kind != WaiterKind::kAcquire || waiters_[i].ticket >= waiter.ticket ||
          !Conflict(waiter, waiters_[i]))
        continue;
      edges.push_back({i, waiter.name + " waits behind " + waiters_[i].name + " (" + List(waiters_[i].scopes) + ")"});
    }
    return edges;
  }

  const Table& table_;
  const std::span<const Waiter> waiters_;
  const StandingOf& standing_;
  std::vector<bool> seen_;
  std::vector<std::string> path_;
};

}  // namespace

void EncodeWaiter(const Waiter& waiter, base::Bytes& out) {
  base::Encoder encoder(out);
  encoder.U8(static_cast<std::uint8_t>(waiter.kind));
  encoder.U8(static_cast<std::uint8_t>(waiter.mode));
  encoder.Varint(waiter.scopes.size());
  for (const Scope& scope : waiter.scopes) encoder.Text(scope.text());
  encoder.Varint(waiter.holds.size());
  for (const Lsn id : waiter.holds) encoder.Varint(id);
  encoder.Varint(waiter.presents.size());
  for (const Lsn id : waiter.presents) encoder.Varint(id);
  encoder.Text(waiter.name);
}

std::optional<Waiter> DecodeWaiter(base::ByteView bytes) {
  base::Decoder in(bytes);
  Waiter waiter;
  const std::uint8_t kind = in.U8();
  const std::uint8_t mode = in.U8();
  const std::uint64_t scopes = in.Varint();
  if (!in.ok() || mode > static_cast<std::uint8_t>(LeaseMode::kShared) || scopes > bytes.size()) return std::nullopt;
  if (kind > static_cast<std::uint8_t>(WaiterKind::kBell)) return std::nullopt;
  waiter.kind = static_cast<WaiterKind>(kind);
  waiter.mode = static_cast<LeaseMode>(mode);
  for (std::uint64_t i = 0; i < scopes; ++i) {
    auto scope = Scope::Parse(in.Text(bytes.size()));
    if (!in.ok() || !scope.ok()) return std::nullopt;
    waiter.scopes.push_back(std::move(scope).value());
  }
  for (std::vector<Lsn>* ids : {&waiter.holds, &waiter.presents}) {
    const std::uint64_t count = in.Varint();
    if (!in.ok() || count > in.remaining()) return std::nullopt;
    for (std::uint64_t i = 0; i < count; ++i) ids->push_back(in.Varint());
  }
  waiter.name = in.Text(bytes.size());
  if (!in.ok() || !in.empty()) return std::nullopt;
  return waiter;
}

bool Conflict(const Waiter& a, const Waiter& b) {
  if (a.mode == LeaseMode::kShared && b.mode == LeaseMode::kShared) return false;
  return Conflict(std::span<const Scope>(a.scopes), std::span<const Scope>(b.scopes));
}

std::optional<std::string> FindCircle(const Table& table, std::span<const Waiter> waiters, std::uint64_t from,
                                      const StandingOf& standing) {
  const auto at =
      std::find_if(waiters.begin(), waiters.end(), [from](const Waiter& waiter) { return waiter.ticket == from; });
  if (at == waiters.end()) return std::nullopt;
  Graph graph(table, waiters, standing);
  const auto start = static_cast<std::size_t>(at - waiters.begin());
  if (!graph.Reach(start, start)) return std::nullopt;
  return graph.Text();
}

}  // namespace tenure::lease
