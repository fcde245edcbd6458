#include "cli/registry.h"

namespace tenure::cli {
namespace {

constexpr CommandEntry kCommands[] = {
    {"init", "create a store", MakeInit},
    {"put", "add or replace an entry", MakePut},
    {"patch", "merge-patch the annotations of an entry", MakePatch},
    {"rm", "delete an entry, leaving a tombstone", MakeRm},
    {"get", "print one entry", MakeGet},
    {"list", "list entries", MakeList},
    {"history", "list the revisions of an entry or a tag", MakeHistory},
    {"tag set", "point a tag to a version", MakeTagSet},
    {"tag rm", "delete a tag", MakeTagRm},
    {"tag list", "list tags", MakeTagList},
    {"apply", "apply operations in JSON Lines", MakeApply},
    {"conflicts list", "list parked conflicts", MakeConflictsList},
    {"conflicts show", "show what a parked conflict is about", MakeConflictsShow},
    {"conflicts resolve", "settle a parked conflict", MakeConflictsResolve},
    {"policy set", "say how keys are to be treated", MakePolicySet},
    {"policy list", "list policies", MakePolicyList},
    {"policy rm", "remove a policy", MakePolicyRm},
    {"lease acquire", "lease scopes, and print the token", MakeLeaseAcquire},
    {"lease renew", "prolong a lease", MakeLeaseRenew},
    {"lease release", "give a lease back", MakeLeaseRelease},
    {"lease list", "list the leases that are held", MakeLeaseList},
    {"lease break", "take a lease away from its holder", MakeLeaseBreak},
    {"with-lease", "run a command that holds a lease", MakeWithLease},
    {"outcome", "tell what became of a request id", MakeOutcome},
    {"log", "list committed effects", MakeLog},
    {"watch", "print effects as they are committed", MakeWatch},
    {"cursors list", "list the cursors of watches", MakeCursorsList},
    {"cursors rm", "forget a cursor", MakeCursorsRm},
    {"diff", "compare two points of the history", MakeDiff},
    {"undo", "commit the inverse of a transaction", MakeUndo},
    {"import", "add the entries of a file or of package lists", MakeImport},
    {"export", "print entries and tags in an exchange format", MakeExport},
    {"verify", "check journal, hash chain and index", MakeVerify},
    {"compact", "write a checkpoint and drop old history and journal", MakeCompact},
    {"backup", "copy the store as of now", MakeBackup},
    {"stats", "print counts and sizes", MakeStats},
    {"doctor", "look at the store and its surroundings", MakeDoctor},
};

}  // namespace

std::span<const CommandEntry> Commands() { return kCommands; }

}  // namespace tenure::cli
