#include "knowledge/indicators/stix_pattern.h"

#include <algorithm>

#include "knowledge/text.h"

namespace whodunit::knowledge {

namespace {

enum class Token : std::uint8_t { kEnd, kWord, kText, kNumber, kSymbol, kBroken };

class Tokens {
 public:
  explicit Tokens(std::string_view text) : text_(text) { advance(); }
  Token kind = Token::kEnd;
  std::string value;
  std::size_t offset = 0;

  void advance() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
    offset = at_;
    value.clear();
    if (at_ >= text_.size()) {
      kind = Token::kEnd;
      return;
    }
    const char c = text_[at_];
    if (c == '\'') {
      literal();
    } else if (is_word(c)) {
      // Object paths hold ':' and '.', quoted keys and list steps: "file:hashes.'SHA-256'", "x:y[*].z".
      kind = c >= '0' && c <= '9' ? Token::kNumber : Token::kWord;
      while (at_ < text_.size()) {
        const char d = text_[at_];
        if (is_word(d) || d == ':' || d == '.') {
          value += d;
          ++at_;
        } else if (d == '\'' && !value.empty() && value.back() == '.') {
          ++at_;
          while (at_ < text_.size() && text_[at_] != '\'') value += text_[at_++];
          if (at_ >= text_.size()) {
            kind = Token::kBroken;
            return;
          }
          ++at_;
        } else if (d == '[' && value.find(':') != std::string::npos && text_.find(']', at_) != std::string_view::npos &&
                   text_.find(']', at_) - at_ <= 6) {
          at_ = text_.find(']', at_) + 1;
        } else {
          break;
        }
      }
    } else if (c == '!' || c == '<' || c == '>' || c == '=') {
      kind = Token::kSymbol;
      value = c;
      ++at_;
      if (at_ < text_.size() && (text_[at_] == '=' || (c == '<' && text_[at_] == '>'))) value += text_[at_++];
    } else {
      kind = Token::kSymbol;
      value = c;
      ++at_;
    }
  }
  bool word(std::string_view wanted) const { return kind == Token::kWord && equal_ignoring_case(value, wanted); }
  bool symbol(std::string_view wanted) const { return kind == Token::kSymbol && value == wanted; }

 private:
  static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '+';
  }
  void literal() {
    kind = Token::kText;
    ++at_;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '\\' && at_ < text_.size()) {
        value += text_[at_++];
      } else if (c == '\'') {
        return;
      } else {
        value += c;
      }
    }
    kind = Token::kBroken;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

class PatternParser {
 public:
  explicit PatternParser(std::string_view text) : tokens_(text) {}

  base::Result<std::vector<StixComparison>> parse() {
    if (!observations(0) || tokens_.kind != Token::kEnd) {
      if (why_.empty()) why_ = "unexpected text";
      return base::Error{"no STIX pattern: " + why_ + " at byte " + std::to_string(tokens_.offset), "", ""};
    }
    return std::move(out_);
  }

 private:
  bool fail(const char* why) {
    if (why_.empty()) why_ = why;
    return false;
  }
  void mark_partial(std::size_t from) {
    for (std::size_t i = from; i < out_.size(); ++i) out_[i].partial = true;
  }

  /// Observations joined by AND, OR, FOLLOWEDBY, with brackets and qualifiers.
  bool observations(int depth) {
    if (depth > 32) return fail("nested too deep");
    std::size_t run = out_.size();
    bool joined = false;
    for (;;) {
      if (tokens_.symbol("(")) {
        tokens_.advance();
        if (!observations(depth + 1)) return false;
        if (!tokens_.symbol(")")) return fail("no ')'");
        tokens_.advance();
      } else if (tokens_.symbol("[")) {
        tokens_.advance();
        if (!comparisons(depth + 1)) return false;
        if (!tokens_.symbol("]")) return fail("no ']'");
        tokens_.advance();
      } else {
        return fail("no '['");
      }
      while (tokens_.word("WITHIN") || tokens_.word("REPEATS") || tokens_.word("START") || tokens_.word("STOP")) {
        tokens_.advance();
        // A number with its unit, or a time stamp (t'…', which reads as a word and a literal).
        for (int i = 0; i < 3 && (tokens_.kind == Token::kNumber || tokens_.kind == Token::kText ||
                                  tokens_.word("SECONDS") || tokens_.word("TIMES") || tokens_.word("t"));
             ++i) {
          tokens_.advance();
        }
      }
      if (tokens_.word("AND") || tokens_.word("FOLLOWEDBY")) {
        joined = true;
      } else {
        if (joined) mark_partial(run);
        joined = false;
        if (!tokens_.word("OR")) return true;
        run = out_.size();
      }
      tokens_.advance();
    }
  }

