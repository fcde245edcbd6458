// tenure-replay diff A B
#include <algorithm>
#include <array>
#include <cstdlib>
#include <tuple>
#include <utility>

#include "cli/args.h"
#include "cli/parse.h"
#include "cli/replay.h"
#include "cli/replay_rare.h"
#include "cli/replay_rows.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/views.h"
#include "cli/working_directory.h"
#include "store/base/error.h"
#include "store/base/hash.h"
#include "store/model/json.h"
#include "store/recovery/rebuild.h"

namespace tenure::cli {
namespace {

constexpr int kDifferent = 1;
constexpr int kTrouble = 2;

/// A directory for the states being compared; removed with everything in it.
class Scratch {
 public:
  static Result<std::unique_ptr<Scratch>> Make(base::Env& env) {
    const char* parent = std::getenv("TMPDIR");
    TENURE_ASSIGN(std::string path, AbsolutePath(parent != nullptr && *parent != '\0' ? parent : "/tmp"));
    std::array<std::byte, 8> random{};
    env.Random(random);
    path += "/tenure-replay-" + base::Hex(random);
    TENURE_RETURN_IF_ERROR(env.CreateDirectory(path));
    return std::unique_ptr<Scratch>(new Scratch(env, std::move(path)));
  }
  ~Scratch() { (void)env_.RemoveAll(path_); }  // best effort: a leftover in the temporary directory harms nobody
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }

