// tenure doctor: the store and its surroundings, with what to do about what is not well
#include <algorithm>

#include "cli/args.h"
#include "cli/command.h"
#include "cli/facts.h"
#include "cli/registry.h"
#include "store/base/error.h"
#include "store/index/index.h"
#include "store/model/json.h"
#include "store/recovery/config.h"

namespace tenure::cli {
namespace {

constexpr std::uint64_t kFreeBytesLow = 256ull << 20;  // a few segments of the largest size and their spares
constexpr std::uint64_t kLagHigh = 100'000;
constexpr std::uint64_t kSegmentsMany = 64;

struct Finding {
  std::string warning;
  std::string remedy;
};

void LookAtFileSystem(const base::FileSystemInfo& info, std::vector<Finding>& findings) {
  if (info.type == "tmpfs") {
    findings.push_back({"the store is on a tmpfs: nothing survives a reboot", "move it to a disk (ext4 or xfs)"});
  } else if (info.type == "overlayfs") {
    findings.push_back({"the store is on an overlayfs: it goes away with its container",
                        "put it on a volume that is mounted from a disk"});
  } else if (info.type != "ext4" && info.type != "xfs") {
    findings.push_back({"the file system " + info.type + " is not one that promises preallocated space",
                        "move the store to ext4 or xfs, or watch the free space"});
  }
  if (info.read_only) {
    findings.push_back({"the file system is mounted read-only", "remount it to write; reads work"});
  } else if (info.free_bytes < kFreeBytesLow) {
    findings.push_back({"only " + HumanBytes(info.free_bytes) + " are free",
                        "free some space, or run 'tenure compact'; with a full disk writes fail and reads go on"});
  }
}

void LookAtStats(const StoreStats& stats, std::vector<Finding>& findings) {
  const std::uint64_t lag = stats.durable_lsn - std::min(stats.durable_lsn, stats.applied_lsn);
  if (lag > kLagHigh) {
    findings.push_back({"the index is " + std::to_string(lag) + " transactions behind the journal",
                        "keep one process open that applies in the background, or read once"});
  }
  if (stats.segments > kSegmentsMany && stats.checkpoints == 0) {
    findings.push_back({"the journal has " + std::to_string(stats.segments) + " segments and no checkpoint covers them",
                        "run 'tenure compact'"});
  }
}

std::string FindingsJson(const std::vector<Finding>& findings) {
  std::string json = "[";
  for (const Finding& finding : findings) {
    json += (json.size() > 1 ? "," : "");
    json +=
        "{\"warning\":" + model::QuoteJson(finding.warning) + ",\"remedy\":" + model::QuoteJson(finding.remedy) + "}";
  }
  return json + "]";
}

class Doctor : public Command {
 public:
  void Define(Args& args) override {
    args.Flag("--index-path", index_path_,
              "Only print the path of the index, for SQLite clients (open it with mode=ro)");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const std::string path, ctx.StorePath());
    if (index_path_) return PrintIndexPath(ctx);
    TENURE_ASSIGN(const recovery::Layout layout, recovery::FindStore(ctx.env(), path));
    Facts facts;
    std::vector<Finding> findings;
    facts.Text("store", layout.root);
    facts.Text("journal", layout.journal());
    facts.Text("index_directory", layout.index());
    if (const auto info = ctx.env().FileSystem(layout.root); info.ok()) {
      facts.Text("file_system", info->type);
      facts.Bytes("free_bytes", info->free_bytes);
      LookAtFileSystem(*info, findings);
    } else {
      findings.push_back({info.error().message, "look at the mount"});
    }
    facts.Text("sqlite_version", index::SqliteVersion());
    facts.Text("host", ctx.env().Host().host);
    int status = 0;
    const Status looked = LookInside(ctx, layout, facts, findings);
    if (!looked.ok()) {
      findings.push_back({looked.error().message, looked.error().hint});
      status = ExitCode(looked.error().code);
    }
    facts.Json("warnings", FindingsJson(findings));
    facts.Print(ctx);
    if (IsJson(ctx.format())) return status;
    for (const Finding& finding : findings) {
      ctx.out().Line("warning: " + Printable(finding.warning));
      if (!finding.remedy.empty()) ctx.out().Line("remedy: " + Printable(finding.remedy));
    }
    if (findings.empty() && ctx.format() == Format::kTable) ctx.out().Line("no warnings");
    return status;
  }

 private:
  static Status LookInside(Context& ctx, const recovery::Layout& layout, Facts& facts, std::vector<Finding>& findings) {
    TENURE_ASSIGN(const recovery::Config config, recovery::ReadConfig(ctx.env(), layout));
    facts.Number("format", config.format);
    facts.Time("created", config.created_at_ms);
    facts.Text("shared", config.shared_with_group ? "group" : "no");
    TENURE_ASSIGN(const Store store, ctx.OpenStore({.read = true}));
    TENURE_ASSIGN(const StoreStats stats, store.Stats());
    facts.Text("store_id", stats.store_id);
    facts.Number("incarnation", stats.incarnation);
    facts.Number("epoch", stats.epoch);
    facts.Number("durable_lsn", stats.durable_lsn);
    facts.Number("applied_lsn", stats.applied_lsn);
    facts.Number("members", stats.members);
    facts.Number("segments", stats.segments);
    facts.Bytes("journal_bytes", stats.journal_bytes);
    facts.Bytes("index_bytes", stats.index_bytes);
    facts.Number("checkpoints", stats.checkpoints);
    facts.Text("index_path", stats.index_path);
    LookAtStats(stats, findings);
    return {};
  }

  static Result<int> PrintIndexPath(Context& ctx) {
    TENURE_ASSIGN(const Store store, ctx.OpenStore({.read = true}));
    TENURE_ASSIGN(const StoreStats stats, store.Stats());
    if (IsJson(ctx.format())) {
      ctx.out().Line("{\"index_path\":" + model::QuoteJson(stats.index_path) + "}");
    } else {
      ctx.out().Line(stats.index_path);
    }
    return 0;
  }

  bool index_path_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeDoctor() { return std::make_unique<Doctor>(); }

}  // namespace tenure::cli
