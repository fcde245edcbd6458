#include "tests/sim/power_loss.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <string_view>

#include "store/base/codec.h"
#include "store/base/hash.h"
#include "tests/sim/sim_env.h"
#include "tests/sim/trace_vfs.h"

namespace tenure::sim {
namespace {

using Kind = base::TraceStep::Kind;
namespace fs = std::filesystem;

/// The transaction that a recovered store must still accept.
constexpr int kAfterwards = 1'000'000;

bool IsSqliteFile(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name.ends_with(".db") || name.find(".db-") != std::string_view::npos || name.starts_with("building-") ||
         path.find("/checkpoints/making-") != std::string_view::npos;
}

/// Makes everything below `dir` durable in the trace of `env`: the ground that a second loss starts from.
Status SyncTree(base::Env& env, const std::string& dir) {
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    if (entry.is_directory()) {
      auto synced = env.SyncDirectory(entry.path().string());
      if (!synced.ok()) return synced;
      continue;
    }
    auto file = env.Open(entry.path().string(), base::OpenMode::kReadWrite);
    if (!file.ok()) return std::move(file).error();
    auto synced = (*file)->SyncAll();
    if (!synced.ok()) return synced;
  }
  return env.SyncDirectory(dir);
}

/// Memory that was lost may have left anything in its file: here a header that is whole, and words that are not.
void Scramble(const std::string& path, std::uint64_t seed) {
  constexpr std::uint64_t kHeaderBytes = 256;
  constexpr std::uint64_t kScrambledBytesMax = 96 * 1024;
  std::error_code gone;
  const std::uintmax_t size = fs::file_size(path, gone);
  if (gone || size <= kHeaderBytes) return;
  std::mt19937_64 dice(seed);
  std::string words(std::min<std::uint64_t>(size - kHeaderBytes, kScrambledBytesMax), '\0');
  for (char& c : words) c = static_cast<char>(dice());
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(kHeaderBytes);
  file.write(words.data(), static_cast<std::streamsize>(words.size()));
}

Violations Prefixed(const std::string& prefix, Violations violations) {
  for (std::string& violation : violations) violation.insert(0, prefix);
  return violations;
}

/// One disk after a loss.
class LostDisk {
 public:
  LostDisk(const base::Trace& trace, const base::PowerLoss& loss, std::string target, const LossCheck& check)
      : loss_(loss),
        target_(std::move(target)),
        root_(target_ + "/.tenure"),
        check_(check),
        expected_(ExpectedAt(trace, loss.steps, check.large)),
        env_(loss.seed * 31 + loss.steps, check.boot) {
    options_.env = &env_;
    options_.background = false;
    options_.writer = "sim@sim";
    if (check_.sqlite) traced_.emplace(env_, target_);
  }
  ~LostDisk() { fs::remove_all(target_); }

