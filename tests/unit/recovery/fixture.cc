#include "tests/unit/recovery/fixture.h"

#include <sqlite3.h>
#include <stdlib.h>

#include <filesystem>

#include "store/base/error.h"
#include "store/base/hash.h"
#include "store/index/generations.h"

namespace tenure::recovery {
namespace {

std::string MakeTempDir(const std::string& below) {
  std::string name = below + "tenure-recovery-XXXXXX";
  TENURE_CHECK(mkdtemp(name.data()) != nullptr);
  return name;
}

}  // namespace

base::Hash128 ModelState::Hash() const {
  base::Hash128 sum;
  for (const auto& item : entries) sum += model::RowHash(item.second);
  for (const auto& item : tags) sum += model::RowHash(item.second);
  for (const auto& item : requests) sum += model::RowHash(item.second);
  for (const auto& item : policies) sum += model::RowHash(item.second);
  for (const auto& item : parked) sum += model::RowHash(item.second);
  for (const auto& item : leases) sum += model::RowHash(item.second);
  return sum;
}

ModelState ReadIndex(const std::string& path) {
  const auto reader = Must(index::IndexReader::Open(path));
  ModelState state;
  index::Listing all;
  all.include_deleted = true;
  Must(reader->ForEachEntry(all, std::nullopt, [&](const ArtifactEntry& row) {
    state.entries[{row.name, row.version}] = row;
    return true;
  }));
  Must(reader->ForEachTag(all, std::nullopt, [&](const TagEntry& row) {
    state.tags[{row.name, row.tag}] = row;
    return true;
  }));
  Must(reader->ForEachRequest(1'000'000'000, [&](const model::RequestRow& row) {
    state.requests[row.request_id] = row;
    return true;
  }));
  for (const Policy& row : Must(reader->Policies())) state.policies[row.glob] = row;
  Must(reader->ForEachConflict([&](const ParkedConflict& row) {
    state.parked[row.id] = row;
    return true;
  }));
  Must(reader->ForEachLease([&](const model::LeaseRow& row) {
    state.leases[row.info.id] = row;
    return true;
  }));
  return state;
}

void Execute(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  char* message = nullptr;
  ASSERT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << message;
  sqlite3_close(db);
}

std::string MemoryDirectory() { return std::filesystem::exists("/dev/shm") ? "/dev/shm/" : ::testing::TempDir(); }

HandMadeStore::HandMadeStore(const std::string& dir)
    : env_(base::Env::Posix()), dir_(MakeTempDir(dir)), layout_{dir_ + "/.tenure"}, factory_(env_, layout_.journal()) {
  for (const std::string& made : {layout_.root, layout_.journal(), layout_.index(), layout_.checkpoints()}) {
    Must(env_.CreateDirectory(made));
  }
  env_.Random(config_.store_id);
  env_.Random(config_.journal_id);
  config_.created_at_ms = time_ms_;
  Must(WriteConfig(env_, layout_, config_));
  model::JournalPosition genesis;
  genesis.chain = journal::GenesisChain(config_.journal_id);
  journal::SegmentHeader header = journal::HeaderAfter(config_.journal_id, {epoch_, 1}, genesis);
  header.incarnation = config_.incarnation;
  const auto segment = Must(factory_.Create(header, 64 * 1024));
  OpenWriter(segment, journal::StartOf(segment.header));
  states_[0] = state_;
}

HandMadeStore::~HandMadeStore() {
  Close();
  (void)env_.RemoveAll(dir_);
}

void HandMadeStore::OpenWriter(const journal::LiveSegment& segment, const model::JournalPosition& at) {
  writer_ = Must(journal::Writer::Open(env_, factory_, segment, at));
}

model::CommittedTxn& HandMadeStore::NewTxn() {
  model::CommittedTxn txn;
  txn.lsn = writer_->position().last_lsn + pending_.size() + 1;
  txn.time_ms = time_ms_ + 1000;
  txn.writer = "tester";
  txn.receipt_lsn = txn.lsn;
  pending_.push_back(std::move(txn));
  return pending_.back();
}

