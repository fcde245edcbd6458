#include "cli/output.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/command.h"
#include "store/base/error.h"

namespace tenure::cli {
namespace {

constexpr std::size_t kBufferBytes = 64u << 10;
// Rows from which the widths of a table are taken: a longer listing streams on with them.
constexpr std::size_t kHeldRows = 512;
constexpr const char* kHex = "0123456789abcdef";

void AppendHex(unsigned char c, std::string& out) {
  out += "\\x";
  out += kHex[c >> 4];
  out += kHex[c & 15];
}

std::string Padded(const std::string& cell, std::size_t width) {
  const std::size_t have = DisplayWidth(cell);
  return have >= width ? cell : cell + std::string(width - have, ' ');
}

}  // namespace

std::optional<Format> ParseFormat(std::string_view name) {
  if (name == "table") return Format::kTable;
  if (name == "json") return Format::kJson;
  if (name == "jsonl") return Format::kJsonl;
  if (name == "tsv") return Format::kTsv;
  return std::nullopt;
}

void Output::Write(std::string_view text) {
  if (failure_) return;
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) static_cast<void>(Flush());
}

Status Output::Flush() {
  std::size_t done = 0;
  while (!failure_ && done < buffer_.size()) {
    const ssize_t n = ::write(fd_, buffer_.data() + done, buffer_.size() - done);
    if (n >= 0) {
      done += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {  // somebody made the pipe non-blocking
      pollfd writable{fd_, POLLOUT, 0};
      ::poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      broken_pipe_ = errno == EPIPE;
      failure_ = base::MakeError(errno == ENOSPC ? ErrorCode::kNoSpace : ErrorCode::kIo,
                                 std::string("cannot write to standard output: ") + std::strerror(errno));
    }
  }
  buffer_.clear();
  if (failure_) return *failure_;
  return {};
}

std::string Printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    if (c < 0x20 || c == 0x7f) {
      AppendHex(c, out);
    } else if (c == 0xc2 && next >= 0x80 && next < 0xa0) {  // C1 controls: some terminals obey them
      AppendHex(next, out);
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string TsvCell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\\':
        out += "\\\\";
        break;
      default:
        out += c;
    }
  }
  return Printable(out);
}

std::size_t DisplayWidth(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string HumanBytes(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string ShortDigest(const std::string& digest) {
  constexpr std::size_t kShown = 12;
  const std::size_t colon = digest.find(':');
  if (colon == std::string::npos || digest.size() <= colon + 1 + kShown) return digest;
  return digest.substr(0, colon + 1 + kShown) + "…";
}

RowWriter::RowWriter(Context& ctx, std::vector<std::string> columns)
    : out_(ctx.out()), format_(ctx.format()), columns_(std::move(columns)) {}

bool RowWriter::Add(const std::vector<std::string>& cells, std::string_view json) {
  switch (format_) {
    case Format::kJson:
      out_.Write(rows_ == 0 ? "[\n" : ",\n");
      out_.Write(json);
      break;
    case Format::kJsonl:
      out_.Line(json);
      break;
    case Format::kTsv:
      for (std::size_t i = 0; i < cells.size(); ++i) {
        if (i > 0) out_.Write("\t");
        out_.Write(TsvCell(cells[i]));
      }
      out_.Write("\n");
      break;
    case Format::kTable:
      if (widths_fixed_) {
        PrintTableRow(cells);
      } else {
        held_.push_back(cells);
        if (held_.size() >= kHeldRows) PrintHeld();
      }
      break;
  }
  ++rows_;
  return !out_.failed();
}

void RowWriter::PrintTableRow(const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string cell = Printable(cells[i]);
    line += i + 1 == cells.size() ? cell : Padded(cell, widths_[i]) + "  ";
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out_.Line(line);
}

void RowWriter::PrintHeld() {
  for (const std::string& column : columns_) widths_.push_back(DisplayWidth(column));
  for (const auto& row : held_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], DisplayWidth(Printable(row[i])));
  }
  widths_fixed_ = true;
  PrintTableRow(columns_);
  for (const auto& row : held_) PrintTableRow(row);
  held_.clear();
}

Status RowWriter::Finish() {
  if (format_ == Format::kTable && !widths_fixed_) PrintHeld();
  if (format_ == Format::kJson) out_.Write(rows_ == 0 ? "[]\n" : "\n]\n");
  return {};
}

void PrintRecord(Context& ctx, const std::vector<Field>& fields, std::string_view json) {
  if (IsJson(ctx.format())) {
    ctx.out().Line(json);
    return;
  }
  std::size_t width = 0;
  for (const Field& field : fields) width = std::max(width, DisplayWidth(field.name));
  bool first = true;
  for (const Field& field : fields) {
    if (ctx.format() == Format::kTable) {
      ctx.out().Line(Padded(field.name, width) + "  " + Printable(field.value));
    } else {
      if (!first) ctx.out().Write("\t");
      ctx.out().Write(TsvCell(field.value));
    }
    first = false;
  }
  if (ctx.format() == Format::kTsv) ctx.out().Write("\n");
}

}  // namespace tenure::cli
