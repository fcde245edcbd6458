// Processes killed at the named points of the index: what a successor finds.
#ifdef TENURE_TESTING

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "store/base/failpoint.h"
#include "store/index/generations.h"
#include "tests/unit/index/index_testing.h"

namespace tenure::index {
namespace {

// Runs `body` in a child that is to be killed at `point`; false when it came through alive.
template <typename Body>
bool KilledAt(const std::string& point, Body body) {
  const pid_t child = fork();
  if (child == 0) {
    base::SetFailPoints((point + "=kill").c_str());
    body();
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

TEST(IndexCrash, ABatchIsThereWholeOrNotAtAll) {
  for (const std::string& point :
       {std::string("index.begin"), std::string("index.before_commit"), std::string("index.after_commit")}) {
    SCOPED_TRACE(point);
    Scratch dir;
    Generator generator(41);
    const auto first = generator.Frames(20);
    const PlainIndex before = generator.plain();
    const auto second = generator.Frames(20);
    { Must(Must(IndexWriter::Create(dir / "i.db", kStoreId, {}))->Apply(first)); }
    EXPECT_TRUE(KilledAt(point, [&] { Must(Must(IndexWriter::Open(dir / "i.db"))->Apply(second)); }));
    ExpectSame(*Must(IndexReader::Open(dir / "i.db")), point == "index.after_commit" ? generator.plain() : before);
    const auto writer = Must(IndexWriter::Open(dir / "i.db"));
    Must(writer->Apply(second));
    const auto reader = Must(IndexReader::Open(dir / "i.db"));
    ExpectSame(*reader, generator.plain());
    Must(reader->CheckIntegrity());
  }
}

TEST(IndexCrash, ACheckpointThatWasKilledIsMadeAgain) {
  Scratch dir;
  Generator generator(42);
  { Must(Must(IndexWriter::Create(dir / "i.db", kStoreId, {}))->Apply(generator.Frames(60))); }
  EXPECT_TRUE(KilledAt("index.checkpoint", [&] { Must(Must(IndexWriter::Open(dir / "i.db"))->Checkpoint(0)); }));
  const auto writer = Must(IndexWriter::Open(dir / "i.db"));
  Must(writer->Checkpoint(0));
  Must(writer->Apply(std::vector{generator.NextFrame(3)}));
  ExpectSame(*Must(IndexReader::Open(dir / "i.db")), generator.plain());
}

TEST(IndexCrash, APublicationThatWasKilledIsTakenUp) {
  base::Env& env = base::Env::Posix();
  for (const std::string& point : {std::string("generation.before_rename"), std::string("generation.after_rename"),
                                   std::string("generation.current")}) {
    SCOPED_TRACE(point);
    Scratch dir;
    Generator generator(43);
    const std::string building = BuildingPath(env, dir.path());
    { Must(Must(IndexWriter::Create(building, kStoreId, {}))->Apply(generator.Frames(20))); }
    EXPECT_TRUE(KilledAt(point, [&] { Must(Publish(env, dir.path(), building, {1, 0})); }));
    const auto current = Must(CurrentGeneration(env, dir.path()));
    EXPECT_EQ(current.has_value(), point != "generation.before_rename");
    Must(Publish(env, dir.path(), building, {1, 0}));
    EXPECT_EQ(Must(CurrentGeneration(env, dir.path())), (Generation{1, 0}));
    ExpectSame(*Must(IndexReader::Open(dir / "0000000000000001-0.db")), generator.plain());
  }
}

// A zombie: stopped inside its transaction, continued after somebody else has applied the same batch.
TEST(IndexCrash, AnApplierThatWakesUpLateChangesNothing) {
  Scratch dir;
  Generator generator(44);
  const auto frames = generator.Frames(20);
  auto late = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
  auto successor = Must(IndexWriter::Open(dir / "i.db"));
  Must(successor->Apply(frames));
  Must(successor->Apply(std::vector{generator.NextFrame(2)}));
  Must(late->Apply(frames));
  ExpectSame(*Must(IndexReader::Open(dir / "i.db")), generator.plain());
}

}  // namespace
}  // namespace tenure::index

#endif  // TENURE_TESTING