  Violations Check(const base::Trace& trace, const std::string& source) {
    const auto rebuilt = base::RebuildAfterPowerLoss(env_, trace, source, target_, loss_);
    if (!rebuilt.ok()) return {"rebuild: " + rebuilt.error().message};
    if (!fs::exists(root_)) return CheckNoStore();
    // All happen: the file is not synced, so it may be gone, or there without what memory held, or with something else.
    if (loss_.seed % 2 == 0) fs::remove(root_ + "/ingest.shm");
    if (loss_.seed % 4 == 1) Scramble(root_ + "/ingest.shm", loss_.seed);
    if (const Status synced = SyncTree(env_, target_); !synced.ok()) return {"sync: " + synced.error().message};
    if (!check_.index_copy.empty()) {
      fs::copy(check_.index_copy, root_ + "/index", fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    }
    MarkAll(env_, expected_);
    const std::size_t ground = env_.CopyTrace().size();
    Violations violations = Prefixed("before opening: ", CheckVerify(env_, root_));
    if (violations.empty()) violations = CheckStore();
    if (violations.empty()) violations = Prefixed("afterwards: ", CheckVerify(env_, root_, check_.deep));
    if (violations.empty() && check_.losses > 0) violations = CheckFurtherLosses(ground);
    return violations;
  }

 private:
  /// Only `init` itself may have been interrupted, and then it can be repeated.
  Violations CheckNoStore() {
    if (expected_.created) return {"the store is gone"};
    const auto none = Store::Open(target_, options_);
    if (none.ok() || none.error().code != ErrorCode::kNoStore) return {"no store, but opening it does not say so"};
    const auto again = Store::Create(target_, FewSlots(), options_);
    if (!again.ok()) return {"init cannot be repeated: " + again.error().message};
    return {};
  }

  Violations CheckStore() {
    auto store = Store::Open(target_, options_);
    if (!store.ok()) return {"open: " + store.error().message};
    std::map<int, Lsn> found;
    Violations violations = CheckLog(*store, expected_, &found);
    if (violations.empty() && check_.sqlite) violations = CheckRowsOf(*store, expected_);
    if (!violations.empty()) return violations;
    // What was seen once must not go away again.
    for (const auto& [i, lsn] : found) env_.Mark("ack " + std::to_string(i) + " " + std::to_string(lsn));
    const auto receipt = CommitPlanned(*store, env_, kAfterwards + check_.boot, check_.large);
    if (!receipt.ok()) return {"a further commit: " + receipt.error().message};
    expected_.submitted.insert(kAfterwards + check_.boot);
    expected_.acknowledged[kAfterwards + check_.boot] = receipt->lsn;
    return Prefixed("after a further commit: ", CheckLog(*store, expected_));
  }

  Violations CheckFurtherLosses(std::size_t ground) {
    const base::Trace all = env_.CopyTrace();
    const base::Trace trace = check_.sqlite ? all : WithoutSqlite(all);
    // The ground lies at the last mark before opening, whatever was taken out in front of it.
    std::size_t removed_before = 0;
    if (!check_.sqlite) {
      const base::Trace before(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(ground));
      removed_before = ground - WithoutSqlite(before).size();
    }
    LossCheck next = check_;
    next.losses = 0;
    next.index_copy.clear();
    ++next.boot;
    for (std::uint64_t i = 0; i < check_.losses; ++i) {
      const base::PowerLoss loss = PickLoss(trace, loss_.seed * 1'000 + i, ground - removed_before);
      const Violations violations = CheckLoss(trace, target_, loss, target_ + "-again", next);
      if (!violations.empty()) {
        return Prefixed("lost again " + std::to_string(loss.steps - (ground - removed_before)) +
                            " steps into the recovery, seed " + std::to_string(loss.seed) + ": ",
                        violations);
      }
    }
    return {};
  }

  const base::PowerLoss loss_;
  const std::string target_;
  const std::string root_;
  const LossCheck check_;
  Expected expected_;
  SimEnv env_;
  std::optional<TracedSqlite> traced_;
  OpenOptions options_;
};

}  // namespace

base::Trace WithoutSqlite(const base::Trace& trace) {
  base::Trace kept;
  for (const base::TraceStep& step : trace) {
    if (step.kind == Kind::kMark || !IsSqliteFile(step.path)) kept.push_back(step);
  }
  return kept;
}

std::uint64_t TraceHash(const base::Trace& trace, const std::string& source) {
  base::Sha256 sha;
  const auto add = [&](const std::string& text) {
    sha.Update(base::AsBytes(text));
    sha.Update(base::AsBytes("\n"));
  };
  // The directory above, whose name differs from run to run, is all that is touched outside.
  const auto add_path = [&](const std::string& path) {
    add(path.starts_with(source) ? path.substr(source.size()) : path.empty() ? "" : "..");
  };
  for (const base::TraceStep& step : trace) {
    add(std::to_string(static_cast<int>(step.kind)) + " " + std::to_string(step.offset));
    add_path(step.path);
    add_path(step.to);
    sha.Update(step.data);
  }
  return base::LoadLe<std::uint64_t>(sha.Finish().data());
}

base::PowerLoss PickLoss(const base::Trace& trace, std::uint64_t number, std::size_t first) {
  std::mt19937_64 dice(number);
  base::PowerLoss loss;
  loss.seed = dice();
  loss.tear_bytes = dice() % 2 == 0 ? 512 : 4096;
  if (dice() % 2 == 0) {
    std::vector<std::size_t> renames;
    for (std::size_t i = first; i < trace.size(); ++i) {
      if (trace[i].kind == Kind::kRename || trace[i].kind == Kind::kSyncDirectory) renames.push_back(i);
    }
    if (!renames.empty()) {
      loss.steps = std::min(trace.size(), std::max(first, renames[dice() % renames.size()] + dice() % 6));
      return loss;
    }
  }
  loss.steps = first + dice() % (trace.size() - first + 1);
  return loss;
}

Violations CheckLoss(const base::Trace& trace, const std::string& source, const base::PowerLoss& loss,
                     const std::string& target, const LossCheck& check) {
  fs::remove_all(target);
  LostDisk disk(trace, loss, target, check);
  return disk.Check(trace, source);
}

}  // namespace tenure::sim
