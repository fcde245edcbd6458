// Reads of the public API: views at a consistency level or a point of the past, references, listings.
#include <algorithm>

#include "store/base/error.h"
#include "store/base/guarded.h"
#include "store/model/json.h"
#include "store/model/reference.h"
#include "store/recovery/checkpoints.h"
#include "store/store_impl.h"

namespace tenure {
namespace {

/// How long a read tries to get at an index that others have locked.
constexpr std::uint64_t kLockedBoundNs = 30'000'000'000;

Error NotFound(const std::string& what, std::string hint = "'tenure list' shows what there is") {
  return base::MakeError(ErrorCode::kNotFound, what, std::move(hint));
}

Result<std::optional<ArtifactEntry>> EntryIn(const StoreImpl::View& view, const std::string& name,
                                             const std::string& version) {
  return view.at ? view.reader->GetEntryAt(name, version, *view.at) : view.reader->GetEntry(name, version);
}

/// A row, or why there is none.
Result<ArtifactEntry> Shown(std::optional<ArtifactEntry> row, const std::string& key, const std::string& when,
                            bool include_deleted) {
  if (!row) {
    Error error = NotFound(key + " does not exist" + when);
    error.key = key;
    return error;
  }
  if (row->deleted && !include_deleted) {
    Error error = NotFound(
        row->uncommitted ? key + ": its deletion is queued" : key + " was deleted at LSN " + std::to_string(row->lsn),
        "'tenure history " + key + "' shows its revisions");
    error.key = key;
    if (!row->uncommitted) {
      error.lsn = row->lsn;
      error.revision = row->revision;
    }
    return error;
  }
  return std::move(*row);
}

Result<ArtifactEntry> OneEntry(const StoreImpl::View& view, const std::string& name, const std::string& version,
                               bool include_deleted) {
  TENURE_ASSIGN(auto row, EntryIn(view, name, version));
  const std::string when = view.at ? " at LSN " + std::to_string(*view.at) : "";
  return Shown(std::move(row), name + ":" + version, when, include_deleted);
}

/// All rows of exactly this name.
Result<std::vector<ArtifactEntry>> EntriesOfName(const StoreImpl::View& view, const std::string& name,
                                                 bool include_deleted) {
  index::Listing listing;
  listing.name_prefix = name;
  listing.include_deleted = include_deleted;
  std::vector<ArtifactEntry> rows;
  // Bytewise order puts the name itself before every longer name that begins with it.
  TENURE_RETURN_IF_ERROR(view.reader->ForEachEntry(listing, view.at, [&](const ArtifactEntry& entry) {
    if (entry.name != name) return false;
    rows.push_back(entry);
    return true;
  }));
  return rows;
}

Result<ArtifactEntry> OnlyVersion(const StoreImpl::View& view, const std::string& name) {
  TENURE_ASSIGN(auto rows, EntriesOfName(view, name, false));
  if (rows.size() == 1) return std::move(rows.front());
  if (rows.empty()) return NotFound("no live version of " + name);
  std::string versions;
  constexpr std::size_t kShown = 10;
  for (std::size_t i = 0; i < rows.size() && i < kShown; ++i) versions += (i > 0 ? ", " : "") + rows[i].version;
  if (rows.size() > kShown) versions += ", and " + std::to_string(rows.size() - kShown) + " more";
  Error error = base::MakeError(ErrorCode::kAmbiguous,
                                name + " has " + std::to_string(rows.size()) + " live versions: " + versions,
                                "name one, as in " + name + ":" + rows.front().version);
  error.key = name;
  return error;
}

}  // namespace

/// A snapshot that has applied `lsn`: what counts is what it says itself. Only a generation that was switched to just
/// now can be behind the shared hint. One that a stopped process has locked is passed by.
Result<commit::IndexPool::Lease> StoreImpl::TakeApplied(Lsn lsn) {
  const std::uint64_t give_up_ns = env.MonotonicNs() + kLockedBoundNs;
  for (;;) {
    auto reader = pool->Take();
    Status begun = reader.ok() ? (*reader)->BeginSnapshot() : Status(reader.error());
    if (!begun.ok()) {
      const bool locked = begun.error().code == ErrorCode::kBusy && !options.read_only;
      if (!locked || env.MonotonicNs() > give_up_ns) return std::move(begun).error();
      TENURE_RETURN_IF_ERROR(applier->TryApply(context->DurableLsn(), commit::Applier::Trust::kNothing));
      continue;
    }
    if (lsn == 0) return reader;
    TENURE_ASSIGN(const index::Mark mark, (*reader)->ReadMark());
    if (mark.position.last_lsn >= lsn) return reader;
    (*reader)->EndSnapshot();
    Status applied = applier->TryApply(lsn, commit::Applier::Trust::kNothing);
    if (applied.ok()) continue;
    if (!IndexAside::Helps(applied.error())) return std::move(applied).error();
    aside->NoteRefused(std::move(applied).error());
    return aside->Take(lsn);
  }
}

/// False: the file system of the index takes no writes, and the copy aside has to do.
Result<bool> StoreImpl::BringUpTo(Lsn lsn) {
  if (lsn == 0) return true;
  if (context->AppliedHint() < lsn && aside->IsRefused()) return false;
  Status applied = applier->WaitApplied(lsn);
  if (applied.ok()) {
    aside->DropWhenCaughtUp();
    return true;
  }
  if (!IndexAside::Helps(applied.error())) return std::move(applied).error();
  aside->NoteRefused(std::move(applied).error());
  return false;
}

Result<commit::IndexPool::Lease> StoreImpl::TakeUpTo(Lsn lsn) {
  TENURE_ASSIGN(const bool in_index, BringUpTo(lsn));
  return in_index ? TakeApplied(lsn) : aside->Take(lsn);
}

Result<StoreImpl::View> StoreImpl::ViewFor(const ReadOptions& read) {
  TENURE_RETURN_IF_ERROR(CheckUsable());
  std::optional<Lsn> at;
  const Lsn durable = context->DurableLsn();
  if (read.at) {
    if (read.at->lsn) {
      at = *read.at->lsn;
    } else if (read.at->time_ms) {
      TENURE_ASSIGN(at, LsnAt(*read.at->time_ms));
    }
    if (at && *at > durable) {
      Error error =
          NotFound("LSN " + std::to_string(*at) + " has not been committed; the newest is " + std::to_string(durable),
                   "name an LSN that 'tenure log' shows");
      error.lsn = durable;
      return error;
    }
  }
  // A point of the past needs the index to have reached it, no more.
  Lsn needed = 0;
  if (at) {
    needed = *at;
  } else if (read.consistency != Consistency::kSnapshot) {
    needed = durable;
  }
  TENURE_ASSIGN(auto reader, TakeUpTo(needed));
  if (at) {
    TENURE_ASSIGN(const index::Mark mark, reader->ReadMark());
    if (*at < mark.oldest_history_lsn) {
      Error error =
          base::MakeError(ErrorCode::kCompacted,
                          "the history of LSN " + std::to_string(*at) + " was compacted; the oldest retained is LSN " +
                              std::to_string(mark.oldest_history_lsn),
                          "name a later LSN, or read a backup");
      error.lsn = mark.oldest_history_lsn;
      return error;
    }
  }
  return View{std::move(reader), at};
}

Result<std::optional<ArtifactEntry>> StoreImpl::CurrentEntry(const std::string& name, const std::string& version,
                                                             const ReadOptions& read) {
  TENURE_RETURN_IF_ERROR(CheckUsable());
  // What is read as committed needs every change of its key that was published before the look at the durable word: the
  // table is looked at behind that.
  Lsn needed = 0;
  if (read.consistency != Consistency::kSnapshot) {
    const Lsn durable = context->DurableLsn();
    needed = std::min(durable, member->segment().key_table().LastChange(name + ':' + version));
    TENURE_ASSIGN(const bool in_index, BringUpTo(needed));
    if (!in_index) {
      TENURE_ASSIGN(const auto reader, aside->Take(needed));
      return reader->GetEntry(name, version);
    }
  }
  // One row has a view of its own, so that no transaction is needed around it; what it must have applied is looked at
  // before. Whatever stands in the way is for the longer way to deal with.
  if (auto reader = pool->Take(); reader.ok()) {
    const auto applied = (*reader)->HasApplied(needed);
    if (applied.ok() && *applied) {
      auto row = (*reader)->GetEntry(name, version);
      if (row.ok()) return row;
    }
  }
  TENURE_ASSIGN(const auto reader, TakeApplied(needed));
  return reader->GetEntry(name, version);
}

Result<ArtifactEntry> Store::Get(const std::string& ref, const ReadOptions& options) const try {
  TENURE_ASSIGN(const model::Reference reference, model::ParseReference(ref));
  const bool one_key = reference.kind == model::Reference::Kind::kVersion;
  if (one_key && options.consistency == Consistency::kReadUncommitted && !options.at) {
    TENURE_RETURN_IF_ERROR(impl_->CheckUsable());
    TENURE_ASSIGN(auto row, impl_->Uncommitted(reference.name, reference.rest));
    return Shown(std::move(row), reference.name + ":" + reference.rest, "", options.include_deleted);
  }
  if (one_key && !options.at) {
    TENURE_ASSIGN(auto row, impl_->CurrentEntry(reference.name, reference.rest, options));
    return Shown(std::move(row), ref, "", options.include_deleted);
  }
  TENURE_ASSIGN(auto view, impl_->ViewFor(options));
  switch (reference.kind) {
    case model::Reference::Kind::kVersion:
      return OneEntry(view, reference.name, reference.rest, options.include_deleted);
    case model::Reference::Kind::kName:
      return OnlyVersion(view, reference.name);
    case model::Reference::Kind::kTag: {
      TENURE_ASSIGN(auto tag, view.at ? view.reader->GetTagAt(reference.name, reference.rest, *view.at)
                                      : view.reader->GetTag(reference.name, reference.rest));
      if (!tag || tag->deleted) {
        Error error =
            NotFound("there is no tag " + ref + (tag ? ": it was deleted at LSN " + std::to_string(tag->lsn) : ""),
                     "'tenure tag list' shows the tags");
        error.key = ref;
        return error;
      }
      return OneEntry(view, tag->name, tag->version, options.include_deleted);
    }
    case model::Reference::Kind::kDigest: {
      TENURE_ASSIGN(auto rows, EntriesOfName(view, reference.name, false));
      for (ArtifactEntry& row : rows) {
        if (row.digest == reference.rest) return std::move(row);
      }
      return NotFound("no live version of " + reference.name + " has digest " + reference.rest);
    }
  }
  return base::MakeError(ErrorCode::kInternal, "unknown kind of reference");
}
TENURE_CATCH_ALL

Status Store::ForEach(const ListOptions& options, const std::function<bool(const ArtifactEntry&)>& visit) const try {
  index::Listing listing;
  listing.include_deleted = options.include_deleted;
  std::optional<model::Glob> glob;
  std::optional<model::WhereClause> where;
  if (!options.glob.empty()) {
    TENURE_ASSIGN(glob, model::Glob::Compile(options.glob));
    const std::string& prefix = glob->literal_prefix();
    listing.name_prefix = prefix.substr(0, prefix.find(':'));
  }
  if (!options.where.empty()) {
    TENURE_ASSIGN(where, model::WhereClause::Parse(options.where));
  }
  if (!options.after.empty()) {
    TENURE_ASSIGN(model::Reference after, model::ParseReference(options.after));
    if (after.kind != model::Reference::Kind::kVersion) {
      return base::MakeError(ErrorCode::kInvalidArgument, "'" + options.after + "' is not a key to continue behind",
                             "name it as name:version");
    }
    listing.after_name = std::move(after.name);
    listing.after_version = std::move(after.rest);
  }
  TENURE_ASSIGN(auto view, impl_->ViewFor(options.read));
  std::uint64_t given = 0;
  return view.reader->ForEachEntry(listing, view.at, [&](const ArtifactEntry& entry) {
    if (glob && !glob->Matches(entry.name, entry.version)) return true;
    if (where && !where->Matches(entry)) return true;
    if (!visit(entry)) return false;
    return options.limit == 0 || ++given < options.limit;
  });
}
TENURE_CATCH_ALL

Result<std::vector<ArtifactEntry>> Store::List(const ListOptions& options) const try {
  std::vector<ArtifactEntry> rows;
  TENURE_RETURN_IF_ERROR(ForEach(options, [&](const ArtifactEntry& entry) {
    rows.push_back(entry);
    return true;
  }));
  return rows;
}
TENURE_CATCH_ALL

Result<std::vector<ArtifactEntry>> Store::History(const std::string& ref, const ReadOptions& options) const try {
  TENURE_ASSIGN(const model::Reference reference, model::ParseReference(ref));
  if (reference.kind != model::Reference::Kind::kVersion) {
    return base::MakeError(ErrorCode::kInvalidArgument, "'" + ref + "' does not name one entry",
                           "history takes name:version");
  }
  TENURE_ASSIGN(auto view, impl_->ViewFor(options));
  TENURE_ASSIGN(auto rows, view.reader->History(reference.name, reference.rest));
  if (view.at) std::erase_if(rows, [&](const ArtifactEntry& row) { return row.lsn > *view.at; });
  if (rows.empty()) {
    Error error = NotFound(ref + " never existed");
    error.key = ref;
    return error;
  }
  return rows;
}
TENURE_CATCH_ALL

Result<std::vector<TagEntry>> Store::Tags(const std::string& glob_text, const ReadOptions& options) const try {
  index::Listing listing;
  listing.include_deleted = options.include_deleted;
  std::optional<model::Glob> glob;
  if (!glob_text.empty()) {
    TENURE_ASSIGN(glob, model::Glob::Compile(glob_text));
    if (glob->matches_versions()) {
      return base::MakeError(ErrorCode::kInvalidArgument,
                             "'" + glob_text + "' names versions, but tags are listed by name",
                             "leave out ':' and what follows");
    }
    listing.name_prefix = glob->literal_prefix();
  }
  TENURE_ASSIGN(auto view, impl_->ViewFor(options));
  std::vector<TagEntry> rows;
  TENURE_RETURN_IF_ERROR(view.reader->ForEachTag(listing, view.at, [&](const TagEntry& tag) {
    if (!glob || glob->Matches(tag.name, {})) rows.push_back(tag);
    return true;
  }));
  return rows;
}
TENURE_CATCH_ALL

Result<TagEntry> Store::GetTag(const std::string& name, const std::string& tag, const ReadOptions& options) const try {
  TENURE_ASSIGN(auto view, impl_->ViewFor(options));
  TENURE_ASSIGN(auto row, view.at ? view.reader->GetTagAt(name, tag, *view.at) : view.reader->GetTag(name, tag));
  if (row && (!row->deleted || options.include_deleted)) return std::move(*row);
  Error error = NotFound("there is no tag " + name + "@" + tag, "'tenure tag list' shows the tags");
  error.key = name + "@" + tag;
  return error;
}
TENURE_CATCH_ALL

Result<std::vector<TagEntry>> Store::TagHistory(const std::string& name, const std::string& tag) const try {
  TENURE_ASSIGN(auto view, impl_->ViewFor({}));
  return view.reader->TagHistory(name, tag);
}
TENURE_CATCH_ALL

Status Store::CatchUp() const try {
  TENURE_RETURN_IF_ERROR(impl_->CheckUsable());
  return impl_->applier->WaitApplied(impl_->context->DurableLsn());
}
TENURE_CATCH_ALL

}  // namespace tenure
