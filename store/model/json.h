// The JSON forms of the machine interface: operations in, entries, tags, events and receipts out.
// schemas/*.json publishes them. Times print as RFC 3339 UTC with milliseconds. Output has its
// members in the order documented in docs/cli.md unless "sorted" is asked for.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenure/conflict.h"
#include "tenure/options.h"
#include "tenure/result.h"
#include "tenure/transaction.h"
#include "tenure/types.h"

namespace tenure::model {

/// One line of `apply`: an operation and what it says about its transaction.
struct ParsedOperation {
  Operation operation;
  std::optional<std::string> request_id;
  std::optional<std::string> on_conflict;
  std::optional<std::string> lease;
};
/// Unknown members, wrong types and duplicate members are refused by name.
Result<ParsedOperation> ParseOperation(std::string_view json);
std::string OperationJson(const Operation& op);

std::string EntryJson(const ArtifactEntry& entry);
std::string TagJson(const TagEntry& tag);
/// As `lease list` prints it.
std::string LeaseJson(const LeaseInfo& lease);
std::string EventJson(const Event& event);
std::string CursorJson(const CursorEntry& cursor);
std::string ReceiptJson(const Receipt& receipt);
/// {"glob":…,"immutable":…,"on_conflict":…,"schema":{…},…,"lsn":…}
std::string PolicyJson(const Policy& policy);
/// {"id":…,"key":…,"kind":…,"base":{…},"ours":{…},"theirs":{…},…}
std::string ConflictJson(const ParkedConflict& conflict);
/// {"error":{"code":…,"message":…,"hint":…,…}}
std::string ErrorJson(const Error& error);

/// The export form: live entries without lsn, revision, writer and times, members sorted.
std::string ExportEntryJson(const ArtifactEntry& entry);
/// {"tag":{"name":…,"tag":…,"version":…}}
std::string ExportTagJson(const TagEntry& tag);
/// One line of an export (plain or --full) read back; empty for a policy or a parked conflict.
struct ImportLine {
  std::optional<ArtifactEntry> entry;
  std::optional<TagEntry> tag;
};
Result<ImportLine> ParseImportLine(std::string_view json);

std::string FormatTime(TimeMs ms);                ///< 2026-01-02T03:04:05.678Z
Result<TimeMs> ParseTime(std::string_view text);  ///< RFC 3339; an offset is required.
Result<std::uint64_t> ParseDurationMs(
    std::string_view text);                    ///< "250ms", "30s", "5m", "2h"; bare numbers are seconds.
std::string QuoteJson(std::string_view text);  ///< A JSON string literal.

}  // namespace tenure::model
