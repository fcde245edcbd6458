// Globs as a non-deterministic automaton, run by keeping the set of states that are alive: no
// back-tracking, so a hostile pattern costs no more than an innocent one of its length.
#include <array>
#include <string>

#include "store/model/reference.h"
#include "store/model/refusal.h"
#include "store/model/utf8.h"
#include "store/model/validate.h"

namespace tenure::model {

// Reads a pattern once, left to right, into tokens of the name part, then of the version part.
class Glob::Compiler {
 public:
  explicit Compiler(std::string_view pattern) : pattern_(pattern) {}

  Result<Glob> Run() {
    while (pos_ < pattern_.size()) TENURE_RETURN_IF_ERROR(One());
    if (glob_.name_.empty()) return Refuse("has nothing before the ':'");
    if (glob_.with_version_ && glob_.version_.empty()) return Refuse("has nothing behind the ':'");
    return std::move(glob_);
  }

 private:
  Error Refuse(const std::string& rule) const {
    return Invalid("pattern " + Shown(pattern_) + " " + rule,
                   "'*', '?' and '[...]' match within a segment, '**' across segments");
  }

  void Add(Step step) { Add(Token{step, false, 0, {}}); }
  void Add(Token token) {
    literal_so_far_ = false;
    tokens_->push_back(std::move(token));
    segment_start_ = false;
  }

  Status One() {
    switch (pattern_[pos_]) {
      case '*':
        Stars();
        return {};
      case '?':
        ++pos_;
        Add(Step::kAny);
        return {};
      case '[':
        return Class();
      default:
        Literal();
        return {};
    }
  }

  void Stars() {
    const std::size_t end = std::min(pattern_.find_first_not_of('*', pos_), pattern_.size());
    const std::size_t count = end - pos_;
    pos_ = end;
    if (count == 1) return Add(Step::kStar);
    if (!segment_start_ || pos_ == pattern_.size() || pattern_[pos_] != '/') return Add(Step::kGlobStar);
    ++pos_;
    // "**/**/" says the same twice.
    if (tokens_->empty() || tokens_->back().step != Step::kSegments) {
      Add(Step::kSkip);
      Add(Step::kSegments);
    }
    segment_start_ = true;
  }

  void Literal() {
    const std::size_t begin = pos_;
    const char32_t c = NextCharacter(pattern_, pos_);
    if (literal_so_far_) glob_.prefix_ += pattern_.substr(begin, pos_ - begin);
    if (c == ':' && !glob_.with_version_) {
      glob_.with_version_ = true;
      tokens_ = &glob_.version_;
      segment_start_ = true;
      return;
    }
    tokens_->push_back(Token{Step::kLiteral, false, c, {}});
    segment_start_ = c == '/';
  }

  /// '[' ['!' | '^'] [']'] ranges ']'
  Status Class() {
    Token token{Step::kClass, false, 0, {}};
    ++pos_;
    if (pos_ < pattern_.size() && (pattern_[pos_] == '!' || pattern_[pos_] == '^')) {
      token.negated = true;
      ++pos_;
    }
    for (bool first = true;; first = false) {
      if (pos_ == pattern_.size()) return Refuse("has a '[' without its ']'");
      if (pattern_[pos_] == ']' && !first) break;
      Range range{};
      range.low = range.high = NextCharacter(pattern_, pos_);
      if (pattern_.size() - pos_ >= 2 && pattern_[pos_] == '-' && pattern_[pos_ + 1] != ']') {
        ++pos_;
        range.high = NextCharacter(pattern_, pos_);
        if (range.high < range.low) return Refuse("has a range that runs backwards");
      }
      token.ranges.push_back(range);
    }
    ++pos_;
    Add(std::move(token));
    return {};
  }

  std::string_view pattern_;
  std::size_t pos_ = 0;
  Glob glob_;
  std::vector<Token>* tokens_ = &glob_.name_;
  bool segment_start_ = true;
  bool literal_so_far_ = true;
};

Result<Glob> Glob::Compile(std::string_view pattern) {
  if (pattern.size() > kGlobBytesMax) return TooLarge("pattern " + Shown(pattern), pattern.size(), kGlobBytesMax);
  for (std::size_t pos = 0; pos < pattern.size();) {
    const char32_t c = NextCharacter(pattern, pos);
    if (c == kInvalidCharacter) return Invalid("pattern " + Shown(pattern) + " is not valid UTF-8");
    if (IsControl(c)) return Invalid("pattern " + Shown(pattern) + " holds a control character");
  }
  return Compiler(pattern.empty() ? "**" : pattern).Run();
}

bool Glob::Token::Takes(char32_t c) const {
  switch (step) {
    case Step::kLiteral:
      return c == literal;
    case Step::kAny:
    case Step::kStar:
      return c != '/';
    case Step::kGlobStar:
    case Step::kSegments:
      return true;
    case Step::kSkip:
      return false;
    case Step::kClass:
      break;
  }
  if (c == '/') return false;
  for (const Range& range : ranges) {
    if (c >= range.low && c <= range.high) return !negated;
  }
  return negated;
}

// State i: the tokens before i have been matched. Moves that consume nothing go forward only, so one
// ascending pass per character both completes the set and steps it.
bool Glob::MatchPart(const std::vector<Token>& tokens, std::string_view text) {
  const std::size_t end = tokens.size();
  std::array<bool, kGlobBytesMax + 2> sets[2];
  bool* now = sets[0].data();
  bool* next = sets[1].data();
  std::fill_n(now, end + 2, false);
  std::fill_n(next, end + 2, false);
  now[0] = true;
  std::size_t pos = 0;
  for (;;) {
    const bool at_end = pos == text.size();
    const char32_t c = at_end ? 0 : NextCharacter(text, pos);
    bool alive = false;
    for (std::size_t i = 0; i < end; ++i) {
      if (!now[i]) continue;
      now[i] = false;
      const Token& token = tokens[i];
      const bool run = token.step == Step::kStar || token.step == Step::kGlobStar;
      if (run || token.step == Step::kSkip) now[i + 1] = true;
      if (token.step == Step::kSkip) now[i + 2] = true;
      if (at_end || !token.Takes(c)) continue;
      alive = true;
      if (run || token.step == Step::kSegments) next[i] = true;
      if (!run && (token.step != Step::kSegments || c == '/')) next[i + 1] = true;
    }
    if (at_end) return now[end];
    if (!alive) return false;
    now[end] = false;
    std::swap(now, next);
  }
}

bool Glob::Matches(std::string_view name, std::string_view version) const {
  return MatchPart(name_, name) && (!with_version_ || MatchPart(version_, version));
}

}  // namespace tenure::model
