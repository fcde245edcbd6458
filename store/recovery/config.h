// tenure.json: what a store is. Written once, atomically, when the store is made; never changed but by
// `upgrade` and, for the incarnation, by `repair`. Members unknown to this version are ignored; a newer `format` is
// refused.
#pragma once

#include <cstdint>
#include <string>

#include "store/base/env.h"
#include "store/journal/format.h"
#include "tenure/options.h"

namespace tenure::recovery {

struct Config {
  std::uint32_t format = 1;
  journal::StoreId store_id{};    ///< Of this copy: a backup gets a new one.
  journal::StoreId journal_id{};  ///< Of the history: in every segment header; a backup keeps it.
  std::uint64_t incarnation = 1;  ///< Grows with every restored copy; fencing tokens order by it first.
  TimeMs created_at_ms = 0;
  bool shared_with_group = false;
  bool allow_any_file_system = false;
  /// Threads, across all processes, that have lanes of their own; more share the double buffer.
  std::uint32_t writer_slots = 64;
};

/// The directories and files of a store, from its .tenure directory.
struct Layout {
  std::string root;
  /// Where the index and what the members share are instead, for a reader of files that cannot be written to. See
  /// private_files.h.
  std::string private_root = {};
  std::string config() const { return root + "/tenure.json"; }
  std::string journal() const { return root + "/journal"; }
  std::string index() const { return shared_root() + "/index"; }
  std::string checkpoints() const { return root + "/checkpoints"; }
  std::string shared_segment() const { return shared_root() + "/ingest.shm"; }
  std::string staging() const { return shared_root() + "/staging"; }
  std::string members() const { return shared_root() + "/members.lock"; }

 private:
  const std::string& shared_root() const { return private_root.empty() ? root : private_root; }
};

/// `path` itself when it is a .tenure directory, else `path`/.tenure. kNoStore when there is none.
Result<Layout> FindStore(base::Env& env, const std::string& path);
/// What the indexes and checkpoints of a store carry as their store id: the journal's id, so that a
/// checkpoint stays usable in a backup, which has a store id of its own.
std::string IndexIdOf(const Config& config);
/// kCorruption with offset when the file is damaged, kUnsupported for a newer format.
Result<Config> ReadConfig(base::Env& env, const Layout& layout);
Status WriteConfig(base::Env& env, const Layout& layout, const Config& config);
/// kUnsupported, with the remedy, for file systems outside the allow-list.
Status CheckFileSystem(base::Env& env, const std::string& path, bool allow_any, const LogCallback& log);

}  // namespace tenure::recovery
