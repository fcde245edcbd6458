// A file becomes shorter while it is read, at whatever moment: what was told of its length is not believed.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>

#include "store/base/recording_env.h"
#include "store/recovery/backup.h"
#include "store/recovery/index_check.h"
#include "store/recovery/open.h"
#include "store/recovery/rebuild.h"
#include "tests/unit/recovery/fixture.h"

namespace tenure::recovery {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Somebody cuts the newest segment short in front of one look at it after the other.
class CutMeanwhile : public ::testing::Test {
 protected:
  CutMeanwhile() {
    store.CommitPuts(2);
    store.NewEpoch();
    store.CommitPuts(1);
    store.Put("a", "1").Put("b", "1").Commit();
    path_ = store.SegmentPath();
    store.Close();
    whole_ = HandMadeStore::Read(path_);
  }
  /// `act` answers success, or that the file is damaged or ends too early: it names it.
  void InFrontOfEveryLook(const std::function<Status(base::Env& env)>& act) {
    std::uint64_t refused = 0;
    for (const std::uint64_t length : {store.frames()[2].end, store.frames()[2].offset + 8}) {
      std::uint64_t index = 0;
      for (bool cut = true; cut && !HasFailure(); ++index) {
        SCOPED_TRACE("cut to " + std::to_string(length) + " in front of look " + std::to_string(index));
        base::RecordingEnv env(base::Env::Posix());
        cut = false;
        std::uint64_t looks = 0;
        env.SetFaultPlan([&](std::uint64_t, base::TraceStep::Kind, const std::string& of) -> Status {
          if (of == path_ && looks++ == index) cut = true, std::filesystem::resize_file(path_, length);
          return {};
        });
        const Status answer = act(env);
        if (!answer.ok()) {
          ++refused;
          EXPECT_THAT(answer.error().code, AnyOf(ErrorCode::kCorruption, ErrorCode::kNotFound));
          if (answer.error().code == ErrorCode::kCorruption) {
            EXPECT_THAT(answer.error().message, HasSubstr("/journal/"));
          }
        }
        HandMadeStore::Edit(path_, [&](base::Bytes& bytes) { bytes = whole_; });
      }
      EXPECT_GT(index, 3u);
    }
    EXPECT_GT(refused, 0u);
  }

  HandMadeStore store{MemoryDirectory()};
  std::string path_;
  base::Bytes whole_;
};

TEST_F(CutMeanwhile, AVerificationNamesTheFile) {
  InFrontOfEveryLook([&](base::Env& env) -> Status {
    const auto report = Verify(env, store.layout(), {});
    if (!report.ok()) return report.error();
    if (report->ok()) return {};
    return report->problems.front();
  });
}

TEST_F(CutMeanwhile, ACopyIsWholeOrNone) {
  const std::string target = store.dir() + "/copy";
  InFrontOfEveryLook([&](base::Env& env) -> Status {
    BackupOptions options;
    options.to_lsn = 5;
    const Status copied = CopyStore(env, store.layout(), target, options);
    if (copied.ok()) {
      const VerifyReport report = Must(Verify(store.env(), Must(FindStore(store.env(), target)), {}));
      EXPECT_TRUE(report.ok()) << report.problems.front().message;
      EXPECT_EQ(report.last_lsn, 5u);
    }
    EXPECT_EQ(Must(store.env().Exists(target + "/.tenure")), copied.ok());
    Must(store.env().RemoveAll(target));
    return copied;
  });
}

TEST_F(CutMeanwhile, ARebuildHasAllRowsOrNoFile) {
  const std::string target = store.dir() + "/rebuilt.db";
  InFrontOfEveryLook([&](base::Env& env) -> Status {
    RebuildOptions options;
    options.to_lsn = 4;
    const auto built = BuildIndex(env, store.layout(), target, options);
    if (built.ok()) {
      EXPECT_EQ(ReadIndex(target), store.At(4));
      Must(RemoveDatabase(store.env(), target));
    }
    EXPECT_THAT(Must(store.env().List(store.dir())), ElementsAre(".tenure"));
    return built.ok() ? Status() : Status(built.error());
  });
}

/// What was found is written again before it counts: what cannot be read again is not given up for it.
TEST_F(CutMeanwhile, AnOpeningGoesOnFromWhatItHasProvenOrFromNothing) {
  const auto before = Must(store.env().List(store.layout().journal()));
  InFrontOfEveryLook([&](base::Env& env) -> Status {
    ingest::CommitArea area{};
    RecoveryNote note;
    const Status answer = InitialiseShared(env, store.layout(), store.config(), area, note);
    for (const std::string& name : Must(store.env().List(store.layout().journal()))) {
      if (std::find(before.begin(), before.end(), name) != before.end()) continue;
      EXPECT_TRUE(answer.ok()) << name << " is there";
      Must(store.env().Remove(store.layout().journal() + "/" + name));
    }
    EXPECT_EQ(area.durable.LoadSecond() != 0, answer.ok());
    return answer;
  });
}

}  // namespace
}  // namespace tenure::recovery
