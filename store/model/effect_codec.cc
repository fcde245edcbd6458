// The journal's encoding of a transaction. docs/journal-format.md has the picture; in short:
//
//   transaction   flags varint | writer text | uid varint | [origin] | [request id text] | [body hash 16]
//                 | [receipt LSN varint] | [results] | effect count varint | effects
//   origin        slot varint | generation varint | sequence varint
//   results       count varint | (outcome u8, revision varint) ...
//   put           1 | flags u8 | name | version | revision | created (signed) | [digest] | [size]
//                 | [media type] | [url count, urls] | [annotations] | [revision merged over]
//   delete        2 | name | version | revision
//   set tag       3 | name | tag | version | revision
//   delete tag    4 | name | tag | revision
//   trim, prune   5, 6, 7 | LSN
//   the others    effect_codec_rare.cc
//   leases        16 to 20: see lease.cc
//
// A part in brackets is there when its flag says so, and its flag says so exactly when the value is
// not the default: that is what makes one value have one encoding. Unknown flags and kinds belong to
// a newer version and are refused as such, never skipped.
#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "store/base/error.h"
#include "store/model/effect.h"
#include "store/model/effect_reader.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

// Flags of a transaction. The frequent ones are low, so that the varint is one byte.
constexpr std::uint64_t kHasOrigin = 1u << 0;
constexpr std::uint64_t kReceiptHere = 1u << 1;  // receipt_lsn is the transaction's own LSN
constexpr std::uint64_t kHasRequestId = 1u << 2;
constexpr std::uint64_t kHasBodyHash = 1u << 3;
constexpr std::uint64_t kHasResults = 1u << 4;
constexpr std::uint64_t kUnchanged = 1u << 5;
constexpr std::uint64_t kCancelled = 1u << 6;
constexpr std::uint64_t kReceiptElsewhere = 1u << 7;
constexpr std::uint64_t kMerged = 1u << 8;
constexpr std::uint64_t kParked = 1u << 9;
constexpr std::uint64_t kTxnFlagsKnown = (1u << 10) - 1;

// Flags of a put.
constexpr std::uint8_t kHasDigest = 1u << 0;
constexpr std::uint8_t kHasSize = 1u << 1;
constexpr std::uint8_t kHasMediaType = 1u << 2;
constexpr std::uint8_t kHasUrls = 1u << 3;
constexpr std::uint8_t kHasAnnotations = 1u << 4;
constexpr std::uint8_t kHasMergedBase = 1u << 5;
constexpr std::uint8_t kPutFlagsKnown = (1u << 6) - 1;

constexpr std::string_view kNoAnnotations = "{}";

void PutKey(base::Encoder& out, const std::string& name, const std::string& rest, std::size_t rest_bytes_max) {
  TENURE_CHECK(!name.empty() && name.size() <= kNameBytesMax);
  TENURE_CHECK(!rest.empty() && rest.size() <= rest_bytes_max);
  out.Text(name);
  out.Text(rest);
}

void EncodeEffect(const Effect& effect, base::Encoder& out) {
  out.U8(static_cast<std::uint8_t>(effect.kind));
  switch (effect.kind) {
    case EffectKind::kPutEntry:
      EncodePut(effect.entry, effect.merged_base, out);
      return;
    case EffectKind::kDeleteEntry:
      PutKey(out, effect.entry.name, effect.entry.version, kVersionBytesMax);
      out.Varint(effect.entry.revision);
      return;
    case EffectKind::kSetTag:
      PutKey(out, effect.tag.name, effect.tag.tag, kTagBytesMax);
      TENURE_CHECK(!effect.tag.version.empty() && effect.tag.version.size() <= kVersionBytesMax);
      out.Text(effect.tag.version);
      out.Varint(effect.tag.revision);
      return;
    case EffectKind::kDeleteTag:
      PutKey(out, effect.tag.name, effect.tag.tag, kTagBytesMax);
      out.Varint(effect.tag.revision);
      return;
    case EffectKind::kTrimHistory:
    case EffectKind::kPruneRequests:
    case EffectKind::kTrimJournal:
      out.Varint(effect.below_lsn);
      return;
    case EffectKind::kSetPolicy:
    case EffectKind::kDeletePolicy:
    case EffectKind::kPark:
    case EffectKind::kResolve:
    case EffectKind::kTrimHistoryExcept:
    case EffectKind::kSetCursor:
    case EffectKind::kDeleteCursor:
      EncodeRare(effect, out);
      return;
    case EffectKind::kGrantLease:
    case EffectKind::kReleaseLease:
    case EffectKind::kExpireLease:
    case EffectKind::kBreakLease:
    case EffectKind::kOrphanLease:
      TENURE_CHECK(effect.lease.size() == 1);
      EncodeLeaseChange(effect.kind == EffectKind::kGrantLease, effect.kind == EffectKind::kBreakLease,
                        effect.lease.front(), out);
      return;
  }
  TENURE_CHECK(!"an effect kind that no version writes");
}

