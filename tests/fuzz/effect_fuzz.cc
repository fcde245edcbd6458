// A transaction as the journal keeps it, and what the index and the change feed make of it.
#include "store/model/effect.h"
#include "store/model/json.h"
#include "store/model/json_tree.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/samples.h"

namespace tenure::fuzz::effect_target {
namespace {

constexpr Lsn kLsn = 42;
constexpr TimeMs kTimeMs = 1'700'000'000'005;

std::string Encoded(const model::CommittedTxn& txn) {
  base::Bytes bytes;
  base::Encoder out(bytes);
  model::EncodeTxn(txn, out);
  return std::string(base::AsText(bytes));
}

Target EffectTarget() {
  Target target;
  for (model::CommittedTxn txn : SampleTxns(kLsn)) {
    txn.receipt_lsn = txn.lsn = kLsn;
    target.seeds.push_back(Encoded(txn));
  }
  return target;
}

/// The row that an effect makes says what the effect says.
void CheckRow(const model::CommittedTxn& txn, std::size_t index, const Event& event) {
  using model::EffectKind;
  const model::Effect& effect = txn.effects[index];
  switch (effect.kind) {
    case EffectKind::kPutEntry:
    case EffectKind::kDeleteEntry: {
      const ArtifactEntry row = model::EntryAfter(txn, effect);
      FUZZ_EXPECT(event.entry && *event.entry == row && row.name == effect.entry.name);
      FUZZ_EXPECT(row.deleted == (effect.kind == EffectKind::kDeleteEntry) && row.lsn == kLsn);
      FUZZ_EXPECT(model::RowHash(row) == model::RowHash(*event.entry));
      FUZZ_EXPECT(model::ContentHash(row) == model::ContentHash(*event.entry));
      return;
    }
    case EffectKind::kSetTag:
    case EffectKind::kDeleteTag:
      FUZZ_EXPECT(event.tag && *event.tag == model::TagAfter(txn, effect));
      model::RowHash(*event.tag);
      return;
    case EffectKind::kSetPolicy:
      FUZZ_EXPECT(event.policy && *event.policy == model::PolicyAfter(txn, index));
      model::RowHash(*event.policy);
      return;
    case EffectKind::kPark: {
      const ParkedConflict parked = model::ParkedAfter(txn, index);
      FUZZ_EXPECT(event.parked && *event.parked == parked);
      model::RowHash(parked);
      model::ConflictJson(parked);
      return;
    }
    case EffectKind::kGrantLease:
      model::RowHash(model::LeaseAfter(txn, effect));
      return;
    case EffectKind::kSetCursor:
      FUZZ_EXPECT(event.cursor && *event.cursor == model::CursorAfter(txn, effect));
      return;
    default:
      return;
  }
}

/// Schemas are written out as they are: the committer has seen to it that they are JSON.
bool HasForeignText(const Event& event) { return event.policy && event.policy->schema; }

const Target& ThisTarget() {
  static const Target target = EffectTarget();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  base::Decoder in(View(data, size));
  const auto txn = model::DecodeTxn(in, kLsn, kTimeMs);
  if (!txn.ok()) {
    FUZZ_EXPECT(txn.error().code == ErrorCode::kCorruption || txn.error().code == ErrorCode::kUnsupported);
    return ExpectWorded(txn.error()), 0;
  }
  // One value has one encoding.
  FUZZ_EXPECT(Encoded(*txn) == Text(data, in.position()));
  // Memory that is used again leaves no trace: this one held everything there is.
  static model::CommittedTxn used;
  for (const model::CommittedTxn& sample : {SampleTxns(1)[0], SampleTxns(1)[9]}) {
    used = sample;
    base::Decoder second(View(data, size));
    Must(model::DecodeTxnInto(second, kLsn, kTimeMs, used));
    FUZZ_EXPECT(used == *txn);
  }
  for (std::size_t i = 0; i < txn->effects.size(); ++i) {
    const Event event = model::EventOf(*txn, static_cast<std::uint32_t>(i));
    CheckRow(*txn, i, event);
    const std::string json = model::EventJson(event);
    if (!HasForeignText(event)) FUZZ_EXPECT(model::ParseJson(json, 128).ok());
  }
  const auto row = model::RequestRowOf(*txn);
  FUZZ_EXPECT(row.has_value() == !txn->request_id.empty());
  if (row) FUZZ_EXPECT(row->results == txn->results && row->receipt_lsn == txn->receipt_lsn);
  return 0;
}

const Registration registration("effect", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::effect_target
