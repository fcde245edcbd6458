// tenure import FORMAT [FILE...]
#include <cstdio>
#include <utility>

#include "cli/args.h"
#include "cli/command.h"
#include "cli/formats/ack_log.h"
#include "cli/formats/formats.h"
#include "cli/formats/importer.h"
#include "cli/formats/shard.h"
#include "cli/parse.h"
#include "cli/registry.h"
#include "cli/signals.h"
#include "store/base/error.h"
#include "store/model/json.h"
#include "store/model/validate.h"

namespace tenure::cli {
namespace {

constexpr int kPartlyDone = 3;
/// Conflicts and invalid records that are told one by one.
constexpr std::uint64_t kComplaintsShown = 20;
constexpr std::uint64_t kWindowMax = 64;

std::string FormatList() {
  std::string text = "Formats:\n";
  for (const ImportFormat& format : ImportFormats()) {
    const std::string name = format.name;
    text += "  " + name + std::string(name.size() < 14 ? 14 - name.size() : 1, ' ') + format.summary + "\n";
  }
  return text;
}

class Import : public Command {
 public:
  void Define(Args& args) override {
    args.Required("FORMAT", format_name_, "How to read the input; see below");
    args.Rest("FILE", files_, 0, "Files (also .gz, .xz, .lz4, .zst, .bz2) or '-'; default standard input");
    args.Option("--batch", batch_, "N", "Entries in a transaction; default 2000");
    args.Option("--window", window_, "N", "Transactions in flight at once; default 4");
    args.Option("--shard", shard_text_, "I/N", "Take only share I of N (1 <= I <= N), by a hash of the key");
    args.Option("--overlap", overlap_, "PERCENT", "With --shard: take this part of the next share too");
    args.Option("--acks", acks_path_, "FILE", "Append 'name:version<TAB>digest' for each entry once it is durable");
    args.Option("--on-conflict", on_conflict_, "STRATEGY",
                "What becomes of entries that the store has otherwise; default reject: the store's are kept");
    args.Option("--writer", writer_, "ID", "Who writes; default user@host");
    args.Repeated("--lease", leases_, "TOKEN|@FILE",
                  "Write under this lease; may be repeated; default: TENURE_LEASE_TOKEN, where it covers");
    args.Option("--wait", wait_, "DUR", "How long each transaction waits for leases that others hold: 30s, 5m, 2h");
    args.Footer(FormatList() +
                "\nAn entry that is there with the same digest is unchanged (new URLs are added to it); with\n"
                "another digest it is a conflict, and the store's is kept. An interrupted import goes on when it\n"
                "is run again. Exit status 3 when there were conflicts or invalid records.");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(format_, FindImportFormat(format_name_));
    TENURE_RETURN_IF_ERROR(CheckOptions());
    WriteOptions write;
    write.leases = leases_;
    write.wait = wait_;
    TENURE_ASSIGN(const CommitOptions commit, CommitOptionsOf(write));
    if (files_.empty()) {
      TENURE_ASSIGN(files_, format_->default_inputs(ctx.env()));
    }
    std::optional<AckLog> acks;
    if (acks_path_) {
      TENURE_ASSIGN(acks, AckLog::Open(*acks_path_));
    }
    TENURE_ASSIGN(Store store, ctx.OpenStore({.writer = writer_, .background = true}));
    // From here on what is planned is never older than the start of this import.
    TENURE_RETURN_IF_ERROR(store.CatchUp());
    ImporterOptions options;
    options.commit = commit;
    if (batch_) options.batch = *batch_;
    if (window_) options.window = *window_;
    if (on_conflict_) {
      TENURE_ASSIGN(options.on_conflict, ParseStrategy(*on_conflict_));
    }
    options.acks = acks ? &*acks : nullptr;
    progress_ = ctx.StartProgress("importing");
    options.complain = [&](const std::string& what) { Complain(ctx, what); };
    Importer importer(store, std::move(options));
    const std::uint64_t started_ns = ctx.env().MonotonicNs();
    static_cast<void>(WakeDescriptor());  // before the first signal can want it
    ctx.BeginCritical("what was committed is in the store; run the import again to go on");
    Status status = ReadAll(importer);
    if (status.ok()) status = importer.Finish();
    if (!status.ok()) importer.Abandon();
    ctx.EndCritical();
    progress_.reset();
    Report(ctx, importer.counts(), ctx.env().MonotonicNs() - started_ns);
    if (!status.ok()) return std::move(status).error();
    const ImportCounts& counts = importer.counts();
    return counts.conflicts + counts.invalid > 0 ? kPartlyDone : 0;
  }

