// tenure lease acquire|renew|release|list|break
#include "cli/args.h"
#include "cli/command.h"
#include "cli/lease_options.h"
#include "cli/registry.h"
#include "cli/signals.h"
#include "lease/messages.h"
#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::cli {
namespace {

std::string ScopesText(const std::vector<std::string>& scopes) {
  std::string text;
  for (const std::string& scope : scopes) text += (text.empty() ? "" : " ") + scope;
  return text;
}

std::string JsonTexts(const std::vector<std::string>& texts) {
  std::string json;
  for (const std::string& text : texts) json += (json.empty() ? "[" : ",") + model::QuoteJson(text);
  return json + "]";
}

class LeaseAcquire : public Command {
 public:
  void Define(Args& args) override {
    lease_.Define(args);
    args.Footer(
        "The token alone is printed: T=$(tenure lease acquire 'release/**'), then --lease \"$T\" or "
        "TENURE_LEASE_TOKEN.\n"
        "It lives by its time alone: renew it, and release it at the end; 'tenure with-lease' does both.");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(AcquireOptions options, lease_.Options());
    options.bound = false;
    TENURE_ASSIGN(Store store, ctx.OpenStore({.writer = options.writer}));
    TENURE_ASSIGN(Lease lease, store.Acquire(options));
    const LeaseInfo info = lease.info();
    const std::string token = lease.token();
    const std::string expires = model::FormatTime(ctx.env().WallMs() + static_cast<TimeMs>(info.left_ms));
    const std::string json = "{\"token\":" + model::QuoteJson(token) + ",\"lease_id\":" + std::to_string(info.id) +
                             ",\"fencing_token\":" + std::to_string(info.id) +
                             ",\"incarnation\":" + std::to_string(lease.incarnation()) +
                             ",\"scopes\":" + JsonTexts(info.scopes) + ",\"ttl_ms\":" + std::to_string(info.ttl_ms) +
                             ",\"expires_at\":" + model::QuoteJson(expires) + "}";
    lease.Detach();
    ctx.set_done("lease " + std::to_string(info.id) + " was granted");
    ctx.out().Line(IsJson(ctx.format()) ? json : token);
    return 0;
  }

 private:
  LeaseArguments lease_;
};

class LeaseRenew : public Command {
 public:
  void Define(Args& args) override {
    args.Required("TOKEN", token_, "The token, or @FILE");
    args.Option("--ttl", ttl_, "DUR", "From now on; default: what it was acquired with");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const std::string token, TokenOf(token_));
    std::optional<std::chrono::milliseconds> ttl;
    if (ttl_) {
      TENURE_ASSIGN(const std::uint64_t ms, ParseDurationOption(*ttl_, "--ttl"));
      ttl = std::chrono::milliseconds(ms);
    }
    TENURE_ASSIGN(Store store, ctx.OpenStore());
    TENURE_ASSIGN(const LeaseInfo info, store.RenewLease(token, ttl));
    const std::string expires = model::FormatTime(ctx.env().WallMs() + static_cast<TimeMs>(info.left_ms));
    PrintRecord(
        ctx, {{"lease id", std::to_string(info.id)}, {"left", lease::Duration(info.left_ms)}, {"expires", expires}},
        "{\"lease_id\":" + std::to_string(info.id) + ",\"fencing_token\":" + std::to_string(info.id) +
            ",\"left_ms\":" + std::to_string(info.left_ms) + ",\"expires_at\":" + model::QuoteJson(expires) + "}");
    return 0;
  }

 private:
  std::string token_;
  std::optional<std::string> ttl_;
};

class LeaseRelease : public Command {
 public:
  void Define(Args& args) override { args.Required("TOKEN", token_, "The token, or @FILE"); }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const std::string token, TokenOf(token_));
    TENURE_ASSIGN(Store store, ctx.OpenStore());
    TENURE_ASSIGN(const Receipt receipt, store.ReleaseLease(token));
    PrintRecord(ctx, {{"released at lsn", std::to_string(receipt.lsn)}},
                "{\"lsn\":" + std::to_string(receipt.lsn) + "}");
    return 0;
  }

 private:
  std::string token_;
};

class LeaseList : public Command {
 public:
  void Define(Args& args) override {
    args.Flag("--mine", mine_, "Only those of this writer (--writer, default user@host)");
    args.Option("--writer", writer_, "ID", "Who is meant by --mine");
  }