/// The model has the transaction: this is what its LSN must look like.
HandMadeStore& HandMadeStore::Done() {
  states_[pending_.back().lsn] = state_;
  return *this;
}

Revision HandMadeStore::PutInto(model::CommittedTxn& txn, const std::string& name, const std::string& version) {
  ArtifactEntry& row = state_.entries[{name, version}];
  model::Effect effect;
  effect.kind = model::EffectKind::kPutEntry;
  effect.entry.name = name;
  effect.entry.version = version;
  effect.entry.annotations = "{\"n\":" + std::to_string(++puts_) + "}";
  effect.entry.created_at_ms = row.revision > 0 && !row.deleted ? row.created_at_ms : txn.time_ms;
  effect.entry.revision = row.revision + 1;
  txn.effects.push_back(effect);
  row = model::EntryAfter(txn, effect);
  return row.revision;
}

HandMadeStore& HandMadeStore::Put(const std::string& name, const std::string& version, const std::string& request_id) {
  model::CommittedTxn& txn = NewTxn();
  const Revision revision = PutInto(txn, name, version);
  if (!request_id.empty()) {
    txn.request_id = request_id;
    txn.body_hash = base::Xxh128(base::AsBytes(request_id));
    txn.results = {OpResult{Outcome::kCommitted, revision}};
    state_.requests[request_id] = *model::RequestRowOf(txn);
  }
  return Done();
}

HandMadeStore& HandMadeStore::PutTogether(const std::vector<std::string>& names) {
  model::CommittedTxn& txn = NewTxn();
  for (const std::string& name : names) PutInto(txn, name, "1");
  return Done();
}

HandMadeStore& HandMadeStore::Request(const std::string& request_id) {
  model::CommittedTxn& txn = NewTxn();
  txn.request_id = request_id;
  txn.body_hash = base::Xxh128(base::AsBytes(request_id));
  state_.requests[request_id] = *model::RequestRowOf(txn);
  return Done();
}

HandMadeStore& HandMadeStore::Delete(const std::string& name, const std::string& version) {
  model::CommittedTxn& txn = NewTxn();
  ArtifactEntry& row = state_.entries.at({name, version});
  model::Effect effect;
  effect.kind = model::EffectKind::kDeleteEntry;
  effect.entry.name = name;
  effect.entry.version = version;
  effect.entry.revision = row.revision + 1;
  txn.effects.push_back(effect);
  row = model::EntryAfter(txn, effect);
  return Done();
}

HandMadeStore& HandMadeStore::ChangeTag(model::EffectKind kind, const std::string& name, const std::string& tag,
                                        const std::string& version) {
  model::CommittedTxn& txn = NewTxn();
  TagEntry& row = state_.tags[{name, tag}];
  model::Effect effect;
  effect.kind = kind;
  effect.tag.name = name;
  effect.tag.tag = tag;
  effect.tag.version = version;
  effect.tag.revision = row.revision + 1;
  txn.effects.push_back(effect);
  row = model::TagAfter(txn, effect);
  return Done();
}

HandMadeStore& HandMadeStore::SetTag(const std::string& name, const std::string& tag, const std::string& version) {
  return ChangeTag(model::EffectKind::kSetTag, name, tag, version);
}

HandMadeStore& HandMadeStore::DeleteTag(const std::string& name, const std::string& tag) {
  return ChangeTag(model::EffectKind::kDeleteTag, name, tag, {});
}

HandMadeStore& HandMadeStore::PruneRequests(Lsn below) {
  model::CommittedTxn& txn = NewTxn();
  model::Effect effect;
  effect.kind = model::EffectKind::kPruneRequests;
  effect.below_lsn = below;
  txn.effects.push_back(effect);
  std::erase_if(state_.requests, [&](const auto& item) { return item.second.lsn < below; });
  return Done();
}

model::CommittedTxn& HandMadeStore::NewTxnOf(model::EffectKind kind, model::RareEffect rare) {
  model::CommittedTxn& txn = NewTxn();
  model::Effect& effect = txn.effects.emplace_back();
  effect.kind = kind;
  if (!model::IsLease(kind)) effect.rare = std::make_shared<const model::RareEffect>(std::move(rare));
  return txn;
}

