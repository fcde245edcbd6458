// The parts of tenure-load that are values: sizes and content from a seed, accounts, settings, the live line.
#include <cmath>
#include <set>
#include <thread>

#include "cli/load/account.h"
#include "cli/load/generator.h"
#include "cli/load/report.h"
#include "cli/load/settings.h"
#include "store/base/hash.h"
#include "tests/cli/fixture.h"

namespace tenure::cli::load {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::byte> BlockOf(Generator& generator) {
  std::vector<std::byte> block(generator.NextSize());
  generator.Fill(block);
  return block;
}

TEST(LoadGenerator, TheSameSeedAndWriterGiveTheSameBlocks) {
  Settings settings;
  settings.seed = 42;
  for (const Pattern pattern : {Pattern::kRandom, Pattern::kZero, Pattern::kSequence, Pattern::kText}) {
    settings.pattern = pattern;
    Generator one(settings, 3), same(settings, 3), other(settings, 4);
    bool differs = false;
    for (int i = 0; i < 50; ++i) {
      const auto block = BlockOf(one);
      EXPECT_EQ(block, BlockOf(same));
      differs = differs || block != BlockOf(other);
    }
    EXPECT_TRUE(differs) << NameOf(pattern);
  }
  Settings reseeded = settings;
  reseeded.seed = 43;
  Generator one(settings, 0), two(reseeded, 0);
  EXPECT_NE(BlockOf(one), BlockOf(two));
}

TEST(LoadGenerator, UniformSizesCoverTheRangeEvenly) {
  Settings settings;
  settings.size_min = 10;
  settings.size_max = 19;
  Generator generator(settings, 0);
  std::vector<int> counts(10);
  for (int i = 0; i < 100'000; ++i) {
    const std::size_t size = generator.NextSize();
    ASSERT_GE(size, 10u);
    ASSERT_LE(size, 19u);
    ++counts[size - 10];
  }
  // Seed 0 is fixed: 10,000 expected each, five standard deviations are 475.
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 475);
}

TEST(LoadGenerator, FixedAndExponentialSizes) {
  Settings settings;
  settings.distribution = Distribution::kFixed;
  Generator fixed(settings, 0);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(fixed.NextSize(), 10'000u);
  settings.distribution = Distribution::kExponential;
  Generator exponential(settings, 0);
  std::uint64_t sum = 0;
  std::uint64_t cut = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::size_t size = exponential.NextSize();
    ASSERT_GE(size, 10u);
    ASSERT_LE(size, 10'000u);
    sum += size;
    cut += size == 10'000 ? 1 : 0;
  }
  // The mean of an exponential with a quarter of the span, cut at the span: 10 + 9990/4 * (1 - exp(-4)).
  EXPECT_NEAR(static_cast<double>(sum) / 1e5, 10 + 9990.0 / 4 * (1 - std::exp(-4.0)), 40);
  EXPECT_NEAR(static_cast<double>(cut) / 1e5, std::exp(-4.0), 0.003);
}

TEST(LoadGenerator, PatternsAreWhatTheySay) {
  Settings settings;
  std::vector<std::byte> block(1000, std::byte{0xEE});
  settings.pattern = Pattern::kZero;
  Generator(settings, 0).Fill(block);
  EXPECT_EQ(block, std::vector<std::byte>(1000));
  settings.pattern = Pattern::kSequence;
  Generator(settings, 0).Fill(block);
  for (std::size_t i = 1; i < block.size(); ++i) {
    ASSERT_EQ(static_cast<unsigned char>(block[i]), static_cast<unsigned char>(static_cast<int>(block[i - 1]) + 1));
  }
  settings.pattern = Pattern::kText;
  Generator(settings, 0).Fill(block);
  for (const std::byte b : block) ASSERT_TRUE(std::isprint(static_cast<int>(b)) != 0 || b == std::byte{'\n'});
  settings.pattern = Pattern::kRandom;
  Generator(settings, 0).Fill(block);
  EXPECT_GT(std::set<std::byte>(block.begin(), block.end()).size(), 200u);
}

TEST(LoadGenerator, ThePoolUsesItsMemoryAgain) {
  Pool pool(100);
  std::byte* first = pool.Take();
  std::byte* second = pool.Take();
  ASSERT_NE(first, nullptr);
  EXPECT_NE(first, second);
  pool.Give(first);
  EXPECT_EQ(pool.Take(), first);
  EXPECT_EQ(pool.allocated(), 2u);
}

TEST(LoadAccount, ASnapshotAddsUpWhileTheWriterGoesOn) {
  Account account;
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (std::uint64_t i = 1; !stop.load(std::memory_order_relaxed); ++i) {
      Counts delta;
      delta.produced = 3;
      delta.produced_bytes = 3 * i;
      delta.succeeded = 2;
      delta.succeeded_bytes = 2 * i;
      delta.failed = 1;
      delta.failed_bytes = i;
      delta.full = i % 2;
      account.Add(delta);
    }
  });
  std::uint64_t last = 0;
  for (int i = 0; i < 50'000 || last == 0; ++i) {
    const Counts counts = account.Snapshot();
    ASSERT_TRUE(counts.AddsUp());
    ASSERT_EQ(counts.succeeded, 2 * counts.failed);
    ASSERT_EQ(counts.succeeded_bytes, 2 * counts.failed_bytes);
    ASSERT_GE(counts.produced, last);
    last = counts.produced;
  }
  stop.store(true, std::memory_order_relaxed);
  writer.join();
}

