#include "cli/args.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "cli/parse.h"
#include "store/base/error.h"

namespace tenure::cli {
namespace {

Error Usage(const std::string& title, std::string message) {
  return base::MakeError(ErrorCode::kInvalidArgument, std::move(message), "see '" + title + " --help'");
}

/// "-n,--dry-run" -> {"-n", "--dry-run"}
std::vector<std::string> SplitNames(const char* names) {
  std::vector<std::string> result(1);
  for (const char* c = names; *c != '\0'; ++c) {
    if (*c == ',') {
      result.emplace_back();
    } else {
      result.back() += *c;
    }
  }
  return result;
}

}  // namespace

struct Args::State {
  struct Known {
    std::string canonical;  // the last name of the option, used in messages
    bool takes_value = false;
    bool repeatable = false;
    bool may_be_empty = false;
    bool seen = false;
  };
  struct Positional {
    std::string name;
    bool required = false;
    bool rest = false;
  };

  State(const std::string& title_in, const std::string& summary) : title(title_in), app(summary, title_in) {
    app.set_help_flag();
    app.add_flag("-h,--help", help, "Print this help and exit");
    Remember("-h,--help", false, false);
    app.get_formatter()->column_width(34);
  }

  void Remember(const char* names, bool takes_value, bool repeatable) {
    auto known = std::make_shared<Known>();
    known->takes_value = takes_value;
    known->repeatable = repeatable;
    for (const std::string& name : SplitNames(names)) {
      known->canonical = name;
      by_name[name] = known;
    }
    known->may_be_empty = known->canonical == "--after";
  }

  Result<Known*> Find(const std::string& name) const;
  Status Use(Known& known, std::vector<std::string>& options) const;
  Status TakeValue(Known& known, const std::vector<std::string>& all, std::size_t& at,
                   std::vector<std::string>& options) const;
  Status TakeShort(const std::vector<std::string>& all, std::size_t& at, std::vector<std::string>& options) const;
  Status Sort(const std::vector<std::string>& all, std::vector<std::string>& options,
              std::vector<std::string>& operands) const;
  Status AddValue(const Known& known, const std::string& value, std::vector<std::string>& options) const;
  Status CheckOperands(const std::vector<std::string>& operands) const;

  std::string title;
  CLI::App app;
  bool help = false;
  std::map<std::string, std::shared_ptr<Known>> by_name;
  std::vector<Positional> positionals;
  std::size_t rest_min = 0;
  std::vector<std::string>* command_line = nullptr;
  std::vector<std::function<Status()>> conversions;  // run after the parse
};

Result<Args::State::Known*> Args::State::Find(const std::string& name) const {
  if (auto it = by_name.find(name); it != by_name.end()) return it->second.get();
  std::string near;
  for (const auto& [candidate, known] : by_name) {
    if (name.size() > 3 && candidate.compare(0, name.size(), name) == 0) near = candidate;
  }
  return Usage(title, "'" + title + "' has no option '" + name + "'" +
                          (near.empty() ? std::string() : "; did you mean '" + near + "'?"));
}

Status Args::State::Use(Known& known, std::vector<std::string>& options) const {
  if (known.seen && known.takes_value && !known.repeatable) {
    return Usage(title, "option '" + known.canonical + "' is given twice");
  }
  known.seen = true;
  options.push_back(known.canonical);
  return {};
}

Status Args::State::TakeValue(Known& known, const std::vector<std::string>& all, std::size_t& at,
                              std::vector<std::string>& options) const {
  TENURE_RETURN_IF_ERROR(Use(known, options));
  if (!known.takes_value) return {};
  if (at + 1 >= all.size()) return Usage(title, "option '" + known.canonical + "' needs a value");
  return AddValue(known, all[++at], options);
}

Status Args::State::AddValue(const Known& known, const std::string& value, std::vector<std::string>& options) const {
  if (value.empty() && !known.may_be_empty) {
    return Usage(title, "option '" + known.canonical + "' is given an empty value");
  }
  options.push_back(value);
  return {};
}

/// "-ny" is "-n -y"; "-Cdir" is "-C dir".
Status Args::State::TakeShort(const std::vector<std::string>& all, std::size_t& at,
                              std::vector<std::string>& options) const {
  const std::string& word = all[at];
  for (std::size_t i = 1; i < word.size(); ++i) {
    TENURE_ASSIGN(Known * known, Find(std::string("-") + word[i]));
    if (known->takes_value && i + 1 < word.size()) {
      TENURE_RETURN_IF_ERROR(Use(*known, options));
      return AddValue(*known, word.substr(i + 1), options);
    }
    TENURE_RETURN_IF_ERROR(TakeValue(*known, all, at, options));
    if (known->takes_value) return {};
  }
  return {};
}

/// Tells options, their values and operands apart. CLI11 gets all options first, each value in a word of
/// its own, then "--", then the operands: in that form it has nothing left to guess.
Status Args::State::Sort(const std::vector<std::string>& all, std::vector<std::string>& options,
                         std::vector<std::string>& operands) const {
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string& word = all[i];
    if (word == "--" && command_line != nullptr) {
      command_line->assign(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end());
      if (command_line->empty() || command_line->front().empty())
        return Usage(title, "no command is given behind '--'");
      return {};
    }
    if (word == "--") {
      operands.insert(operands.end(), all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end());
      return {};
    }
    if (word.size() < 2 || word[0] != '-') {
      operands.push_back(word);
    } else if (word[1] != '-') {
      TENURE_RETURN_IF_ERROR(TakeShort(all, i, options));
    } else if (const std::size_t equals = word.find('='); equals != std::string::npos) {
      TENURE_ASSIGN(Known * known, Find(word.substr(0, equals)));
      if (!known->takes_value) return Usage(title, "option '" + known->canonical + "' takes no value");
      TENURE_RETURN_IF_ERROR(Use(*known, options));
      TENURE_RETURN_IF_ERROR(AddValue(*known, word.substr(equals + 1), options));
    } else {
      TENURE_ASSIGN(Known * known, Find(word));
      TENURE_RETURN_IF_ERROR(TakeValue(*known, all, i, options));
    }
  }
  if (command_line != nullptr && !by_name.at("--help")->seen) {
    return Usage(title, "'--' and the command to run are missing");
  }
  return {};
}

