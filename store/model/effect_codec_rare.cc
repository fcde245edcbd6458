// The journal's encoding of policies, parked conflicts and their resolution, and cursors:
//
//   set policy     8 | glob | flags u8 | [strategy u8] | [schema text]
//   delete policy  9 | glob
//   park          10 | kind u8 | strategy u8 | flags u8 | name | version or tag | [base revision] | reason
//                    | [base] | [ours] | [theirs]
//     of an entry    deleted u8 | put | lsn | updated (signed) | writer
//     of a tag       deleted u8 | version | revision | lsn | updated (signed) | writer
//   resolve       11 | LSN | effect number | take u8
//   trim except   12 | LSN | count | (glob, keep u8) ...
//   set cursor    24 | name | LSN | effects varint
//   delete cursor 25 | name
#include <memory>

#include "store/model/effect_reader.h"
#include "store/model/reference.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

// Flags of a policy: an attribute that is there, and its value.
constexpr std::uint8_t kImmutable = 1, kImmutableValue = 2;
constexpr std::uint8_t kRequireLease = 4, kRequireLeaseValue = 8;
constexpr std::uint8_t kOnConflict = 16, kSchema = 32;
constexpr std::uint8_t kKeepHistory = 64, kKeepHistoryValue = 128;

// Flags of a parked conflict.
constexpr std::uint8_t kOfTag = 1, kBaseNamed = 2, kBase = 4, kOurs = 8, kTheirs = 16;
constexpr std::uint8_t kParkFlagsKnown = 31;

constexpr std::uint8_t kLastStrategy = static_cast<std::uint8_t>(ConflictStrategy::kPark);

std::uint8_t FlagsOf(const std::optional<bool>& attribute, std::uint8_t present, std::uint8_t value) {
  if (!attribute) return 0;
  return static_cast<std::uint8_t>(present | (*attribute ? value : 0));
}

/// False: a value without its attribute.
bool TakeFlags(std::uint8_t flags, std::uint8_t present, std::uint8_t value, std::optional<bool>& attribute) {
  if ((flags & present) == 0) return (flags & value) == 0;
  attribute = (flags & value) != 0;
  return true;
}

void EncodeSide(const std::optional<ArtifactEntry>& row, base::Encoder& out) {
  if (!row) return;
  out.U8(row->deleted ? 1 : 0);
  EncodePut(*row, std::nullopt, out);
  out.Varint(row->lsn);
  out.Signed(row->updated_at_ms);
  out.Text(row->writer);
}

void EncodeSide(const std::optional<TagEntry>& row, base::Encoder& out) {
  if (!row) return;
  out.U8(row->deleted ? 1 : 0);
  out.Text(row->version);
  out.Varint(row->revision);
  out.Varint(row->lsn);
  out.Signed(row->updated_at_ms);
  out.Text(row->writer);
}

bool DecodeSide(Reader& r, const ParkedConflict& of, std::optional<ArtifactEntry>& row) {
  base::Decoder& in = r.in();
  const std::uint8_t deleted = in.U8();
  row.emplace();
  std::optional<Revision> merged_base;
  if (!DecodePut(r, *row, merged_base)) return false;
  row->deleted = deleted == 1;
  row->lsn = in.Varint();
  row->updated_at_ms = in.Signed();
  row->writer = in.Text(kWriterBytesMax);
  const bool right_key = row->name == of.name && row->version == of.rest;
  return in.ok() && deleted <= 1 && !merged_base && right_key ? true : r.Refuse("bad side of a conflict");
}

bool DecodeSide(Reader& r, const ParkedConflict& of, std::optional<TagEntry>& row) {
  base::Decoder& in = r.in();
  const std::uint8_t deleted = in.U8();
  row.emplace();
  row->name = of.name;
  row->tag = of.rest;
  row->deleted = deleted == 1;
  row->version = in.Text(kVersionBytesMax);
  row->revision = in.Varint();
  row->lsn = in.Varint();
  row->updated_at_ms = in.Signed();
  row->writer = in.Text(kWriterBytesMax);
  return in.ok() && deleted <= 1 ? true : r.Refuse("bad side of a conflict");
}

template <typename Row>
std::uint8_t FlagsOf(const ConflictSides<Row>& sides) {
  return static_cast<std::uint8_t>((sides.base ? kBase : 0) | (sides.ours ? kOurs : 0) | (sides.theirs ? kTheirs : 0));
}

template <typename Row>
void EncodeSides(const ConflictSides<Row>& sides, base::Encoder& out) {
  EncodeSide(sides.base, out);
  EncodeSide(sides.ours, out);
  EncodeSide(sides.theirs, out);
}

