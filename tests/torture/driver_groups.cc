// The calls on groups: transactions, and reads of several cells at once.
#include "tests/torture/driver.h"

namespace tenure::torture {
namespace {

using Do = linear::GroupModel::Do;

void AddTo(Transaction& txn, const Record& record, const CellOp& op) {
  const auto [name, rest] = NameOfCell(record.object, op.cell);
  Operation* added = nullptr;
  switch (op.what) {
    case Do::kPut: {
      PutSpec spec;
      spec.name = name;
      spec.version = rest;
      spec.size = record.id;
      added = &txn.Put(std::move(spec));
      break;
    }
    case Do::kDelete:
    case Do::kDeleteWithTags:
      added = &txn.Delete(name, rest, op.what == Do::kDeleteWithTags);
      break;
    case Do::kSetTag:
      added = &txn.SetTag(name, rest, NameOfCell(record.object, static_cast<std::uint32_t>(op.target) - 1).rest);
      break;
    case Do::kDeleteTag:
      added = &txn.DeleteTag(name, rest);
      break;
  }
  if (op.condition == kIfRevision) added->IfRevision(op.seen);
  if (op.condition == kIfAbsent) added->IfAbsent();
  if (op.condition == kBase) added->Base(op.seen);
  if (op.condition == kIfVersion) {
    added->IfVersion(NameOfCell(record.object, static_cast<std::uint32_t>(op.seen) - 1).rest);
  }
}

Transaction TransactionOf(const Record& record) {
  Transaction txn;
  for (const CellOp& op : record.ops) AddTo(txn, record, op);
  return txn;
}

/// At an LSN only what lives is shown.
ReadOptions At(Level level, Lsn lsn) {
  ReadOptions options;
  options.include_deleted = level != kAtLsn;
  if (level == kAsApplied) options.consistency = Consistency::kSnapshot;
  if (level == kAtLsn) options.at = tenure::At{lsn, std::nullopt};
  return options;
}

template <class Row>
void FillSeen(Record& record, std::uint32_t first, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const auto cell = CellOf(row);
    if (!cell || cell->first != record.object) continue;
    const linear::GroupModel::Cell content = ContentOf(row);
    record.seen[cell->second - first] = {row.lsn, content.revision, content.value};
  }
}

}  // namespace

Record Driver::Transact(std::uint32_t group, std::vector<CellOp> ops, std::uint64_t lease) {
  Record record = Begin(Kind::kTransact, group, 0, 0, lease, std::move(ops));
  const auto receipt = store_.Commit(TransactionOf(record), OptionsOf(record));
  if (receipt.ok()) Fill(record, *receipt);
  End(record, receipt);
  return record;
}

bool Driver::TransactBurst(std::uint32_t group, const std::vector<std::vector<CellOp>>& transactions) {
  std::vector<std::pair<Record, Result<Ticket>>> calls;
  for (const std::vector<CellOp>& ops : transactions) {
    Record record = Begin(Kind::kTransact, group, 0, 0, 0, ops);
    calls.emplace_back(record, store_.Submit(TransactionOf(record), OptionsOf(record)));
  }
  return WaitFor(std::move(calls));
}

Record Driver::LookCell(std::uint32_t group, std::uint32_t cell) {
  const auto [name, rest] = NameOfCell(group, cell);
  Record record = Begin(Kind::kLookCell, group, cell);
  record.seen.resize(1);
  if (cell < kEntries) {
    const auto entry = store_.Get(name + ":" + rest, At(kCommitted, 0));
    if (entry.ok()) FillSeen(record, cell, std::vector{*entry});
    End(record, entry);
  } else {
    const auto tag = store_.GetTag(name, rest, At(kCommitted, 0));
    if (tag.ok()) FillSeen(record, cell, std::vector{*tag});
    End(record, tag);
  }
  return record;
}

Record Driver::LookEntries(std::uint32_t group, Level level, Lsn at) {
  Record record = Begin(Kind::kLookEntries, group, level, at);
  record.seen.resize(kEntries);
  ListOptions options;
  options.glob = GlobOf(group);
  options.read = At(level, at);
  options.include_deleted = options.read.include_deleted;
  const auto entries = store_.List(options);
  if (entries.ok()) FillSeen(record, 0, *entries);
  End(record, entries);
  return record;
}

Record Driver::LookTags(std::uint32_t group, Level level, Lsn at) {
  Record record = Begin(Kind::kLookTags, group, level, at);
  record.seen.resize(kCells - kEntries);
  const auto tags = store_.Tags(GlobOf(group), At(level, at));
  if (tags.ok()) FillSeen(record, kEntries, *tags);
  End(record, tags);
  return record;
}

}  // namespace tenure::torture
