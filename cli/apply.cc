// tenure apply [FILE]: one transaction, or with --each one per line
#include <algorithm>

#include "cli/apply_each.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/line_reader.h"
#include "cli/operations.h"
#include "cli/registry.h"
#include "cli/views.h"
#include "store/base/error.h"
#include "store/model/validate.h"

namespace tenure::cli {
namespace {

class Apply : public Command {
 public:
  void Define(Args& args) override {
    args.Optional("FILE", file_, "Operations, one JSON object per line; '-' or nothing: standard input");
    args.Flag("--each", each_, "One transaction per line, pipelined, and one result line each, in order");
    args.Option("--window", window_, "N", "With --each: at most so many unanswered lines (default 256)");
    DefineWriteOptions(args, write_);
    args.Footer(
        "{\"op\":\"put\",\"name\":…,\"version\":…,\"digest\":…,\"size\":…,\"mediaType\":…,\"urls\":[…],\"annotations\":"
        "{…},\n"
        " \"if_absent\":true,\"if_revision\":n,\"if_digest\":…}\n"
        "{\"op\":\"patch\",\"name\":…,\"version\":…,\"annotations\":{…}}\n"
        "{\"op\":\"delete\",\"name\":…,\"version\":…}\n"
        "{\"op\":\"set_tag\",\"name\":…,\"tag\":…,\"version\":…,\"if_version\":…}\n"
        "{\"op\":\"delete_tag\",\"name\":…,\"tag\":…}\n"
        "{\"op\":\"set_policy\",\"glob\":…,\"policy\":{…},\"unset\":[…]}\n"
        "{\"op\":\"delete_policy\",\"glob\":…}\n"
        "{\"op\":\"resolve\",\"conflict\":…,\"take\":\"ours|theirs|base|given\",…}\n"
        "and in any of them \"request_id\", \"on_conflict\", \"base\", \"lease\". Without --each everything is applied "
        "or "
        "nothing.");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(CommitOptions commit, CommitOptionsOf(write_));
    if (window_ && !each_) return Usage("--window is for --each only");
    if (window_ && (*window_ == 0 || *window_ > kWindowMax)) {
      return Usage("--window is 1 to " + std::to_string(kWindowMax) + ", not " + std::to_string(*window_));
    }
    if (each_ && commit.wait_ms > 0 && window_.value_or(1) > 1) {
      return Usage("--wait keeps the lines in order by committing them one after the other, and --window " +
                       std::to_string(*window_) + " wants several under way",
                   "leave one of them out");
    }
    if (each_ && !commit.request_id.empty()) {
      return Usage("--request-id names one transaction, and --each makes one per line",
                   "put a \"request_id\" into each line");
    }
    TENURE_ASSIGN(LineReader reader, LineReader::Open(file_, kLineBytesMax));
    if (each_) return ApplyEach(ctx, reader, commit, static_cast<std::size_t>(window_.value_or(kWindowDefault)));
    return ApplyTogether(ctx, reader, commit);
  }

 private:
  static Error Usage(std::string message, std::string hint = {}) {
    return base::MakeError(ErrorCode::kInvalidArgument, std::move(message), std::move(hint));
  }

  /// What a line says about the transaction must agree with the other lines and the options.
  static Status Agree(const OperationLine& line, CommitOptions& commit) {
    if (line.on_conflict) commit.on_conflict = *line.on_conflict;
    // Of one line among several: it applies where it covers, and must be held.
    if (line.lease && std::find(commit.ambient_lease_tokens.begin(), commit.ambient_lease_tokens.end(), *line.lease) ==
                          commit.ambient_lease_tokens.end()) {
      commit.ambient_lease_tokens.push_back(*line.lease);
    }
    if (!line.request_id) return {};
    if (commit.request_id.empty()) commit.request_id = *line.request_id;
    if (commit.request_id == *line.request_id) return {};
    return Usage("request_id '" + *line.request_id + "' differs from '" + commit.request_id +
                     "', and the file is one transaction",
                 "give one request id, or use --each");
  }

  static Result<Transaction> ReadTransaction(LineReader& reader, CommitOptions& commit) {
    Transaction txn;
    std::size_t bytes = 0;
    std::string_view line;
    for (;;) {
      TENURE_ASSIGN(const LineReader::Kind kind, reader.Next(line));
      if (kind == LineReader::Kind::kEnd) return txn;
      if (kind == LineReader::Kind::kTooLong) return AtLine(reader, LineTooLong());
      if (IsBlank(line)) continue;
      auto parsed = ParseOperationLine(line);
      if (!parsed.ok()) return AtLine(reader, parsed.error());
      if (const Status status = Agree(*parsed, commit); !status.ok()) return AtLine(reader, status.error());
      bytes += model::OperationBytes(parsed->operation);
      txn.Append(std::move(parsed->operation));
      // The store refuses these too; here the rest of an endless input is not read first.
      if (txn.operations().size() > model::kTxnOperationsMax || bytes > model::kTxnBytesMax) {
        return AtLine(reader,
                      base::MakeError(ErrorCode::kTooLarge,
                                      "a transaction has at most " + std::to_string(model::kTxnOperationsMax) +
                                          " operations and " + std::to_string(model::kTxnBytesMax >> 20) + " MiB",
                                      "split the file, or use --each"));
      }
    }
  }

  static Result<int> ApplyTogether(Context& ctx, LineReader& reader, CommitOptions commit) {
    TENURE_ASSIGN(const Transaction txn, ReadTransaction(reader, commit));
    if (txn.empty()) return Usage(reader.name() + " holds no operation", "give one JSON object per line");
    TENURE_ASSIGN(Store store, ctx.OpenStore({.writer = commit.writer}));
    TENURE_ASSIGN(const Receipt receipt, ctx.Commit(store, txn, commit));
    return PrintReceipt(ctx, receipt);
  }

  std::string file_;
  bool each_ = false;
  std::optional<std::uint64_t> window_;
  WriteOptions write_;
};

}  // namespace

std::unique_ptr<Command> MakeApply() { return std::make_unique<Apply>(); }

}  // namespace tenure::cli