  /// Comparisons joined by AND and OR. AND binds closer than OR (9.5), so each run of ANDs is partial by itself.
  bool comparisons(int depth) {
    if (depth > 32) return fail("nested too deep");
    std::size_t run = out_.size();
    bool joined = false;
    for (;;) {
      bool negated = false;
      while (tokens_.word("NOT")) {
        negated = !negated;
        tokens_.advance();
      }
      if (tokens_.symbol("(")) {
        const std::size_t before = out_.size();
        tokens_.advance();
        if (!comparisons(depth + 1)) return false;
        if (!tokens_.symbol(")")) return fail("no ')'");
        tokens_.advance();
        for (std::size_t i = before; negated && i < out_.size(); ++i) out_[i].negated = !out_[i].negated;
      } else if (!comparison(negated)) {
        return false;
      }
      if (tokens_.word("AND")) {
        joined = true;
      } else {
        if (joined) finish_run(run);
        joined = false;
        if (!tokens_.word("OR")) return true;
        run = out_.size();
      }
      tokens_.advance();
    }
  }
  /// Digests of one file say the same thing: either alone is enough.
  void finish_run(std::size_t from) {
    std::string object;
    bool digests = true;
    for (std::size_t i = from; i < out_.size(); ++i) {
      const std::size_t at = out_[i].path.find(":hashes.");
      digests = digests && at != std::string::npos && out_[i].op == "=" && !out_[i].negated;
      if (i == from)
        object = out_[i].path.substr(0, at);
      else
        digests = digests && out_[i].path.substr(0, at) == object;
    }
    if (!digests) mark_partial(from);
  }

  bool comparison(bool negated) {
    if (out_.size() > 100000) return fail("more than 100000 comparisons");
    if (tokens_.word("EXISTS")) {
      tokens_.advance();
      if (tokens_.kind != Token::kWord) return fail("no object path");
      out_.push_back({tokens_.value, "", "EXISTS", negated, false});
      tokens_.advance();
      return true;
    }
    if (tokens_.kind != Token::kWord || tokens_.value.find(':') == std::string::npos) return fail("no object path");
    StixComparison one;
    one.path = tokens_.value;
    one.negated = negated;
    tokens_.advance();
    while (tokens_.word("NOT")) {
      one.negated = !one.negated;
      tokens_.advance();
    }
    if (tokens_.kind != Token::kSymbol && tokens_.kind != Token::kWord) return fail("no comparison");
    one.op = upper(tokens_.value);
    if (one.op == "!=" || one.op == "<>") {
      one.op = "=";
      one.negated = !one.negated;
    }
    if (one.op == "==") one.op = "=";
    static constexpr std::string_view kOperators[] = {
        "=", "<", ">", "<=", ">=", "IN", "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET"};
    if (std::find(std::begin(kOperators), std::end(kOperators), one.op) == std::end(kOperators))
      return fail("no comparison");
    tokens_.advance();
    if (one.op == "IN") {
      if (!tokens_.symbol("(")) return fail("no '(' after IN");
      do {
        tokens_.advance();
        if (!literal(one.value)) return false;
        out_.push_back(one);
        if (out_.size() > 100000) return fail("more than 100000 comparisons");
      } while (tokens_.symbol(","));
      if (!tokens_.symbol(")")) return fail("no ')' after IN");
      tokens_.advance();
      return true;
    }
    if (!literal(one.value)) return false;
    out_.push_back(std::move(one));
    return true;
  }

  bool literal(std::string& value) {
    // b'…' and h'…' are base64 and hex, t'…' a time stamp.
    if (tokens_.word("b") || tokens_.word("h") || tokens_.word("t")) tokens_.advance();
    if (tokens_.kind != Token::kText && tokens_.kind != Token::kNumber && tokens_.kind != Token::kWord)
      return fail("no value");
    value = tokens_.value;
    tokens_.advance();
    return true;
  }

  Tokens tokens_;
  std::vector<StixComparison> out_;
  std::string why_;
};

}  // namespace

base::Result<std::vector<StixComparison>> parse_stix_pattern(std::string_view pattern) {
  if (pattern.size() > (std::size_t{8} << 20)) return base::Error{"no STIX pattern: longer than 8 MiB", "", ""};
  return PatternParser(pattern).parse();
}

}  // namespace whodunit::knowledge
