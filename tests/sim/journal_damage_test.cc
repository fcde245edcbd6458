// Damage to a closed store's journal: a flipped bit of every byte, many lengths, edits with mended checksums.
// None may pass for a sound journal, and what is reported must say where it is.
//
//   TENURE_DAMAGE_ALL=1        a journal of 64 KiB, every bit of it, every length (half an hour)
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/sim/journal_bytes.h"
#include "tests/sim/sim_env.h"
#include "tests/sim/sim_scratch.h"

namespace tenure::sim {
namespace {

namespace fs = std::filesystem;

bool All() {
  static const bool all = NumberFromEnvironment("TENURE_DAMAGE_ALL", 0) != 0;
  return all;
}

int DamagedTransactions() { return All() ? 90 : 16; }

/// What is flipped in each byte, one after the other.
std::vector<std::byte> Flips() {
  if (!All()) return {std::byte{0x10}};
  std::vector<std::byte> bits;
  for (int bit = 0; bit < 8; ++bit) bits.push_back(std::byte{1} << bit);
  return bits;
}

class JournalDamage : public ::testing::Test {
 protected:
  recovery::VerifyReport Verify(const recovery::VerifyOptions& options) {
    auto report = recovery::Verify(base::Env::Posix(), store_.layout(), options);
    if (!report.ok()) throw std::runtime_error(report.error().message);
    return std::move(report).value();
  }
  /// The journal by itself; somebody knows how far it must reach.
  recovery::VerifyReport VerifyJournal() {
    recovery::VerifyOptions options;
    options.index = false;
    options.durable = store_.last().last_lsn;
    return Verify(options);
  }
  static bool Names(const recovery::VerifyReport& report, const std::string& path, std::uint64_t offset) {
    for (const Error& problem : report.problems) {
      if (problem.path == path && problem.offset == offset) return true;
    }
    return false;
  }
  static std::string Texts(const recovery::VerifyReport& report) {
    std::string text;
    for (const Error& problem : report.problems) text += problem.message + "\n";
    return text;
  }
  /// Opens a copy of the store after a reboot, of which shared memory is no part: most of a store's size is that.
  /// What is left of the promises: an error, or everything.
  void ExpectNoSilentLoss(const std::string& what) {
    const std::string copy = scratch_ / "copy";
    fs::remove_all(copy);
    fs::create_directories(copy + "/.tenure");
    for (const char* part : {"tenure.json", "journal", "index", "checkpoints"}) {
      fs::copy(store_.layout().root + "/" + part, copy + "/.tenure/" + part, fs::copy_options::recursive);
    }
    SimEnv env(3, /*boot=*/2);
    OpenOptions options;
    options.env = &env;
    options.background = false;
    const auto opened = Store::Open(copy, options);
    if (!opened.ok()) {
      EXPECT_EQ(opened.error().code, ErrorCode::kCorruption) << what << ": " << opened.error().message;
      return;
    }
    const auto read = opened->Log(1, 0, [](const Event&) { return true; });
    if (!read.ok()) {
      EXPECT_EQ(read.error().code, ErrorCode::kCorruption) << what << ": " << read.error().message;
      return;
    }
    ADD_FAILURE() << what << ": opened and read without an error\n" << Joined(CheckLog(*opened, store_.expected()));
  }

  /// Calls damaged("byte 7 with 0x10", 7) with each flip of the bytes from `begin` to `end`, and puts the byte back.
  template <typename Damaged>
  void ForEachFlip(const std::string& path, std::uint64_t begin, std::uint64_t end, Damaged damaged) {
    for (std::uint64_t offset = begin; offset < end; ++offset) {
      for (const std::byte bits : Flips()) {
        char what[64];
        std::snprintf(what, sizeof what, "byte %llu with 0x%02x", static_cast<unsigned long long>(offset),
                      std::to_integer<unsigned>(bits));
        FlipBits(path, offset, bits);
        damaged(std::string(what), offset);
        FlipBits(path, offset, bits);
        if (HasFailure()) return;
      }
    }
  }