 private:
  Scratch(base::Env& env, std::string path) : env_(env), path_(std::move(path)) {}
  base::Env& env_;
  std::string path_;
};

bool IsLsn(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

/// What two rows of one key must share to be equal.
auto ContentOf(const ArtifactEntry& row) {
  return std::tie(row.digest, row.size, row.media_type, row.urls, row.annotations);
}
auto ContentOf(const TagEntry& row) { return std::tie(row.version); }

std::string RowJson(const ArtifactEntry& row) { return model::EntryJson(row); }
std::string RowJson(const TagEntry& row) { return model::TagJson(row); }
std::string Value(const ArtifactEntry& row) { return row.digest.empty() ? "-" : row.digest; }
std::string Value(const TagEntry& row) { return row.version; }
auto OrderOf(const ArtifactEntry& row) { return std::tie(row.name, row.version); }
auto OrderOf(const TagEntry& row) { return std::tie(row.name, row.tag); }

class ReplayDiff : public Command {
 public:
  void Define(Args& args) override {
    args.Required("A", a_, "A store's directory, or an LSN of this store");
    args.Required("B", b_, "The same");
    args.Flag("--full", full_, "Revisions, LSNs, writers and times count too, and parked conflicts and leases");
    args.Footer(
        "Each side is built from its journal (and newest usable checkpoint) in TMPDIR, so what is compared is what\n"
        "was committed, whatever the indexes say. Like diff(1): exit status 0 when entries, tags and policies\n"
        "are the same, 1 when they differ, 2 or more in case of trouble.");
  }

  Result<int> Run(Context& ctx) override {
    auto result = Compare(ctx);
    if (result.ok() || ExitCode(result.error().code) != kDifferent) return result;
    WriteStderr(ErrorText(result.error(), ctx.format()));
    return kTrouble;
  }

 private:
  Result<int> Compare(Context& ctx) {
    ctx.BeginCritical("the comparison");
    auto result = CompareInScratch(ctx);
    ctx.EndCritical();
    return result;
  }

  Result<int> CompareInScratch(Context& ctx) {
    TENURE_ASSIGN(const auto scratch, Scratch::Make(ctx.env()));
    TENURE_ASSIGN(const auto left, Build(ctx, a_, scratch->path() + "/a.db"));
    TENURE_ASSIGN(const auto right, Build(ctx, b_, scratch->path() + "/b.db"));
    RowWriter rows(ctx, {"CHANGE", "KEY", "A", "B"});
    TENURE_RETURN_IF_ERROR(Merge<ArtifactEntry>(rows, *left, *right));
    TENURE_RETURN_IF_ERROR(Merge<TagEntry>(rows, *left, *right));
    TENURE_RETURN_IF_ERROR(MergeRare(rows, *left, *right));
    TENURE_RETURN_IF_ERROR(rows.Finish());
    return different_ ? kDifferent : 0;
  }

  Result<std::unique_ptr<index::IndexReader>> Build(Context& ctx, const std::string& operand,
                                                    const std::string& target) const {
    const bool lsn = IsLsn(operand);
    TENURE_ASSIGN(const ReplayStore store, FindReplayStore(ctx, lsn ? std::string() : operand));
    recovery::RebuildOptions options;
    options.durable = store.durable();
    if (lsn) {
      TENURE_ASSIGN(options.to_lsn, ParseCount(operand, "the LSN"));
    }
    const auto progress = ctx.StartProgress("building " + operand);
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
      progress->Update(done, total);
      return !Interrupted();
    };
    TENURE_ASSIGN(const auto report, recovery::BuildIndex(ctx.env(), store.layout, target, options));
    return index::IndexReader::Open(report.path, true);
  }

  template <typename Row>
  Status Merge(RowWriter& rows, const index::IndexReader& left, const index::IndexReader& right) {
    OrderedRows<Row> a(left);
    OrderedRows<Row> b(right);
    for (;;) {
      TENURE_ASSIGN(const Row* const x, a.Current());
      TENURE_ASSIGN(const Row* const y, b.Current());
      if (x == nullptr && y == nullptr) return {};
      const bool from_a = y == nullptr || (x != nullptr && OrderOf(*x) <= OrderOf(*y));
      const bool from_b = x == nullptr || (y != nullptr && OrderOf(*y) <= OrderOf(*x));
      const bool same = from_a && from_b && ContentOf(*x) == ContentOf(*y) && (!full_ || *x == *y);
      if (!same && !Show<Row>(rows, from_a ? x : nullptr, from_b ? y : nullptr)) return {};
      if (from_a) a.Advance();
      if (from_b) b.Advance();
    }
  }

  Status MergeRare(RowWriter& rows, const index::IndexReader& left, const index::IndexReader& right) {
    TENURE_ASSIGN(const RareRows a, ReadRareRows(left, full_));
    TENURE_ASSIGN(const RareRows b, ReadRareRows(right, full_));
    RareRows keys = a;
    keys.insert(b.begin(), b.end());
    for (const auto& [key, unused] : keys) {
      static_cast<void>(unused);
      const auto x = a.find(key);
      const auto y = b.find(key);
      const bool in_a = x != a.end();
      const bool in_b = y != b.end();
      if (in_a && in_b && x->second.content == y->second.content) continue;
      const Side of_a = in_a ? Side{"there", x->second.json} : Side{};
      const Side of_b = in_b ? Side{in_a ? "another" : "there", y->second.json} : Side{};
      if (!Show(rows, key, of_a, of_b)) return {};
    }
    return {};
  }

  /// One side of a difference; without JSON: it is not there.
  struct Side {
    std::string value = "-";
    std::string json = {};
  };

  template <typename Row>
  bool Show(RowWriter& rows, const Row* x, const Row* y) {
    return Show(rows, KeyOf(x != nullptr ? *x : *y), x != nullptr ? Side{Value(*x), RowJson(*x)} : Side{},
                y != nullptr ? Side{Value(*y), RowJson(*y)} : Side{});
  }
  bool Show(RowWriter& rows, const std::string& key, const Side& a, const Side& b) {
    different_ = true;
    const char* change = a.json.empty() ? "added" : b.json.empty() ? "removed" : "changed";
    std::string json = std::string("{\"change\":\"") + change + "\",\"key\":" + model::QuoteJson(key);
    if (!a.json.empty()) json += ",\"a\":" + a.json;
    if (!b.json.empty()) json += ",\"b\":" + b.json;
    return rows.Add({change, key, a.value, b.value}, json + "}");
  }

  std::string a_;
  std::string b_;
  bool full_ = false;
  bool different_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeReplayDiff() { return std::make_unique<ReplayDiff>(); }

}  // namespace tenure::cli
