#include "tests/fuzz/samples.h"

#include <algorithm>
#include <memory>

#include "store/journal/format.h"
#include "store/journal/raw.h"
#include "store/model/validate.h"
#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz {
namespace {

using model::Effect;
using model::EffectKind;

ArtifactEntry SampleEntry() {
  ArtifactEntry entry;
  entry.name = "release/app";
  entry.version = "1.4.2";
  entry.digest = Digest('a');
  entry.size = 1234;
  entry.media_type = "application/gzip";
  entry.urls = {"https://example.org/app.tar.gz", "mirror/app.tar.gz"};
  entry.annotations = R"({"build":{"id":7},"team":"core"})";
  entry.created_at_ms = 1'700'000'000'000;
  entry.revision = 3;
  return entry;
}

TagEntry SampleTag() {
  TagEntry tag;
  tag.name = "release/app";
  tag.tag = "prod";
  tag.version = "1.4.2";
  tag.revision = 2;
  return tag;
}

std::shared_ptr<model::RareEffect> SampleRare(EffectKind kind) {
  auto rare = std::make_shared<model::RareEffect>();
  if (kind == EffectKind::kSetPolicy || kind == EffectKind::kDeletePolicy) rare->policy.glob = "release/**";
  if (kind == EffectKind::kSetPolicy) {
    rare->policy.immutable = true;
    rare->policy.keep_history = false;
    rare->policy.on_conflict = ConflictStrategy::kMergeOrPark;
    rare->policy.schema = R"({"required":["digest"]})";
  }
  if (kind == EffectKind::kPark) {
    ParkedConflict& parked = rare->parked;
    parked.name = "release/app";
    parked.rest = "1.4.2";
    parked.base_revision = 2;
    parked.reason = "changed since revision 2";
    parked.entry = {SampleEntry(), SampleEntry(), SampleEntry()};
  }
  if (kind == EffectKind::kResolve) {
    rare->resolved = {12, 1};
    rare->take = Take::kTheirs;
  }
  if (kind == EffectKind::kTrimHistoryExcept) rare->keep = {{"release/**", true}, {"**", false}};
  if (model::IsCursorEffect(kind)) rare->cursor.name = "mirror";
  if (kind == EffectKind::kSetCursor) {
    rare->cursor.lsn = 30;
    rare->cursor.effects = 2;
  }
  return rare;
}

model::LeaseChange SampleLease(EffectKind kind) {
  model::LeaseChange change;
  if (kind != EffectKind::kGrantLease) {
    change.row.info.id = 9;
    if (kind == EffectKind::kBreakLease) change.reason = "holder is gone";
    return change;
  }
  LeaseInfo& lease = change.row.info;
  lease.scopes = {"release/**", "tools/cc:1.0"};
  lease.mode = LeaseMode::kShared;
  lease.bound = true;
  lease.ttl_ms = 30'000;
  lease.host = "build-1";
  lease.pid = 4711;
  lease.process_start = 99;
  lease.purpose = "release";
  change.row.slot = 5;
  return change;
}

Effect SampleEffect(EffectKind kind) {
  Effect effect;
  effect.kind = kind;
  if (model::IsLease(kind)) {
    effect.lease.push_back(SampleLease(kind));
  } else if (kind == EffectKind::kPutEntry || kind == EffectKind::kDeleteEntry) {
    effect.entry = SampleEntry();
    if (kind == EffectKind::kPutEntry) effect.merged_base = 2;
  } else if (kind == EffectKind::kSetTag || kind == EffectKind::kDeleteTag) {
    effect.tag = SampleTag();
  } else if (kind == EffectKind::kTrimHistory || kind == EffectKind::kPruneRequests ||
             kind == EffectKind::kTrimJournal) {
    effect.below_lsn = 300;
  } else {
    effect.rare = SampleRare(kind);
  }
  return effect;
}

}  // namespace

std::string Digest(char digit) { return "sha256:" + std::string(64, digit); }

