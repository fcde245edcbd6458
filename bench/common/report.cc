#include "bench/common/report.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace tenure::bench {
namespace {

std::vector<double> Sorted(const Row& row, const std::string& metric) {
  std::vector<double> values;
  for (const Metrics& round : row.rounds) {
    if (const double* value = round.Find(metric)) values.push_back(*value);
  }
  std::sort(values.begin(), values.end());
  return values;
}

/// Six significant digits: more would be noise, and unreadable.
double Rounded(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.6g", value);
  return std::strtod(text, nullptr);
}

/// 12,345.6
std::string Number(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  std::string digits = text;
  std::size_t end = digits.find('.');
  if (end == std::string::npos) end = digits.size();
  const std::size_t begin = digits[0] == '-' ? 1 : 0;
  while (end > begin + 3) {
    end -= 3;
    digits.insert(end, 1, ',');
  }
  return digits;
}

std::vector<std::vector<std::string>> Cells(const Report& report) {
  std::vector<std::vector<std::string>> lines(1);
  lines[0] = {"subject", "writers"};
  for (const Column& column : report.columns) {
    lines[0].push_back(column.title);
    if (column.metric == report.leading) lines[0].insert(lines[0].end(), {"min", "max"});
  }
  for (const Row& row : report.rows) {
    std::string writers = std::to_string(row.writers) + (row.kind == "thread" ? " thr" : "");
    if (row.outstanding > 1) writers += " x " + std::to_string(row.outstanding);
    std::vector<std::string> line = {row.subject, writers};
    for (const Column& column : report.columns) {
      const bool has = row.Has(column.metric);
      const auto cell = [&](double value) { return has ? Number(value * column.scale, column.decimals) : "-"; };
      line.push_back(cell(row.MedianOf(column.metric)));
      if (column.metric == report.leading) {
        line.push_back(cell(row.MinOf(column.metric)));
        line.push_back(cell(row.MaxOf(column.metric)));
      }
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

double Row::MedianOf(const std::string& metric) const {
  const std::vector<double> values = Sorted(*this, metric);
  if (values.empty()) return 0;
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double Row::MinOf(const std::string& metric) const {
  const std::vector<double> values = Sorted(*this, metric);
  return values.empty() ? 0 : values.front();
}

double Row::MaxOf(const std::string& metric) const {
  const std::vector<double> values = Sorted(*this, metric);
  return values.empty() ? 0 : values.back();
}

bool Row::Has(const std::string& metric) const { return !Sorted(*this, metric).empty(); }

const Row* Report::FindRow(const std::string& subject) const {
  for (const Row& row : rows) {
    if (row.subject == subject) return &row;
  }
  return nullptr;
}

void Report::AddRatio(const std::string& name, const std::string& metric, const std::string& subject,
                      const std::string& peer) {
  const Row* ours = FindRow(subject);
  const Row* theirs = FindRow(peer);
  if (ours == nullptr || theirs == nullptr || !ours->Has(metric) || theirs->MedianOf(metric) <= 0) return;
  ratios.Set(name, ours->MedianOf(metric) / theirs->MedianOf(metric));
}

void AddFlushMultiples(Report& report, double flush_p50_us) {
  if (flush_p50_us <= 0) return;
  for (Row& row : report.rows) {
    for (Metrics& round : row.rounds) {
      for (const char* name : {"p50", "p99"}) {
        const double* us = round.Find(std::string(name) + "_us");
        if (us != nullptr) round.Set(std::string(name) + "_x_l", *us / flush_p50_us);
      }
    }
  }
}

std::string JsonLines(const Report& report) {
  using Json = nlohmann::ordered_json;
  std::string text;
  for (const Row& row : report.rows) {
    Json line = {{"workload", report.workload},    {"subject", row.subject},
                 {"writers", row.writers},         {"kind", row.kind},
                 {"outstanding", row.outstanding}, {"rounds", row.rounds.size()}};
    for (const Metrics& round : row.rounds) {
      for (const auto& item : round.items()) {
        if (line.contains(item.first)) continue;
        line[item.first] = Rounded(row.MedianOf(item.first));
      }
    }
    if (row.Has(report.leading)) {
      line[report.leading + "_min"] = Rounded(row.MinOf(report.leading));
      line[report.leading + "_max"] = Rounded(row.MaxOf(report.leading));
    }
    text += line.dump() + "\n";
  }
  Json last = {{"workload", report.workload}, {"ratios", Json::object()}};
  for (const auto& [name, value] : report.ratios.items()) last["ratios"][name] = Rounded(value);
  for (const auto& [name, value] : report.notes) last[name] = value;
  if (!report.missing.empty()) last["missing"] = report.missing;
  return text + last.dump() + "\n";
}

std::string TableText(const Report& report) {
  const std::vector<std::vector<std::string>> lines = Cells(report);
  std::vector<std::size_t> widths(lines[0].size(), 0);
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string padding(widths[i] - line[i].size(), ' ');
      text += i == 0 ? line[i] + padding : "  " + padding + line[i];
    }
    text += "\n";
  }
  if (!report.ratios.items().empty()) text += "\n";
  for (const auto& [name, value] : report.ratios.items()) {
    text += name + " = " + Number(value, value < 10 ? 3 : value < 1000 ? 1 : 0) + "\n";
  }
  for (const auto& [name, value] : report.notes) text += name + ": " + value + "\n";
  if (!report.missing.empty()) text += "missing: " + Joined(report.missing) + "\n";
  return text;
}

}  // namespace tenure::bench
