// Random transactions against a plain in-memory model: same answers, same state, at every LSN, after
// reopening, after losing shared memory, after a rebuild of the index.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "store/base/recording_env.h"
#include "tenure/store.h"
#include "tests/support/scratch.h"

namespace tenure {
namespace {

/// What the model knows of one key.
struct Cell {
  std::string content;  // empty: tombstone
  Revision revision = 0;
  bool operator==(const Cell&) const = default;
};

/// The specification, as simply as it can be written.
class Model {
 public:
  using State = std::map<std::string, Cell>;  // "name:version" and "name@tag"

  /// Applies the transaction or says why not; `lsn` counts as the store's must.
  std::optional<ErrorCode> Apply(const Transaction& txn) {
    State next = state_;
    bool changed = false;
    for (const Operation& op : txn.operations()) {
      if (auto code = Apply(op, next, changed)) return code;
    }
    state_ = std::move(next);
    if (changed) past_.push_back(state_);
    return std::nullopt;
  }
  const State& state() const { return state_; }
  const State& at(Lsn lsn) const { return past_[lsn]; }
  Lsn lsn() const { return past_.size() - 1; }

 private:
  static bool Live(const State& state, const std::string& key) {
    const auto it = state.find(key);
    return it != state.end() && !it->second.content.empty();
  }
  static void Write(State& state, const std::string& key, const std::string& content, bool& changed) {
    Cell& cell = state[key];
    cell.content = content;
    ++cell.revision;
    changed = true;
  }
  static std::optional<ErrorCode> Apply(const Operation& op, State& state, bool& changed) {
    const std::string key = op.name + ":" + op.version;
    const std::string tag = op.name + "@" + op.tag;
    const bool on_tag = op.kind == OpKind::kSetTag || op.kind == OpKind::kDeleteTag;
    const std::string& subject = on_tag ? tag : key;
    const bool live = Live(state, subject);
    const Revision revision = state.contains(subject) ? state[subject].revision : 0;
    if (op.if_absent && live) return ErrorCode::kExists;
    if (op.if_revision && *op.if_revision == 0 && live) return ErrorCode::kExists;
    if (op.if_revision && *op.if_revision != 0 && (!live || revision != *op.if_revision))
      return ErrorCode::kRevisionMismatch;
    if (op.if_version && (!live || state[tag].content != *op.if_version)) return ErrorCode::kVersionMismatch;
    if (op.base.value_or(0) != 0 && state.contains(subject) && !live && revision > *op.base)
      return ErrorCode::kDeletedSince;
    if (op.kind != OpKind::kPut && op.kind != OpKind::kSetTag && !live) return ErrorCode::kNotFound;
    if (op.base && (*op.base == 0 ? live : !state.contains(subject) || revision != *op.base))
      return ErrorCode::kStaleBase;
    switch (op.kind) {
      case OpKind::kPut:
        if (!live || state[key].content != op.media_type) Write(state, key, op.media_type, changed);
        break;
      case OpKind::kDelete: {
        std::vector<std::string> tags;
        for (const auto& [other, cell] : state) {
          if (other.rfind(op.name + "@", 0) == 0 && cell.content == op.version) tags.push_back(other);
        }
        if (!tags.empty() && !op.with_tags) return ErrorCode::kTagged;
        for (const std::string& other : tags) Write(state, other, "", changed);
        Write(state, key, "", changed);
        break;
      }
      case OpKind::kSetTag:
        if (!Live(state, key)) return ErrorCode::kNotFound;
        if (!live || state[tag].content != op.version) Write(state, tag, op.version, changed);
        break;
      case OpKind::kDeleteTag:
        Write(state, tag, "", changed);
        break;
      case OpKind::kPatch:
      case OpKind::kSetPolicy:
      case OpKind::kDeletePolicy:
      case OpKind::kResolve:
        break;
    }
    return std::nullopt;
  }