template <typename Row>
bool DecodeSides(Reader& r, const ParkedConflict& of, std::uint8_t flags, ConflictSides<Row>& sides) {
  return ((flags & kBase) == 0 || DecodeSide(r, of, sides.base)) &&
         ((flags & kOurs) == 0 || DecodeSide(r, of, sides.ours)) &&
         ((flags & kTheirs) == 0 || DecodeSide(r, of, sides.theirs));
}

bool DecodePolicy(Reader& r, Policy& policy) {
  base::Decoder& in = r.in();
  if (!r.Text(policy.glob, kGlobBytesMax, "bad glob")) return false;
  const std::uint8_t flags = in.U8();
  if (!TakeFlags(flags, kImmutable, kImmutableValue, policy.immutable) ||
      !TakeFlags(flags, kRequireLease, kRequireLeaseValue, policy.require_lease) ||
      !TakeFlags(flags, kKeepHistory, kKeepHistoryValue, policy.keep_history)) {
    return r.Refuse("bad policy");
  }
  if ((flags & kOnConflict) != 0) {
    const std::uint8_t strategy = in.U8();
    if (strategy > kLastStrategy) return r.RefuseNewer("unknown strategy of a policy");
    policy.on_conflict = static_cast<ConflictStrategy>(strategy);
  }
  if ((flags & kSchema) != 0 && !r.Text(policy.schema.emplace(), kSchemaBytesMax, "bad schema")) return false;
  return in.ok() ? true : r.Refuse("a policy that ends too early");
}

bool DecodeParkedParts(Reader& r, ParkedConflict& c) {
  base::Decoder& in = r.in();
  const std::uint8_t kind = in.U8();
  const std::uint8_t strategy = in.U8();
  const std::uint8_t flags = in.U8();
  if (!in.ok()) return r.Refuse("a conflict that ends too early");
  if (kind == 0 || kind > static_cast<std::uint8_t>(ConflictKind::kTogether) || strategy > kLastStrategy ||
      (flags & ~kParkFlagsKnown) != 0) {
    return r.RefuseNewer("unknown kind of conflict");
  }
  c.kind = static_cast<ConflictKind>(kind);
  c.strategy = static_cast<ConflictStrategy>(strategy);
  c.of_tag = (flags & kOfTag) != 0;
  if (!r.Text(c.name, kNameBytesMax, "bad name")) return false;
  if (!r.Text(c.rest, c.of_tag ? kTagBytesMax : kVersionBytesMax, "bad key of a conflict")) return false;
  if ((flags & kBaseNamed) != 0) c.base_revision = in.Varint();
  c.reason = in.Text(in.remaining());
  if (!in.ok()) return r.Refuse("bad reason of a conflict");
  return c.of_tag ? DecodeSides(r, c, flags, c.tag) : DecodeSides(r, c, flags, c.entry);
}

bool DecodeResolve(Reader& r, RareEffect& rare) {
  base::Decoder& in = r.in();
  rare.resolved.lsn = in.Varint();
  const std::uint64_t effect = in.Varint();
  const std::uint8_t take = in.U8();
  if (!in.ok() || effect > kTxnEffectsMax || take > static_cast<std::uint8_t>(Take::kGiven)) {
    return r.Refuse("bad resolution");
  }
  rare.resolved.effect = static_cast<std::uint32_t>(effect);
  rare.take = static_cast<Take>(take);
  return true;
}

bool DecodeCursor(Reader& r, EffectKind kind, CursorEntry& cursor) {
  if (!r.Text(cursor.name, kCursorBytesMax, "bad name of a cursor")) return false;
  if (kind == EffectKind::kDeleteCursor) return true;
  cursor.lsn = r.in().Varint();
  const std::uint64_t effects = r.in().Varint();
  if (!r.in().ok() || effects > kTxnEffectsMax) return r.Refuse("bad place of a cursor");
  cursor.effects = static_cast<std::uint32_t>(effects);
  return true;
}

bool DecodeKeep(Reader& r, std::vector<KeepRule>& keep) {
  base::Decoder& in = r.in();
  const std::uint64_t count = in.Varint();
  if (!in.ok() || count > kPoliciesMax || count > in.remaining() / 2) return r.Refuse("bad number of rules");
  for (std::uint64_t i = 0; i < count; ++i) {
    KeepRule& rule = keep.emplace_back();
    if (!r.Text(rule.glob, kGlobBytesMax, "bad glob")) return false;
    const std::uint8_t value = in.U8();
    if (!in.ok() || value > 1) return r.Refuse("bad rule");
    rule.keep = value == 1;
  }
  return true;
}

}  // namespace

