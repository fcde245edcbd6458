// Standard output, and the four formats of data: table, json, jsonl, tsv.
//
// Output buffers and writes to a descriptor; the first failure is kept and everything after it is
// dropped, so a loop may ignore it and the end reports it. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenure/result.h"

namespace tenure::cli {

class Context;

enum class Format : std::uint8_t { kTable, kJson, kJsonl, kTsv };
/// "table", "json", "jsonl", "tsv"; nullopt for anything else.
std::optional<Format> ParseFormat(std::string_view name);
inline bool IsJson(Format format) { return format == Format::kJson || format == Format::kJsonl; }

class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}
  void Write(std::string_view text);
  void Line(std::string_view text) { Write(text), Write("\n"); }
  /// Hands everything to the kernel. kIo or kNoSpace, naming standard output.
  Status Flush();
  /// The first failure so far.
  bool failed() const { return failure_.has_value(); }
  /// The reader has gone (EPIPE): end quietly.
  bool broken_pipe() const { return broken_pipe_; }

 private:
  int fd_;
  bool broken_pipe_ = false;
  std::string buffer_;
  std::optional<Error> failure_;
};

/// Control characters (which a terminal would act upon) as \xNN; everything else as it is.
std::string Printable(std::string_view text);
/// Printable, with tab, newline, carriage return and backslash as \t \n \r \\.
std::string TsvCell(std::string_view text);
/// Columns that a terminal needs for UTF-8 text (code points).
std::size_t DisplayWidth(std::string_view text);
/// "1.5 KiB"
std::string HumanBytes(std::uint64_t bytes);
/// "sha256:0123456789ab…" for tables.
std::string ShortDigest(const std::string& digest);

/// Rows of one kind, in the format asked for: an aligned table with a header line (widths from the first
/// rows, then streamed), tab-separated values without a header, a JSON array with one element per line,
/// or JSON Lines. Nothing at all is printed for an empty table but its header.
class RowWriter {
 public:
  RowWriter(Context& ctx, std::vector<std::string> columns);
  /// `cells` for table and tsv (as many as columns), `json` for the JSON formats: one object.
  /// False when output has failed and there is no use in going on.
  bool Add(const std::vector<std::string>& cells, std::string_view json);
  /// True when the format needs `cells`, else only `json`: saves building the other.
  bool wants_cells() const { return !IsJson(format_); }
  Status Finish();

 private:
  void PrintTableRow(const std::vector<std::string>& cells);
  void PrintHeld();
  Output& out_;
  Format format_;
  std::vector<std::string> columns_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> held_;
  bool widths_fixed_ = false;
  std::uint64_t rows_ = 0;
};

/// One record: in a table one "field  value" line per field, in tsv one row of the values, else `json`.
struct Field {
  std::string name;
  std::string value;
};
void PrintRecord(Context& ctx, const std::vector<Field>& fields, std::string_view json);

}  // namespace tenure::cli
