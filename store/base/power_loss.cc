// The model behind RebuildAfterPowerLoss; its rules are in store/base/recording_env.h. The trace is
// walked once to learn which effects are durable (SimulatedDisk); then a seed decides about the rest:
// first the names (LostNames), then the content of each file that still has one (LostContent).
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "store/base/error.h"
#include "store/base/power_loss_content.h"
#include "store/base/recording_env.h"

namespace tenure::base {
namespace {

using Kind = TraceStep::Kind;
using NodeId = std::size_t;
constexpr NodeId kNone = static_cast<NodeId>(-1);
constexpr NodeId kRoot = 0;

/// A name in a directory.
struct Place {
  NodeId dir = kNone;
  std::string name;
  friend bool operator<(const Place& a, const Place& b) { return std::tie(a.dir, a.name) < std::tie(b.dir, b.name); }
};

/// `node` left `from` (when it had a place) and came to `to` (when it has one), atomically.
struct NameChange {
  NodeId node = kNone;
  Place from;
  Place to;
  bool durable = false;
};

struct Node {
  bool is_directory = false;
  std::vector<ContentChange> content;
};

/// Which node has which name; a node has at most one, a name at most one node.
class Names {
 public:
  NodeId At(const Place& place) const {
    const auto found = nodes_.find(place);
    return found == nodes_.end() ? kNone : found->second;
  }
  void Apply(const NameChange& change) {
    if (change.to.dir == kNone) {
      if (At(change.from) == change.node) Vacate(change.from);
      return;
    }
    if (const auto old = places_.find(change.node); old != places_.end()) Vacate(Place(old->second));
    if (At(change.to) != kNone) Vacate(change.to);
    nodes_[change.to] = change.node;
    places_[change.node] = change.to;
  }
  /// The names in `dir`, sorted.
  std::vector<std::pair<std::string, NodeId>> In(NodeId dir) const {
    std::vector<std::pair<std::string, NodeId>> entries;
    for (auto at = nodes_.lower_bound(Place{dir, ""}); at != nodes_.end() && at->first.dir == dir; ++at) {
      entries.emplace_back(at->first.name, at->second);
    }
    return entries;
  }

 private:
  void Vacate(const Place& place) {
    places_.erase(nodes_.at(place));
    nodes_.erase(place);
  }
  std::map<Place, NodeId> nodes_;
  std::map<NodeId, Place> places_;
};

class SimulatedDisk {
 public:
  explicit SimulatedDisk(std::string source_dir) : source_dir_(std::move(source_dir)) {
    while (source_dir_.size() > 1 && source_dir_.back() == '/') source_dir_.pop_back();
    nodes_.push_back(Node{true, {}});
  }
  Status Apply(const TraceStep& step);
  /// The names as the loss leaves them.
  Names LostNames(Dice& dice) const;
  const Node& node(NodeId id) const { return nodes_[id]; }

 private:
  /// Whether `path` is source_dir or below it; other files are not the rebuild's business.
  bool Inside(const std::string& path) const {
    return path.compare(0, source_dir_.size(), source_dir_) == 0 &&
           (path.size() == source_dir_.size() || path[source_dir_.size()] == '/');
  }
  /// Where `path` is. Directories above it that the trace did not make were there before it began.
  Place PlaceOf(const std::string& path);
  NodeId NodeAt(const std::string& path);
  void Change(NodeId node, Place from, Place to, bool durable);
  Status Create(const TraceStep& step, bool directory);
  Status Move(const TraceStep& step);
  Status ChangeContent(const TraceStep& step);
  Result<NodeId> FileOf(const TraceStep& step);
  void SyncNames(NodeId dir);

