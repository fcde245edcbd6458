#include "store/index_aside.h"

#include <array>
#include <cstdlib>
#include <utility>
#include <vector>

#include "store/base/error.h"
#include "store/base/guarded.h"
#include "store/base/hash.h"
#include "store/commit/applier.h"
#include "store/journal/reader.h"
#include "store/recovery/private_files.h"

namespace tenure {
namespace {

/// Space is looked for so often.
constexpr std::uint64_t kRefusedNs = 1'000'000'000;
/// What is gathered for one SQLite transaction.
constexpr std::size_t kGatheredBytesMax = 64u << 20;

/// Memory is what is left when /tmp is on the file system that is full.
std::vector<std::string> Places() {
  std::vector<std::string> places{recovery::TemporaryDirectory()};
  if (std::getenv("TMPDIR") == nullptr) places.emplace_back("/dev/shm");
  return places;
}

std::string FileIn(const std::string& dir) { return dir + "/index.db"; }

}  // namespace

IndexAside::~IndexAside() { Remove(); }

void IndexAside::NoteRefused(Error error) {
  const std::lock_guard lock(mutex_);
  refusal_ = std::move(error);
  refused_until_ns_.store(context_.env.MonotonicNs() + kRefusedNs, std::memory_order_relaxed);
}

Result<commit::IndexPool::Lease> IndexAside::Take(Lsn lsn) {
  std::string made;
  auto taken = TakeLocked(lsn, made);
  if (!made.empty()) context_.Say("warning", made);  // it may read, too
  return taken;
}

Result<commit::IndexPool::Lease> IndexAside::TakeLocked(Lsn lsn, std::string& made) {
  const std::lock_guard lock(mutex_);
  const auto view_of = [&] { return base::Guarded([&] { return ViewOf(lsn, made); }); };
  const bool was_there = !dir_.empty();
  auto view = view_of();
  if (!view.ok() && was_there) {
    Remove();
    view = view_of();
  }
  if (view.ok()) return commit::IndexPool::Lease(std::move(view).value());
  Remove();
  return NoRoom(view.error());
}

void IndexAside::DropWhenCaughtUp() {
  if (refused_until_ns_.load(std::memory_order_relaxed) == 0 || context_.AppliedHint() < context_.DurableLsn()) return;
  const std::lock_guard lock(mutex_);
  refused_until_ns_.store(0, std::memory_order_relaxed);
  Remove();
}

Result<std::unique_ptr<index::IndexReader>> IndexAside::ViewOf(Lsn lsn, std::string& made) {
  if (dir_.empty()) {
    TENURE_RETURN_IF_ERROR(Make());
    made = pool_.LivePath() + " cannot be brought up to date (" + (refusal_ ? refusal_->message : "no space") +
           "): reading from a copy in " + dir_;
  }
  TENURE_RETURN_IF_ERROR(Follow(lsn));
  TENURE_ASSIGN(auto reader, index::IndexReader::Open(FileIn(dir_)));
  TENURE_RETURN_IF_ERROR(reader->BeginSnapshot());
  return reader;
}

Status IndexAside::Make() {
  Status first;
  for (const std::string& place : Places()) {
    Status tried = MakeIn(place);
    if (tried.ok()) return tried;
    Remove();
    if (first.ok()) first = std::move(tried);
  }
  return first;
}

/// The generation that is live now. Its own transaction keeps the copy consistent, whoever applies meanwhile.
Status IndexAside::MakeIn(const std::string& temporary) {
  std::array<std::byte, 8> random{};
  context_.env.Random(random);
  const std::string dir = temporary + "/tenure-read-" + base::Hex(random);
  TENURE_RETURN_IF_ERROR(context_.env.CreateDirectory(dir));
  dir_ = dir;
  TENURE_ASSIGN(const auto live, pool_.Take());
  TENURE_RETURN_IF_ERROR(live->CopyTo(FileIn(dir_)));
  TENURE_ASSIGN(writer_, index::IndexWriter::Open(FileIn(dir_)));
  return {};
}

/// By whole frames: the LSN asked for may be in the middle of one, the durable LSN never is.
Status IndexAside::Follow(Lsn lsn) {
  TENURE_ASSIGN(const index::Mark mark, writer_->ReadMark());
  if (mark.position.last_lsn >= lsn) return {};
  TENURE_ASSIGN(const auto journal, journal::Reader::Open(context_.env, context_.journal_dir, context_.journal_id,
                                                          mark.position, context_.trimmed_below));
  const Lsn durable = context_.DurableLsn();
  index::AppliedFrame applied;
  bool gathered = false;  // frames without rows have no bytes
  for (bool more = true; more;) {
    TENURE_ASSIGN(journal::Step step, journal->Next(durable, durable));
    more = step.stop == journal::Stop::kFrame;
    if (more) {
      applied.txns = std::move(step.frame.txns);
      applied.after = step.frame.after;
      TENURE_RETURN_IF_ERROR(writer_->Gather({&applied, 1}));
      gathered = true;
    }
    if (!gathered || (more && writer_->gathered_bytes() < kGatheredBytesMax)) continue;
    TENURE_RETURN_IF_ERROR(writer_->CommitGathered());
    gathered = false;
    TENURE_RETURN_IF_ERROR(writer_->Checkpoint(context_.wal_bytes_max));
  }
  const Lsn end = journal->position().last_lsn;
  return end < lsn ? Status(commit::JournalEndsEarly(context_.journal_dir, end, lsn)) : Status();
}

void IndexAside::Remove() {
  writer_.reset();
  // Best effort: what stays is space in a temporary directory.
  if (!dir_.empty()) (void)context_.env.RemoveAll(dir_);
  dir_.clear();
}

/// What is full is what has to be helped; where the copy had no room is said too.
Error IndexAside::NoRoom(const Error& copying) const {
  const bool about_room = copying.code == ErrorCode::kNoSpace || copying.code == ErrorCode::kNotFound ||
                          copying.code == ErrorCode::kIo || copying.code == ErrorCode::kReadOnly;
  if (!refusal_ || !about_room) return copying;
  Error error = *refusal_;
  error.message += "; nor could it be read from a copy: " + copying.message;
  error.hint =
      std::string(error.code == ErrorCode::kNoSpace ? "free space on the file system" : "make it writable again") +
      " and try again, or set TMPDIR to a directory with room for a copy of the index";
  return error;
}

}  // namespace tenure
