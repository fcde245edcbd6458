#include "tests/unit/index/index_testing.h"

#include <algorithm>

namespace tenure::index {

template <typename Row>
void PlainIndex::Table<Row>::Put(const Key& key, Row row) {
  if (const auto old = current.find(key); old != current.end()) {
    history[key].push_back({old->second, row.lsn});
    old->second = std::move(row);
  } else {
    current.emplace(key, std::move(row));
  }
}

template <typename Row>
void PlainIndex::Table<Row>::Trim(Lsn below, const std::function<bool(const Key&)>& keep) {
  for (auto& [key, rows] : history) {
    if (keep && keep(key)) continue;
    std::erase_if(rows, [below](const Past<Row>& past) { return past.until_lsn < below; });
  }
}

template <typename Row>
const Row* PlainIndex::Table<Row>::At(const Key& key, Lsn lsn) const {
  const auto now = current.find(key);
  if (now == current.end()) return nullptr;
  if (now->second.lsn <= lsn) return &now->second;
  const auto past = history.find(key);
  if (past == history.end()) return nullptr;
  for (const Past<Row>& p : past->second) {
    if (p.row.lsn <= lsn && p.until_lsn > lsn) return &p.row;
  }
  return nullptr;
}

template <typename Row>
std::size_t PlainIndex::Table<Row>::history_rows() const {
  std::size_t rows = 0;
  for (const auto& [key, past] : history) rows += past.size();
  return rows;
}

template struct PlainIndex::Table<ArtifactEntry>;
template struct PlainIndex::Table<TagEntry>;

void PlainIndex::Apply(const model::CommittedTxn& txn) {
  for (std::size_t i = 0; i < txn.effects.size(); ++i) {
    const model::Effect& effect = txn.effects[i];
    switch (effect.kind) {
      case model::EffectKind::kPutEntry:
      case model::EffectKind::kDeleteEntry:
        entries.Put({effect.entry.name, effect.entry.version}, model::EntryAfter(txn, effect));
        break;
      case model::EffectKind::kSetTag:
      case model::EffectKind::kDeleteTag:
        tags.Put({effect.tag.name, effect.tag.tag}, model::TagAfter(txn, effect));
        break;
      case model::EffectKind::kTrimHistory:
        entries.Trim(effect.below_lsn);
        tags.Trim(effect.below_lsn);
        oldest_history_lsn = std::max(oldest_history_lsn, effect.below_lsn);
        break;
      case model::EffectKind::kPruneRequests:
        std::erase_if(requests, [&effect](const auto& row) { return row.second.lsn < effect.below_lsn; });
        break;
      case model::EffectKind::kTrimHistoryExcept: {
        // The generator keeps names, all versions and tags of them.
        const auto keep = [&](const Key& key) { return key.first == effect.rare->keep.front().glob; };
        entries.Trim(effect.below_lsn, keep);
        tags.Trim(effect.below_lsn, keep);
        oldest_history_lsn = std::max(oldest_history_lsn, effect.below_lsn);
        break;
      }
      case model::EffectKind::kSetPolicy:
        policies[effect.rare->policy.glob] = model::PolicyAfter(txn, i);
        break;
      case model::EffectKind::kDeletePolicy:
        policies.erase(effect.rare->policy.glob);
        break;
      case model::EffectKind::kPark: {
        const ParkedConflict parked = model::ParkedAfter(txn, i);
        conflicts[parked.id] = parked;
        break;
      }
      case model::EffectKind::kResolve:
        conflicts.erase(effect.rare->resolved);
        break;
      case model::EffectKind::kTrimJournal:
        break;  // says nothing about rows
      case model::EffectKind::kGrantLease:
        leases[txn.lsn] = model::LeaseAfter(txn, effect);
        break;
      case model::EffectKind::kReleaseLease:
      case model::EffectKind::kExpireLease:
      case model::EffectKind::kBreakLease:
      case model::EffectKind::kOrphanLease:
        leases.erase(effect.lease.front().row.info.id);
        break;
      case model::EffectKind::kSetCursor:
        cursors[effect.rare->cursor.name] = model::CursorAfter(txn, effect);
        break;
      case model::EffectKind::kDeleteCursor:
        cursors.erase(effect.rare->cursor.name);
        break;
    }
  }
  if (const auto row = model::RequestRowOf(txn)) requests.emplace(row->request_id, *row);
}

base::Hash128 PlainIndex::StateHash() const {
  base::Hash128 sum;
  for (const auto& [key, row] : entries.current) sum += model::RowHash(row);
  for (const auto& [key, row] : tags.current) sum += model::RowHash(row);
  for (const auto& [id, row] : requests) sum += model::RowHash(row);
  for (const auto& [glob, row] : policies) sum += model::RowHash(row);
  for (const auto& [id, row] : conflicts) sum += model::RowHash(row);
  for (const auto& [id, row] : leases) sum += model::RowHash(row);
  return sum;
}

std::string Generator::Name() {
  // Names that are prefixes of one another, share long beginnings, and hold bytes above 0x7f.
  static const char* const kNames[] = {"a",
                                       "a-b",
                                       "a/b",
                                       "a/b/c",
                                       "ab",
                                       "@scope/pkg",
                                       "\xc3\xa9t\xc3\xa9",
                                       "\xc3\xa9t\xc3\xa9/x",
                                       "release/team-with-a-long-name/app",
                                       "release/team-with-a-long-name/app0",
                                       "release/team-with-a-long-name/app00000000",
                                       "release/team-with-a-long-name/app000000001"};
  std::string name = kNames[Below(std::size(kNames))];
  if (Below(2) == 0) name += std::to_string(Below(5));
  return name;
}

/// On policies and parked conflicts, following from those that there are.
model::Effect Generator::NextRareEffect() {
  model::Effect effect;
  model::RareEffect rare;
  const std::string glob = "g" + std::to_string(Below(4)) + "/**";
  switch (Below(4)) {
    case 0:
      if (plain_.policies.count(glob) > 0) {
        effect.kind = model::EffectKind::kDeletePolicy;
        rare.policy.glob = glob;
        break;
      }
      [[fallthrough]];
    case 1:
      effect.kind = model::EffectKind::kSetPolicy;
      rare.policy.glob = glob;
      if (Below(2) == 0) rare.policy.immutable = Below(2) == 0;
      if (Below(2) == 0) rare.policy.on_conflict = static_cast<ConflictStrategy>(Below(6));
      if (Below(2) == 0) rare.policy.schema = R"({"required":["digest"]})";
      rare.policy.keep_history = Below(2) == 0;
      break;
    case 2:
      if (!plain_.conflicts.empty()) {
        effect.kind = model::EffectKind::kResolve;
        auto at = plain_.conflicts.begin();
        std::advance(at, Below(plain_.conflicts.size()));
        rare.resolved = at->first;
        rare.take = static_cast<Take>(Below(4));
        break;
      }
      [[fallthrough]];
    default:
      effect.kind = model::EffectKind::kPark;
      rare.parked.kind = ConflictKind::kStaleBase;
      rare.parked.of_tag = Below(3) == 0;
      rare.parked.name = Name();
      rare.parked.rest = "1";
      if (Below(2) == 0) rare.parked.base_revision = Below(9);
      rare.parked.reason = "somebody was faster";
      if (rare.parked.of_tag) {
        rare.parked.tag.ours.emplace();
        rare.parked.tag.ours->name = rare.parked.name;
        rare.parked.tag.ours->tag = "1";
        rare.parked.tag.ours->version = "7";
      } else {
        rare.parked.entry.ours.emplace();
        rare.parked.entry.ours->name = rare.parked.name;
        rare.parked.entry.ours->version = "1";
        rare.parked.entry.ours->annotations = R"({"n":1})";
        rare.parked.entry.theirs = rare.parked.entry.ours;
        rare.parked.entry.theirs->revision = Below(9);
        rare.parked.entry.theirs->writer = "other@host";
      }
  }
  effect.rare = std::make_shared<const model::RareEffect>(std::move(rare));
  return effect;
}

model::Effect Generator::NextEffect() {
  if (Below(12) == 0) return NextRareEffect();
  model::Effect effect;
  const std::string name = Name();
  const std::uint64_t dice = Below(20);
  if (dice < 5) {
    const std::string tag = Below(2) == 0 ? "prod" : "latest";
    const auto old = plain_.tags.current.find({name, tag});
    const bool live = old != plain_.tags.current.end() && !old->second.deleted;
    effect.kind = live && Below(3) == 0 ? model::EffectKind::kDeleteTag : model::EffectKind::kSetTag;
    effect.tag.name = name;
    effect.tag.tag = tag;
    if (effect.kind == model::EffectKind::kSetTag) effect.tag.version = std::to_string(Below(3));
    effect.tag.revision = old == plain_.tags.current.end() ? 1 : old->second.revision + 1;
    return effect;
  }
  ArtifactEntry& e = effect.entry;
  e.name = name;
  e.version = Below(2) == 0 ? std::to_string(Below(3)) : "1." + std::to_string(Below(12));
  const auto old = plain_.entries.current.find({e.name, e.version});
  const bool live = old != plain_.entries.current.end() && !old->second.deleted;
  effect.kind = live && Below(4) == 0 ? model::EffectKind::kDeleteEntry : model::EffectKind::kPutEntry;
  e.revision = old == plain_.entries.current.end() ? 1 : old->second.revision + 1;
  if (effect.kind == model::EffectKind::kDeleteEntry) return effect;
  e.created_at_ms = live ? old->second.created_at_ms : time_ms_;
  if (Below(3) != 0) e.digest = "sha256:" + base::Hex(base::Xxh128(base::AsBytes(e.name))) + std::string(32, '0');
  if (Below(3) != 0) e.size = Below(8) == 0 ? 0 : random_() >> Below(64);
  if (Below(2) == 0) e.media_type = "application/vnd.oci.image.manifest.v1+json";
  for (std::uint64_t i = Below(3); i > 0; --i) {
    e.urls.push_back((Below(2) == 0 ? "https://h/p?" : "https://h/\"q\"\\\xc3\xa9?") + std::to_string(i));
  }
  if (Below(2) == 0) e.annotations = "{\"n\":" + std::to_string(Below(100)) + "}";
  // Now and then more than a page holds.
  if (Below(40) == 0) e.annotations = "{\"long\":\"" + std::string(6000 + Below(4000), 'x') + "\"}";
  return effect;
}

/// Takes up a position, and changes nothing.
static model::Effect Nothing() {
  model::Effect effect;
  effect.kind = model::EffectKind::kTrimJournal;
  return effect;
}

model::Effect Generator::NextCursorEffect() {
  model::Effect effect;
  effect.kind = Below(3) == 0 ? model::EffectKind::kDeleteCursor : model::EffectKind::kSetCursor;
  model::RareEffect rare;
  rare.cursor.name = "cursor-" + std::to_string(Below(3));
  if (effect.kind == model::EffectKind::kSetCursor) {
    rare.cursor.lsn = Below(lsn_ + 1);
    rare.cursor.effects = static_cast<std::uint32_t>(Below(3));
  }
  effect.rare = std::make_shared<const model::RareEffect>(std::move(rare));
  return effect;
}

model::CommittedTxn Generator::Next() {
  model::CommittedTxn txn;
  txn.lsn = ++lsn_;
  time_ms_ += static_cast<TimeMs>(Below(3));
  txn.time_ms = time_ms_;
  txn.writer = Below(4) == 0 ? "other@host" : "builder@ci";
  txn.receipt_lsn = txn.lsn;
  const bool with_request = Below(4) == 0;
  if (with_request) {
    txn.request_id = "req-" + std::to_string(txn.lsn);
    txn.body_hash = {random_(), random_()};
    txn.cancelled = Below(6) == 0;
    if (Below(6) == 0) {
      txn.outcome = Outcome::kUnchanged;
      txn.receipt_lsn = Below(txn.lsn);
    }
    for (std::uint64_t i = Below(3); i > 0; --i) txn.results.push_back({Outcome::kUnchanged, random_()});
  }
  if (with_trims && Below(25) == 0) {
    model::Effect drop;
    static constexpr model::EffectKind kDrops[] = {model::EffectKind::kTrimHistory, model::EffectKind::kPruneRequests,
                                                   model::EffectKind::kTrimJournal,
                                                   model::EffectKind::kTrimHistoryExcept};
    drop.kind = kDrops[Below(std::size(kDrops))];
    drop.below_lsn = 1 + Below(txn.lsn);
    if (drop.kind == model::EffectKind::kTrimHistoryExcept) {
      model::RareEffect rare;
      rare.keep = {{Name(), true}};
      drop.rare = std::make_shared<const model::RareEffect>(std::move(rare));
    }
    txn.effects.push_back(drop);
  } else if (Below(20) == 0) {
    txn.effects.push_back(NextCursorEffect());
  } else if (!with_request || (!txn.cancelled && txn.outcome == Outcome::kCommitted)) {
    // Effects see the earlier ones of their transaction: the model is kept up while they are made.
    const PlainIndex before = plain_;
    for (std::uint64_t i = 1 + Below(4); i > 0; --i) {
      txn.effects.push_back(NextEffect());
      model::CommittedTxn one = txn;
      one.effects = {txn.effects.back()};
      one.request_id.clear();
      // A policy remembers its position, and a conflict is named by it.
      one.effects.insert(one.effects.begin(), txn.effects.size() - 1, Nothing());
      plain_.Apply(one);
    }
    plain_ = before;
  }
  AddLeaseEffects(txn);
  plain_.Apply(txn);
  return txn;
}

/// One lease ends, or one is granted: now and then.
void Generator::AddLeaseEffects(model::CommittedTxn& txn) {
  if (!plain_.leases.empty() && Below(8) == 0) {
    model::Effect end;
    end.kind = Below(2) == 0 ? model::EffectKind::kReleaseLease : model::EffectKind::kExpireLease;
    const auto at = std::next(plain_.leases.begin(), static_cast<std::ptrdiff_t>(Below(plain_.leases.size())));
    end.lease.emplace_back().row.info.id = at->first;
    txn.effects.push_back(end);
  } else if (Below(6) == 0) {
    model::Effect grant;
    grant.kind = model::EffectKind::kGrantLease;
    model::LeaseRow& row = grant.lease.emplace_back().row;
    row.info.scopes = {"s" + std::to_string(txn.lsn) + "/**", "k:1"};
    row.info.mode = Below(2) == 0 ? LeaseMode::kShared : LeaseMode::kExclusive;
    row.info.bound = Below(2) == 0;
    row.info.ttl_ms = 1'000;
    row.info.host = "h";
    row.secret_hash[3] = static_cast<std::byte>(txn.lsn);
    row.slot = static_cast<std::uint32_t>(txn.lsn);
    txn.effects.push_back(grant);
  }
}

AppliedFrame Generator::NextFrame(std::size_t txns) {
  AppliedFrame frame;
  for (std::size_t i = 0; i < txns; ++i) frame.txns.push_back(Next());
  frame.after.segment = {1 + lsn_ / 50, 1};
  frame.after.offset = 4096 + lsn_ * 160;
  frame.after.last_lsn = lsn_;
  frame.after.time_ms = time_ms_;
  frame.after.chain = base::Sha256Of(base::AsBytes(std::to_string(lsn_)));
  frame.after.state_hash = plain_.StateHash();
  return frame;
}

std::vector<AppliedFrame> Generator::Frames(std::size_t txns) {
  std::vector<AppliedFrame> frames;
  while (txns > 0) {
    const std::size_t count = std::min<std::size_t>(txns, 1 + Below(7));
    frames.push_back(NextFrame(count));
    txns -= count;
  }
  return frames;
}

model::CommittedTxn PutTxn(Lsn lsn, const std::string& name, const std::string& version, Revision revision) {
  model::CommittedTxn txn;
  txn.lsn = lsn;
  txn.time_ms = 1'700'000'000'000 + static_cast<TimeMs>(lsn);
  txn.writer = "test@host";
  model::Effect put;
  put.entry.name = name;
  put.entry.version = version;
  put.entry.revision = revision;
  put.entry.created_at_ms = txn.time_ms;
  txn.effects.push_back(put);
  return txn;
}

AppliedFrame FrameOf(std::vector<model::CommittedTxn> txns) {
  AppliedFrame frame;
  frame.after.last_lsn = txns.back().lsn;
  frame.after.time_ms = txns.back().time_ms;
  frame.after.segment = {1, 1};
  frame.after.offset = 4096 + 100 * txns.back().lsn;
  frame.txns = std::move(txns);
  return frame;
}

std::string Text(const ArtifactEntry& e) {
  std::string urls;
  for (const std::string& url : e.urls) urls += url + " ";
  return e.name + ":" + e.version + "|" + e.digest + "|" + (e.size ? std::to_string(*e.size) : "-") + "|" +
         e.media_type + "|" + urls + "|" + e.annotations + "|" + std::to_string(e.created_at_ms) + "|" +
         std::to_string(e.updated_at_ms) + "|" + e.writer + "|r" + std::to_string(e.revision) + "|@" +
         std::to_string(e.lsn) + (e.deleted ? "|deleted" : "") + "\n";
}

std::string Text(const TagEntry& t) {
  return t.name + "@" + t.tag + "->" + t.version + "|" + std::to_string(t.updated_at_ms) + "|" + t.writer + "|r" +
         std::to_string(t.revision) + "|@" + std::to_string(t.lsn) + (t.deleted ? "|deleted" : "") + "\n";
}

std::string Dump(const IndexReader& reader) {
  std::string text;
  Listing all;
  all.include_deleted = true;
  const auto entry = [&text](const ArtifactEntry& e) { return text += Text(e), true; };
  const auto tag = [&text](const TagEntry& t) { return text += Text(t), true; };
  Must(reader.ForEachEntry(all, std::nullopt, entry));
  text += "history\n";
  Must(reader.ForEachHistory(entry));
  text += "tags\n";
  Must(reader.ForEachTag(all, std::nullopt, tag));
  text += "tag history\n";
  Must(reader.ForEachTagHistory(tag));
  Must(reader.ForEachRequest(~Lsn{0} >> 1, [&text](const model::RequestRow& r) {
    text += r.request_id + "@" + std::to_string(r.lsn) + "|" + std::to_string(r.time_ms) + "|" +
            base::Hex(r.body_hash) + "|" + std::to_string(r.cancelled) + std::to_string(static_cast<int>(r.outcome)) +
            "|" + std::to_string(r.receipt_lsn);
    for (const OpResult& result : r.results) text += "," + std::to_string(result.revision);
    text += "\n";
    return true;
  }));
  for (const Policy& p : Must(reader.Policies())) text += p.glob + " " + base::Hex(model::RowHash(p)) + "\n";
  Must(reader.ForEachConflict([&text](const ParkedConflict& c) {
    text += ConflictIdText(c.id) + " " + base::Hex(model::RowHash(c)) + "\n";
    return true;
  }));
  Must(reader.ForEachLease([&text](const model::LeaseRow& r) {
    text += "lease " + std::to_string(r.info.id) + "@" + std::to_string(r.slot) + "|" + base::Hex(r.secret_hash) + "|" +
            r.info.writer + "|" + r.info.host + "|" + r.info.purpose + "|" + std::to_string(r.info.ttl_ms);
    for (const std::string& scope : r.info.scopes) text += "," + scope;
    text += "\n";
    return true;
  }));
  const Mark mark = Must(reader.ReadMark());
  const model::JournalPosition& p = mark.position;
  text += "mark " + std::to_string(p.segment.epoch) + "-" + std::to_string(p.segment.ordinal) + "+" +
          std::to_string(p.offset) + " lsn " + std::to_string(p.last_lsn) + " time " + std::to_string(p.time_ms) +
          " chain " + base::Hex(p.chain) + " state " + base::Hex(p.state_hash) + " oldest " +
          std::to_string(mark.oldest_history_lsn) + "\n";
  return text;
}

namespace {

template <typename Row>
std::vector<Row> RowsAt(const PlainIndex::Table<Row>& table, std::optional<Lsn> at, bool include_deleted) {
  std::vector<Row> rows;
  for (const auto& [key, current] : table.current) {
    const Row* row = at ? table.At(key, *at) : &current;
    if (row != nullptr && (include_deleted || !row->deleted)) rows.push_back(*row);
  }
  return rows;
}

template <typename Row>
std::vector<Row> Retained(const PlainIndex::Table<Row>& table, const PlainIndex::Key& key) {
  std::vector<Row> rows = {table.current.at(key)};
  if (const auto past = table.history.find(key); past != table.history.end()) {
    for (auto p = past->second.rbegin(); p != past->second.rend(); ++p) rows.push_back(p->row);
  }
  return rows;
}

}  // namespace

void ExpectSame(const IndexReader& reader, const PlainIndex& plain) {
  const Mark mark = Must(reader.ReadMark());
  std::vector<std::optional<Lsn>> times = {std::nullopt};
  for (Lsn lsn = 0; lsn <= mark.position.last_lsn; ++lsn) times.push_back(lsn);
  for (const std::optional<Lsn>& at : times) {
    for (const bool deleted : {false, true}) {
      Listing all;
      all.include_deleted = deleted;
      std::vector<ArtifactEntry> entries;
      Must(reader.ForEachEntry(all, at, [&](const ArtifactEntry& e) { return entries.push_back(e), true; }));
      ASSERT_EQ(entries, RowsAt(plain.entries, at, deleted)) << "at " << at.value_or(~Lsn{0});
      std::vector<TagEntry> tags;
      Must(reader.ForEachTag(all, at, [&](const TagEntry& t) { return tags.push_back(t), true; }));
      ASSERT_EQ(tags, RowsAt(plain.tags, at, deleted)) << "at " << at.value_or(~Lsn{0});
    }
  }
  std::map<Lsn, model::LeaseRow> leases;
  Must(reader.ForEachLease([&](const model::LeaseRow& row) { return leases.emplace(row.info.id, row), true; }));
  ASSERT_EQ(leases, plain.leases);
  std::vector<CursorEntry> cursors;
  for (const auto& [name, row] : plain.cursors) {
    cursors.push_back(row);
    ASSERT_EQ(Must(reader.GetCursor(name)), row);
  }
  ASSERT_EQ(Must(reader.Cursors()), cursors);
  ASSERT_FALSE(Must(reader.GetCursor("cursor-9")).has_value());
  for (const auto& [key, row] : plain.entries.current) {
    ASSERT_EQ(Must(reader.GetEntry(key.first, key.second)), row);
    ASSERT_EQ(Must(reader.History(key.first, key.second)), Retained(plain.entries, key));
    for (Lsn lsn = 0; lsn <= mark.position.last_lsn; ++lsn) {
      const ArtifactEntry* then = plain.entries.At(key, lsn);
      const auto found = Must(reader.GetEntryAt(key.first, key.second, lsn));
      ASSERT_EQ(found, then != nullptr ? std::optional<ArtifactEntry>(*then) : std::nullopt) << "at " << lsn;
    }
  }
  for (const auto& [key, row] : plain.tags.current) {
    ASSERT_EQ(Must(reader.GetTag(key.first, key.second)), row);
    ASSERT_EQ(Must(reader.TagHistory(key.first, key.second)), Retained(plain.tags, key));
    for (Lsn lsn = 0; lsn <= mark.position.last_lsn; ++lsn) {
      const TagEntry* then = plain.tags.At(key, lsn);
      const auto found = Must(reader.GetTagAt(key.first, key.second, lsn));
      ASSERT_EQ(found, then != nullptr ? std::optional<TagEntry>(*then) : std::nullopt) << "at " << lsn;
    }
  }
  for (const auto& [id, row] : plain.requests) ASSERT_EQ(Must(reader.GetRequest(id)), row);
  std::vector<Policy> policies;
  for (const auto& [glob, row] : plain.policies) policies.push_back(row);
  EXPECT_EQ(Must(reader.Policies()), policies);
  std::vector<ParkedConflict> conflicts;
  Must(reader.ForEachConflict([&](const ParkedConflict& c) { return conflicts.push_back(c), true; }));
  ASSERT_EQ(conflicts.size(), plain.conflicts.size());
  for (const ParkedConflict& c : conflicts) {
    EXPECT_EQ(c, plain.conflicts.at(c.id));
    EXPECT_EQ(Must(reader.GetConflict(c.id)), c);
  }
  const Counts counts = Must(reader.Count());
  EXPECT_EQ(counts.policies, plain.policies.size());
  EXPECT_EQ(counts.conflicts, plain.conflicts.size());
  EXPECT_EQ(counts.request_ids, plain.requests.size());
  EXPECT_EQ(counts.history_rows, plain.entries.history_rows() + plain.tags.history_rows());
  EXPECT_EQ(counts.entries, RowsAt(plain.entries, std::nullopt, false).size());
  EXPECT_EQ(counts.entries + counts.tombstones, plain.entries.current.size());
  EXPECT_EQ(counts.tags, RowsAt(plain.tags, std::nullopt, false).size());
  EXPECT_EQ(counts.tags + counts.tag_tombstones, plain.tags.current.size());
  EXPECT_EQ(mark.oldest_history_lsn, plain.oldest_history_lsn);
  EXPECT_EQ(Must(reader.ComputeStateHash()), plain.StateHash());
  EXPECT_EQ(mark.position.state_hash, plain.StateHash());
}

}  // namespace tenure::index
