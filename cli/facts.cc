#include "cli/facts.h"

#include <algorithm>

#include "store/model/json.h"

namespace tenure::cli {

void Facts::Text(const std::string& name, const std::string& value) {
  facts_.push_back({name, value.empty() ? "-" : value, value.empty() ? "-" : value, model::QuoteJson(value), false});
}

void Facts::Number(const std::string& name, std::uint64_t value) {
  const std::string text = std::to_string(value);
  facts_.push_back({name, text, text, text, false});
}

void Facts::Bytes(const std::string& name, std::uint64_t value) {
  const std::string text = std::to_string(value);
  facts_.push_back({name, HumanBytes(value), text, text, false});
}

void Facts::Time(const std::string& name, std::int64_t ms) {
  const std::string text = ms == 0 ? "-" : model::FormatTime(ms);
  facts_.push_back({name, text, text, ms == 0 ? "null" : model::QuoteJson(text), false});
}

void Facts::Json(const std::string& name, const std::string& json) { facts_.push_back({name, {}, {}, json, true}); }

void Facts::Print(Context& ctx) const {
  std::vector<Field> fields;
  std::string json = "{";
  for (const Fact& fact : facts_) {
    json += (json.size() > 1 ? "," : "") + model::QuoteJson(fact.name) + ":" + fact.json;
    if (fact.json_only) continue;
    std::string name = fact.name;
    std::replace(name.begin(), name.end(), '_', ' ');
    fields.push_back({std::move(name), ctx.format() == Format::kTable ? fact.shown : fact.plain});
  }
  if (ctx.format() == Format::kTsv) {  // one line per fact: a row of twenty columns helps nobody
    for (const Field& field : fields) ctx.out().Line(TsvCell(field.name) + "\t" + TsvCell(field.value));
    return;
  }
  PrintRecord(ctx, fields, json + "}");
}

}  // namespace tenure::cli
