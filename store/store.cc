#include "tenure/store.h"

#include <algorithm>

#include "store/base/error.h"
#include "store/base/guarded.h"
#include "store/model/validate.h"
#include "store/recovery/open.h"
#include "store/store_impl.h"

namespace tenure {

Result<Store> Store::Create(const std::string& dir, const CreateOptions& create, const OpenOptions& open) try {
  base::Env& env = open.env != nullptr ? *open.env : base::Env::Posix();
  if (auto there = recovery::FindStore(env, dir); there.ok()) {
    Error error = base::MakeError(ErrorCode::kAlreadyAStore, there->root + " is a store already",
                                  "open it, or choose another directory");
    error.path = there->root;
    return error;
  }
  TENURE_ASSIGN(const bool exists, env.Exists(dir));
  if (!exists) TENURE_RETURN_IF_ERROR(env.CreateDirectory(dir));
  TENURE_ASSIGN(const std::string parent, env.Canonical(dir));
  TENURE_RETURN_IF_ERROR(recovery::CheckFileSystem(env, parent, create.allow_any_file_system, open.log));
  // A store that is durable in a directory whose name is not would be lost with it. One that was there may have been
  // made just now by somebody who did not get this far; if it lies where this user may not look, it is older than that.
  const Status named = env.SyncDirectory(parent.substr(0, std::max<std::size_t>(parent.rfind('/'), 1)));
  if (!exists) TENURE_RETURN_IF_ERROR(named);

  recovery::Config config;
  env.Random(config.store_id);
  env.Random(config.journal_id);
  config.created_at_ms = env.WallMs();
  config.shared_with_group = create.shared_with_group;
  config.allow_any_file_system = create.allow_any_file_system;
  if (create.writer_slots < 1 || create.writer_slots > ingest::kWriterSlotsMax) {
    return base::MakeError(ErrorCode::kInvalidArgument, "a store has 1 to " + std::to_string(ingest::kWriterSlotsMax) +
                                                            " writer slots, not " +
                                                            std::to_string(create.writer_slots));
  }
  config.writer_slots = create.writer_slots;
  env.SetSharedWithGroup(create.shared_with_group);

  // Made whole under another name: an interrupted init leaves no half store.
  std::array<std::byte, 6> random{};
  env.Random(random);
  const std::string making = parent + "/.tenure.making-" + base::Hex(random);
  Status made = base::Guarded([&]() -> Status {
    TENURE_RETURN_IF_ERROR(env.CreateDirectory(making));
    TENURE_RETURN_IF_ERROR(recovery::CreateFiles(env, recovery::Layout{making}, config));
    TENURE_RETURN_IF_ERROR(env.RenameNoReplace(making, parent + "/.tenure"));
    return env.SyncDirectory(parent);
  });
  if (!made.ok()) {
    (void)env.RemoveAll(making);
    if (made.error().code == ErrorCode::kExists) {
      return base::MakeError(ErrorCode::kAlreadyAStore, parent + "/.tenure was made by another process just now",
                             "open it");
    }
    return std::move(made).error();
  }
  return Open(parent, open);
}
TENURE_CATCH_ALL

Result<Store> Store::Open(const std::string& path, const OpenOptions& options) try {
  TENURE_ASSIGN(auto impl, StoreImpl::Open(path, options));
  return Store(std::move(impl));
}
TENURE_CATCH_ALL

Result<Receipt> Store::Commit(const Transaction& txn, const CommitOptions& options) try {
  TENURE_ASSIGN(auto pending, impl_->MakePending(txn, options));
  TENURE_RETURN_IF_ERROR(impl_->LimitLag());
  if (options.wait_ms == 0) {
    auto answer = impl_->Explained(impl_->group->Commit(pending));
    impl_->group->Recycle(std::move(pending));
    return answer;
  }
  return impl_->Explained(impl_->leases->RetryWhileHeld(pending->request, options, [&] {
    // A fresh one each time: what was answered stays answered.
    auto attempt = std::make_shared<commit::Pending>();
    attempt->request = pending->request;
    attempt->work.request = &attempt->request;
    return impl_->group->Commit(attempt);
  }));
}
TENURE_CATCH_ALL

Result<Ticket> Store::Submit(const Transaction& txn, const CommitOptions& options) try {
  TENURE_ASSIGN(auto pending, impl_->MakePending(txn, options));
  TENURE_RETURN_IF_ERROR(impl_->LimitLag());
  // Everything that may fail comes before: what was submitted has its ticket.
  Ticket ticket(std::make_shared<TicketState>(TicketState{impl_, pending}));
  TENURE_RETURN_IF_ERROR(impl_->group->Submit(pending));
  return ticket;
}
TENURE_CATCH_ALL

bool Ticket::Poll() const {
  bool there = false;
  base::Attempt([&] { there = state_->store->group->Poll(*state_->pending); });
  return there;
}

Result<Receipt> Ticket::Wait() const try {
  return state_->store->Explained(state_->store->group->Wait(*state_->pending));
}
TENURE_CATCH_ALL

Result<Receipt> Store::OutcomeOf(const std::string& request_id) try {
  TENURE_RETURN_IF_ERROR(impl_->CheckWritable());
  TENURE_RETURN_IF_ERROR(model::ValidateRequestId(request_id));
  auto pending = std::make_shared<commit::Pending>();
  pending->request.request_id = request_id;
  pending->request.asks_outcome = true;
  pending->request.writer = impl_->context->default_writer;
  pending->request.uid = impl_->context->uid;
  pending->work.request = &pending->request;
  return impl_->group->Commit(pending);
}
TENURE_CATCH_ALL

const RecoveryNote& Store::recovery() const { return impl_->note; }
const std::string& Store::path() const { return impl_->layout.root; }

}  // namespace tenure