std::vector<model::CommittedTxn> SampleTxns(Lsn first_lsn) {
  std::vector<model::CommittedTxn> txns;
  for (const int kind : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 17, 18, 19, 20, 24, 25}) {
    model::CommittedTxn txn;
    txn.lsn = first_lsn + txns.size();
    txn.time_ms = 1'700'000'000'005;
    txn.writer = "builder@host";
    txn.uid = 1000;
    txn.receipt_lsn = txn.lsn;
    if (kind % 2 == 1) txn.origin = {3, 1, 17};
    if (kind % 4 == 1) {
      txn.request_id = "request-1";
      txn.body_hash = {1, 2};
      txn.outcome = Outcome::kMerged;
      txn.results = {{Outcome::kMerged, 3}};
    }
    txn.effects.push_back(SampleEffect(static_cast<EffectKind>(kind)));
    if (kind == 3) txn.effects.push_back(SampleEffect(EffectKind::kPutEntry));
    txns.push_back(std::move(txn));
  }
  return txns;
}

std::vector<Operation> SampleOperations() {
  Transaction txn;
  txn.Put({"release/app", "1.4.2", Digest('a'), 12, "text/plain", {"mirror/app"}, R"({"team":"core"})"}).IfRevision(7);
  txn.Put({"a", "1", "", {}, "", {}, "{}"}).IfAbsent();
  txn.Patch("a", "1", R"({"team":null,"x":{"y":1}})").Base(2).IfDigest(Digest('b'));
  txn.Delete("a", "1", true);
  txn.SetTag("a", "prod", "1").IfVersion("0");
  txn.DeleteTag("a", "prod");
  PolicySpec spec;
  spec.glob = "release/**";
  spec.immutable = true;
  spec.on_conflict = ConflictStrategy::kMerge;
  spec.schema = R"({"required":["digest"]})";
  spec.unset = {"keep_history"};
  txn.SetPolicy(spec);
  txn.DeletePolicy("release/**");
  txn.Resolve({12, 1}, Take::kTheirs);
  return Must(model::NormaliseTransaction(txn));
}

void MendFrame(std::span<std::byte> bytes, std::uint64_t salt, const base::Hash256& prev_chain) {
  using namespace journal;
  if (bytes.size() < kFrameHeaderBytes) return;
  std::byte* const at = bytes.data();
  const auto payload_bytes = base::LoadLe<std::uint32_t>(at + frame_at::kPayloadBytes);
  const bool whole = FrameBytes(payload_bytes) <= bytes.size();
  const std::uint32_t how = base::Crc32c(bytes) % 3;
  if (whole && how != 0) {
    if (how == 1) raw::StoreArray(at + frame_at::kPrevChain, prev_chain);
    FrameHeader header;
    header.prev_chain = raw::LoadArray<32>(at + frame_at::kPrevChain);
    header.first_lsn = base::LoadLe<Lsn>(at + frame_at::kFirstLsn);
    header.count = base::LoadLe<std::uint32_t>(at + frame_at::kCount);
    header.flags = base::LoadLe<std::uint32_t>(at + frame_at::kFlags);
    header.payload_bytes = payload_bytes;
    header.time_ms = base::LoadLe<TimeMs>(at + frame_at::kTimeMs);
    header.boottime_ms = base::LoadLe<std::uint64_t>(at + frame_at::kBoottimeMs);
    header.state_hash = raw::LoadHash128(at + frame_at::kStateHash);
    raw::StoreArray(at + frame_at::kChain, ChainOf(header, bytes.subspan(kFrameHeaderBytes, payload_bytes)));
  }
  std::byte raw_salt[sizeof salt];
  base::StoreLe(raw_salt, salt);
  const std::uint32_t seed = base::Crc32c(raw_salt);
  base::StoreLe(at + frame_at::kMagic, kFrameMagic);
  if (whole) {
    base::StoreLe(at + frame_at::kPayloadCrc,
                  base::Crc32c(bytes.subspan(kFrameHeaderBytes, PaddedBytes(payload_bytes)), seed));
  }
  base::StoreLe(at + frame_at::kHeaderCrc,
                base::Crc32c(bytes.subspan(frame_at::kEpoch, kFrameHeaderBytes - frame_at::kEpoch), seed));
}

}  // namespace tenure::fuzz