  Result<int> Run(Context& ctx) override {
    if (!writer_.empty() && !mine_) {
      return base::MakeError(ErrorCode::kInvalidArgument, "--writer says who is meant by --mine", "give --mine too");
    }
    TENURE_ASSIGN(const Store store, ctx.OpenStore({.read = true}));
    TENURE_ASSIGN(const std::vector<LeaseInfo> leases, store.Leases());
    const base::HostInfo& host = ctx.env().Host();
    const std::string me = writer_.empty() ? host.user + "@" + host.host : writer_;
    RowWriter rows(ctx, {"LEASE", "MODE", "LEFT", "AGE", "WRITER", "PID", "SCOPES", "PURPOSE"});
    for (const LeaseInfo& lease : leases) {
      if (mine_ && lease.writer != me) continue;
      const bool table = ctx.format() == Format::kTable;
      const auto span = [table](std::uint64_t ms) { return table ? lease::Duration(ms) : std::to_string(ms); };
      rows.Add({std::to_string(lease.id), lease.mode == LeaseMode::kShared ? "shared" : "exclusive",
                span(lease.left_ms), span(lease.age_ms), lease.writer, std::to_string(lease.pid),
                ScopesText(lease.scopes), lease.purpose.empty() ? "-" : lease.purpose},
               model::LeaseJson(lease));
    }
    TENURE_RETURN_IF_ERROR(rows.Finish());
    return 0;
  }

 private:
  bool mine_ = false;
  std::string writer_;
};

class LeaseBreak : public Command {
 public:
  void Define(Args& args) override {
    args.Required("ID", id_, "Its number, as 'tenure lease list' shows it");
    args.Option("--reason", reason_, "TEXT", "Why; kept in the journal");
    args.Flag("-n,--dry-run", dry_run_, "Only say what would be broken");
    args.Flag("-y,--yes", yes_, "Do not ask");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const std::uint64_t id, ParseCount(id_, "the lease id"));
    if (reason_.empty()) {
      return base::MakeError(ErrorCode::kInvalidArgument, "breaking a lease needs a reason", "--reason TEXT");
    }
    TENURE_ASSIGN(Store store, ctx.OpenStore({.read = dry_run_}));
    if (dry_run_) return DryRun(ctx, store, id);
    TENURE_RETURN_IF_ERROR(ctx.Confirm("break lease " + id_ + "?", yes_));
    TENURE_ASSIGN(const Receipt receipt, store.BreakLease(id, reason_));
    PrintRecord(ctx, {{"lease id", std::to_string(id)}, {"broken at lsn", std::to_string(receipt.lsn)}},
                "{\"lease_id\":" + std::to_string(id) + ",\"lsn\":" + std::to_string(receipt.lsn) + "}");
    return 0;
  }

 private:
  static Result<int> DryRun(Context& ctx, const Store& store, std::uint64_t id) {
    TENURE_ASSIGN(const std::vector<LeaseInfo> leases, store.Leases());
    for (const LeaseInfo& lease : leases) {
      if (lease.id != id) continue;
      RowWriter rows(ctx, {"WOULD BREAK", "WRITER", "SCOPES"});
      rows.Add({std::to_string(id), lease.writer, ScopesText(lease.scopes)}, model::LeaseJson(lease));
      TENURE_RETURN_IF_ERROR(rows.Finish());
      return 0;
    }
    return base::MakeError(ErrorCode::kNotFound, "lease " + std::to_string(id) + " is not held",
                           "'tenure lease list' shows the leases that are");
  }

  std::string id_;
  std::string reason_;
  bool dry_run_ = false;
  bool yes_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeLeaseAcquire() { return std::make_unique<LeaseAcquire>(); }
std::unique_ptr<Command> MakeLeaseRenew() { return std::make_unique<LeaseRenew>(); }
std::unique_ptr<Command> MakeLeaseRelease() { return std::make_unique<LeaseRelease>(); }
std::unique_ptr<Command> MakeLeaseList() { return std::make_unique<LeaseList>(); }
std::unique_ptr<Command> MakeLeaseBreak() { return std::make_unique<LeaseBreak>(); }

}  // namespace tenure::cli
