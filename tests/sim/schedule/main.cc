// tenure-sim: runs simulated worlds, one for each seed, and says which ones went wrong.
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "tests/sim/schedule/plan.h"
#include "tests/sim/schedule/world.h"

namespace tenure::sim {
namespace {

constexpr const char* kUsage =
    "tenure-sim [--seeds N] [--from S] [--seed S] [--twice] [--expect] [--finding TEXT] [--list] [--trace FILE] "
    "[--verbose]\n"
    "  --seeds N     so many seeds, from --from (1) on; 0: until one fails\n"
    "  --seed S      only this one\n"
    "  --twice       each seed twice: the traces must be equal\n"
    "  --expect      succeed when a seed fails: is a deliberate defect (TENURE_SEEDED_BUG) noticed?\n"
    "  --finding TEXT  only seeds count as failed that say this; with --expect: is it noticed by what it breaks?\n"
    "  --list        a line for each seed, not only for those that fail\n"
    "  --trace FILE  each step of the (last) seed: number, nanoseconds, process.thread, name\n"
    "  --verbose     every call and what the store logs, on stderr\n";

struct Options {
  std::uint64_t from = 1, seeds = 100;
  bool twice = false, expect = false, list = false;
  std::string finding;
  WorldOptions world;
};

[[noreturn]] void Usage() {
  std::fputs(kUsage, stderr);
  std::exit(2);
}

Options Parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto value = [&]() -> const char* { return ++i < argc ? argv[i] : (Usage(), nullptr); };
    const auto number = [&] { return std::strtoull(value(), nullptr, 10); };
    if (name == "--seeds") {
      options.seeds = number();
    } else if (name == "--from") {
      options.from = number();
    } else if (name == "--seed") {
      options.from = number();
      options.seeds = 1;
    } else if (name == "--twice") {
      options.twice = true;
    } else if (name == "--expect") {
      options.expect = true;
    } else if (name == "--finding") {
      options.finding = value();
    } else if (name == "--list") {
      options.list = true;
    } else if (name == "--trace") {
      options.world.trace_file = value();
    } else if (name == "--verbose") {
      options.world.verbose = true;
    } else {
      Usage();
    }
  }
  return options;
}

void Print(const Verdict& verdict) {
  const Counts& c = verdict.counts;
  std::printf(
      "seed %llu %s hash %016llx steps %llu switches %llu processes %llu kills %llu stops %llu slow %llu io %llu jumps "
      "%llu "
      "calls %llu ok %llu lsn %llu wait %llu ms: %s\n",
      static_cast<unsigned long long>(verdict.seed), verdict.ok ? "ok" : "FAILED",
      static_cast<unsigned long long>(verdict.hash), static_cast<unsigned long long>(c.steps),
      static_cast<unsigned long long>(c.switches), static_cast<unsigned long long>(c.starts),
      static_cast<unsigned long long>(c.kills), static_cast<unsigned long long>(c.stops),
      static_cast<unsigned long long>(c.slow), static_cast<unsigned long long>(c.io_errors),
      static_cast<unsigned long long>(c.jumps), static_cast<unsigned long long>(c.calls),
      static_cast<unsigned long long>(c.acknowledged), static_cast<unsigned long long>(c.lsn),
      static_cast<unsigned long long>(c.longest_wait_ns / 1'000'000), Plan::Of(verdict.seed).Text().c_str());
  std::fflush(stdout);
}

void Add(Counts& total, const Counts& one) {
  total.steps += one.steps;
  total.switches += one.switches;
  total.kills += one.kills;
  total.stops += one.stops;
  total.slow += one.slow;
  total.io_errors += one.io_errors;
  total.jumps += one.jumps;
  total.calls += one.calls;
  total.acknowledged += one.acknowledged;
  total.lsn += one.lsn;
  total.group_transactions += one.group_transactions;
  total.several_effects += one.several_effects;
  total.starts += one.starts;
  total.spurious += one.spurious;
  for (const KillsAt& at : one.kills_at) {
    if (at.point != nullptr) total.AddKills(at.point, at.kills);
  }
  if (one.longest_wait_ns > total.longest_wait_ns) total.longest_wait_ns = one.longest_wait_ns;
}

