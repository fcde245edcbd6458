// Superseded revisions, for merges: out of the index, or, where it has not got so far yet, out of the journal.
#include "store/base/error.h"
#include "store/commit/heads.h"
#include "store/journal/reader.h"

namespace tenure::commit {
namespace {

/// A revision never changes: what was read once is kept for the next one who merges over it.
constexpr std::size_t kCachedRevisionsMax = 64;

std::string RevisionKey(const std::string& key, Revision revision) { return key + '\n' + std::to_string(revision); }

}  // namespace

/// Walks what the index, as `view` shows it, lacks, oldest first, until `visit` returns false.
Status Heads::ForEachUnapplied(const index::IndexReader& view,
                               const std::function<bool(const model::CommittedTxn&, const model::Effect&)>& visit) {
  TENURE_ASSIGN(const index::Mark mark, view.ReadMark());
  const Lsn durable = context_.DurableLsn();
  if (mark.position.last_lsn >= durable) return {};
  TENURE_ASSIGN(auto reader, journal::Reader::Open(context_.env, context_.journal_dir, context_.journal_id,
                                                   mark.position, context_.trimmed_below));
  for (;;) {
    TENURE_ASSIGN(const journal::Step step, reader->Next(durable, durable));
    if (step.stop != journal::Stop::kFrame) return {};
    for (const model::CommittedTxn& txn : step.frame.txns) {
      for (const model::Effect& effect : txn.effects) {
        if (!visit(txn, effect)) return {};
      }
    }
  }
}

Result<EntryPtr> Heads::EntryRevision(const std::string& name, const std::string& version, Revision revision) {
  TENURE_ASSIGN(EntryPtr newest, Entry(name, version));
  if (newest == nullptr || newest->revision < revision || revision == 0) return EntryPtr();
  if (newest->revision == revision) return newest;
  const std::string key = RevisionKey(EntryKey(name, version), revision);
  if (const auto it = entry_revisions_.find(key); it != entry_revisions_.end()) return it->second;
  TENURE_ASSIGN(index::IndexReader * view, View());
  TENURE_ASSIGN(auto row, view->GetEntryRevision(name, version, revision));
  if (!row) {
    TENURE_RETURN_IF_ERROR(ForEachUnapplied(*view, [&](const model::CommittedTxn& txn, const model::Effect& effect) {
      const bool of_entry =
          effect.kind == model::EffectKind::kPutEntry || effect.kind == model::EffectKind::kDeleteEntry;
      const bool found =
          of_entry && effect.entry.revision == revision && effect.entry.name == name && effect.entry.version == version;
      if (found) row = model::EntryAfter(txn, effect);
      return !found;
    }));
  }
  if (!row) return EntryPtr();
  if (entry_revisions_.size() >= kCachedRevisionsMax) entry_revisions_.clear();
  return entry_revisions_[key] = std::make_shared<const ArtifactEntry>(std::move(*row));
}

Result<TagPtr> Heads::TagRevision(const std::string& name, const std::string& tag, Revision revision) {
  TENURE_ASSIGN(TagPtr newest, Tag(name, tag));
  if (newest == nullptr || newest->revision < revision || revision == 0) return TagPtr();
  if (newest->revision == revision) return newest;
  TENURE_ASSIGN(index::IndexReader * view, View());
  TENURE_ASSIGN(auto row, view->GetTagRevision(name, tag, revision));
  if (!row) {
    TENURE_RETURN_IF_ERROR(ForEachUnapplied(*view, [&](const model::CommittedTxn& txn, const model::Effect& effect) {
      const bool of_tag = effect.kind == model::EffectKind::kSetTag || effect.kind == model::EffectKind::kDeleteTag;
      const bool found = of_tag && effect.tag.revision == revision && effect.tag.name == name && effect.tag.tag == tag;
      if (found) row = model::TagAfter(txn, effect);
      return !found;
    }));
  }
  return row ? std::make_shared<const TagEntry>(std::move(*row)) : TagPtr();
}

}  // namespace tenure::commit
