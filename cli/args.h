// The options and positionals of one command. A thin layer over CLI11, so that its header is compiled
// once, its exit codes (105 to 109) never leave, and its special cases are handled in one place:
// a value never begins a list ("[a,b]" stays one value), "--" ends the options, a repeated option that
// takes one value is an error. So is an empty value or operand: it comes from a shell variable that was
// never set, and must not silently mean the default (--after excepted, where a paging loop begins so).
//
// Names are written "-n,--dry-run" or "--limit"; a target's present value is the default.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tenure/result.h"

namespace tenure::cli {

class Args {
 public:
  /// `title` is "tenure put".
  Args(const std::string& title, const std::string& summary);
  ~Args();
  Args(const Args&) = delete;
  Args& operator=(const Args&) = delete;

  void Flag(const char* names, bool& target, const char* help);
  /// An option with one value. `value` names it in the help: "FILE".
  void Option(const char* names, std::string& target, const char* value, const char* help);
  void Option(const char* names, std::optional<std::string>& target, const char* value, const char* help);
  /// A whole number without sign.
  void Option(const char* names, std::optional<std::uint64_t>& target, const char* value, const char* help);
  /// May be given several times.
  void Repeated(const char* names, std::vector<std::string>& target, const char* value, const char* help);

  /// Positionals, in the order of the calls. An Optional keeps its target when it is not given.
  void Required(const char* name, std::string& target, const char* help);
  void Optional(const char* name, std::string& target, const char* help);
  /// All remaining ones; at least `min`.
  void Rest(const char* name, std::vector<std::string>& target, std::size_t min, const char* help);

  /// Everything behind "--", which must be there with at least one word: a command to run.
  void CommandLine(std::vector<std::string>& target);

  /// Text behind the options in --help: examples, syntax.
  void Footer(const std::string& text);

  /// True: go on. False: help was asked for, see help().
  Result<bool> Parse(const std::vector<std::string>& arguments);
  std::string help() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tenure::cli
