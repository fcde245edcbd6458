// Leases through the program: one process per step, tokens between them.
#include <filesystem>

#include "tests/cli/lease_testing.h"

namespace tenure::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class LeaseCli : public LeaseTest {};

TEST_F(LeaseCli, ASecondProcessIsRefusedAndToldWhoHolds) {
  const std::string token = Acquire({"rel/**", "--ttl", "1h", "--purpose", "deploy"});
  const Json error = Fails({"put", "rel/app:1"}, 11, "lease_held");
  EXPECT_EQ(error.at("key"), "rel/app:1");
  EXPECT_EQ(error.at("holder").at("lease_id"), IdOf(token));
  EXPECT_EQ(error.at("holder").at("purpose"), "deploy");
  EXPECT_EQ(error.at("holder").at("scopes"), Json::array({"rel/**"}));
  EXPECT_GT(error.at("holder").at("pid"), 0);
  EXPECT_FALSE(error.at("holder").at("host").get<std::string>().empty());
  EXPECT_GT(error.at("retry_after_ms"), 3'000'000);
  EXPECT_THAT(error.at("hint").get<std::string>(), HasSubstr("tenure lease break " + std::to_string(IdOf(token))));
  EXPECT_EQ(Fails({"lease", "acquire", "rel/app:1"}, 11, "lease_held").at("holder").at("lease_id"), IdOf(token));
  EXPECT_EQ(Tenure({"put", "rel/app:1", "--lease", token}).status, 0);
  EXPECT_EQ(Tenure({"put", "other:1"}).status, 0);
  // The holder's own second request says so.
  EXPECT_THAT(
      ErrorOf(RunToEnd(WithTokens({"--json", "lease", "acquire", "rel/x"}, token))).at("message").get<std::string>(),
      HasSubstr("holder conflicts with itself"));
}

TEST_F(LeaseCli, TheTokenAuthorisesAndTheFencingTokenDoesNot) {
  const Json lease = OkJson({"lease", "acquire", "a", "b@prod"});
  EXPECT_EQ(lease.at("fencing_token"), lease.at("lease_id"));
  EXPECT_EQ(lease.at("scopes"), Json::array({"a", "b@prod"}));
  EXPECT_EQ(lease.at("ttl_ms"), 300'000);
  EXPECT_LE(lease.at("token").get<std::string>().size(), 128u);
  Fails({"put", "a:1", "--lease", std::to_string(lease.at("fencing_token").get<int>())}, 2, "invalid_argument");
  std::string other = lease.at("token");
  other.back() = other.back() == '0' ? '1' : '0';
  Fails({"put", "a:1", "--lease", other}, 12, "lease_unknown");
  EXPECT_EQ(Tenure({"put", "a:1", "--lease", lease.at("token")}).status, 0);
}

TEST_F(LeaseCli, EveryKeyMustBeCovered) {
  const std::string token = Acquire({"a"});
  Fails({"put", "b:1", "--lease", token}, 12, "lease_not_covering");
  Ok({"put", "b:1"});
  const std::string lines =
      "{\"op\":\"put\",\"name\":\"a\",\"version\":\"1\"}\n{\"op\":\"put\",\"name\":\"c\",\"version\":\"1\"}\n";
  EXPECT_EQ(Tenure({"apply", "--lease", token}, lines).status, 12);
  EXPECT_EQ(Tenure({"get", "a:1"}).status, 4) << "all or nothing";
  // From the environment it applies where it covers.
  Launch ambient = WithTokens({"apply"}, token);
  ambient.input = lines;
  EXPECT_EQ(RunToEnd(ambient).status, 0);
}

TEST_F(LeaseCli, ALineOfApplyMayCarryItsLease) {
  const std::string token = Acquire({"a"});
  const std::string put = "{\"op\":\"put\",\"name\":\"a\",\"version\":\"1\"";
  const auto refused = ParseLines(Tenure({"apply", "--each"}, put + "}\n").out);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].at("error").at("code"), "lease_held");
  const auto applied = ParseLines(Tenure({"apply", "--each"}, put + ",\"lease\":\"" + token + "\"}\n").out);
  ASSERT_EQ(applied.size(), 1u);
  EXPECT_EQ(applied[0].at("ok"), true);
}

