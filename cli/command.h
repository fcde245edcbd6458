// The seam between the program and its commands: what a command is, and what it may use.
//
// To add a command `foo`:
//   1. write cli/foo.cc with a class that derives from Command:
//
//        class Foo : public Command {
//         public:
//          void Define(Args& args) override {        // cli/args.h; binds options to members
//            args.Required("FILE", file_, "what to read");
//            args.Flag("-n,--dry-run", dry_run_, "say what would be done");
//            DefineWriteOptions(args, write_);        // --request-id, --on-conflict, --writer
//          }
//          Result<int> Run(Context& ctx) override {
//            TENURE_ASSIGN(CommitOptions commit, CommitOptionsOf(write_));
//            TENURE_ASSIGN(Store store, ctx.OpenStore({.writer = commit.writer}));
//            auto progress = ctx.StartProgress("reading " + file_);
//            …; progress->Update(done, total); …
//            RowWriter rows(ctx, {"KEY", "LSN"});     // cli/output.h; table, tsv, json and jsonl alike
//            rows.Add({key, lsn}, json);
//            TENURE_RETURN_IF_ERROR(rows.Finish());
//            return 0;                                // or 3 when only partly done, or an Error
//          }
//        };
//        std::unique_ptr<Command> MakeFoo() { return std::make_unique<Foo>(); }
//
//   2. declare MakeFoo in cli/registry.h and add its line to the table in cli/registry.cc.
//
// The global options (-C, --format, --json) are defined and handled by the program. Data goes to
// ctx.out() only; messages for people go to ctx.Note / ctx.Warn (stderr). An Error that Run returns is
// printed by the program (text or JSON) and decides the exit status through tenure::ExitCode. What was
// written to ctx.out() is flushed, and checked, by the program.
//
// Signals: SIGINT and SIGTERM end the process at once with 130 and 143, except between
// ctx.BeginCritical() and EndCritical() (see cli/signals.h), where a command asks Interrupted().
// A Context, and everything it hands out, belongs to the main thread unless said otherwise.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/output.h"
#include "cli/parse.h"
#include "cli/progress.h"
#include "store/base/env.h"
#include "tenure/options.h"
#include "tenure/result.h"
#include "tenure/store.h"

namespace tenure::cli {

class Args;
class Context;

class Command {
 public:
  virtual ~Command() = default;
  /// Declares positionals and options. The members bound must outlive the parse.
  virtual void Define(Args& args) = 0;
  /// The exit status (0; 3 partly done; 13 for damage that was reported as data), or why it failed.
  virtual Result<int> Run(Context& ctx) = 0;
};

/// One line of the table in cli/registry.cc.
struct CommandEntry {
  const char* name;     ///< "put"; two words ("tag set") make a group.
  const char* summary;  ///< One line, lower case, for `tenure --help` and the command's own help.
  std::unique_ptr<Command> (*make)();
};

/// What the program has parsed for every command.
struct GlobalOptions {
  std::string store;  ///< -C / --store; empty: TENURE_STORE, then walk up.
  Format format = Format::kTable;
};

/// How a command wants its store.
struct StoreUse {
  std::string writer = {};  ///< As OpenOptions::writer.
  bool background = false;  ///< Only for commands that commit a lot: a one-shot process starts faster without.
  /// The command only reads: when the store cannot be opened for writing (permission, read-only
  /// medium), open it read-only instead of failing.
  bool read = false;
};

/// A transaction and how it is committed.
struct WriteOptions {
  std::string request_id;
  std::string on_conflict;
  std::string writer;
  std::vector<std::string> leases;
  std::optional<std::string> wait;
};
/// --request-id ID, --on-conflict STRATEGY, --writer ID, --lease TOKEN|@FILE, --wait DUR.
void DefineWriteOptions(Args& args, WriteOptions& write);
/// Reads token files, and TENURE_LEASE_TOKEN where no --lease is given. kInvalidArgument for a strategy that
/// there is none of, naming those there are.
Result<CommitOptions> CommitOptionsOf(const WriteOptions& write);

class Context {
 public:
  Context(GlobalOptions global, base::Env& env);

  const GlobalOptions& global() const { return global_; }
  base::Env& env() const { return env_; }
  Format format() const { return global_.format; }
  /// Standard output: data, and nothing else.
  Output& out() { return out_; }

  /// Where the store is: -C/--store, else TENURE_STORE, else the nearest .tenure upwards of the working
  /// directory. kNoStore with a hint; kInvalidArgument for etcd://.
  Result<std::string> StorePath() const;
  /// Opens it, and tells on stderr what recovery did.
  Result<Store> OpenStore(const StoreUse& use = {});

  /// A message for people on stderr. In JSON modes notes are left out and warnings are one JSON object
  /// per line, without a member "error".
  void Note(const std::string& text);
  void Warn(const std::string& text);
  /// Asks "question [y/N]" when stdin and stderr are a terminal, unless `yes`. kClosed when the answer is no.
  Status Confirm(const std::string& question, bool yes);
  /// A progress bar on stderr, shown when the work takes over a second and stderr is a terminal.
  std::unique_ptr<Progress> StartProgress(std::string title);

  /// From here to EndCritical, signals only set a flag: what was submitted is waited for and told.
  /// When that takes longer than a few seconds after the signal, or at the second signal, the process
  /// prints `pending` (such as "outcome unknown; ask with: tenure outcome ID") and ends.
  void BeginCritical(const std::string& pending);
  void EndCritical();

  /// Commits in a critical section. The receipt is remembered for the message when stdout fails later.
  Result<Receipt> Commit(Store& store, const Transaction& txn, const CommitOptions& options);
  /// "committed with lsn 42", for errors that come after the fact; empty when nothing was committed.
  const std::string& done() const { return done_; }
  void set_done(std::string done) { done_ = std::move(done); }

 private:
  GlobalOptions global_;
  base::Env& env_;
  Output out_;
  std::string done_;
};

}  // namespace tenure::cli