void PrintKills(const Counts& total) {
  std::map<std::string, std::uint64_t> by_name;
  std::uint64_t sum = 0;
  for (const KillsAt& at : total.kills_at) {
    if (at.point == nullptr) continue;
    by_name[at.point] = at.kills;
    sum += at.kills;
  }
  std::printf("killed at %zu fail points, %llu times:", by_name.size(), static_cast<unsigned long long>(sum));
  for (const auto& [name, kills] : by_name)
    std::printf(" %s %llu", name.c_str(), static_cast<unsigned long long>(kills));
  std::printf("\n");
}

int Run(const Options& options) {
  Counts total;
  std::uint64_t failed = 0;
  std::uint64_t ran = 0;
  std::uint64_t hash_before = 0;
  for (std::uint64_t i = 0; options.seeds == 0 || i < options.seeds; ++i) {
    WorldOptions world = options.world;
    world.seed = options.from + i;
    Verdict verdict = RunSeed(world);
    ++ran;
    if (options.twice) {
      const Verdict again = RunSeed(world);
      if (again.hash != verdict.hash || again.counts.steps != verdict.counts.steps) {
        verdict.ok = false;
        verdict.problems += "the second run of this seed took other steps\n";
      }
    }
    if (verdict.hash == hash_before) {
      verdict.ok = false;
      verdict.problems += "this seed took the steps of the one before it\n";
    }
    hash_before = verdict.hash;
    Add(total, verdict.counts);
    const bool fails = !verdict.ok && verdict.problems.find(options.finding) != std::string::npos;
    if (options.seeds == 1 || options.list || fails) Print(verdict);
    if (!fails) continue;
    ++failed;
    std::printf("%sAgain: tenure-sim --seed %llu\n", verdict.problems.c_str(),
                static_cast<unsigned long long>(world.seed));
    if (options.expect || options.seeds == 0) break;
  }
  std::printf("%llu seeds, %llu failed; ", static_cast<unsigned long long>(ran),
              static_cast<unsigned long long>(failed));
  std::printf(
      "steps %llu, switches %llu, processes %llu, kills %llu, stops %llu, slow %llu, io errors %llu, clock jumps %llu, "
      "calls %llu, acknowledged %llu, transactions on groups %llu (%llu of several effects), longest wait %llu ms\n",
      static_cast<unsigned long long>(total.steps), static_cast<unsigned long long>(total.switches),
      static_cast<unsigned long long>(total.starts), static_cast<unsigned long long>(total.kills),
      static_cast<unsigned long long>(total.stops), static_cast<unsigned long long>(total.slow),
      static_cast<unsigned long long>(total.io_errors), static_cast<unsigned long long>(total.jumps),
      static_cast<unsigned long long>(total.calls), static_cast<unsigned long long>(total.acknowledged),
      static_cast<unsigned long long>(total.group_transactions), static_cast<unsigned long long>(total.several_effects),
      static_cast<unsigned long long>(total.longest_wait_ns / 1'000'000));
  PrintKills(total);
  return (failed != 0) == options.expect ? 0 : 1;
}

}  // namespace
}  // namespace tenure::sim

int main(int argc, char** argv) {
  // The same addresses in every run: what is ordered by them is ordered alike.
  if ((::personality(0xffffffff) & ADDR_NO_RANDOMIZE) == 0 && ::personality(ADDR_NO_RANDOMIZE) != -1 &&
      std::getenv("TENURE_SIM_AGAIN") == nullptr) {
    ::setenv("TENURE_SIM_AGAIN", "1", 1);
    ::execv("/proc/self/exe", argv);
  }
  return tenure::sim::Run(tenure::sim::Parse(argc, argv));
}
