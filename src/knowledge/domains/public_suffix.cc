#include "knowledge/domains/public_suffix.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "knowledge/knowledge.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

namespace {

// Second levels under which registries of countries register, where the full list is not at hand.
constexpr std::string_view kCommon[] = {
    "co.uk",  "org.uk", "ac.uk",  "gov.uk",  "me.uk",  "net.uk", "com.au", "net.au", "org.au", "edu.au", "gov.au",
    "co.nz",  "net.nz", "org.nz", "govt.nz", "ac.nz",  "co.jp",  "ne.jp",  "or.jp",  "ac.jp",  "go.jp",  "co.kr",
    "or.kr",  "go.kr",  "ac.kr",  "com.cn",  "net.cn", "org.cn", "gov.cn", "edu.cn", "com.tw", "org.tw", "gov.tw",
    "edu.tw", "com.hk", "org.hk", "gov.hk",  "edu.hk", "com.sg", "gov.sg", "edu.sg", "com.my", "gov.my", "co.in",
    "gov.in", "ac.in",  "net.in", "org.in",  "com.br", "gov.br", "org.br", "net.br", "com.mx", "gob.mx", "com.ar",
    "gob.ar", "com.tr", "gov.tr", "edu.tr",  "org.tr", "com.ua", "gov.ua", "org.ua", "co.za",  "gov.za", "org.za",
    "co.il",  "gov.il", "ac.il",  "org.il",  "com.sa", "gov.sa", "com.pk", "gov.pk", "edu.pk", "com.bd", "gov.bd",
    "com.vn", "gov.vn", "edu.vn", "co.th",   "go.th",  "ac.th",  "in.th",  "co.id",  "go.id",  "ac.id",  "or.id",
    "com.ph", "gov.ph", "com.eg", "gov.eg",  "com.pl", "gov.pl", "edu.pl", "co.ir",  "ac.ir",  "gov.ir"};

enum Rule : std::uint8_t { kPlain = 1, kWildcard = 2, kException = 4 };

}  // namespace

struct PublicSuffixes::Rules {
  std::string text;  // all names, one after the other; the map's views point into it
  std::unordered_map<std::string_view, std::uint8_t> rules;
};

PublicSuffixes::PublicSuffixes() : rules_(std::make_unique<Rules>()) {
  for (const std::string_view name : kCommon) rules_->rules.emplace(name, kPlain);
}
PublicSuffixes::~PublicSuffixes() = default;
PublicSuffixes::PublicSuffixes(PublicSuffixes&&) noexcept = default;
PublicSuffixes& PublicSuffixes::operator=(PublicSuffixes&&) noexcept = default;

PublicSuffixes PublicSuffixes::parse(std::string_view text, bool private_section) {
  PublicSuffixes out;
  out.rules_->rules.clear();
  // Two passes, as the views must not move: names first.
  std::vector<std::pair<std::size_t, std::uint8_t>> ends;
  Lines lines(text);
  std::string_view line;
  bool in_private = false;
  while (lines.next(line)) {
    line = trimmed(line);
    if (line.substr(0, 2) == "//") {
      if (line.find("===BEGIN PRIVATE DOMAINS===") != std::string_view::npos) in_private = true;
      if (line.find("===END PRIVATE DOMAINS===") != std::string_view::npos) in_private = false;
      continue;
    }
    line = line.substr(0, line.find_first_of(" \t"));
    if (line.empty() || (in_private && !private_section)) continue;
    std::uint8_t kind = kPlain;
    if (line[0] == '!') {
      kind = kException;
      line.remove_prefix(1);
    } else if (line.substr(0, 2) == "*.") {
      kind = kWildcard;
      line.remove_prefix(2);
    }
    std::string ascii;
    bool good = !line.empty();
    std::string_view rest = line;
    while (good) {
      const std::size_t dot = rest.find('.');
      const auto label = punycode_label(rest.substr(0, dot));
      if (!label || label->empty()) {
        good = false;
        break;
      }
      ascii += lower(*label);
      if (dot == std::string_view::npos) break;
      ascii += '.';
      rest.remove_prefix(dot + 1);
    }
    if (!good) continue;
    out.rules_->text += ascii;
    ends.emplace_back(out.rules_->text.size(), kind);
  }
  out.rules_->rules.reserve(ends.size());
  std::size_t start = 0;
  for (const auto& [end, kind] : ends) {
    out.rules_->rules[std::string_view(out.rules_->text).substr(start, end - start)] |= kind;
    start = end;
  }
  out.complete_ = out.rules_->rules.size() > 1000;
  return out;
}

PublicSuffixes PublicSuffixes::load() {
  for (const std::string& path :
       {find_data_file("public_suffix_list.dat"), std::string("/usr/share/publicsuffix/public_suffix_list.dat")}) {
    if (path.empty()) continue;
    const auto text = read_file(path, std::size_t{16} << 20);
    if (!text) continue;
    PublicSuffixes out = parse(*text);
    if (out.complete()) return out;
  }
  return {};
}

std::size_t PublicSuffixes::size() const { return rules_->rules.size(); }

std::size_t PublicSuffixes::suffix_length(std::string_view name) const {
  // publicsuffix.org: the longest rule wins, an exception goes before it and gives its parent; without a rule the last
  // label is the suffix.
  if (name.empty()) return 0;
  std::size_t best = name.size() - (name.rfind('.') == std::string_view::npos ? 0 : name.rfind('.') + 1);
  std::size_t below = std::string_view::npos;  // start of the next longer suffix
  for (std::size_t end = name.size(); end > 0;) {
    const std::size_t dot = name.rfind('.', end - 1);
    const std::size_t start = dot == std::string_view::npos ? 0 : dot + 1;
    const auto rule = rules_->rules.find(name.substr(start));
    if (rule != rules_->rules.end()) {
      if ((rule->second & kException) != 0) return below == std::string_view::npos ? best : name.size() - below;
      if ((rule->second & kPlain) != 0) best = std::max(best, name.size() - start);
      if ((rule->second & kWildcard) != 0 && start > 0) {
        const std::size_t above = start >= 2 ? name.rfind('.', start - 2) : std::string_view::npos;
        const std::size_t wide = above == std::string_view::npos ? 0 : above + 1;
        const auto exception = rules_->rules.find(name.substr(wide));
        if (exception == rules_->rules.end() || (exception->second & kException) == 0)
          best = std::max(best, name.size() - wide);
      }
    }
    below = start;
    if (start == 0) break;
    end = start - 1;
  }
  return best;
}

std::string_view PublicSuffixes::registrable(std::string_view name) const {
  const std::size_t suffix = suffix_length(name);
  if (suffix >= name.size()) return {};
  const std::size_t dot = name.size() - suffix - 1;  // the dot before the suffix
  const std::size_t before = dot == 0 ? std::string_view::npos : name.rfind('.', dot - 1);
  return name.substr(before == std::string_view::npos ? 0 : before + 1);
}

}  // namespace whodunit::knowledge
