// tenure through its public API: one store per process, Commit for each put, Submit for windowed runs.
#include "tenure/store.h"

#include <deque>

#include "bench/common/failure.h"
#include "bench/subjects/subject.h"

namespace tenure::bench {
namespace {

PutSpec SpecOf(const Record& record) {
  PutSpec spec;
  spec.name = record.name;
  spec.version = kVersion;
  spec.digest = record.digest_text;
  spec.size = record.size;
  spec.media_type = kMediaType;
  spec.annotations = record.annotations;
  return spec;
}

class TenureClient : public Client {
 public:
  explicit TenureClient(Store store) : store_(std::move(store)) {}

  Status Put(const Record& record) override {
    Transaction txn;
    txn.Put(SpecOf(record));
    TENURE_ASSIGN(const Receipt receipt, store_.Commit(txn));
    return Check(receipt);
  }
  Status Start(const Record& record) override {
    Transaction txn;
    txn.Put(SpecOf(record));
    TENURE_ASSIGN(Ticket ticket, store_.Submit(txn));
    tickets_.push_back(std::move(ticket));
    return {};
  }
  Status FinishOldest() override {
    const Ticket ticket = std::move(tickets_.front());
    tickets_.pop_front();
    TENURE_ASSIGN(const Receipt receipt, ticket.Wait());
    return Check(receipt);
  }
  /// Compare-and-set on the revision last seen: read once, afterwards known from the own success or from
  /// the refusal, which names the current one. The counter equals the revision, because nothing else
  /// changes the key: Subject::Counter checks that.
  Result<bool> Increment(const Record& record) override {
    if (revision_ == 0) {
      TENURE_ASSIGN(const ArtifactEntry entry, store_.Get(record.name + ":" + std::string(kVersion)));
      revision_ = entry.revision;
    }
    PutSpec spec = SpecOf(record);
    spec.annotations = CounterJson(revision_ + 1);
    Transaction txn;
    txn.Put(std::move(spec)).IfRevision(revision_);
    Result<Receipt> receipt = store_.Commit(txn);
    if (receipt.ok()) {
      TENURE_RETURN_IF_ERROR(Check(*receipt));
      revision_ = receipt->results.front().revision;
      return true;
    }
    if (receipt.error().code != ErrorCode::kRevisionMismatch) return receipt.error();
    revision_ = receipt.error().revision.value_or(0);
    return false;
  }

 private:
  static Status Check(const Receipt& receipt) {
    if (receipt.outcome == Outcome::kCommitted) return {};
    return Fail("a put with new content was answered 'unchanged'", ErrorCode::kInternal);
  }

  Store store_;
  std::deque<Ticket> tickets_;
  Revision revision_ = 0;
};

class TenureHandle : public Handle {
 public:
  explicit TenureHandle(Store store) : store_(std::move(store)) {}
  Result<std::unique_ptr<Client>> NewClient(unsigned) override {
    return std::unique_ptr<Client>(std::make_unique<TenureClient>(store_));
  }
  Status Settle() override { return store_.CatchUp(); }

 private:
  Store store_;
};

class TenureSubject : public Subject {
 public:
  Status Prepare(const SubjectSetup& setup) override {
    TENURE_ASSIGN(Store store, Store::Create(setup.dir));
    if (!setup.one_key) return {};
    Record record;
    RecordSource(1, 0, 1).NextAt(0, record);
    record.annotations = CounterJson(1);
    return TenureClient(store).Put(record);
  }
  Result<std::unique_ptr<Handle>> Open(const SubjectSetup& setup) override {
    TENURE_ASSIGN(Store store, Store::Open(setup.dir));
    return std::unique_ptr<Handle>(std::make_unique<TenureHandle>(std::move(store)));
  }
  Result<std::uint64_t> Counter(const SubjectSetup& setup) override {
    TENURE_ASSIGN(const Store store, Store::Open(setup.dir));
    TENURE_ASSIGN(const ArtifactEntry entry, store.Get(KeyName(0) + ":" + std::string(kVersion)));
    return CheckedCounter(ParseCounter(entry.annotations), entry.revision);
  }
};

constexpr SubjectTraits kTraits = {.many_processes = true, .one_key = true, .windowed = true, .keys_max = 0};
const SubjectEntry kEntry("tenure", "tenure through its library", kTraits,
                          [] { return std::unique_ptr<Subject>(std::make_unique<TenureSubject>()); });

}  // namespace
}  // namespace tenure::bench