TEST_F(LeaseCli, AnImportGoesUnderALease) {
  const std::string token = Acquire({"a"});
  const std::string lines = "{\"name\":\"a\",\"version\":\"1\"}\n";
  EXPECT_EQ(Tenure({"import", "jsonl"}, lines).status, 11);
  Ok({"import", "jsonl", "--lease", token}, lines);
  EXPECT_EQ(Tenure({"get", "a:1"}).status, 0);
}

TEST_F(LeaseCli, SharedHoldersExcludeWritersAndEntitleNobody) {
  const std::string one = Acquire({"a", "--shared"});
  const std::string two = Acquire({"a", "--shared"});
  Fails({"lease", "acquire", "a"}, 11, "lease_held");
  Fails({"put", "a:1"}, 11, "lease_held");
  Fails({"put", "a:1", "--lease", one}, 12, "lease_not_covering");
  Ok({"lease", "release", one});
  Ok({"lease", "release", two});
  Ok({"put", "a:1"});
}

TEST_F(LeaseCli, ReleaseAndBreakEndIt) {
  const std::string released = Acquire({"a"});
  Ok({"lease", "release", released});
  Fails({"lease", "release", released}, 12, "lease_unknown");
  Fails({"put", "a:1", "--lease", released}, 12, "lease_unknown");
  Fails({"lease", "renew", released}, 12, "lease_unknown");
  const std::string broken = Acquire({"a"});
  const std::string id = std::to_string(IdOf(broken));
  Fails({"lease", "break", id}, 2, "invalid_argument");
  Ok({"lease", "break", id, "-n", "--reason", "stuck"});
  EXPECT_EQ(OkJson({"lease", "list"}).size(), 1u);
  Ok({"lease", "break", id, "--reason", "stuck"});
  EXPECT_EQ(Tenure({"put", "a:1", "--lease", broken}).status, 12);
  Fails({"lease", "break", id, "--reason", "again"}, 4, "not_found");
  const std::string log = Ok({"log", "--format", "jsonl"});
  EXPECT_THAT(log, HasSubstr("\"op\":\"lease_break\""));
  EXPECT_THAT(log, HasSubstr("\"reason\":\"stuck\""));
  EXPECT_THAT(log, HasSubstr("\"op\":\"lease_release\""));
  EXPECT_THAT(log, Not(HasSubstr(broken.substr(broken.rfind('-') + 1)))) << "the secret is nowhere";
}

TEST_F(LeaseCli, AnExpiredTokenStaysRefusedWhenSharedMemoryIsLost) {
  const std::string token = Acquire({"a", "--ttl", "100ms"});
  AwaitNoLeases();
  Fails({"put", "a:1", "--lease", token}, 12, "lease_expired");
  std::filesystem::remove(dir() + "/.tenure/ingest.shm");
  EXPECT_EQ(Tenure({"put", "a:1", "--lease", token}).status, 12);
  EXPECT_EQ(Tenure({"lease", "renew", token}).status, 12);
  Ok({"put", "a:1"});
}

TEST_F(LeaseCli, ALeaseSurvivesTheLossOfSharedMemoryWithItsToken) {
  const std::string token = Acquire({"a", "--ttl", "1h"});
  std::filesystem::remove(dir() + "/.tenure/ingest.shm");
  Fails({"put", "a:1"}, 11, "lease_held");
  EXPECT_EQ(Tenure({"put", "a:1", "--lease", token}).status, 0);
  EXPECT_GT(OkJson({"lease", "renew", token}).at("left_ms"), 3'000'000);
}

