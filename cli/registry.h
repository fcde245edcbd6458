// The commands of `tenure`. One table; a command exists when its line is in cli/registry.cc.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "cli/command.h"

namespace tenure::cli {

std::unique_ptr<Command> MakeApply();
std::unique_ptr<Command> MakeBackup();
std::unique_ptr<Command> MakeCompact();
std::unique_ptr<Command> MakeConflictsList();
std::unique_ptr<Command> MakeConflictsResolve();
std::unique_ptr<Command> MakeConflictsShow();
std::unique_ptr<Command> MakeCursorsList();
std::unique_ptr<Command> MakeCursorsRm();
std::unique_ptr<Command> MakeDiff();
std::unique_ptr<Command> MakeDoctor();
std::unique_ptr<Command> MakeExport();
std::unique_ptr<Command> MakeGet();
std::unique_ptr<Command> MakeHistory();
std::unique_ptr<Command> MakeImport();
std::unique_ptr<Command> MakeInit();
std::unique_ptr<Command> MakeLeaseAcquire();
std::unique_ptr<Command> MakeLeaseBreak();
std::unique_ptr<Command> MakeLeaseList();
std::unique_ptr<Command> MakeLeaseRelease();
std::unique_ptr<Command> MakeLeaseRenew();
std::unique_ptr<Command> MakeList();
std::unique_ptr<Command> MakeLog();
std::unique_ptr<Command> MakeOutcome();
std::unique_ptr<Command> MakePatch();
std::unique_ptr<Command> MakePolicyList();
std::unique_ptr<Command> MakePolicyRm();
std::unique_ptr<Command> MakePolicySet();
std::unique_ptr<Command> MakePut();
std::unique_ptr<Command> MakeRm();
std::unique_ptr<Command> MakeStats();
std::unique_ptr<Command> MakeTagList();
std::unique_ptr<Command> MakeTagRm();
std::unique_ptr<Command> MakeTagSet();
std::unique_ptr<Command> MakeUndo();
std::unique_ptr<Command> MakeVerify();
std::unique_ptr<Command> MakeWithLease();
std::unique_ptr<Command> MakeWatch();

/// All commands, in the order of `tenure --help`.
std::span<const CommandEntry> Commands();

}  // namespace tenure::cli
