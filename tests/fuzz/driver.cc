// Runs one of the program's targets without libFuzzer: over its seeds and its corpus, and over a fixed number of
// mutations of them, the same in every run.
//
//   fuzz_all NAME [--corpus DIR] [--runs N] [--seed N] [--first N] [--failures DIR]   seeds, then mutations
//   fuzz_all NAME FILE...                                                             these inputs
//   fuzz_all NAME --write-seeds DIR
//
// Mutation number N depends on the seed and on N only: what fails is written to a file and can be repeated either way.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fuzz/mutate.h"

extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace tenure::fuzz {
namespace {

constexpr unsigned kInputSecondsMax = 20;

struct Options {
  std::string program;  ///< With the target's name, as one calls it.
  const Registration* target = nullptr;
  std::string corpus;
  std::string failures = ".";
  std::uint64_t runs = 0;
  std::uint64_t seed = 1;
  std::uint64_t first = 0;
  std::vector<std::string> files;
};

// What a dying process has to know. Plain memory: a signal handler reads it.
struct {
  const char* data = nullptr;
  std::size_t size = 0;
  char path[512] = {};
  char repeat[1024] = {};
} current;

void Say(const char* text) { [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text, std::strlen(text)); }

void SaveCurrent() {
  if (current.data == nullptr) return;
  Say(current.repeat);
  if (current.path[0] != '\0') {
    const int fd = ::open(current.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    const bool saved = fd >= 0 && ::write(fd, current.data, current.size) == static_cast<ssize_t>(current.size);
    Say(saved ? "fuzz: the input is in " : "fuzz: the input cannot be written to ");
    Say(current.path);
    Say("\n");
  }
  current.data = nullptr;
}

void OnSignal(int signal) {
  if (signal == SIGALRM) Say("fuzz: an input takes too long\n");
  SaveCurrent();
  std::signal(signal, SIG_DFL);
  ::_exit(1);
}

void Run(const Registration& target, const std::string& input) {
  // A copy of exactly its size, so that reading behind its end is seen by AddressSanitizer.
  const std::vector<std::uint8_t> bytes(input.begin(), input.end());
  current.data = input.data();
  current.size = input.size();
  ::alarm(kInputSecondsMax);
  target.Test(bytes.data(), bytes.size());
  ::alarm(0);
  current.data = nullptr;
}

void Announce(const std::string& how, const std::string& path) {
  std::snprintf(current.repeat, sizeof current.repeat, "fuzz: repeat it with: %s\n", how.c_str());
  std::snprintf(current.path, sizeof current.path, "%s", path.c_str());
}

int RunFiles(const Options& options) {
  for (const std::string& file : options.files) {
    std::ifstream in(file, std::ios::binary);
    const std::string input((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (in.bad() || !in.is_open()) return std::fprintf(stderr, "fuzz: cannot read %s\n", file.c_str()), 2;
    Announce(options.program + " " + file, {});
    Run(*options.target, input);
  }
  return 0;
}

int RunAll(const Options& options) {
  const Target& target = options.target->target();
  std::vector<std::string> seeds = target.seeds;
  const std::vector<std::string> corpus = ReadCorpus(options.corpus);
  seeds.insert(seeds.end(), corpus.begin(), corpus.end());
  if (seeds.empty()) return std::fprintf(stderr, "fuzz: no seeds\n"), 2;
  std::printf("fuzz: %zu seeds, %llu mutations from --seed %llu --first %llu\n", seeds.size(),
              static_cast<unsigned long long>(options.runs), static_cast<unsigned long long>(options.seed),
              static_cast<unsigned long long>(options.first));
  std::fflush(stdout);
  const std::string failure = options.failures + "/fuzz_" + std::string(options.target->name()) + ".input";
  for (const std::string& seed : seeds) {
    Announce(options.program + " " + failure, failure);
    Run(*options.target, seed);
  }
  for (std::uint64_t i = options.first; i < options.first + options.runs; ++i) {
    Random random(options.seed * 0x9E3779B97F4A7C15ull + i);
    std::string input = seeds[Below(random, seeds.size())];
    Mutate(input, target, seeds, random);
    Announce(options.program + (options.corpus.empty() ? "" : " --corpus " + options.corpus) + " --seed " +
                 std::to_string(options.seed) + " --first " + std::to_string(i) + " --runs 1",
             failure);
    Run(*options.target, input);
  }
  return 0;
}

int Main(int argc, char** argv) {
  Options options;
  for (const Registration* target : Registrations()) {
    if (argc > 1 && target->name() == argv[1]) options.target = target;
  }
  if (options.target == nullptr) {
    std::fprintf(stderr, "fuzz: name one of the targets:");
    for (const Registration* target : Registrations()) std::fprintf(stderr, " %s", target->name().data());
    return std::fprintf(stderr, "\n"), 2;
  }
  options.program = std::string(argv[0]) + " " + argv[1];
  options.runs = options.target->target().runs;
  for (int i = 2; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.rfind("--", 0) != 0) {
      options.files.push_back(argument);
      continue;
    }
    if (i + 1 == argc) return std::fprintf(stderr, "fuzz: %s needs a value\n", argv[i]), 2;
    const char* value = argv[++i];
    if (argument == "--write-seeds") return WriteCorpus(value, options.target->target().seeds) ? 0 : 1;
    if (argument == "--corpus") {
      options.corpus = value;
    } else if (argument == "--failures") {
      options.failures = value;
    } else if (argument == "--runs") {
      options.runs = std::strtoull(value, nullptr, 10);
    } else if (argument == "--seed") {
      options.seed = std::strtoull(value, nullptr, 10);
    } else if (argument == "--first") {
      options.first = std::strtoull(value, nullptr, 10);
    } else {
      return std::fprintf(stderr, "fuzz: unknown option %s\n", argument.c_str()), 2;
    }
  }
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM}) {
    // AddressSanitizer describes crashes better than we do, and calls back.
    if (signal == SIGABRT || signal == SIGALRM || __sanitizer_set_death_callback == nullptr) {
      std::signal(signal, OnSignal);
    }
  }
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(SaveCurrent);
  return options.files.empty() ? RunAll(options) : RunFiles(options);
}

}  // namespace
}  // namespace tenure::fuzz

int main(int argc, char** argv) { return tenure::fuzz::Main(argc, argv); }