std::uint64_t FlagsOf(const CommittedTxn& txn) {
  std::uint64_t flags = 0;
  if (txn.origin != Origin{}) flags |= kHasOrigin;
  if (txn.receipt_lsn != 0) flags |= txn.receipt_lsn == txn.lsn ? kReceiptHere : kReceiptElsewhere;
  if (!txn.request_id.empty()) flags |= kHasRequestId;
  if (txn.body_hash != base::Hash128{}) flags |= kHasBodyHash;
  if (!txn.results.empty()) flags |= kHasResults;
  if (txn.outcome == Outcome::kUnchanged) flags |= kUnchanged;
  if (txn.outcome == Outcome::kMerged) flags |= kMerged;
  if (txn.outcome == Outcome::kParked) flags |= kParked;
  if (txn.cancelled) flags |= kCancelled;
  return flags;
}

bool DecodeUrls(Reader& r, std::vector<std::string>& urls) {
  const std::uint64_t count = r.in().Varint();
  if (!r.ok() || count == 0 || count > kUrlsMax || count > r.in().remaining()) return r.Refuse("bad number of urls");
  urls.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    urls.emplace_back(r.in().Text(kUrlBytesMax));
    if (!r.ok()) return r.Refuse("bad url");
  }
  return true;
}

bool DecodeEffect(Reader& r, Effect& effect) {
  base::Decoder& in = r.in();
  const std::uint8_t kind = in.U8();
  if (!in.ok()) return r.Refuse("fewer effects than it names");
  effect.kind = static_cast<EffectKind>(kind);
  switch (effect.kind) {
    case EffectKind::kPutEntry:
      return DecodePut(r, effect.entry, effect.merged_base);
    case EffectKind::kDeleteEntry:
      if (!r.Text(effect.entry.name, kNameBytesMax, "bad name")) return false;
      if (!r.Text(effect.entry.version, kVersionBytesMax, "bad version")) return false;
      effect.entry.revision = in.Varint();
      break;
    case EffectKind::kSetTag:
    case EffectKind::kDeleteTag:
      if (!r.Text(effect.tag.name, kNameBytesMax, "bad name")) return false;
      if (!r.Text(effect.tag.tag, kTagBytesMax, "bad tag")) return false;
      if (effect.kind == EffectKind::kSetTag && !r.Text(effect.tag.version, kVersionBytesMax, "bad version")) {
        return false;
      }
      effect.tag.revision = in.Varint();
      break;
    case EffectKind::kTrimHistory:
    case EffectKind::kPruneRequests:
    case EffectKind::kTrimJournal:
      effect.below_lsn = in.Varint();
      break;
    case EffectKind::kSetPolicy:
    case EffectKind::kDeletePolicy:
    case EffectKind::kPark:
    case EffectKind::kResolve:
    case EffectKind::kTrimHistoryExcept:
    case EffectKind::kSetCursor:
    case EffectKind::kDeleteCursor:
      return DecodeRare(r, effect);
    case EffectKind::kGrantLease:
    case EffectKind::kReleaseLease:
    case EffectKind::kExpireLease:
    case EffectKind::kBreakLease:
    case EffectKind::kOrphanLease: {
      const bool grant = effect.kind == EffectKind::kGrantLease;
      const char* bad =
          DecodeLeaseChange(grant, effect.kind == EffectKind::kBreakLease, in, effect.lease.emplace_back());
      if (bad != nullptr) return r.Refuse(bad);
      break;
    }
    default:
      return r.RefuseNewer("unknown kind of effect");
  }
  return in.ok() ? true : r.Refuse("an effect that ends too early");
}

bool DecodeOrigin(Reader& r, Origin& origin) {
  base::Decoder& in = r.in();
  const std::uint64_t slot = in.Varint();
  const std::uint64_t generation = in.Varint();
  origin.sequence = in.Varint();
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint32_t>::max();
  if (!in.ok() || slot > kMax || generation > kMax) return r.Refuse("bad origin");
  origin.slot = static_cast<std::uint32_t>(slot);
  origin.generation = static_cast<std::uint32_t>(generation);
  return origin != Origin{} ? true : r.Refuse("bad origin");
}

