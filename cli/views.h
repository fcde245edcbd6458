// How entries, tags, events and receipts look as rows and records. One place, so that every command
// shows the same thing in the same way.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/output.h"
#include "tenure/transaction.h"
#include "tenure/types.h"

namespace tenure::cli {

std::string KeyOf(const ArtifactEntry& entry);  ///< "name:version"
std::string KeyOf(const TagEntry& tag);         ///< "name@tag"
std::string KeyOf(const Operation& op);         ///< The same, or "policy GLOB", "conflict ID".
/// What an event is about, and its revision or "-".
std::string KeyOf(const Event& event);
std::string RevisionOf(const Event& event);

/// NAME VERSION REVISION LSN SIZE DIGEST UPDATED; the digest is shortened in a table.
std::vector<std::string> EntryColumns();
std::vector<std::string> EntryCells(const ArtifactEntry& entry, Format format);
void PrintEntry(Context& ctx, const ArtifactEntry& entry);

/// NAME TAG VERSION REVISION LSN UPDATED.
std::vector<std::string> TagColumns();
std::vector<std::string> TagCells(const TagEntry& tag);

/// Revisions of an entry or a tag: REVISION LSN UPDATED WRITER OP VALUE.
std::vector<std::string> RevisionColumns();
std::vector<std::string> RevisionCells(const ArtifactEntry& entry, Format format);
std::vector<std::string> RevisionCells(const TagEntry& tag);

/// Answers a command that changed one key: "committed app:1.0 revision 3 lsn 42", or
/// {"lsn":…,"revision":…,"outcome":…,"key":…}.
/// The exit status: 0, or 5 for what was parked, which is told on stderr too.
[[nodiscard]] int PrintReceipt(Context& ctx, const std::string& key, const Receipt& receipt);
/// Answers a transaction of several operations.
[[nodiscard]] int PrintReceipt(Context& ctx, const Receipt& receipt);
/// The members of a receipt without the braces: "lsn":…,"revision":…,"outcome":….
std::string ReceiptMembers(const Receipt& receipt);

}  // namespace tenure::cli
