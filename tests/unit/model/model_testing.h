// Helpers of this room's tests: expectations on results, generators of model values.
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "store/model/effect.h"
#include "tenure/result.h"

namespace tenure::model::testing {

using Json = nlohmann::json;

template <typename T>
::testing::AssertionResult Ok(const Result<T>& result) {
  if (result.ok()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << ErrorCodeName(result.error().code) << ": " << result.error().message;
}

/// The result is an error of `code` whose message holds `part`.
template <typename T>
::testing::AssertionResult Fails(const Result<T>& result, ErrorCode code, const std::string& part) {
  if (result.ok()) return ::testing::AssertionFailure() << "accepted, expected an error that says \"" << part << '"';
  const Error& e = result.error();
  if (e.code == code && e.message.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "expected " << ErrorCodeName(code) << " and \"" << part << "\", got "
                                       << ErrorCodeName(e.code) << ": " << e.message;
}

template <typename T>
::testing::AssertionResult Refused(const Result<T>& result, const std::string& part = {}) {
  return Fails(result, ErrorCode::kInvalidArgument, part);
}

/// Bytes of any value, of a length from `min` to `max`.
inline std::string AnyBytes(std::size_t min, std::size_t max) {
  const auto length = *rc::gen::inRange<std::size_t>(min, max + 1);
  return *rc::gen::container<std::string>(length, rc::gen::arbitrary<char>());
}

/// Small, boundary and arbitrary numbers alike.
inline std::uint64_t AnyNumber() {
  return *rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(0, 300), rc::gen::arbitrary<std::uint64_t>(),
                         rc::gen::element<std::uint64_t>(0, 127, 128, UINT32_MAX, UINT64_MAX, UINT64_MAX - 1));
}

inline bool AnyBool() { return *rc::gen::arbitrary<bool>(); }

/// What an effect keeps of an entry: no lsn, updated_at_ms, writer.
inline ArtifactEntry AnyPutEntry() {
  ArtifactEntry e;
  e.name = AnyBytes(1, 20);
  e.version = AnyBytes(1, 10);
  if (AnyBool()) e.digest = AnyBytes(0, 80);
  if (AnyBool()) e.size = AnyNumber();
  if (AnyBool()) e.media_type = AnyBytes(0, 20);
  const auto urls = *rc::gen::inRange(0, 4);
  for (int i = 0; i < urls; ++i) e.urls.push_back(AnyBytes(0, 30));
  if (AnyBool()) e.annotations = AnyBytes(0, 60);
  e.created_at_ms = static_cast<TimeMs>(AnyNumber());
  e.revision = AnyNumber();
  return e;
}

inline std::optional<bool> AnyFlag() { return AnyBool() ? std::optional<bool>(AnyBool()) : std::nullopt; }

inline Policy AnyPolicy() {
  Policy policy;
  policy.glob = AnyBytes(1, 20);
  policy.immutable = AnyFlag();
  policy.require_lease = AnyFlag();
  policy.keep_history = AnyFlag();
  if (AnyBool()) policy.on_conflict = static_cast<ConflictStrategy>(*rc::gen::inRange(0, 6));
  if (AnyBool()) policy.schema = AnyBytes(1, 40);
  return policy;
}

inline std::optional<ArtifactEntry> AnySide(const ParkedConflict& of) {
  if (AnyBool()) return std::nullopt;
  ArtifactEntry e = AnyPutEntry();
  e.name = of.name;
  e.version = of.rest;
  e.lsn = AnyNumber();
  e.updated_at_ms = static_cast<TimeMs>(AnyNumber());
  e.writer = AnyBytes(0, 20);
  e.deleted = AnyBool();
  return e;
}

inline std::optional<TagEntry> AnyTagSide(const ParkedConflict& of) {
  if (AnyBool()) return std::nullopt;
  TagEntry t;
  t.name = of.name;
  t.tag = of.rest;
  t.version = AnyBytes(0, 10);
  t.revision = AnyNumber();
  t.lsn = AnyNumber();
  t.updated_at_ms = static_cast<TimeMs>(AnyNumber());
  t.writer = AnyBytes(0, 20);
  t.deleted = AnyBool();
  return t;
}

/// Without what the frame gives.
inline ParkedConflict AnyParked() {
  ParkedConflict c;
  c.kind = static_cast<ConflictKind>(*rc::gen::inRange(1, 8));
  c.strategy = static_cast<ConflictStrategy>(*rc::gen::inRange(0, 6));
  c.of_tag = AnyBool();
  c.name = AnyBytes(1, 20);
  c.rest = AnyBytes(1, 10);
  if (AnyBool()) c.base_revision = AnyNumber();
  c.reason = AnyBytes(0, 40);
  if (c.of_tag) {
    c.tag = {AnyTagSide(c), AnyTagSide(c), AnyTagSide(c)};
  } else {
    c.entry = {AnySide(c), AnySide(c), AnySide(c)};
  }
  return c;
}

inline Effect AnyRareEffect(EffectKind kind) {
  Effect effect;
  effect.kind = kind;
  RareEffect rare;
  if (kind == EffectKind::kSetPolicy) rare.policy = AnyPolicy();
  if (kind == EffectKind::kDeletePolicy) rare.policy.glob = AnyBytes(1, 20);
  if (kind == EffectKind::kPark) rare.parked = AnyParked();
  if (kind == EffectKind::kResolve) {
    rare.resolved = {AnyNumber(), static_cast<std::uint32_t>(*rc::gen::inRange(0, 1'000'000))};
    rare.take = static_cast<Take>(*rc::gen::inRange(0, 4));
  }
  if (kind == EffectKind::kTrimHistoryExcept) {
    effect.below_lsn = AnyNumber();
    for (int i = *rc::gen::inRange(0, 3); i > 0; --i) rare.keep.push_back({AnyBytes(1, 20), AnyBool()});
  }
  if (IsCursorEffect(kind)) rare.cursor.name = AnyBytes(1, 20);
  if (kind == EffectKind::kSetCursor) {
    rare.cursor.lsn = AnyNumber();
    rare.cursor.effects = static_cast<std::uint32_t>(*rc::gen::inRange(0, 1'000'000));
  }
  effect.rare = std::make_shared<const RareEffect>(std::move(rare));
  return effect;
}

/// What an effect keeps of a lease: no id, writer, uid, time.
inline LeaseRow AnyLease() {
  LeaseRow row;
  const auto scopes = *rc::gen::inRange(1, 4);
  for (int i = 0; i < scopes; ++i) row.info.scopes.push_back(AnyBytes(1, 30));
  row.info.mode = AnyBool() ? LeaseMode::kShared : LeaseMode::kExclusive;
  row.info.bound = AnyBool();
  row.info.ttl_ms = *rc::gen::inRange<std::uint64_t>(kLeaseTtlMinMs, kLeaseTtlMaxMs + 1);
  row.info.host = AnyBytes(0, 20);
  row.info.pid = static_cast<std::uint32_t>(AnyNumber());
  row.info.process_start = AnyNumber();
  row.info.purpose = AnyBytes(0, 20);
  row.slot = *rc::gen::inRange<std::uint32_t>(0, kLeasesMax);
  row.secret_hash[0] = static_cast<std::byte>(AnyNumber());
  return row;
}

inline std::vector<EffectKind> AllEffectKinds() {
  return {
      EffectKind::kPutEntry,     EffectKind::kDeleteEntry,   EffectKind::kSetTag,      EffectKind::kDeleteTag,
      EffectKind::kTrimHistory,  EffectKind::kPruneRequests, EffectKind::kTrimJournal, EffectKind::kSetPolicy,
      EffectKind::kDeletePolicy, EffectKind::kPark,          EffectKind::kResolve,     EffectKind::kTrimHistoryExcept,
      EffectKind::kGrantLease,   EffectKind::kReleaseLease,  EffectKind::kExpireLease, EffectKind::kBreakLease,
      EffectKind::kOrphanLease,  EffectKind::kSetCursor,     EffectKind::kDeleteCursor};
}

inline Effect AnyEffect() {
  Effect effect;
  effect.kind = *rc::gen::elementOf(AllEffectKinds());
  switch (effect.kind) {
    case EffectKind::kPutEntry:
      effect.entry = AnyPutEntry();
      if (AnyBool()) effect.merged_base = AnyNumber();
      break;
    case EffectKind::kDeleteEntry:
      effect.entry.name = AnyBytes(1, 20);
      effect.entry.version = AnyBytes(1, 10);
      effect.entry.revision = AnyNumber();
      break;
    case EffectKind::kSetTag:
    case EffectKind::kDeleteTag:
      effect.tag.name = AnyBytes(1, 20);
      effect.tag.tag = AnyBytes(1, 10);
      effect.tag.revision = AnyNumber();
      if (effect.kind == EffectKind::kSetTag) effect.tag.version = AnyBytes(1, 10);
      break;
    case EffectKind::kTrimHistory:
    case EffectKind::kPruneRequests:
    case EffectKind::kTrimJournal:
      effect.below_lsn = AnyNumber();
      break;
    case EffectKind::kSetPolicy:
    case EffectKind::kDeletePolicy:
    case EffectKind::kPark:
    case EffectKind::kResolve:
    case EffectKind::kTrimHistoryExcept:
    case EffectKind::kSetCursor:
    case EffectKind::kDeleteCursor:
      return AnyRareEffect(effect.kind);
    case EffectKind::kGrantLease:
      effect.lease.push_back({AnyLease(), {}});
      break;
    case EffectKind::kReleaseLease:
    case EffectKind::kExpireLease:
    case EffectKind::kBreakLease:
    case EffectKind::kOrphanLease: {
      LeaseChange& change = effect.lease.emplace_back();
      change.row.info.id = *rc::gen::inRange<Lsn>(1, UINT64_MAX);
      if (effect.kind == EffectKind::kBreakLease) change.reason = AnyBytes(0, 30);
      break;
    }
  }
  return effect;
}

inline std::vector<OpResult> AnyResults() {
  std::vector<OpResult> results(*rc::gen::inRange<std::size_t>(0, 5));
  for (OpResult& result : results) {
    result.outcome = static_cast<Outcome>(*rc::gen::inRange(0, 4));
    result.revision = AnyNumber();
  }
  return results;
}

inline CommittedTxn AnyTxn() {
  CommittedTxn txn;
  txn.lsn = AnyNumber();
  txn.time_ms = static_cast<TimeMs>(AnyNumber());
  txn.writer = AnyBytes(0, 20);
  txn.uid = static_cast<std::uint32_t>(AnyNumber());
  if (AnyBool()) {
    txn.origin.slot = static_cast<std::uint32_t>(AnyNumber());
    txn.origin.generation = static_cast<std::uint32_t>(AnyNumber());
    txn.origin.sequence = AnyNumber();
  }
  if (AnyBool()) txn.request_id = AnyBytes(0, 20);
  if (AnyBool()) txn.body_hash = {AnyNumber(), AnyNumber()};
  txn.cancelled = AnyBool();
  txn.outcome = static_cast<Outcome>(*rc::gen::inRange(0, 4));
  txn.receipt_lsn = AnyBool() ? txn.lsn : AnyNumber();
  txn.results = AnyResults();
  const auto effects = *rc::gen::inRange(0, 5);
  for (int i = 0; i < effects; ++i) txn.effects.push_back(AnyEffect());
  return txn;
}

/// A JSON value with every kind of scalar, nested at most `depth` levels.
inline Json AnyJson(int depth) {
  const auto text = [] {
    const std::vector<std::string> pieces = {
        "a",  "b",  "Z",    "0",    "~",    " ", "\"",       "\\",           "/",
        "\n", "\t", "\x01", "\x1F", "\x7F", ".", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    std::string out;
    const auto count = *rc::gen::inRange(0, 6);
    for (int i = 0; i < count; ++i) out += *rc::gen::elementOf(pieces);
    return out;
  };
  switch (*rc::gen::inRange(0, depth > 0 ? 9 : 6)) {
    case 0:
      return nullptr;
    case 1:
      return AnyBool();
    case 2:
      return static_cast<std::int64_t>(AnyNumber());
    case 3:
      return AnyNumber();
    case 4: {
      const double d = *rc::gen::arbitrary<double>();
      return d == d && d - d == 0 ? Json(d) : Json(0.5);
    }
    case 5:
      return text();
    case 6: {
      Json array = Json::array();
      const auto count = *rc::gen::inRange(0, 4);
      for (int i = 0; i < count; ++i) array.push_back(AnyJson(depth - 1));
      return array;
    }
    default: {
      Json object = Json::object();
      const auto count = *rc::gen::inRange(0, 5);
      for (int i = 0; i < count; ++i) object[text()] = AnyJson(depth - 1);
      return object;
    }
  }
}

inline Json AnyObject(int depth) {
  Json object = Json::object();
  const auto count = *rc::gen::inRange(0, 6);
  for (int i = 0; i < count; ++i) {
    object[*rc::gen::elementOf(std::vector<std::string>{"a", "b", "ab", "B", "\xC3\xA9", "", "k.x", "q\"", "~"})] =
        AnyJson(depth - 1);
  }
  return object;
}

/// The text `object` with spaces and line ends wherever JSON allows them.
inline std::string Spaced(const Json& object) { return object.dump(3); }

}  // namespace tenure::model::testing
