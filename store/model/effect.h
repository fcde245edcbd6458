// Effects: what a committed transaction did, as the journal keeps it. Requests are decided once, by
// the committer; replay only applies effects and never decides anything again.
//
// Codec: see docs/journal-format.md. One encoding per value; decoding untrusted bytes either gives a
// valid transaction or fails. The frame supplies LSN and time, so they are not encoded twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/base/codec.h"
#include "store/base/hash.h"
#include "store/model/lease.h"
#include "tenure/conflict.h"
#include "tenure/result.h"
#include "tenure/transaction.h"
#include "tenure/types.h"

namespace tenure::model {

/// Values are part of the format: never renumber. Unknown ones are refused as "written by a newer
/// version".
enum class EffectKind : std::uint8_t {
  kPutEntry = 1,            ///< entry: everything but lsn, updated_at_ms and writer, which the frame gives.
  kDeleteEntry = 2,         ///< entry: name, version, revision (of the tombstone).
  kSetTag = 3,              ///< tag: name, tag, version, revision.
  kDeleteTag = 4,           ///< tag: name, tag, revision (of the tombstone).
  kTrimHistory = 5,         ///< below_lsn: superseded revisions replaced before it are dropped.
  kPruneRequests = 6,       ///< below_lsn: request ids recorded before it are forgotten.
  kTrimJournal = 7,         ///< below_lsn: segments wholly below it may be unlinked; a checkpoint covers them.
  kSetPolicy = 8,           ///< rare->policy: the whole policy of its glob; the frame gives writer, time and LSN.
  kDeletePolicy = 9,        ///< rare->policy: its glob.
  kPark = 10,               ///< rare->parked: the frame gives id, writer, uid and time.
  kResolve = 11,            ///< rare->resolved, rare->take: that parked conflict is no more.
  kTrimHistoryExcept = 12,  ///< below_lsn, rare->keep: like kTrimHistory, but what the rules keep stays.
  kGrantLease = 16,         ///< lease: everything but id, uid, writer and granted_at_ms, which the frame gives.
  kReleaseLease = 17,       ///< lease: id. Given back by its holder.
  kExpireLease = 18,        ///< lease: id. Its time had run out.
  kBreakLease = 19,         ///< lease: id, reason. Taken away by an administrator.
  kOrphanLease = 20,        ///< lease: id. The process that it was bound to had died.
  kSetCursor = 24,          ///< rare->cursor: name, lsn, effects; the rest is given by the frame.
  kDeleteCursor = 25,       ///< rare->cursor: its name.
};
/// Some numbers before it are free.
inline constexpr EffectKind kLastEffectKind = EffectKind::kDeleteCursor;

/// Decides, by the first rule whose glob matches a key, whether trimming leaves its superseded revisions.
struct KeepRule {
  std::string glob;
  bool keep = true;
  friend bool operator==(const KeepRule&, const KeepRule&) = default;
};

/// What few effects have: kept apart, so that the frequent ones stay small.
struct RareEffect {
  Policy policy;
  ParkedConflict parked;
  ConflictId resolved;
  Take take = Take::kOurs;
  std::vector<KeepRule> keep;
  CursorEntry cursor;
  friend bool operator==(const RareEffect&, const RareEffect&) = default;
};

/// More effects than operations happen only when a delete takes its tags along. The committer refuses a
/// transaction over this as too large; encoding one is a broken invariant.
inline constexpr std::size_t kTxnEffectsMax = 1'000'000;

inline constexpr bool IsLease(EffectKind kind) {
  return kind >= EffectKind::kGrantLease && kind <= EffectKind::kOrphanLease;
}

struct Effect {
  EffectKind kind = EffectKind::kPutEntry;
  ArtifactEntry entry;                     ///< kPutEntry, kDeleteEntry.
  TagEntry tag;                            ///< kSetTag, kDeleteTag.
  Lsn below_lsn = 0;                       ///< kTrimHistory, kPruneRequests, kTrimJournal, kTrimHistoryExcept.
  std::optional<Revision> merged_base;     ///< kPutEntry: a three-way merge over this revision made it.
  std::shared_ptr<const RareEffect> rare;  ///< From kSetPolicy to kTrimHistoryExcept; never null there.
  /// One for the kinds of leases, none for all others: they are rare, and an Effect is copied often.
  std::vector<LeaseChange> lease;
  friend bool operator==(const Effect& a, const Effect& b) {
    const bool same_rare = a.rare == b.rare || (a.rare && b.rare && *a.rare == *b.rare);
    return same_rare && a.kind == b.kind && a.entry == b.entry && a.tag == b.tag && a.below_lsn == b.below_lsn &&
           a.merged_base == b.merged_base && a.lease == b.lease;
  }
};

/// Where an operation came from: registry slot, its generation, operation sequence. A successor
/// finds by it which queued operations are already in the journal. {0,0,0}: from no lane.
struct Origin {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  std::uint64_t sequence = 0;
  friend bool operator==(const Origin&, const Origin&) = default;
};

struct CommittedTxn {
  Lsn lsn = 0;
  TimeMs time_ms = 0;
  std::string writer;
  std::uint32_t uid = 0;
  Origin origin;
  std::string request_id;                 ///< Empty: none. Recorded, with body_hash and results, when present.
  base::Hash128 body_hash;                ///< Of the request; zero without a request id.
  bool cancelled = false;                 ///< The request id was cancelled by OutcomeOf; no effects.
  Outcome outcome = Outcome::kCommitted;  ///< kUnchanged: no effects, only the request id is recorded.
  Lsn receipt_lsn = 0;                    ///< The LSN that the receipt named (of an older commit when unchanged).
  std::vector<OpResult> results;          ///< One per operation of the request; kept when there is a request id.
  std::vector<Effect> effects;
  friend bool operator==(const CommittedTxn&, const CommittedTxn&) = default;
};

/// As good as new, but texts and vectors keep their memory.
void MakeBlank(Effect& effect);
/// The same, but for the effects, which stay as they are.
void MakeBlank(CommittedTxn& txn);

/// Appends the encoding of `txn` (length-prefixed by the caller's frame).
void EncodeTxn(const CommittedTxn& txn, base::Encoder& out);
/// Decodes one transaction; `lsn` and `time_ms` come from the frame. Fails with kCorruption, or with
/// kUnsupported when a newer version of tenure wrote it.
Result<CommittedTxn> DecodeTxn(base::Decoder& in, Lsn lsn, TimeMs time_ms);
/// The same into `txn`, whose memory is used again: replay decodes millions. After a failure it holds
/// anything.
Status DecodeTxnInto(base::Decoder& in, Lsn lsn, TimeMs time_ms, CommittedTxn& txn);

/// A recorded request id, as a row of the index and of the state hash.
struct RequestRow {
  std::string request_id;
  Lsn lsn = 0;  ///< Where it was recorded.
  TimeMs time_ms = 0;
  base::Hash128 body_hash;
  bool cancelled = false;
  Outcome outcome = Outcome::kCommitted;
  Lsn receipt_lsn = 0;
  std::vector<OpResult> results;
  friend bool operator==(const RequestRow&, const RequestRow&) = default;
};
std::optional<RequestRow> RequestRowOf(const CommittedTxn& txn);
void EncodeResults(const std::vector<OpResult>& results, base::Encoder& out);
/// Bytes that are no results fail the decoder and give nothing.
std::vector<OpResult> DecodeResults(base::Decoder& in);

/// Row hashes of the state hash: a domain byte, then every field in a fixed encoding. Tombstones are
/// rows too. The state hash is their sum modulo 2^128.
base::Hash128 RowHash(const ArtifactEntry& entry);
/// Of what conflict::SameContent compares, live or not: contents that differ here differ; those that do not are to be
/// compared. Never stored.
std::uint64_t ContentHash(const ArtifactEntry& entry);
std::uint64_t ContentHash(const Operation& put);
/// The fields of an ArtifactEntry, borrowed: hashing a row of the index needs no copy of it.
struct EntryFields {
  std::string_view name, version, digest, media_type, annotations, writer;
  std::optional<std::uint64_t> size;
  const std::vector<std::string>* urls = nullptr;  ///< Null: none.
  TimeMs created_at_ms = 0, updated_at_ms = 0;
  Revision revision = 0;
  Lsn lsn = 0;
  bool deleted = false;
};
base::Hash128 RowHash(const EntryFields& entry);
base::Hash128 RowHash(const TagEntry& tag);
base::Hash128 RowHash(const RequestRow& row);
base::Hash128 RowHash(const Policy& policy);
base::Hash128 RowHash(const ParkedConflict& conflict);

/// A policy without what the frame gives, and a parked conflict likewise: in the journal, and in the index.
void EncodePolicy(const Policy& policy, base::Encoder& out);
void EncodeParked(const ParkedConflict& conflict, base::Encoder& out);
/// nullopt for bytes that are none; the decoder has failed then.
std::optional<ParkedConflict> DecodeParked(base::Decoder& in);
base::Hash128 RowHash(const LeaseRow& row);
/// For comparing rows only: cursors are no part of the state hash. They say how far a reader is, and moving one
/// would have to read the row that it replaces.
base::Hash128 RowHash(const CursorEntry& cursor);

/// The entry, tag and cursor as `effect` leaves them, with the fields that the frame gives filled in.
ArtifactEntry EntryAfter(const CommittedTxn& txn, const Effect& effect);
TagEntry TagAfter(const CommittedTxn& txn, const Effect& effect);
/// The same for kSetPolicy and kPark; `index` is the effect's position in `txn`.
Policy PolicyAfter(const CommittedTxn& txn, std::size_t index);
ParkedConflict ParkedAfter(const CommittedTxn& txn, std::size_t index);
/// The lease that a kGrantLease makes.
LeaseRow LeaseAfter(const CommittedTxn& txn, const Effect& effect);
CursorEntry CursorAfter(const CommittedTxn& txn, const Effect& effect);
/// Bookkeeping of readers: it changes nothing that they read.
inline bool IsCursorEffect(EffectKind kind) {
  return kind == EffectKind::kSetCursor || kind == EffectKind::kDeleteCursor;
}
/// The public form of effect number `index` of `txn`; index 0 of a transaction without effects is its
/// "request" event.
Event EventOf(const CommittedTxn& txn, std::uint32_t index);

}  // namespace tenure::model