 private:
  Status CheckOptions() {
    const auto within = [](const char* option, const std::optional<std::uint64_t>& value, std::uint64_t low,
                           std::uint64_t high) -> Status {
      if (!value || (*value >= low && *value <= high)) return {};
      return base::MakeError(ErrorCode::kInvalidArgument, std::string(option) + " takes a number from " +
                                                              std::to_string(low) + " to " + std::to_string(high));
    };
    TENURE_RETURN_IF_ERROR(within("--batch", batch_, 1, model::kTxnOperationsMax));
    TENURE_RETURN_IF_ERROR(within("--window", window_, 1, kWindowMax));
    TENURE_RETURN_IF_ERROR(within("--overlap", overlap_, 0, 100));
    if (on_conflict_) TENURE_RETURN_IF_ERROR(ParseStrategy(*on_conflict_));
    if (overlap_ && !shard_text_) {
      return base::MakeError(ErrorCode::kInvalidArgument,
                             "--overlap says how far shares overlap, but there is no share", "give --shard I/N too");
    }
    if (shard_text_) {
      TENURE_ASSIGN(shard_, ParseShard(*shard_text_));
    }
    shard_.overlap_percent = overlap_.value_or(0);
    return {};
  }

  Status ReadAll(Importer& importer) {
    for (const std::string& file : files_) {
      TENURE_ASSIGN(const std::unique_ptr<Input> input, Input::Open(file, format_->line_bytes_max));
      const std::unique_ptr<EntrySource> source = format_->open(*input);
      TENURE_ASSIGN(const bool whole, ReadOne(importer, *input, *source));
      if (!whole) break;
      TENURE_RETURN_IF_ERROR(input->Finish());
    }
    return {};
  }

  /// False: interrupted.
  Result<bool> ReadOne(Importer& importer, Input& input, EntrySource& source) {
    Record record;
    Error why;
    while (!Interrupted()) {
      TENURE_ASSIGN(const EntrySource::Kind kind, source.Next(record, why));
      if (kind == EntrySource::Kind::kEnd) return true;
      if (kind == EntrySource::Kind::kInterrupted) return false;
      if (kind == EntrySource::Kind::kInvalid) {
        importer.Refuse(input.At(source.line()), why);
        continue;
      }
      if (!Takes(record)) continue;
      TENURE_RETURN_IF_ERROR(importer.Add(std::move(record), input.At(source.line())));
      const std::uint64_t total = input.lines().bytes_total();
      progress_->Update(total > 0 ? input.lines().bytes_read() : importer.counts().records, total);
    }
    return false;
  }

  /// A tag belongs to the share of the entry it points to.
  bool Takes(const Record& record) const {
    return record.entry ? shard_.Takes(record.entry->name, record.entry->version)
                        : shard_.Takes(record.tag->name, record.tag->version);
  }

  void Complain(Context& ctx, const std::string& what) {
    if (++complaints_ > kComplaintsShown) return;
    progress_->Clear();
    ctx.Warn(what);
  }

  void Report(Context& ctx, const ImportCounts& counts, std::uint64_t elapsed_ns) const {
    if (complaints_ > kComplaintsShown) {
      ctx.Warn("and " + std::to_string(complaints_ - kComplaintsShown) + " more like these");
    }
    const double seconds = static_cast<double>(elapsed_ns) / 1e9;
    const auto rate = static_cast<std::uint64_t>(static_cast<double>(counts.records) / std::max(seconds, 1e-9));
    char shown[32];
    std::snprintf(shown, sizeof shown, "%.3f", seconds);
    const auto n = [](std::uint64_t value) { return std::to_string(value); };
    if (IsJson(ctx.format())) {
      ctx.out().Line("{\"format\":" + model::QuoteJson(format_->name) + ",\"records\":" + n(counts.records) +
                     ",\"committed\":" + n(counts.added + counts.updated) + ",\"added\":" + n(counts.added) +
                     ",\"updated\":" + n(counts.updated) + ",\"unchanged\":" + n(counts.unchanged) +
                     ",\"conflicts\":" + n(counts.conflicts) + ",\"parked\":" + n(counts.parked) +
                     ",\"invalid\":" + n(counts.invalid) + ",\"transactions\":" + n(counts.transactions) +
                     ",\"retries\":" + n(counts.retries) + ",\"lsn\":" + n(counts.last_lsn) + ",\"seconds\":" + shown +
                     ",\"entries_per_s\":" + n(rate) + ",\"interrupted\":" + (Interrupted() ? "true" : "false") + "}");
      return;
    }
    ctx.Note(std::string(Interrupted() ? "interrupted; run it again to go on: " : "") +
             n(counts.added + counts.updated) + " committed (" + n(counts.added) + " new, " + n(counts.updated) +
             " with more URLs), " + n(counts.unchanged) + " unchanged, " + n(counts.conflicts) + " conflicts, " +
             n(counts.invalid) + " invalid; " + n(counts.transactions) + " transactions, " + n(counts.retries) +
             " retries, " + shown + " s, " + n(rate) + " entries/s");
  }

  std::string format_name_;
  std::vector<std::string> files_;
  std::optional<std::uint64_t> batch_, window_, overlap_;
  std::optional<std::string> shard_text_, acks_path_, on_conflict_, wait_;
  std::string writer_;
  std::vector<std::string> leases_;

  const ImportFormat* format_ = nullptr;
  Shard shard_;
  std::unique_ptr<Progress> progress_;
  std::uint64_t complaints_ = 0;
};

}  // namespace

std::unique_ptr<Command> MakeImport() { return std::make_unique<Import>(); }

}  // namespace tenure::cli