TEST(LoadAccount, SumsHaveEveryField) {
  Counts counts;
  std::uint64_t value = 1;
  for (std::uint64_t* field : counts.Fields()) *field = value++;
  const auto fields = counts.Fields();
  EXPECT_EQ(std::set<std::uint64_t*>(fields.begin(), fields.end()).size(), Counts::kFields);
  counts += counts;
  value = 1;
  for (const std::uint64_t* field : counts.Fields()) EXPECT_EQ(*field, 2 * value++);
}

TEST(LoadSettings, DefaultsAndValues) {
  RawSettings raw;
  const auto defaults = SettingsOf(raw, {0, 1, 5}, 99);
  ASSERT_TRUE(defaults.ok());
  EXPECT_EQ(defaults->writers, 3u);
  EXPECT_EQ(defaults->seed, 99u);
  EXPECT_EQ(defaults->size_min, 10u);
  EXPECT_EQ(defaults->size_max, 10'000u);
  EXPECT_THAT(defaults->cores, IsEmpty());
  raw.size = "77";
  raw.affinity = "5,0-1";
  raw.duration = "1.5s";
  raw.seed = 7;
  const auto settings = SettingsOf(raw, {0, 1, 5}, 99);
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->size_min, 77u);
  EXPECT_EQ(settings->size_max, 77u);
  EXPECT_THAT(settings->cores, ElementsAre(5, 0, 1));
  EXPECT_EQ(settings->span_ms, 1500u);
  EXPECT_EQ(settings->seed, 7u);
  raw.affinity = "auto";
  EXPECT_THAT(SettingsOf(raw, {0, 1, 5}, 99)->cores, ElementsAre(0, 1, 5));
}

TEST(LoadSettings, Durations) {
  EXPECT_EQ(*ParseDurationMs("250ms", "x"), 250u);
  EXPECT_EQ(*ParseDurationMs("2", "x"), 2000u);
  EXPECT_EQ(*ParseDurationMs("0.5s", "x"), 500u);
  EXPECT_EQ(*ParseDurationMs("3m", "x"), 180'000u);
  EXPECT_EQ(*ParseDurationMs("1h", "x"), 3'600'000u);
  for (const char* bad : {"", "s", "-1", "1d", "0", "1 s", "nan", "inf", "1e99", "0x"}) {
    EXPECT_FALSE(ParseDurationMs(bad, "x").ok()) << bad;
  }
}

TEST(LoadReport, TheLiveLineIsOfTheLastInterval) {
  Counts before;
  before.succeeded = 1000;
  before.succeeded_bytes = 0;
  Counts now;
  now.succeeded = 3000;
  now.succeeded_bytes = 1 << 20;
  now.full = 5;
  EXPECT_EQ(LiveLine(now, 12.34, before, 0.5, 200), "12.3 s  3,000 blocks  4,000/s  2.0 MiB/s  full 5");
  EXPECT_EQ(LiveLine(now, 12.34, before, 0.5, 6), "12.3 s");
  now.failed = 2;
  EXPECT_THAT(LiveLine(now, 12.34, before, 0.5, 200), HasSubstr("failed 2"));
}

TEST(LoadReport, SoundMeansThatEverythingArrived) {
  RunResult result;
  result.writers.resize(1);
  result.writers[0].counts = {2, 20, 2, 20, 0, 0, 9, 0};
  result.content = base::Xxh128(base::AsBytes("both"));
  Drained drained;
  drained.blocks = 2;
  drained.bytes = 20;
  drained.content = result.content;
  result.drained = drained;
  EXPECT_TRUE(result.Sound());
  const auto broken = [&](auto change) {
    RunResult copy = result;
    change(copy);
    return !copy.Sound();
  };
  EXPECT_TRUE(broken([](RunResult& r) { r.drained->lost = 1; }));
  EXPECT_TRUE(broken([](RunResult& r) { r.drained->duplicates = 1; }));
  EXPECT_TRUE(broken([](RunResult& r) { r.drained->damaged = 1; }));
  EXPECT_TRUE(broken([](RunResult& r) { r.drained->blocks = 1; }));
  EXPECT_TRUE(broken([](RunResult& r) { r.drained->bytes = 19; }));
  EXPECT_TRUE(broken([](RunResult& r) { r.drained->content = {}; }));
  EXPECT_TRUE(broken([](RunResult& r) { r.writers[0].failure = "disk full"; }));
  EXPECT_TRUE(broken([](RunResult& r) { r.writers[0].counts = {3, 30, 2, 20, 1, 10, 0, 0}; }));
  EXPECT_TRUE(broken([](RunResult& r) { r.writers[0].counts.produced = 3; }));
}

}  // namespace
}  // namespace tenure::cli::load