HandMadeStore& HandMadeStore::SetPolicy(const std::string& glob, bool immutable) {
  model::RareEffect rare;
  rare.policy.glob = glob;
  rare.policy.immutable = immutable;
  state_.policies[glob] = model::PolicyAfter(NewTxnOf(model::EffectKind::kSetPolicy, std::move(rare)), 0);
  return Done();
}

HandMadeStore& HandMadeStore::DeletePolicy(const std::string& glob) {
  model::RareEffect rare;
  rare.policy.glob = glob;
  NewTxnOf(model::EffectKind::kDeletePolicy, std::move(rare));
  state_.policies.erase(glob);
  return Done();
}

HandMadeStore& HandMadeStore::Park(const std::string& name, const std::string& version) {
  model::RareEffect rare;
  rare.parked.name = name;
  rare.parked.rest = version;
  ArtifactEntry& ours = rare.parked.entry.ours.emplace();
  ours.name = name;
  ours.version = version;
  rare.parked.entry.theirs = ours;
  rare.parked.entry.theirs->revision = 1;
  const ParkedConflict parked = model::ParkedAfter(NewTxnOf(model::EffectKind::kPark, std::move(rare)), 0);
  state_.parked[parked.id] = parked;
  return Done();
}

HandMadeStore& HandMadeStore::Resolve(const ConflictId& id) {
  model::RareEffect rare;
  rare.resolved = id;
  NewTxnOf(model::EffectKind::kResolve, std::move(rare));
  state_.parked.erase(id);
  return Done();
}

HandMadeStore& HandMadeStore::GrantLeaseOf(const std::vector<std::string>& scopes) {
  model::CommittedTxn& txn = NewTxnOf(model::EffectKind::kGrantLease);
  model::LeaseRow& row = txn.effects.front().lease.emplace_back().row;
  row.info.scopes = scopes;
  row.info.ttl_ms = 10'000;
  row.info.host = "here";
  row.slot = static_cast<std::uint32_t>(txn.lsn);
  state_.leases[txn.lsn] = model::LeaseAfter(txn, txn.effects.front());
  return Done();
}

HandMadeStore& HandMadeStore::EndLease(Lsn id, model::EffectKind how) {
  model::CommittedTxn& txn = NewTxnOf(how);
  txn.effects.front().lease.emplace_back().row.info.id = id;
  state_.leases.erase(id);
  return Done();
}

HandMadeStore& HandMadeStore::SetCursor(const std::string& name, Lsn lsn) {
  model::RareEffect rare;
  rare.cursor.name = name;
  rare.cursor.lsn = lsn;
  NewTxnOf(model::EffectKind::kSetCursor, std::move(rare));
  return Done();
}

HandMadeStore& HandMadeStore::Trim(model::EffectKind what, Lsn below) {
  NewTxnOf(what).effects.front().below_lsn = below;
  return Done();
}

model::JournalPosition HandMadeStore::Append(journal::Batch& batch, std::uint32_t count) {
  time_ms_ += 1000;
  batch.first_lsn = writer_->position().last_lsn + 1;
  batch.count = count;
  batch.time_ms = time_ms_;
  const std::uint64_t bytes = journal::FrameBytes(batch.buffer.size() - journal::kFrameHeaderBytes);
  const model::JournalPosition after = Must(writer_->Append(batch));
  frames_.push_back({writer_->segment().path, after.offset - bytes, after.offset, batch.first_lsn, after.last_lsn});
  return after;
}

void HandMadeStore::Commit(const std::optional<base::Hash128>& claimed) {
  journal::Batch batch;
  batch.state_hash = claimed.value_or(state_.Hash());
  batch.buffer.assign(journal::kFrameHeaderBytes, std::byte{0});
  base::Encoder out(batch.buffer);
  for (const model::CommittedTxn& txn : pending_) model::EncodeTxn(txn, out);
  const model::JournalPosition after = Append(batch, static_cast<std::uint32_t>(pending_.size()));
  unapplied_.push_back({std::move(pending_), after});
  pending_.clear();
}

