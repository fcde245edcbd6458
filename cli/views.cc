#include "cli/views.h"

#include "store/model/json.h"
#include "store/model/validate.h"

namespace tenure::cli {
namespace {

std::string SizeText(const ArtifactEntry& entry) { return entry.size ? std::to_string(*entry.size) : std::string("-"); }

std::string DigestText(const ArtifactEntry& entry, Format format) {
  if (entry.digest.empty()) return "-";
  return format == Format::kTable ? ShortDigest(entry.digest) : entry.digest;
}

std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

std::string Joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : " ") + part;
  return OrDash(text);
}

}  // namespace

std::string KeyOf(const ArtifactEntry& entry) { return entry.name + ":" + entry.version; }
std::string KeyOf(const TagEntry& tag) { return tag.name + "@" + tag.tag; }
std::string KeyOf(const Operation& op) { return model::KeyOf(op); }

std::string KeyOf(const Event& event) {
  if (event.entry) return KeyOf(*event.entry);
  if (event.tag) return KeyOf(*event.tag);
  if (event.parked) return KeyOf(*event.parked);
  if (!event.conflict.empty()) return "conflict " + event.conflict;
  if (!event.glob.empty()) return "policy " + event.glob;
  if (event.cursor) return "cursor " + event.cursor->name;
  if (event.below_lsn > 0) return "below lsn " + std::to_string(event.below_lsn);
  return event.request_id.empty() ? "-" : event.request_id;
}

std::string RevisionOf(const Event& event) {
  if (event.entry) return std::to_string(event.entry->revision);
  if (event.tag) return std::to_string(event.tag->revision);
  return "-";
}

std::vector<std::string> EntryColumns() { return {"NAME", "VERSION", "REVISION", "LSN", "SIZE", "DIGEST", "UPDATED"}; }

std::vector<std::string> EntryCells(const ArtifactEntry& entry, Format format) {
  return {entry.name,
          entry.version,
          std::to_string(entry.revision) + (entry.deleted && format == Format::kTable ? " (deleted)" : ""),
          std::to_string(entry.lsn),
          SizeText(entry),
          DigestText(entry, format),
          model::FormatTime(entry.updated_at_ms)};
}

void PrintEntry(Context& ctx, const ArtifactEntry& entry) {
  if (ctx.format() == Format::kTsv) {
    RowWriter rows(ctx, EntryColumns());
    rows.Add(EntryCells(entry, Format::kTsv), {});
    return;
  }
  PrintRecord(ctx,
              {{"name", entry.name},
               {"version", entry.version},
               {"revision", entry.uncommitted ? "queued" : std::to_string(entry.revision)},
               {"lsn", entry.uncommitted ? "queued" : std::to_string(entry.lsn)},
               {"digest", OrDash(entry.digest)},
               {"size", SizeText(entry)},
               {"media type", OrDash(entry.media_type)},
               {"urls", Joined(entry.urls)},
               {"annotations", entry.annotations},
               {"created", model::FormatTime(entry.created_at_ms)},
               {"updated", model::FormatTime(entry.updated_at_ms)},
               {"writer", OrDash(entry.writer)}},
              IsJson(ctx.format()) ? model::EntryJson(entry) : std::string());
}

std::vector<std::string> TagColumns() { return {"NAME", "TAG", "VERSION", "REVISION", "LSN", "UPDATED"}; }

std::vector<std::string> TagCells(const TagEntry& tag) {
  return {tag.name,
          tag.tag,
          OrDash(tag.version),
          std::to_string(tag.revision),
          std::to_string(tag.lsn),
          model::FormatTime(tag.updated_at_ms)};
}

std::vector<std::string> RevisionColumns() { return {"REVISION", "LSN", "UPDATED", "WRITER", "OP", "VALUE"}; }

std::vector<std::string> RevisionCells(const ArtifactEntry& entry, Format format) {
  return {std::to_string(entry.revision),         std::to_string(entry.lsn),
          model::FormatTime(entry.updated_at_ms), OrDash(entry.writer),
          entry.deleted ? "delete" : "put",       entry.deleted ? "-" : DigestText(entry, format)};
}

std::vector<std::string> RevisionCells(const TagEntry& tag) {
  return {std::to_string(tag.revision),           std::to_string(tag.lsn),
          model::FormatTime(tag.updated_at_ms),   OrDash(tag.writer),
          tag.deleted ? "delete_tag" : "set_tag", OrDash(tag.version)};
}

std::string ReceiptMembers(const Receipt& receipt) {
  const std::string json = model::ReceiptJson(receipt);
  return json.substr(1, json.size() - 2);
}

namespace {

int StatusOf(Context& ctx, const Receipt& receipt) {
  if (receipt.outcome != Outcome::kParked) return 0;
  const std::string id = ConflictIdText({receipt.lsn, 0});
  ctx.Note("nothing was applied: it is parked as conflict " + id + ", see 'tenure conflicts show " + id + "'");
  return ExitCode(ErrorCode::kParked);
}

void Print(Context& ctx, const std::string& key, const Receipt& receipt) {
  if (IsJson(ctx.format())) {
    ctx.out().Line("{" + ReceiptMembers(receipt) + ",\"key\":" + model::QuoteJson(key) + "}");
    return;
  }
  const std::string revision = receipt.results.empty() ? "-" : std::to_string(receipt.results.back().revision);
  if (ctx.format() == Format::kTsv) {
    ctx.out().Line(std::string(OutcomeName(receipt.outcome)) + "\t" + TsvCell(key) + "\t" + revision + "\t" +
                   std::to_string(receipt.lsn));
    return;
  }
  // A policy has no revisions, and neither has what never was.
  const std::string at = revision == "0" ? "" : " revision " + revision;
  ctx.out().Line(std::string(OutcomeName(receipt.outcome)) + " " + Printable(key) + at + " lsn " +
                 std::to_string(receipt.lsn) + (receipt.replayed ? " (replayed)" : ""));
}

void Print(Context& ctx, const Receipt& receipt) {
  if (IsJson(ctx.format())) {
    ctx.out().Line(model::ReceiptJson(receipt));
    return;
  }
  const std::string count = std::to_string(receipt.results.size());
  if (ctx.format() == Format::kTsv) {
    ctx.out().Line(std::string(OutcomeName(receipt.outcome)) + "\t" + count + "\t" + std::to_string(receipt.lsn));
    return;
  }
  ctx.out().Line(std::string(OutcomeName(receipt.outcome)) + " " + count +
                 (receipt.results.size() == 1 ? " operation lsn " : " operations lsn ") + std::to_string(receipt.lsn) +
                 (receipt.replayed ? " (replayed)" : ""));
}

}  // namespace

int PrintReceipt(Context& ctx, const std::string& key, const Receipt& receipt) {
  Print(ctx, key, receipt);
  return StatusOf(ctx, receipt);
}

int PrintReceipt(Context& ctx, const Receipt& receipt) {
  Print(ctx, receipt);
  return StatusOf(ctx, receipt);
}

}  // namespace tenure::cli