TEST_F(LeaseCli, FencingTokensOnlyGrow) {
  std::vector<std::uint64_t> tokens;
  const auto note = [&](const std::string& token) { tokens.push_back(IdOf(token)); };
  const std::string released = Acquire({"a"});
  note(released);
  Ok({"lease", "release", released});
  note(Acquire({"a", "--ttl", "100ms"}));
  AwaitNoLeases();
  const std::string broken = Acquire({"a"});
  note(broken);
  Ok({"lease", "break", std::to_string(IdOf(broken)), "--reason", "x"});
  {
    Child holder(Command({"with-lease", "a", "--", "sh", "-c", "echo $TENURE_FENCING_TOKEN; exec sleep 1000"}));
    tokens.push_back(std::stoull(holder.ReadLine()));
    holder.Signal(SIGKILL);
    (void)holder.WaitForEnd();
  }
  const std::string last = Acquire({"a"});
  note(last);
  std::filesystem::remove(dir() + "/.tenure/ingest.shm");
  Ok({"lease", "release", last});
  note(Acquire({"a"}));
  for (std::size_t i = 1; i < tokens.size(); ++i) EXPECT_LT(tokens[i - 1], tokens[i]);
  // A restored copy begins a new incarnation: tokens are ordered by it first.
  Ok({"backup", "copy"});
  const Json copied = OkJson({"-C", "copy", "lease", "acquire", "b"});
  EXPECT_EQ(copied.at("incarnation"), 2);
  EXPECT_GT(copied.at("fencing_token"), tokens.back());
}

TEST_F(LeaseCli, ATokenOfAnotherStoreIsSaidToBeOne) {
  const std::string token = Acquire({"a"});
  Ok({"init", "other"});
  Fails({"-C", "other", "put", "a:1", "--lease", token}, 12, "lease_unknown");
  EXPECT_EQ(RunToEnd(WithTokens({"-C", "other", "put", "a:1"}, token)).status, 0) << "from the environment: ignored";
}

TEST_F(LeaseCli, BadInputIsRefused) {
  Fails({"lease", "acquire", "a*"}, 2, "invalid_argument");
  Fails({"lease", "acquire", "a", "a:1"}, 2, "invalid_argument");
  Fails({"lease", "acquire", "a", "--ttl", "1ms"}, 2, "invalid_argument");
  Fails({"lease", "acquire", "a", "--ttl", "25h"}, 2, "invalid_argument");
  Fails({"lease", "acquire", "a", "--wait", "soon"}, 2, "invalid_argument");
  Fails({"lease", "acquire"}, 2, "invalid_argument");
  Fails({"lease", "release", "nonsense"}, 2, "invalid_argument");
  Fails({"lease", "break", "x", "--reason", "y"}, 2, "invalid_argument");
  WriteFile(dir() + "/empty", "");
  Fails({"put", "a:1", "--lease", "@empty"}, 2, "invalid_argument");
  WriteFile(dir() + "/token", Acquire({"a"}) + "\n");
  Ok({"put", "a:1", "--lease", "@token"});
  EXPECT_EQ(Tenure({"with-lease", "b"}).status, 2);
  EXPECT_EQ(Tenure({"with-lease", "b", "--"}).status, 2);
}

TEST_F(LeaseCli, ListShowsThoseThatAreHeld) {
  Ok({"lease", "acquire", "a", "--writer", "alice", "--purpose", "p"});
  Ok({"lease", "acquire", "b"});
  const Json all = OkJson({"lease", "list"});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].at("writer"), "alice");
  EXPECT_GT(all[0].at("left_ms"), 0);
  EXPECT_EQ(OkJson({"lease", "list", "--mine", "--writer", "alice"}).size(), 1u);
  EXPECT_EQ(OkJson({"lease", "list", "--mine"}).size(), 1u);
}

TEST_F(LeaseCli, VerifyAndRebuildKnowLeases) {
  const std::string ended = Acquire({"a"});
  Ok({"lease", "release", ended});
  const std::string token = Acquire({"b", "c/**"});
  Ok({"verify"});
  std::filesystem::remove_all(dir() + "/.tenure/index");
  EXPECT_EQ(OkJson({"lease", "list"}).size(), 1u);
  EXPECT_EQ(Tenure({"put", "c/d:1", "--lease", token}).status, 0);
  Fails({"put", "b:1"}, 11, "lease_held");
}

}  // namespace
}  // namespace tenure::testing
