// tenure log
#include "cli/args.h"
#include "cli/command.h"
#include "cli/registry.h"
#include "cli/views.h"
#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::cli {
namespace {

std::string EventKey(const Event& event) {
  if (event.entry) return KeyOf(*event.entry);
  if (event.tag) return KeyOf(*event.tag);
  if (event.cursor) return "cursor " + event.cursor->name;
  if (event.below_lsn > 0) return "below lsn " + std::to_string(event.below_lsn);
  return event.request_id.empty() ? "-" : event.request_id;
}

std::string EventRevision(const Event& event) {
  if (event.entry) return std::to_string(event.entry->revision);
  if (event.tag) return std::to_string(event.tag->revision);
  return "-";
}

class Log : public Command {
 public:
  void Define(Args& args) override {
    args.Option("--from", from_, "LSN|TIME", "The first transaction; default the oldest retained");
    args.Option("--to", to_, "LSN|TIME", "The last transaction; default the newest");
    args.Flag("--head", head_, "Only the newest LSN and its chain hash: an anchor for 'verify --expect-head'");
  }

  Result<int> Run(Context& ctx) override {
    if (head_ && (from_ || to_)) {
      return base::MakeError(ErrorCode::kInvalidArgument,
                             "--head shows the newest LSN only; --from and --to do not go with it");
    }
    std::optional<At> from;
    std::optional<At> to;
    if (from_) {
      TENURE_ASSIGN(from, ParseAt(*from_, "--from"));
    }
    if (to_) {
      TENURE_ASSIGN(to, ParseAt(*to_, "--to"));
    }
    TENURE_ASSIGN(const Store store, ctx.OpenStore({.read = true}));
    if (head_) return Head(ctx, store);
    Lsn first = 1;
    Lsn last = 0;
    if (from && from->lsn) first = *from->lsn;
    if (from && from->time_ms) {  // the first one that was committed at this time or later
      TENURE_ASSIGN(first, store.LsnAt(*from->time_ms - 1));
      ++first;
    }
    if (to && to->lsn) last = *to->lsn;
    if (to && to->time_ms) {
      TENURE_ASSIGN(last, store.LsnAt(*to->time_ms));
    }
    if (first == 0) {
      return base::MakeError(ErrorCode::kInvalidArgument, "--from 0: LSNs begin at 1");
    }
    if (to && (last == 0 || first > last)) {  // nothing was committed in between
      RowWriter none(ctx, Columns());
      TENURE_RETURN_IF_ERROR(none.Finish());
      return 0;
    }
    return Show(ctx, store, first, last);
  }

 private:
  static std::vector<std::string> Columns() { return {"LSN", "TIME", "WRITER", "OP", "KEY", "REVISION"}; }

  Result<int> Show(Context& ctx, const Store& store, Lsn first, Lsn last) const {
    RowWriter rows(ctx, Columns());
    const auto visit = [&](const Event& event) {
      if (!rows.wants_cells()) return rows.Add({}, model::EventJson(event));
      return rows.Add({std::to_string(event.lsn), model::FormatTime(event.time_ms), event.writer, event.op,
                       EventKey(event), EventRevision(event)},
                      {});
    };
    Status status = store.Log(first, last, visit);
    if (!status.ok() && status.error().code == ErrorCode::kCompacted && !from_ && status.error().lsn) {
      const Lsn oldest = *status.error().lsn;
      ctx.Note("the log is retained from lsn " + std::to_string(oldest) + " on");
      status = store.Log(oldest, last, visit);
    }
    TENURE_RETURN_IF_ERROR(status);
    TENURE_RETURN_IF_ERROR(rows.Finish());
    return 0;
  }

  static Result<int> Head(Context& ctx, const Store& store) {
    // The hashes of the statistics are those of the applied LSN, read together with it.
    TENURE_ASSIGN(const StoreStats stats, store.Stats());
    const std::string head = std::to_string(stats.applied_lsn) + ":" + stats.chain_hash;
    if (IsJson(ctx.format())) {
      ctx.out().Line("{\"head\":" + model::QuoteJson(head) + ",\"lsn\":" + std::to_string(stats.applied_lsn) +
                     ",\"chain_hash\":" + model::QuoteJson(stats.chain_hash) + ",\"state_hash\":" +
                     model::QuoteJson(stats.state_hash) + ",\"store_id\":" + model::QuoteJson(stats.store_id) + "}");
    } else {
      ctx.out().Line(head);
    }
    return 0;
  }

  std::optional<std::string> from_;
  std::optional<std::string> to_;
  bool head_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeLog() { return std::make_unique<Log>(); }

}  // namespace tenure::cli
