// What the committer, the applier and recovery know of the open store. Owned by the store's handle,
// which outlives them all.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "store/base/env.h"
#include "store/ingest/membership.h"
#include "store/journal/segments.h"
#include "tenure/options.h"

namespace tenure::commit {

struct Context {
  base::Env& env;
  ingest::Membership& member;
  std::string journal_dir;
  std::string index_dir;
  std::string staging_dir;
  journal::StoreId journal_id;
  std::uint64_t incarnation = 1;
  /// How long an owner of the commit lease may stand still before others take over.
  std::uint64_t commit_ttl_ns = 1'000'000'000;
  std::string default_writer;
  std::uint32_t uid = 0;  ///< Of this process.
  LogCallback log;
  /// What a complete checkpoint covers of the journal.
  journal::TrimmedBelow trimmed_below{0};
  /// Builds the next generation of the index from the journal and switches to it, with the turn to apply
  /// held. Empty: there is no such means, everything is applied to the live generation.
  std::function<Status()> build_next_index = {};
  /// A backlog of at least this many transactions, and of at least as many as are applied, is made up for
  /// by building the next generation: faster than applying, but it takes the rows once more.
  Lsn build_backlog_min = 200'000;
  /// From this many transactions on, rows are gathered for large transactions rather than frames kept.
  Lsn gather_backlog_min = 16'384;
  /// Pages that are written again and again are copied from the index's WAL into its file once for as many transactions
  /// as this holds.
  std::uint64_t wal_bytes_max = 32u << 20;

  ingest::CommitArea& shared() const { return member.segment().commit(); }
  Lsn DurableLsn() const { return shared().durable.LoadSecond(); }
  Lsn AppliedHint() const { return shared().applied_lsn.load(std::memory_order_acquire); }
  void Say(const char* level, const std::string& message) const {
    if (log) log(level, message);
  }
};

}  // namespace tenure::commit
