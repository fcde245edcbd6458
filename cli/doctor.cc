// tenure doctor: the store and its surroundings, with what to do about what is not well
#include "tenure/doctor.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/doctor_advice.h"
#include "cli/doctor_tables.h"
#include "cli/facts.h"
#include "cli/registry.h"
#include "store/base/error.h"
#include "store/index/index.h"
#include "store/model/json.h"
#include "store/recovery/config.h"

namespace tenure::cli {
namespace {

std::string FindingsJson(const std::vector<Finding>& findings, Finding::Kind kind, const char* name) {
  std::string json = "[";
  for (const Finding& finding : findings) {
    if (finding.kind != kind) continue;
    json += (json.size() > 1 ? ",{\"" : "{\"") + std::string(name) + "\":" + model::QuoteJson(finding.text) +
            ",\"remedy\":" + model::QuoteJson(finding.remedy) + "}";
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
      findings = AdviseOnFileSystem(*info);
    } else {
      findings.push_back({Finding::Kind::kWarning, info.error().message, "look at the mount"});
    }
    facts.Text("sqlite_version", index::SqliteVersion());
    facts.Text("host", ctx.env().Host().host);
    std::optional<StoreDiagnosis> diagnosis;
    Status looked = LookInside(ctx, layout, facts, diagnosis);
    if (looked.ok() && diagnosis->damage) looked = Status(*diagnosis->damage);
    if (!looked.ok()) {
      findings.push_back({Finding::Kind::kWarning, looked.error().message, looked.error().hint});
    }
    if (diagnosis) Append(findings, AdviseOnStore(*diagnosis));
    Append(findings, AdviseOnSqlite(index::SqliteVersion()));
    facts.Json("warnings", FindingsJson(findings, Finding::Kind::kWarning, "warning"));
    facts.Json("notes", FindingsJson(findings, Finding::Kind::kNote, "note"));
    facts.Print(ctx);
    if (ctx.format() == Format::kTable && diagnosis) TENURE_RETURN_IF_ERROR(PrintDiagnosisTables(ctx, *diagnosis));
    PrintFindings(ctx, findings);
    return looked.ok() ? 0 : ExitCode(looked.error().code);
  }

 private:
  static void Append(std::vector<Finding>& findings, const std::vector<Finding>& more) {
    findings.insert(findings.end(), more.begin(), more.end());
  }

  static void PrintFindings(Context& ctx, const std::vector<Finding>& findings) {
    if (IsJson(ctx.format())) return;
    if (ctx.format() == Format::kTable) ctx.out().Line(findings.empty() ? "\nno warnings" : "\nwhat to do");
    for (const Finding& finding : findings) {
      const bool warning = finding.kind == Finding::Kind::kWarning;
      ctx.out().Line((warning ? "warning: " : "note: ") + Printable(finding.text));
      if (!finding.remedy.empty()) ctx.out().Line("remedy: " + Printable(finding.remedy));
    }
  }

  /// Without opening the store: that would take over from a dead committer, and hide it.
  static Status LookInside(Context& ctx, const recovery::Layout& layout, Facts& facts,
                           std::optional<StoreDiagnosis>& diagnosis) {
    TENURE_ASSIGN(const recovery::Config config, recovery::ReadConfig(ctx.env(), layout));
    facts.Number("format", config.format);
    facts.Time("created", config.created_at_ms);
    facts.Text("shared", config.shared_with_group ? "group" : "no");
    OpenOptions options;
    options.env = &ctx.env();
    TENURE_ASSIGN(diagnosis, Diagnose(layout.root, options));
    const StoreDiagnosis& d = *diagnosis;
    facts.Text("store_id", d.store_id);
    facts.Number("incarnation", d.incarnation);
    facts.Text("shared_memory", SharedMemoryName(d.shared_memory));
    if (d.shared_memory == SharedMemoryState::kSound) {
      SharedFacts(d, facts);
    } else {
      for (const char* unknown : {"epoch", "durable_lsn", "resolved_lsn", "applied_lsn"}) facts.Json(unknown, "null");
    }
    facts.Number("members", d.members_alive);
    facts.Number("segments", d.segments);
    facts.Bytes("journal_bytes", d.journal_bytes);
    facts.Bytes("index_bytes", d.index_bytes);
    facts.Number("checkpoints", d.checkpoints);
    facts.Text("index_path", d.index_path);
    facts.Json("held_exclusively", d.held_exclusively ? "true" : "false");
    facts.Json("processes", MembersJson(d));
    return {};
  }

  static void SharedFacts(const StoreDiagnosis& d, Facts& facts) {
    facts.Number("epoch", d.lease.epoch);
    facts.Number("durable_lsn", d.durable_lsn);
    facts.Number("resolved_lsn", d.resolved_lsn);
    facts.Number("applied_lsn", d.applied_lsn);
    facts.Text("committer", LeaseText(d));
    facts.Json("commit_lease", LeaseJson(d.lease));
    facts.Text("applier", !d.applying ? "nobody" : d.applying_pid == 0 ? "a process" : std::to_string(d.applying_pid));
    facts.Number("writer_slots", d.writer_slots);
    facts.Number("writer_slots_free", d.writer_slots_free);
    facts.Json("slots", SlotsJson(d));
    facts.Number("leases_held", d.leases.size());
    facts.Json("leases", LeasesJson(d));
    facts.Json("lease_waiters", LeaseWaitersJson(d));
    facts.Text("index_generation", d.index_path.substr(d.index_path.rfind('/') + 1));
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
