// tenure stats
#include "cli/args.h"
#include "cli/command.h"
#include "cli/facts.h"
#include "cli/registry.h"
#include "store/base/error.h"

namespace tenure::cli {
namespace {

class Stats : public Command {
 public:
  void Define(Args&) override {}

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const Store store, ctx.OpenStore({.read = true}));
    TENURE_ASSIGN(const StoreStats s, store.Stats());
    Facts facts;
    facts.Text("path", s.path);
    facts.Text("store_id", s.store_id);
    facts.Number("incarnation", s.incarnation);
    facts.Number("epoch", s.epoch);
    facts.Number("durable_lsn", s.durable_lsn);
    facts.Number("applied_lsn", s.applied_lsn);
    facts.Number("oldest_log_lsn", s.oldest_log_lsn);
    facts.Number("oldest_history_lsn", s.oldest_history_lsn);
    facts.Time("last_commit", s.last_commit_ms);
    facts.Number("entries", s.entries);
    facts.Number("tombstones", s.tombstones);
    facts.Number("tags", s.tags);
    facts.Number("history_rows", s.history_rows);
    facts.Number("request_ids", s.request_ids);
    facts.Number("policies", s.policies);
    facts.Number("parked_conflicts", s.parked_conflicts);
    facts.Number("members", s.members);
    facts.Number("segments", s.segments);
    facts.Bytes("journal_bytes", s.journal_bytes);
    facts.Bytes("index_bytes", s.index_bytes);
    facts.Number("checkpoints", s.checkpoints);
    facts.Text("state_hash", s.state_hash);
    facts.Text("chain_hash", s.chain_hash);
    facts.Text("index_path", s.index_path);
    facts.Text("sqlite_version", s.sqlite_version);
    facts.Print(ctx);
    return 0;
  }
};

}  // namespace

std::unique_ptr<Command> MakeStats() { return std::make_unique<Stats>(); }

}  // namespace tenure::cli