  State state_;
  std::vector<State> past_{State{}};
};

/// The store's state in the model's terms.
Model::State StateOf(const Store& store, std::optional<Lsn> at) {
  Model::State state;
  ListOptions list;
  list.include_deleted = true;
  if (at) list.read.at = At{*at, std::nullopt};
  auto entries = store.List(list);
  RC_ASSERT(entries.ok());
  for (const ArtifactEntry& entry : *entries)
    state[entry.name + ":" + entry.version] = {entry.media_type, entry.revision};
  list.read.include_deleted = true;
  auto tags = store.Tags("", list.read);
  RC_ASSERT(tags.ok());
  for (const TagEntry& tag : *tags) state[tag.name + "@" + tag.tag] = {tag.version, tag.revision};
  return state;
}

std::string Pick(std::initializer_list<const char*> from) {
  return *rc::gen::elementOf(std::vector<std::string>(from.begin(), from.end()));
}

Operation AnyOperation() {
  Transaction txn;
  const std::string name = Pick({"a", "a/b", "@c/d"});
  const std::string version = Pick({"1", "2"});
  const std::string tag = Pick({"x", "y"});
  Operation* op = nullptr;
  switch (*rc::gen::weightedElement<int>({{6, 0}, {2, 1}, {3, 2}, {1, 3}})) {
    case 0: {
      PutSpec spec;
      spec.name = name;
      spec.version = version;
      spec.media_type = Pick({"t/1", "t/2", "t/3"});
      op = &txn.Put(spec);
      if (*rc::gen::weightedElement<bool>({{6, false}, {1, true}})) op->IfAbsent();
      break;
    }
    case 1:
      op = &txn.Delete(name, version, *rc::gen::arbitrary<bool>());
      break;
    case 2:
      op = &txn.SetTag(name, tag, version);
      if (*rc::gen::weightedElement<bool>({{3, false}, {1, true}})) op->IfVersion(Pick({"1", "2"}));
      break;
    default:
      op = &txn.DeleteTag(name, tag);
      break;
  }
  const bool on_tag = op->kind == OpKind::kSetTag || op->kind == OpKind::kDeleteTag;
  if (!on_tag && *rc::gen::weightedElement<bool>({{4, false}, {1, true}}))
    op->IfRevision(*rc::gen::inRange<Revision>(0, 5));
  if (*rc::gen::weightedElement<bool>({{4, false}, {1, true}})) op->Base(*rc::gen::inRange<Revision>(0, 5));
  return *op;
}

RC_GTEST_PROP(StoreProperty, AgreesWithAPlainModel, ()) {
  testing::Scratch scratch;
  base::RecordingEnv env(base::Env::Posix());
  OpenOptions options;
  options.env = &env;
  options.background = *rc::gen::arbitrary<bool>();
  std::optional<Store> store;
  {
    auto created = Store::Create(scratch.path(), {}, options);
    RC_ASSERT(created.ok());
    store.emplace(std::move(created).value());
  }
  Model model;
  const auto reopen = [&](const char* remove) {
    store.reset();
    if (*remove != '\0') std::filesystem::remove_all(scratch / (std::string(".tenure/") + remove));
    auto opened = Store::Open(scratch.path(), options);
    if (!opened.ok()) RC_LOG() << opened.error().message << "\n";
    RC_ASSERT(opened.ok());
    store.emplace(std::move(opened).value());
  };
  const int steps = *rc::gen::inRange(1, 60);
  for (int i = 0; i < steps; ++i) {
    switch (*rc::gen::weightedElement<int>({{40, 0}, {2, 1}, {1, 2}, {1, 3}, {2, 4}})) {
      case 0: {
        Transaction txn;
        const int operations = *rc::gen::weightedElement<int>({{4, 1}, {2, 2}, {1, 4}});
        for (int k = 0; k < operations; ++k) txn.Append(AnyOperation());
        const Lsn before = model.lsn();
        const auto expected = model.Apply(txn);
        const auto receipt = store->Commit(txn);
        if (!receipt.ok()) RC_LOG() << receipt.error().message << "\n";
        RC_ASSERT(receipt.ok() == !expected.has_value());
        if (expected) {
          RC_ASSERT(receipt.error().code == *expected);
        } else if (model.lsn() > before) {
          RC_ASSERT(receipt->outcome == Outcome::kCommitted);
          RC_ASSERT(receipt->lsn == model.lsn());
        } else {
          RC_ASSERT(receipt->outcome == Outcome::kUnchanged);
        }
        break;
      }
      case 1:
        reopen("");
        break;
      case 2:
        reopen("ingest.shm");
        break;
      case 3:
        reopen("index");
        break;
      default:
        RC_ASSERT(StateOf(*store, std::nullopt) == model.state());
        break;
    }
  }
  RC_ASSERT(StateOf(*store, std::nullopt) == model.state());
  for (Lsn lsn = 0; lsn <= model.lsn(); ++lsn) RC_ASSERT(StateOf(*store, lsn) == model.at(lsn));
}

}  // namespace
}  // namespace tenure