/// Everything before the effects.
bool DecodeHead(Reader& r, CommittedTxn& txn) {
  base::Decoder& in = r.in();
  const std::uint64_t flags = in.Varint();
  if (!in.ok()) return r.Refuse("bad flags");
  if ((flags & ~kTxnFlagsKnown) != 0) return r.RefuseNewer("unknown member of a transaction");
  txn.cancelled = (flags & kCancelled) != 0;
  const int outcomes =
      ((flags & kUnchanged) != 0 ? 1 : 0) + ((flags & kMerged) != 0 ? 1 : 0) + ((flags & kParked) != 0 ? 1 : 0);
  if (outcomes > 1) return r.Refuse("more than one outcome");
  txn.outcome = (flags & kUnchanged) != 0 ? Outcome::kUnchanged
                : (flags & kMerged) != 0  ? Outcome::kMerged
                : (flags & kParked) != 0  ? Outcome::kParked
                                          : Outcome::kCommitted;
  txn.writer = in.Text(kWriterBytesMax);
  const std::uint64_t uid = in.Varint();
  if (!in.ok() || uid > std::numeric_limits<std::uint32_t>::max()) return r.Refuse("bad writer");
  txn.uid = static_cast<std::uint32_t>(uid);
  if ((flags & kHasOrigin) && !DecodeOrigin(r, txn.origin)) return false;
  if ((flags & kHasRequestId) && !r.Text(txn.request_id, kRequestIdBytesMax, "bad request id")) return false;
  if (flags & kHasBodyHash) {
    txn.body_hash.low = in.U64();
    txn.body_hash.high = in.U64();
    if (!in.ok() || txn.body_hash == base::Hash128{}) return r.Refuse("bad body hash");
  }
  if (flags & kReceiptHere) {
    if ((flags & kReceiptElsewhere) || txn.lsn == 0) return r.Refuse("bad receipt");
    txn.receipt_lsn = txn.lsn;
  } else if (flags & kReceiptElsewhere) {
    txn.receipt_lsn = in.Varint();
    if (!in.ok() || txn.receipt_lsn == 0 || txn.receipt_lsn == txn.lsn) return r.Refuse("bad receipt");
  }
  if (flags & kHasResults) {
    txn.results = DecodeResults(in);
    if (!in.ok() || txn.results.empty()) return r.Refuse("bad results");
  }
  return true;
}

}  // namespace

void MakeBlank(Effect& effect) {
  ArtifactEntry& e = effect.entry;
  for (std::string* text : {&e.name, &e.version, &e.digest, &e.media_type, &e.writer}) text->clear();
  e.size.reset();
  e.urls.clear();
  e.annotations = kNoAnnotations;
  e.created_at_ms = e.updated_at_ms = 0;
  e.revision = 0;
  e.lsn = 0;
  e.deleted = false;
  TagEntry& t = effect.tag;
  for (std::string* text : {&t.name, &t.tag, &t.version, &t.writer}) text->clear();
  t.updated_at_ms = 0;
  t.revision = 0;
  t.lsn = 0;
  t.deleted = false;
  effect.kind = EffectKind::kPutEntry;
  effect.below_lsn = 0;
  effect.merged_base.reset();
  effect.rare.reset();
  effect.lease.clear();
}

void MakeBlank(CommittedTxn& txn) {
  txn.writer.clear();
  txn.uid = 0;
  txn.origin = {};
  txn.request_id.clear();
  txn.body_hash = {};
  txn.cancelled = false;
  txn.outcome = Outcome::kCommitted;
  txn.receipt_lsn = 0;
  txn.results.clear();
}

void EncodePut(const ArtifactEntry& e, const std::optional<Revision>& merged_base, base::Encoder& out) {
  TENURE_CHECK(e.digest.size() <= kDigestBytesMax && e.media_type.size() <= kMediaTypeBytesMax);
  TENURE_CHECK(e.urls.size() <= kUrlsMax);
  std::uint8_t flags = 0;
  if (!e.digest.empty()) flags |= kHasDigest;
  if (e.size) flags |= kHasSize;
  if (!e.media_type.empty()) flags |= kHasMediaType;
  if (!e.urls.empty()) flags |= kHasUrls;
  if (e.annotations != kNoAnnotations) flags |= kHasAnnotations;
  if (merged_base) flags |= kHasMergedBase;
  out.U8(flags);
  PutKey(out, e.name, e.version, kVersionBytesMax);
  out.Varint(e.revision);
  out.Signed(e.created_at_ms);
  if (flags & kHasDigest) out.Text(e.digest);
  if (flags & kHasSize) out.Varint(*e.size);
  if (flags & kHasMediaType) out.Text(e.media_type);
  if (flags & kHasUrls) {
    out.Varint(e.urls.size());
    for (const std::string& url : e.urls) {
      TENURE_CHECK(url.size() <= kUrlBytesMax);
      out.Text(url);
    }
  }
  if (flags & kHasAnnotations) out.Text(e.annotations);
  if (flags & kHasMergedBase) out.Varint(*merged_base);
}