  SimScratch scratch_;
  ClosedStore store_{scratch_ / "store", DamagedTransactions()};
};

TEST_F(JournalDamage, AnUndamagedStoreIsSound) {
  EXPECT_EQ(Texts(Verify({})), "");
  EXPECT_EQ(Texts(VerifyJournal()), "");
  EXPECT_EQ(store_.frames().size(), static_cast<std::size_t>(DamagedTransactions()));
  EXPECT_GT(store_.last().end, All() ? 65'536u : 14'000u) << "worth flipping";
  std::printf("%llu bytes in %zu frames\n", static_cast<unsigned long long>(store_.last().end), store_.frames().size());
}

TEST_F(JournalDamage, EveryFlippedByteOfAFrameIsFoundAtTheFrame) {
  for (const FrameSpan& frame : store_.frames()) {
    ForEachFlip(frame.path, frame.begin, frame.end, [&](const std::string& what, std::uint64_t offset) {
      const recovery::VerifyReport report = VerifyJournal();
      EXPECT_TRUE(Names(report, frame.path, frame.begin)) << what << " of frame " << frame.begin << "\n"
                                                          << Texts(report);
      if (offset % 97 == 0) {
        EXPECT_FALSE(Verify({}).ok()) << what;
        ExpectNoSilentLoss(what);
      }
    });
    if (HasFailure()) return;
  }
  EXPECT_EQ(Texts(Verify({})), "") << "every byte was put back";
}

TEST_F(JournalDamage, EveryFlippedByteOfASegmentHeaderIsFound) {
  const std::string& path = store_.last().path;
  ForEachFlip(path, 0, journal::kSegmentHeaderBytes, [&](const std::string& what, std::uint64_t offset) {
    const recovery::VerifyReport report = VerifyJournal();
    bool named = false;
    for (const Error& problem : report.problems) named = named || (problem.path == path && problem.offset.has_value());
    EXPECT_TRUE(named) << what << "\n" << Texts(report);
    if (offset % 97 == 0) ExpectNoSilentLoss("header, " + what);
  });
}

/// The one case in which damage and an interrupted write look the same.
TEST_F(JournalDamage, WithoutAnyWitnessADamagedLastFrameIsATornTail) {
  const FrameSpan& last = store_.last();
  recovery::VerifyOptions options;
  options.index = false;
  ForEachFlip(last.path, last.begin, last.end, [&](const std::string& what, std::uint64_t) {
    const recovery::VerifyReport report = Verify(options);
    EXPECT_TRUE(report.ok()) << what << "\n" << Texts(report);
    EXPECT_EQ(report.last_lsn, last.first_lsn - 1) << what;
    if (report.warnings.empty()) {
      ADD_FAILURE() << what;
    } else {
      EXPECT_NE(report.warnings[0].find(last.path), std::string::npos) << report.warnings[0];
    }
  });
  // Opened, its bytes are set aside and said to be.
  FlipBits(last.path, last.begin + 200);
  fs::remove_all(store_.layout().index());
  fs::remove(store_.layout().shared_segment());
  SimEnv env(3, /*boot=*/2);
  OpenOptions open;
  open.env = &env;
  open.background = false;
  const auto opened = Store::Open(store_.dir(), open);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_EQ(opened->recovery().set_aside_path, last.path);
  EXPECT_EQ(opened->recovery().set_aside_offset, last.begin);
  EXPECT_GT(opened->recovery().set_aside_bytes, 0u);
  EXPECT_EQ(opened->Stats()->durable_lsn, last.first_lsn - 1);
}

TEST_F(JournalDamage, EveryShorterFileIsFound) {
  const std::string& path = store_.last().path;
  const std::uint64_t whole = fs::file_size(path);
  const base::Bytes bytes = ReadBytes(path, 0, store_.last().end);
  const std::uint64_t step = All() ? 1 : 61;
  SimEnv env(3);
  OpenOptions options;
  options.env = &env;
  options.background = false;
  for (std::uint64_t length = 0; length < store_.last().end; length += step) {
    fs::resize_file(path, length);
    EXPECT_FALSE(Verify({}).ok()) << "length " << length;
    const auto opened = Store::Open(store_.dir(), options);
    ASSERT_FALSE(opened.ok()) << "length " << length;
    EXPECT_EQ(opened.error().code, ErrorCode::kCorruption) << opened.error().message;
    EXPECT_NE(opened.error().message.find(path), std::string::npos) << opened.error().message;
  }
  fs::resize_file(path, whole);
  WriteBytes(path, 0, bytes);
  EXPECT_EQ(Texts(Verify({})), "") << "refusing changed nothing";
  EXPECT_TRUE(Store::Open(store_.dir(), options).ok());
}

TEST_F(JournalDamage, AnEditWithMendedChecksumsIsFound) {
  for (const bool mend_chain : {false, true}) {
    for (const FrameSpan& frame : store_.frames()) {
      const base::Bytes before = ReadBytes(frame.path, frame.begin, frame.end);
      if (before.size() < 400) continue;  // nothing to edit in it
      EditFrame(frame, mend_chain);
      EXPECT_FALSE(Verify({}).ok()) << "frame " << frame.begin << (mend_chain ? ", chain mended too" : "");
      WriteBytes(frame.path, frame.begin, before);
    }
  }
  EXPECT_EQ(Texts(Verify({})), "");
}

TEST_F(JournalDamage, AZeroedLastFrameIsFound) {
  ZeroFrame(store_.last());
  const recovery::VerifyReport report = Verify({});
  EXPECT_TRUE(Names(report, store_.last().path, store_.last().begin)) << Texts(report);
  ExpectNoSilentLoss("zeroed last frame");
}

}  // namespace
}  // namespace tenure::sim
