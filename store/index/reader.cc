// Opening, snapshots, and reads of one key. Listings and sums are in queries.cc.
#include "store/base/error.h"
#include "store/base/guarded.h"
#include "store/index/reader_state.h"

namespace tenure::index {
namespace {

// The first row of a bound statement through `read`, or nullopt; the statement is reset.
template <typename T>
Result<std::optional<T>> ReadOne(Statement& statement, Result<T> (*read)(const Statement&)) {
  ResetAtEnd reset(statement);
  TENURE_ASSIGN(const bool found, statement.Step());
  if (!found) return std::optional<T>();
  TENURE_ASSIGN(T row, read(statement));
  return std::optional<T>(std::move(row));
}

}  // namespace

IndexReader::IndexReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
IndexReader::~IndexReader() = default;

Result<std::unique_ptr<IndexReader>> IndexReader::Open(const std::string& path, bool immutable) {
  const Connection::Mode mode = immutable ? Connection::Mode::kImmutable : Connection::Mode::kReadOnly;
  TENURE_ASSIGN(Connection opened, OpenIndexFile(path, mode, kReaderCacheKib));
  return std::unique_ptr<IndexReader>(new IndexReader(std::make_unique<State>(path, std::move(opened))));
}

Status IndexReader::BeginSnapshot() {
  State& s = *state_;
  if (s.in_snapshot) return base::MakeError(ErrorCode::kInternal, "index " + s.path + ": a snapshot is open already");
  TENURE_ASSIGN(Statement * begin, s.begin.Get(s.connection));
  TENURE_RETURN_IF_ERROR(begin->Run());
  // BEGIN is lazy: the view is chosen by the first read.
  if (Result<Lsn> fixed = AppliedLsn(); !fixed) {
    s.connection.Rollback();
    return std::move(fixed).error();
  }
  s.in_snapshot = true;
  return {};
}

void IndexReader::EndSnapshot() {
  if (!state_->in_snapshot) return;
  // Destructors come here, perhaps for want of memory: nothing may be thrown.
  (void)base::Guarded([&]() -> Status {
    TENURE_ASSIGN(Statement* const end, state_->end.Get(state_->connection));
    return end->Run();
  });
  state_->connection.Rollback();  // where that came to nothing
  state_->in_snapshot = false;
}

bool IndexReader::IsIdle() const { return !state_->connection.in_transaction(); }

Result<Mark> IndexReader::ReadMark() const {
  TENURE_ASSIGN(Statement * statement, state_->read_meta.Get(state_->connection));
  return ReadMarkRow(*statement);
}

Result<Lsn> IndexReader::AppliedLsn() const {
  TENURE_ASSIGN(Statement * statement, state_->applied_lsn.Get(state_->connection));
  ResetAtEnd reset(*statement);
  TENURE_ASSIGN(const bool found, statement->Step());
  if (!found) {
    Error e =
        base::MakeError(ErrorCode::kCorruption, "index " + state_->path + ": row of meta is missing", kRebuildHint);
    e.path = state_->path;
    return e;
  }
  state_->seen_lsn = statement->Unsigned(0);
  return state_->seen_lsn;
}

Result<bool> IndexReader::HasApplied(Lsn lsn) const {
  if (lsn <= state_->seen_lsn) return true;
  TENURE_ASSIGN(const Lsn applied, AppliedLsn());
  return lsn <= applied;
}

Result<std::optional<ArtifactEntry>> IndexReader::GetEntry(std::string_view name, std::string_view version) const {
  TENURE_ASSIGN(Statement * statement, state_->get_entry.Get(state_->connection));
  statement->Bind(1, name);
  statement->Bind(2, version);
  return ReadOne(*statement, ReadEntry);
}

Result<std::optional<ArtifactEntry>> IndexReader::GetEntryAt(std::string_view name, std::string_view version,
                                                             Lsn lsn) const {
  TENURE_ASSIGN(Statement * statement, state_->get_entry_at.Get(state_->connection));
  statement->Bind(1, name);
  statement->Bind(2, version);
  statement->Bind(3, lsn);
  return ReadOne(*statement, ReadEntry);
}

Result<std::optional<TagEntry>> IndexReader::GetTag(std::string_view name, std::string_view tag) const {
  TENURE_ASSIGN(Statement * statement, state_->get_tag.Get(state_->connection));
  statement->Bind(1, name);
  statement->Bind(2, tag);
  return ReadOne(*statement, ReadTag);
}

Result<std::optional<TagEntry>> IndexReader::GetTagAt(std::string_view name, std::string_view tag, Lsn lsn) const {
  TENURE_ASSIGN(Statement * statement, state_->get_tag_at.Get(state_->connection));
  statement->Bind(1, name);
  statement->Bind(2, tag);
  statement->Bind(3, lsn);
  return ReadOne(*statement, ReadTag);
}

Result<std::vector<TagEntry>> IndexReader::TagsOf(std::string_view name, std::string_view version) const {
  TENURE_ASSIGN(Statement * statement, state_->tags_of.Get(state_->connection));
  ResetAtEnd reset(*statement);
  statement->Bind(1, name);
  statement->Bind(2, version);
  std::vector<TagEntry> tags;
  for (;;) {
    TENURE_ASSIGN(const bool found, statement->Step());
    if (!found) return tags;
    TENURE_ASSIGN(TagEntry tag, ReadTag(*statement));
    tags.push_back(std::move(tag));
  }
}

Result<std::optional<model::RequestRow>> IndexReader::GetRequest(std::string_view request_id) const {
  TENURE_ASSIGN(Statement * statement, state_->get_request.Get(state_->connection));
  statement->Bind(1, request_id);
  return ReadOne(*statement, ReadRequest);
}

}  // namespace tenure::index
