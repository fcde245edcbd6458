#include "bench/workloads/fill.h"

#include <algorithm>
#include <cstdio>

#include "bench/common/clock.h"
#include "bench/common/failure.h"
#include "bench/common/process.h"
#include "bench/common/record.h"
#include "store/base/error.h"
#include "tenure/store.h"

namespace tenure::bench {
namespace {

constexpr std::uint64_t kPerTransaction = 5'000;
constexpr std::uint64_t kTellEveryNs = 5'000'000'000;

}  // namespace

Status FillStore(const std::string& dir, std::uint64_t count) {
  TENURE_ASSIGN(Store store, Store::Create(dir));
  RecordSource source(1, 0, count);
  Record record;
  std::uint64_t tell_ns = NowNs() + kTellEveryNs;
  for (std::uint64_t key = 0; key < count;) {
    if (InterruptSignal() != 0) return Fail("interrupted", ErrorCode::kClosed);
    Transaction txn;
    for (const std::uint64_t end = std::min(count, key + kPerTransaction); key < end; ++key) {
      source.NextAt(key, record);
      PutSpec spec;
      spec.name = record.name;
      spec.version = kVersion;
      spec.digest = record.digest_text;
      spec.size = record.size;
      spec.media_type = kMediaType;
      spec.annotations = record.annotations;
      txn.Put(std::move(spec));
    }
    TENURE_ASSIGN(const Receipt receipt, store.Commit(txn));
    if (receipt.outcome != Outcome::kCommitted) return Fail("a put of a new key was answered 'unchanged'");
    if (NowNs() < tell_ns) continue;
    std::fprintf(stderr, "  filling: %llu of %llu entries\n", static_cast<unsigned long long>(key),
                 static_cast<unsigned long long>(count));
    tell_ns = NowNs() + kTellEveryNs;
  }
  return store.CatchUp();
}

}  // namespace tenure::bench