bool DecodePut(Reader& r, ArtifactEntry& e, std::optional<Revision>& merged_base) {
  base::Decoder& in = r.in();
  const std::uint8_t flags = in.U8();
  if (in.ok() && (flags & ~kPutFlagsKnown) != 0) return r.RefuseNewer("unknown member of an entry");
  if (!r.Text(e.name, kNameBytesMax, "bad name")) return false;
  if (!r.Text(e.version, kVersionBytesMax, "bad version")) return false;
  e.revision = in.Varint();
  e.created_at_ms = in.Signed();
  if ((flags & kHasDigest) && !r.Text(e.digest, kDigestBytesMax, "bad digest")) return false;
  if (flags & kHasSize) e.size = in.Varint();
  if ((flags & kHasMediaType) && !r.Text(e.media_type, kMediaTypeBytesMax, "bad media type")) return false;
  if ((flags & kHasUrls) && !DecodeUrls(r, e.urls)) return false;
  if (flags & kHasAnnotations) {
    // No limit but the frame's: a merge is allowed to grow an entry, and what was written must be readable.
    e.annotations = in.Text(in.remaining());
    if (!in.ok() || e.annotations == kNoAnnotations) return r.Refuse("bad annotations");
  }
  if (flags & kHasMergedBase) merged_base = in.Varint();
  return in.ok() ? true : r.Refuse("an entry that ends too early");
}

void EncodeTxn(const CommittedTxn& txn, base::Encoder& out) {
  TENURE_CHECK(txn.writer.size() <= kWriterBytesMax && txn.request_id.size() <= kRequestIdBytesMax);
  TENURE_CHECK(txn.effects.size() <= kTxnEffectsMax);
  const std::uint64_t flags = FlagsOf(txn);
  out.Varint(flags);
  out.Text(txn.writer);
  out.Varint(txn.uid);
  if (flags & kHasOrigin) {
    out.Varint(txn.origin.slot);
    out.Varint(txn.origin.generation);
    out.Varint(txn.origin.sequence);
  }
  if (flags & kHasRequestId) out.Text(txn.request_id);
  if (flags & kHasBodyHash) {
    out.U64(txn.body_hash.low);
    out.U64(txn.body_hash.high);
  }
  if (flags & kReceiptElsewhere) out.Varint(txn.receipt_lsn);
  if (flags & kHasResults) EncodeResults(txn.results, out);
  out.Varint(txn.effects.size());
  for (const Effect& effect : txn.effects) EncodeEffect(effect, out);
}

Status DecodeTxnInto(base::Decoder& in, Lsn lsn, TimeMs time_ms, CommittedTxn& txn) {
  MakeBlank(txn);
  txn.lsn = lsn;
  txn.time_ms = time_ms;
  Reader r(in, lsn);
  if (!DecodeHead(r, txn)) return r.Failure();
  const std::uint64_t count = in.Varint();
  // The smallest effect has two bytes; reserving is left to growth, since an Effect is far larger than that.
  if (!in.ok() || count > kTxnEffectsMax || count > in.remaining() / 2) {
    r.Refuse("more effects than it has bytes for");
    return r.Failure();
  }
  if (txn.effects.size() > count) txn.effects.resize(count);
  txn.effects.reserve(std::min<std::uint64_t>(count, 64));
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i == txn.effects.size()) txn.effects.emplace_back();
    MakeBlank(txn.effects[i]);
    if (!DecodeEffect(r, txn.effects[i])) return r.Failure();
  }
  return {};
}

Result<CommittedTxn> DecodeTxn(base::Decoder& in, Lsn lsn, TimeMs time_ms) {
  CommittedTxn txn;
  TENURE_RETURN_IF_ERROR(DecodeTxnInto(in, lsn, time_ms, txn));
  return txn;
}

void EncodeResults(const std::vector<OpResult>& results, base::Encoder& out) {
  out.Varint(results.size());
  for (const OpResult& result : results) {
    out.U8(static_cast<std::uint8_t>(result.outcome));
    out.Varint(result.revision);
  }
}

std::vector<OpResult> DecodeResults(base::Decoder& in) {
  std::vector<OpResult> results;
  const std::uint64_t count = in.Varint();
  if (!in.ok() || count > in.remaining() / 2) return in.Fail(), results;
  results.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint8_t outcome = in.U8();
    const Revision revision = in.Varint();
    if (!in.ok() || outcome > static_cast<std::uint8_t>(Outcome::kParked)) {
      in.Fail();
      return {};
    }
    OpResult& result = results.emplace_back();
    result.outcome = static_cast<Outcome>(outcome);
    result.revision = revision;
  }
  return results;
}

}  // namespace tenure::model
