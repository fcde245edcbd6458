// tenure's leases: each "put" is a lease acquired and released, both durable. Every writer leases names of its own,
// so that it is the commits that are compared, and not who waits for whom.
#include "tenure/lease.h"

#include "bench/common/failure.h"
#include "bench/subjects/subject.h"

namespace tenure::bench {
namespace {

class LeaseClient : public Client {
 public:
  LeaseClient(Store store, unsigned writer) : store_(std::move(store)), prefix_("w" + std::to_string(writer) + "/") {}

  Status Put(const Record& record) override {
    AcquireOptions options;
    options.scopes = {prefix_ + record.name};
    TENURE_ASSIGN(Lease lease, store_.Acquire(options));
    return lease.Release();
  }

 private:
  Store store_;
  const std::string prefix_;
};

class LeaseHandle : public Handle {
 public:
  explicit LeaseHandle(Store store) : store_(std::move(store)) {}
  Result<std::unique_ptr<Client>> NewClient(unsigned writer) override {
    return std::unique_ptr<Client>(std::make_unique<LeaseClient>(store_, writer));
  }
  Status Settle() override { return store_.CatchUp(); }

 private:
  Store store_;
};

class LeaseSubject : public Subject {
 public:
  Status Prepare(const SubjectSetup& setup) override {
    TENURE_ASSIGN(const Store store, Store::Create(setup.dir));
    return {};
  }
  Result<std::unique_ptr<Handle>> Open(const SubjectSetup& setup) override {
    TENURE_ASSIGN(Store store, Store::Open(setup.dir));
    return std::unique_ptr<Handle>(std::make_unique<LeaseHandle>(std::move(store)));
  }
};

constexpr SubjectTraits kTraits = {.many_processes = true, .one_key = false, .windowed = false, .keys_max = 0};
const SubjectEntry kEntry("tenure_lease", "tenure's leases: acquire and release", kTraits,
                          [] { return std::unique_ptr<Subject>(std::make_unique<LeaseSubject>()); });

}  // namespace
}  // namespace tenure::bench
