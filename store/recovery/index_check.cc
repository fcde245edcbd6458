#include "store/recovery/index_check.h"

#include <utility>

#include "store/base/error.h"
#include "store/base/hash.h"

namespace tenure::recovery {
namespace {

Error InFile(Error error, const std::string& path) {
  if (error.path.empty()) error.path = path;
  return error;
}

Error Mismatch(const std::string& path, const std::string& what) {
  Error error =
      base::MakeError(ErrorCode::kCorruption, path + ": " + what, "rebuild it from the journal: tenure-replay repair");
  error.path = path;
  return error;
}

}  // namespace

bool IsNoAnswer(const Error& fault) {
  return fault.code == ErrorCode::kIo || fault.code == ErrorCode::kNoSpace || fault.code == ErrorCode::kReadOnly ||
         fault.code == ErrorCode::kOutOfMemory;
}

Result<IndexView> OpenIndexView(base::Env& env, const Layout& layout) {
  IndexView view;
  TENURE_ASSIGN(const bool there, env.Exists(layout.index()));
  if (!there) return view;
  TENURE_ASSIGN(const std::optional<index::Generation> live, index::CurrentGeneration(env, layout.index()));
  if (!live) return view;
  view.path = layout.index() + "/" + index::GenerationFileName(*live);
  TENURE_ASSIGN(const base::FileSystemInfo medium, env.FileSystem(layout.index()));
  auto reader = index::IndexReader::Open(view.path, medium.read_only);
  if (!reader.ok()) {
    view.fault = InFile(std::move(reader).error(), view.path);
    return view;
  }
  view.reader = std::move(reader).value();
  if (Status begun = view.reader->BeginSnapshot(); !begun.ok()) {
    view.fault = InFile(std::move(begun).error(), view.path);
    return view;
  }
  auto mark = view.reader->ReadMark();
  if (mark.ok()) {
    view.mark = std::move(mark).value();
  } else {
    view.fault = InFile(std::move(mark).error(), view.path);
  }
  return view;
}

std::vector<Error> CheckRows(const index::IndexReader& reader, const index::Mark& mark, const std::string& path,
                             const std::string& index_id) {
  std::vector<Error> faults;
  if (mark.store_id_hex != index_id) {
    faults.push_back(Mismatch(path, "the index is of journal " + mark.store_id_hex + ", the store's is " + index_id));
  }
  if (Status sound = reader.CheckIntegrity(); !sound.ok()) faults.push_back(InFile(std::move(sound).error(), path));
  const auto hash = reader.ComputeStateHash();
  if (!hash.ok()) {
    faults.push_back(InFile(hash.error(), path));
  } else if (hash.value() != mark.position.state_hash) {
    faults.push_back(Mismatch(path, "the rows have state hash " + base::Hex(hash.value()) + ", but at LSN " +
                                        std::to_string(mark.position.last_lsn) + " it is stored as " +
                                        base::Hex(mark.position.state_hash) + ": a row was lost, invented or changed"));
  }
  return faults;
}

CheckpointView CheckCheckpoint(const Checkpoint& checkpoint, const std::string& index_id) {
  CheckpointView view;
  const auto reader = index::IndexReader::Open(checkpoint.path, true);
  if (!reader.ok()) {
    view.faults.push_back(InFile(reader.error(), checkpoint.path));
    return view;
  }
  auto mark = (*reader)->ReadMark();
  if (!mark.ok()) {
    view.faults.push_back(InFile(std::move(mark).error(), checkpoint.path));
    return view;
  }
  view.mark = std::move(mark).value();
  view.faults = CheckRows(**reader, *view.mark, checkpoint.path, index_id);
  if (view.mark->position.last_lsn != checkpoint.lsn) {
    view.faults.push_back(Mismatch(checkpoint.path, "the checkpoint is named for LSN " +
                                                        std::to_string(checkpoint.lsn) + ", but holds LSN " +
                                                        std::to_string(view.mark->position.last_lsn)));
  }
  return view;
}

Status RemoveDatabase(base::Env& env, const std::string& path) {
  for (const char* part : {"", "-wal", "-shm", "-journal"}) {
    TENURE_ASSIGN(const bool there, env.Exists(path + part));
    if (there) TENURE_RETURN_IF_ERROR(env.Remove(path + part));
  }
  return {};
}

}  // namespace tenure::recovery
