#include "tests/sim/lease_checks.h"

#include <stdexcept>
#include <string>

#include "tenure/lease.h"
#include "tests/sim/sim_env.h"
#include "tests/sim/sim_scratch.h"

namespace tenure::sim {
namespace {

/// A store in a simulated machine, whose clock runs a millisecond per look, and a lease of "a" by its token alone.
class Leased {
 public:
  explicit Leased(std::chrono::milliseconds ttl) {
    OpenOptions options;
    options.env = &env_;
    options.background = false;
    options.writer = "sim@sim";
    auto made = Store::Create(dir_, {}, options);
    if (!made.ok()) throw std::runtime_error(made.error().message);
    store_.emplace(std::move(made).value());
    AcquireOptions acquire;
    acquire.scopes = {"a"};
    acquire.ttl = ttl;
    acquire.bound = false;
    auto lease = store_->Acquire(acquire);
    if (!lease.ok()) throw std::runtime_error(lease.error().message);
    token_ = lease->token();
    lease->Detach();
  }
  const std::string& token() const { return token_; }
  void Pass(int ms) {
    for (int i = 0; i < ms; ++i) (void)env_.BoottimeMs();
  }
  Violations Refused(const std::vector<std::string>& tokens, ErrorCode code) {
    Transaction txn;
    PutSpec spec;
    spec.name = "a";
    spec.version = "1";
    txn.Put(std::move(spec));
    CommitOptions commit;
    commit.lease_tokens = tokens;
    const auto receipt = store_->Commit(txn, commit);
    if (receipt.ok()) return {"a write was committed that its lease forbids"};
    return receipt.error().code == code ? Violations{} : Violations{receipt.error().message};
  }

 private:
  SimScratch scratch_;
  const std::string dir_ = scratch_.path() + "/store";
  SimEnv env_{1};
  std::optional<Store> store_;
  std::string token_;
};

}  // namespace

Violations AnExpiredLeaseEntitlesNobody() {
  Leased leased(std::chrono::milliseconds(100));
  leased.Pass(200);
  return leased.Refused({leased.token()}, ErrorCode::kLeaseExpired);
}

Violations AnotherSecretEntitlesNobody() {
  Leased leased(std::chrono::hours(1));
  std::string token = leased.token();
  token.back() = token.back() == '0' ? '1' : '0';
  return leased.Refused({token}, ErrorCode::kLeaseUnknown);
}

Violations ALeaseKeepsOthersAway() { return Leased(std::chrono::hours(1)).Refused({}, ErrorCode::kLeaseHeld); }

}  // namespace tenure::sim