void HandMadeStore::CommitBytes(const base::Bytes& payload) {
  journal::Batch batch;
  batch.state_hash = state_.Hash();
  batch.buffer.assign(journal::kFrameHeaderBytes, std::byte{0});
  batch.buffer.insert(batch.buffer.end(), payload.begin(), payload.end());
  Append(batch, 1);
}

void HandMadeStore::CommitPuts(std::size_t count, std::size_t keys) {
  for (std::size_t i = 0; i < count; ++i) {
    Put("lib/a" + std::to_string(last_lsn() % keys), "1.0");
    Commit();
  }
}

void HandMadeStore::Scribble(const base::Bytes& bytes) {
  const auto file = Must(env_.Open(SegmentPath(), base::OpenMode::kReadWrite));
  Must(file->WriteAt(position().offset, bytes));
}

void HandMadeStore::NewEpoch(const std::function<void(model::JournalPosition&)>& lie) {
  model::JournalPosition at = writer_->position();
  if (lie) lie(at);
  journal::SegmentHeader header = journal::HeaderAfter(config_.journal_id, {++epoch_, 1}, at);
  header.incarnation = config_.incarnation;
  const auto segment = Must(factory_.Create(header, 64 * 1024));
  OpenWriter(segment, journal::StartOf(segment.header));
}

void HandMadeStore::ApplyIndex() {
  if (!index_) {
    const index::Generation generation{1, 1};
    index_path_ = layout_.index() + "/" + index::GenerationFileName(generation);
    if (!Must(env_.Exists(index_path_))) {
      const std::string building = index::BuildingPath(env_, layout_.index());
      model::JournalPosition genesis;
      genesis.chain = journal::GenesisChain(config_.journal_id);
      genesis.segment = {1, 1};
      genesis.offset = journal::kSegmentHeaderBytes;
      Must(index::IndexWriter::Create(building, IndexIdOf(config_), genesis));
      Must(index::Publish(env_, layout_.index(), building, generation));
    }
    index_ = Must(index::IndexWriter::Open(index_path_));
  }
  Must(index_->Apply(unapplied_));
  unapplied_.clear();
}

Checkpoint HandMadeStore::MakeCheckpoint() {
  ApplyIndex();
  return Must(WriteCheckpoint(env_, layout_, *index_));
}

void HandMadeStore::TrimJournal(Lsn lsn) {
  const auto chain = Must(journal::ReadChain(env_, layout_.journal(), config_.journal_id, lsn));
  for (std::size_t i = 0; i + 1 < chain.segments.size(); ++i) {
    if (chain.segments[i + 1].header.first_lsn - 1 <= lsn) Must(env_.Remove(chain.segments[i].path));
  }
}

void HandMadeStore::Close() {
  writer_.reset();
  index_.reset();
}

void HandMadeStore::Edit(const std::string& path, const std::function<void(base::Bytes&)>& edit) {
  base::Env& env = base::Env::Posix();
  base::Bytes bytes = Must(base::ReadFile(env, path));
  edit(bytes);
  const auto file = Must(env.Open(path, base::OpenMode::kReadWrite));
  Must(file->Truncate(bytes.size()));
  Must(file->WriteAt(0, bytes));
}

void HandMadeStore::Flip(const std::string& path, std::uint64_t offset, unsigned char mask) {
  const auto file = Must(base::Env::Posix().Open(path, base::OpenMode::kReadWrite));
  std::byte byte{};
  Must(file->ReadAt(offset, {&byte, 1}));
  byte ^= std::byte{mask};
  Must(file->WriteAt(offset, {&byte, 1}));
}

void HandMadeStore::EditHeader(const std::string& path, const std::function<void(base::Bytes&)>& edit) {
  Edit(path, [&](base::Bytes& bytes) {
    edit(bytes);
    base::StoreLe(&bytes[journal::segment_at::kCrc],
                  base::Crc32c(base::ByteView(bytes).first(journal::segment_at::kCrc)));
  });
}

base::Bytes HandMadeStore::Read(const std::string& path) { return Must(base::ReadFile(base::Env::Posix(), path)); }

}  // namespace tenure::recovery