void EncodePolicy(const Policy& policy, base::Encoder& out) {
  TENURE_CHECK(!policy.glob.empty() && policy.glob.size() <= kGlobBytesMax);
  TENURE_CHECK(!policy.schema || policy.schema->size() <= kSchemaBytesMax);
  out.Text(policy.glob);
  out.U8(static_cast<std::uint8_t>(FlagsOf(policy.immutable, kImmutable, kImmutableValue) |
                                   FlagsOf(policy.require_lease, kRequireLease, kRequireLeaseValue) |
                                   FlagsOf(policy.keep_history, kKeepHistory, kKeepHistoryValue) |
                                   (policy.on_conflict ? kOnConflict : 0) | (policy.schema ? kSchema : 0)));
  if (policy.on_conflict) out.U8(static_cast<std::uint8_t>(*policy.on_conflict));
  if (policy.schema) out.Text(*policy.schema);
}

void EncodeParked(const ParkedConflict& c, base::Encoder& out) {
  out.U8(static_cast<std::uint8_t>(c.kind));
  out.U8(static_cast<std::uint8_t>(c.strategy));
  const std::uint8_t sides = c.of_tag ? FlagsOf(c.tag) : FlagsOf(c.entry);
  out.U8(static_cast<std::uint8_t>((c.of_tag ? kOfTag : 0) | (c.base_revision ? kBaseNamed : 0) | sides));
  out.Text(c.name);
  out.Text(c.rest);
  if (c.base_revision) out.Varint(*c.base_revision);
  out.Text(c.reason);
  c.of_tag ? EncodeSides(c.tag, out) : EncodeSides(c.entry, out);
}

std::optional<ParkedConflict> DecodeParked(base::Decoder& in) {
  Reader r(in, 0);
  ParkedConflict conflict;
  if (!DecodeParkedParts(r, conflict)) return std::nullopt;
  return conflict;
}

void EncodeRare(const Effect& effect, base::Encoder& out) {
  TENURE_CHECK(effect.rare != nullptr);
  const RareEffect& rare = *effect.rare;
  switch (effect.kind) {
    case EffectKind::kSetPolicy:
      return EncodePolicy(rare.policy, out);
    case EffectKind::kDeletePolicy:
      return out.Text(rare.policy.glob);
    case EffectKind::kPark:
      return EncodeParked(rare.parked, out);
    case EffectKind::kResolve:
      out.Varint(rare.resolved.lsn);
      out.Varint(rare.resolved.effect);
      return out.U8(static_cast<std::uint8_t>(rare.take));
    case EffectKind::kTrimHistoryExcept:
      out.Varint(effect.below_lsn);
      out.Varint(rare.keep.size());
      for (const KeepRule& rule : rare.keep) {
        out.Text(rule.glob);
        out.U8(rule.keep ? 1 : 0);
      }
      return;
    case EffectKind::kSetCursor:
    case EffectKind::kDeleteCursor:
      TENURE_CHECK(!rare.cursor.name.empty() && rare.cursor.name.size() <= kCursorBytesMax);
      out.Text(rare.cursor.name);
      if (effect.kind == EffectKind::kDeleteCursor) return;
      out.Varint(rare.cursor.lsn);
      return out.Varint(rare.cursor.effects);
    default:
      TENURE_CHECK(!"not a rare kind of effect");
  }
}

bool DecodeRare(Reader& r, Effect& effect) {
  auto rare = std::make_shared<RareEffect>();
  bool ok = false;
  switch (effect.kind) {
    case EffectKind::kSetPolicy:
      ok = DecodePolicy(r, rare->policy);
      break;
    case EffectKind::kDeletePolicy:
      ok = r.Text(rare->policy.glob, kGlobBytesMax, "bad glob");
      break;
    case EffectKind::kPark:
      ok = DecodeParkedParts(r, rare->parked);
      break;
    case EffectKind::kResolve:
      ok = DecodeResolve(r, *rare);
      break;
    case EffectKind::kTrimHistoryExcept:
      effect.below_lsn = r.in().Varint();
      ok = DecodeKeep(r, rare->keep);
      break;
    case EffectKind::kSetCursor:
    case EffectKind::kDeleteCursor:
      ok = DecodeCursor(r, effect.kind, rare->cursor);
      break;
    default:
      return r.RefuseNewer("unknown kind of effect");
  }
  effect.rare = std::move(rare);
  return ok;
}

}  // namespace tenure::model
