// Blocks as entries of a store, through the public API: writer w's block n is load/w:n, with its digest and size.
#include <string>

#include "cli/load/sink.h"
#include "store/base/hash.h"
#include "tenure/store.h"

namespace tenure::cli::load {
namespace {

class StoreSink : public Sink {
 public:
  explicit StoreSink(Store store) : store_(std::move(store)) {}

  Attempt Write(unsigned writer, std::uint64_t first, std::span<const Block> blocks, std::size_t& taken,
                Error& why) override {
    Transaction txn;
    for (std::size_t i = taken; i < blocks.size(); ++i) {
      PutSpec put;
      put.name = "load/" + std::to_string(writer);
      put.version = std::to_string(first + i);
      put.digest = "sha256:" + base::Hex(base::Sha256Of(blocks[i].data()));
      put.size = blocks[i].size;
      txn.Put(std::move(put));
    }
    Result<Receipt> receipt = store_.Commit(txn);
    if (receipt.ok()) {
      taken = blocks.size();
      return Attempt::kTaken;
    }
    // A bounded wait for another process ran out; whatever else it is, trying again would not help.
    if (receipt.error().code == ErrorCode::kBusy) return Attempt::kFull;
    why = std::move(receipt).error();
    return Attempt::kFailed;
  }

 private:
  Store store_;  // shared by all writers: its functions may be called from any thread
};

}  // namespace

Result<std::unique_ptr<Sink>> MakeStoreSink(const Settings& settings) {
  auto store = Store::Open(settings.store);
  if (!store.ok()) return std::move(store).error();
  return std::unique_ptr<Sink>(std::make_unique<StoreSink>(std::move(store).value()));
}

}  // namespace tenure::cli::load
