#include "cli/load/report.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/output.h"

namespace tenure::cli::load {
namespace {

using Json = nlohmann::ordered_json;

double PerSecond(std::uint64_t count, double seconds) { return seconds > 0 ? static_cast<double>(count) / seconds : 0; }

std::string Decimal(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

/// 1,234,567
std::string Grouped(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string BytesRate(double per_second) { return HumanBytes(static_cast<std::uint64_t>(per_second)) + "/s"; }

Json CountsJson(const Counts& counts, double seconds, const base::Histogram& latency) {
  const auto us = [&](double q) { return latency.Percentile(q) / 1e3; };
  return {{"blocks", counts.produced},
          {"bytes", counts.produced_bytes},
          {"succeeded", counts.succeeded},
          {"succeeded_bytes", counts.succeeded_bytes},
          {"failed", counts.failed},
          {"failed_bytes", counts.failed_bytes},
          {"full", counts.full},
          {"allocation_failures", counts.allocation_failures},
          {"seconds", seconds},
          {"blocks_per_s", PerSecond(counts.succeeded, seconds)},
          {"bytes_per_s", PerSecond(counts.succeeded_bytes, seconds)},
          {"latency_us", {{"p50", us(0.5)}, {"p99", us(0.99)}, {"p999", us(0.999)}, {"max", us(1)}}}};
}

base::Histogram AllLatencies(const RunResult& result) {
  base::Histogram all;
  for (const WriterResult& writer : result.writers) all.Merge(writer.latency);
  return all;
}

std::vector<std::string> Row(const std::string& name, const Counts& counts, double seconds,
                             const base::Histogram& latency) {
  return {name,
          Grouped(counts.produced),
          HumanBytes(counts.produced_bytes),
          Grouped(counts.succeeded),
          Grouped(counts.failed),
          Grouped(counts.full),
          Grouped(static_cast<std::uint64_t>(PerSecond(counts.succeeded, seconds))),
          BytesRate(PerSecond(counts.succeeded_bytes, seconds)),
          Decimal(latency.Percentile(0.5) / 1e3, 1),
          Decimal(latency.Percentile(0.99) / 1e3, 1)};
}

std::string Aligned(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows[0].size(), 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - row[i].size(), ' ');
      text += i == 0 ? row[i] + padding : "  " + padding + row[i];
    }
    text += "\n";
  }
  return text;
}

}  // namespace

Counts RunResult::Total() const {
  Counts total;
  for (const WriterResult& writer : writers) total += writer.counts;
  return total;
}

bool RunResult::Sound() const {
  const Counts total = Total();
  if (!total.AddsUp() || total.failed > 0) return false;
  for (const WriterResult& writer : writers) {
    if (!writer.failure.empty()) return false;
  }
  if (!drained) return true;
  return drained->lost == 0 && drained->duplicates == 0 && drained->damaged == 0 &&
         drained->blocks == total.succeeded && drained->bytes == total.succeeded_bytes && drained->content == content;
}

std::string JsonText(const Settings& settings, const RunResult& result) {
  Json json = {{"writers", settings.writers},
               {"seed", settings.seed},
               {"size_min", settings.size_min},
               {"size_max", settings.size_max},
               {"distribution", NameOf(settings.distribution)},
               {"pattern", NameOf(settings.pattern)},
               {"batch", settings.batch},
               {"sink", settings.store.empty() ? "buffer" : "store"}};
  json.update(CountsJson(result.Total(), result.seconds, AllLatencies(result)));
  json["content_hash"] = base::Hex(result.content);
  if (result.drained) {
    json["drained"] = {{"blocks", result.drained->blocks},   {"bytes", result.drained->bytes},
                       {"lost", result.drained->lost},       {"duplicates", result.drained->duplicates},
                       {"damaged", result.drained->damaged}, {"content_hash", base::Hex(result.drained->content)}};
  }
  json["sound"] = result.Sound();
  json["per_writer"] = Json::array();
  for (const WriterResult& writer : result.writers) {
    Json row = CountsJson(writer.counts, writer.seconds, writer.latency);
    if (!writer.failure.empty()) row["failure"] = writer.failure;
    json["per_writer"].push_back(std::move(row));
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string TableText(const Settings& settings, const RunResult& result) {
  std::vector<std::vector<std::string>> rows = {
      {"WRITER", "BLOCKS", "BYTES", "SUCCEEDED", "FAILED", "FULL", "BLOCKS/S", "RATE", "P50 US", "P99 US"}};
  for (std::size_t i = 0; i < result.writers.size(); ++i) {
    const WriterResult& writer = result.writers[i];
    rows.push_back(Row(std::to_string(i), writer.counts, writer.seconds, writer.latency));
  }
  rows.push_back(Row("all", result.Total(), result.seconds, AllLatencies(result)));
  std::string text = Aligned(rows);
  text += "seed " + std::to_string(settings.seed) + ", " + Decimal(result.seconds, 3) + " s, content " +
          base::Hex(result.content) + "\n";
  if (const auto& drained = result.drained) {
    text += "drained " + Grouped(drained->blocks) + " blocks, " + HumanBytes(drained->bytes) + "; lost " +
            Grouped(drained->lost) + ", twice " + Grouped(drained->duplicates) + ", damaged " +
            Grouped(drained->damaged) + "\n";
  }
  return text;
}

std::string LiveLine(const Counts& now, double seconds, const Counts& before, double interval, std::size_t width) {
  std::string line = Decimal(seconds, 1) + " s  " + Grouped(now.succeeded) + " blocks  " +
                     Grouped(static_cast<std::uint64_t>(PerSecond(now.succeeded - before.succeeded, interval))) +
                     "/s  " + BytesRate(PerSecond(now.succeeded_bytes - before.succeeded_bytes, interval)) + "  full " +
                     Grouped(now.full - before.full);
  if (now.failed > 0) line += "  failed " + Grouped(now.failed);
  return line.substr(0, width);
}

}  // namespace tenure::cli::load