Status Args::State::CheckOperands(const std::vector<std::string>& operands) const {
  const std::size_t given = operands.size();
  std::size_t i = 0;
  bool rest = false;
  for (const Positional& positional : positionals) {
    const std::size_t needed = i + (positional.rest ? rest_min : positional.required ? 1 : 0);
    if (given < needed) return Usage(title, positional.name + " is missing");
    if (i < given && operands[i].empty()) return Usage(title, positional.name + " is empty");
    rest = positional.rest;
    ++i;
  }
  if (given <= i || rest) return {};
  return Usage(title, "'" + title + "' takes " + (i == 0 ? "no" : "at most " + std::to_string(i)) + " argument" +
                          (i == 1 ? "" : "s") + ", and " + std::to_string(given) + " are given");
}

Args::Args(const std::string& title, const std::string& summary) : state_(std::make_unique<State>(title, summary)) {}
Args::~Args() = default;

void Args::Flag(const char* names, bool& target, const char* help) {
  state_->app.add_flag(names, target, help);
  state_->Remember(names, false, false);
}

void Args::Option(const char* names, std::string& target, const char* value, const char* help) {
  state_->app.add_option(names, target, help)->option_text(value);
  state_->Remember(names, true, false);
}

void Args::Option(const char* names, std::optional<std::string>& target, const char* value, const char* help) {
  state_->app
      .add_option_function<std::string>(
          names, [&target](const std::string& text) { target = text; }, help)
      ->option_text(value);
  state_->Remember(names, true, false);
}

void Args::Option(const char* names, std::optional<std::uint64_t>& target, const char* value, const char* help) {
  auto text = std::make_shared<std::optional<std::string>>();
  Option(names, *text, value, help);
  state_->conversions.push_back([this, text, &target, name = SplitNames(names).back()]() -> Status {
    if (!text->has_value()) return {};
    auto number = ParseCount(**text, "option '" + name + "'");
    if (!number.ok()) return Usage(state_->title, number.error().message);
    target = *number;
    return {};
  });
}

void Args::Repeated(const char* names, std::vector<std::string>& target, const char* value, const char* help) {
  state_->app.add_option(names, target, help)->option_text(value)->allow_extra_args(false)->take_all();
  state_->Remember(names, true, true);
}

void Args::Required(const char* name, std::string& target, const char* help) {
  state_->app.add_option(name, target, help)->option_text(" ")->required();
  state_->positionals.push_back({name, true, false});
}

void Args::Optional(const char* name, std::string& target, const char* help) {
  state_->app.add_option(name, target, help)->option_text(" ");
  state_->positionals.push_back({name, false, false});
}

void Args::Rest(const char* name, std::vector<std::string>& target, std::size_t min, const char* help) {
  state_->app.add_option(name, target, help)->option_text(" ")->expected(-1)->take_all();
  state_->positionals.push_back({name, min > 0, true});
  state_->rest_min = min;
}

void Args::CommandLine(std::vector<std::string>& target) { state_->command_line = &target; }

void Args::Footer(const std::string& text) { state_->app.footer(text); }

Result<bool> Args::Parse(const std::vector<std::string>& arguments) {
  std::vector<std::string> words;
  std::vector<std::string> operands;
  TENURE_RETURN_IF_ERROR(state_->Sort(arguments, words, operands));
  if (state_->by_name["--help"]->seen) return false;
  TENURE_RETURN_IF_ERROR(state_->CheckOperands(operands));
  words.emplace_back("--");
  words.insert(words.end(), operands.begin(), operands.end());
  std::reverse(words.begin(), words.end());  // CLI11 takes its words from the back
  try {
    state_->app.parse(std::move(words));
  } catch (const CLI::Error& error) {
    return Usage(state_->title, error.what());
  }
  for (const auto& convert : state_->conversions) TENURE_RETURN_IF_ERROR(convert());
  return true;
}

std::string Args::help() const { return state_->app.help(); }

}  // namespace tenure::cli