  std::string source_dir_;
  std::vector<Node> nodes_;
  Names live_;  ///< As the running system saw them.
  std::vector<NameChange> changes_;
  std::map<std::uint64_t, NodeId> files_;  ///< By TraceStep::file.
};

Error BadTrace(const TraceStep& step, const std::string& what) {
  Error error = MakeError(ErrorCode::kInvalidArgument, "the trace cannot be replayed: " + step.path + " " + what);
  error.path = step.path;
  return error;
}

Place SimulatedDisk::PlaceOf(const std::string& path) {
  NodeId dir = kRoot;
  std::size_t at = std::min(path.size(), source_dir_.size() + 1);
  for (;;) {
    const std::size_t slash = path.find('/', at);
    const std::string name = path.substr(at, slash == std::string::npos ? slash : slash - at);
    if (slash == std::string::npos) return Place{dir, name};
    at = slash + 1;
    if (name.empty()) continue;
    NodeId next = live_.At(Place{dir, name});
    if (next == kNone) {
      next = nodes_.size();
      nodes_.push_back(Node{true, {}});
      Change(next, Place{}, Place{dir, name}, /*durable=*/true);
    }
    dir = next;
  }
}

NodeId SimulatedDisk::NodeAt(const std::string& path) {
  const Place place = PlaceOf(path);
  return place.name.empty() ? place.dir : live_.At(place);
}

void SimulatedDisk::Change(NodeId node, Place from, Place to, bool durable) {
  changes_.push_back(NameChange{node, std::move(from), std::move(to), durable});
  live_.Apply(changes_.back());
}

Status SimulatedDisk::Create(const TraceStep& step, bool directory) {
  const Place place = PlaceOf(step.path);
  if (place.name.empty()) return {};  // source_dir itself: there before the trace as far as we care
  if (live_.At(place) != kNone) return BadTrace(step, "is created although it exists");
  const NodeId node = nodes_.size();
  nodes_.push_back(Node{directory, {}});
  if (step.file != 0) files_[step.file] = node;
  Change(node, Place{}, place, /*durable=*/false);
  return {};
}

Status SimulatedDisk::Move(const TraceStep& step) {
  if (!Inside(step.to)) return BadTrace(step, "is moved out of the rebuilt directory, to " + step.to);
  const Place from = PlaceOf(step.path);
  const NodeId node = live_.At(from);
  if (node == kNone) return BadTrace(step, "is renamed but was never created");
  Change(node, from, PlaceOf(step.to), /*durable=*/false);
  return {};
}

Result<NodeId> SimulatedDisk::FileOf(const TraceStep& step) {
  if (const auto known = files_.find(step.file); step.file != 0 && known != files_.end()) return known->second;
  const NodeId node = NodeAt(step.path);
  if (node == kNone || nodes_[node].is_directory) return BadTrace(step, "is changed but was never created");
  return node;
}

Status SimulatedDisk::ChangeContent(const TraceStep& step) {
  TENURE_ASSIGN(const NodeId node, FileOf(step));
  RecordContentStep(step, nodes_[node].content);
  return {};
}

void SimulatedDisk::SyncNames(NodeId dir) {
  for (NameChange& change : changes_) {
    const NodeId settled_by = change.to.dir != kNone ? change.to.dir : change.from.dir;
    if (settled_by == dir) change.durable = true;
  }
}

Status SimulatedDisk::Apply(const TraceStep& step) {
  if (step.kind == Kind::kMark || step.kind == Kind::kRead) return {};
  if (!Inside(step.path)) {
    if (step.kind == Kind::kRename && Inside(step.to)) return BadTrace(step, "is moved in from outside, to " + step.to);
    return {};
  }
  switch (step.kind) {
    case Kind::kCreate:
      return Create(step, /*directory=*/false);
    case Kind::kMakeDirectory:
      return Create(step, /*directory=*/true);
    case Kind::kRename:
      return Move(step);
    case Kind::kRemove: {
      const Place place = PlaceOf(step.path);
      const NodeId node = live_.At(place);
      // A file that came to be without the trace may go without it.
      if (node != kNone) Change(node, place, Place{}, /*durable=*/false);
      return {};
    }
    case Kind::kSyncDirectory:
      if (const NodeId dir = NodeAt(step.path); dir != kNone) SyncNames(dir);
      return {};
    default:
      return ChangeContent(step);
  }
}

Names SimulatedDisk::LostNames(Dice& dice) const {
  std::vector<bool> kept;
  for (const NameChange& change : changes_) kept.push_back(change.durable || dice.Keep());
  // Backwards: a name that is taken anew must have been free, so the rename that freed it happened.
  std::set<Place> taken;
  for (std::size_t i = changes_.size(); i-- > 0;) {
    const NameChange& change = changes_[i];
    const bool is_rename = change.from.dir != kNone && change.to.dir != kNone;
    if (is_rename && taken.count(change.from) != 0) kept[i] = true;
    if (kept[i] && change.to.dir != kNone) taken.insert(change.to);
  }
  Names names;
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    dice.Note(kept[i]);
    if (kept[i]) names.Apply(changes_[i]);
  }
  return names;
}

Status WriteContent(Env& env, const std::string& path, const LostFile& lost) {
  constexpr std::size_t kChunkBytes = 64 * 1024;
  TENURE_ASSIGN(const auto file, env.Open(path, OpenMode::kCreateNew));
  TENURE_RETURN_IF_ERROR(file->Truncate(lost.size));
  const Bytes& content = lost.content;
  for (std::size_t at = 0; at < content.size(); at += kChunkBytes) {
    const ByteView chunk = ByteView(content).subspan(at, std::min(kChunkBytes, content.size() - at));
    const bool zeros = std::all_of(chunk.begin(), chunk.end(), [](std::byte b) { return b == std::byte{0}; });
    if (!zeros) TENURE_RETURN_IF_ERROR(file->WriteAt(at, chunk));
  }
  return {};
}

Status WriteTree(Env& env, const SimulatedDisk& disk, const Names& names, NodeId dir, const std::string& path,
                 std::size_t tear_bytes, Dice& dice) {
  for (const auto& entry : names.In(dir)) {
    const std::string entry_path = path + "/" + entry.first;
    const Node& node = disk.node(entry.second);
    if (node.is_directory) {
      TENURE_RETURN_IF_ERROR(env.CreateDirectory(entry_path));
      TENURE_RETURN_IF_ERROR(WriteTree(env, disk, names, entry.second, entry_path, tear_bytes, dice));
    } else {
      TENURE_RETURN_IF_ERROR(WriteContent(env, entry_path, LostContent(node.content, tear_bytes, dice)));
    }
  }
  return {};
}

Status PrepareTarget(Env& env, const std::string& target_dir) {
  TENURE_ASSIGN(const bool exists, env.Exists(target_dir));
  if (!exists) return env.CreateDirectory(target_dir);
  TENURE_ASSIGN(const auto names, env.List(target_dir));
  if (names.empty()) return {};
  return MakeError(ErrorCode::kExists, "cannot rebuild in " + target_dir + ": it is not empty");
}

}  // namespace

Result<std::uint64_t> RebuildAfterPowerLoss(Env& env, const Trace& trace, const std::string& source_dir,
                                            const std::string& target_dir, const PowerLoss& loss) {
  if (loss.tear_bytes == 0 || loss.steps > trace.size()) {
    return MakeError(ErrorCode::kInvalidArgument, "power loss after step " + std::to_string(loss.steps) + " of " +
                                                      std::to_string(trace.size()) + ", torn at " +
                                                      std::to_string(loss.tear_bytes) + " bytes, is impossible");
  }
  SimulatedDisk disk(source_dir);
  for (std::size_t i = 0; i < loss.steps; ++i) TENURE_RETURN_IF_ERROR(disk.Apply(trace[i]));
  Dice dice(loss.seed);
  const Names names = disk.LostNames(dice);
  TENURE_RETURN_IF_ERROR(PrepareTarget(env, target_dir));
  TENURE_RETURN_IF_ERROR(WriteTree(env, disk, names, kRoot, target_dir, loss.tear_bytes, dice));
  return dice.hash();
}

}  // namespace tenure::base
