#include "knowledge/actors/part.h"

#include <algorithm>
#include <array>

#include "knowledge/json_access.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

std::uint32_t Part::reference(std::string_view name, std::string_view url, const Date& date) {
  std::string key(name);
  key += '\n';
  key += url;
  const auto [at, fresh] = numbers_.emplace(std::move(key), static_cast<std::uint32_t>(references.size()));
  if (fresh) {
    references.push_back({std::string(name), std::string(url), date});
  } else {
    references[at->second].date = earlier(references[at->second].date, date);
  }
  return at->second;
}

Fact Part::fact(std::vector<std::uint32_t> cited, const Date& otherwise) const {
  std::sort(cited.begin(), cited.end());
  cited.erase(std::unique(cited.begin(), cited.end()), cited.end());
  Fact out;
  out.known = otherwise;
  for (const std::uint32_t number : cited) out.known = earlier(out.known, references[number].date);
  out.references = std::move(cited);
  return out;
}

void sort_relations(std::vector<Relation>& relations) {
  std::stable_sort(relations.begin(), relations.end(),
                   [](const Relation& a, const Relation& b) { return a.id < b.id; });
}

bool is_attack_id(std::string_view id, char letter) {
  if (id.size() < 5 || id[0] != letter || !all_digits(id.substr(1, 4))) return false;
  return id.size() == 5 || (letter == 'T' && id.size() == 9 && id[5] == '.' && all_digits(id.substr(6)));
}

bool is_attack_group_id(std::string_view id) { return is_attack_id(id, 'G'); }

bool is_group_id(std::string_view id) {
  for (const std::string_view catalogue : {"misp:", "stix:", "maltrail:"}) {
    if (id.substr(0, catalogue.size()) == catalogue) return id.size() > catalogue.size();
  }
  return is_attack_group_id(id);
}

Date citation_date(std::string_view description, std::string_view url) {
  static constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                               "jul", "aug", "sep", "oct", "nov", "dec"};
  // "(2015, March 30)", "(2015, March)", "(2015)"; the first one: the later "Retrieved …" has no brackets.
  for (std::size_t at = 0; (at = description.find('(', at)) != std::string_view::npos; ++at) {
    const std::size_t end = description.find(')', at);
    if (end == std::string_view::npos) break;
    const std::string_view inside = description.substr(at + 1, end - at - 1);
    if (inside.size() < 4 || !all_digits(inside.substr(0, 4)) ||
        (inside.size() > 4 && inside[4] != ',' && inside[4] != ' '))
      continue;
    std::string text(inside.substr(0, 4));
    const std::vector<std::string_view> words = split(inside.size() > 5 ? inside.substr(5) : std::string_view{}, ' ');
    if (!words.empty() && words[0].size() >= 3) {
      const std::string month = lower(words[0].substr(0, 3));
      for (std::size_t i = 0; i < kMonths.size(); ++i) {
        if (month != kMonths[i]) continue;
        text += i + 1 < 10 ? "-0" : "-";
        text += std::to_string(i + 1);
        if (words.size() > 1) {
          std::string_view day = words[1];
          while (!day.empty() && !all_digits(day)) day.remove_suffix(1);
          if (day.size() == 1 || day.size() == 2) {
            text += day.size() == 1 ? "-0" : "-";
            text += day;
          }
        }
        break;
      }
    }
    if (const auto date = Date::parse(text)) return *date;
  }
  return url_date(url);
}

namespace {

std::string_view host_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  const std::size_t user = url.rfind('@');
  if (user != std::string_view::npos) url.remove_prefix(user + 1);
  url = url.substr(0, url.find(':'));
  if (url.substr(0, 4) == "www.") url.remove_prefix(4);
  return url;
}

bool under(std::string_view host, std::string_view domain) {
  if (host.size() < domain.size() || !equal_ignoring_case(host.substr(host.size() - domain.size()), domain))
    return false;
  return host.size() == domain.size() || host[host.size() - domain.size() - 1] == '.';
}

}  // namespace

Date url_date(std::string_view url) {
  const std::string_view host = host_of(url);
  if (under(host, "twitter.com") || under(host, "x.com")) {
    const std::size_t at = url.find("/status/");
    if (at == std::string_view::npos) return {};
    std::uint64_t id = 0;
    for (std::size_t i = at + 8; i < url.size() && url[i] >= '0' && url[i] <= '9' && id < (std::uint64_t{1} << 59);
         ++i) {
      id = id * 10 + static_cast<std::uint64_t>(url[i] - '0');
    }
    // Numbers from November 2010 on hold milliseconds since 2010-11-04T01:42:54.657Z above their lowest 22 bits.
    if (id < (std::uint64_t{1} << 32)) return {};
    const std::uint64_t milliseconds = (id >> 22) + 1288834974657ULL;
    return Date::of_day(static_cast<std::int32_t>(milliseconds / 86'400'000));
  }
  // A year of this field's time between separators, then a month, then perhaps a day.
  const auto separator = [](char c) { return c == '/' || c == '-' || c == '_' || c == '.'; };
  for (std::size_t i = 0; i + 7 <= url.size(); ++i) {
    if (i > 0 && !separator(url[i - 1])) continue;
    if (!all_digits(url.substr(i, 4)) || (url.substr(i, 2) != "20" && url.substr(i, 2) != "19")) continue;
    if (!separator(url[i + 4]) || !all_digits(url.substr(i + 5, 2))) continue;
    if (i + 7 < url.size() && url[i + 7] >= '0' && url[i + 7] <= '9') continue;
    std::string text = std::string(url.substr(i, 4)) + '-' + std::string(url.substr(i + 5, 2));
    if (i + 10 <= url.size() && url[i + 7] == url[i + 4] && all_digits(url.substr(i + 8, 2)) &&
        (i + 10 == url.size() || url[i + 10] < '0' || url[i + 10] > '9')) {
      if (const auto date = Date::parse(text + '-' + std::string(url.substr(i + 8, 2)))) return *date;
    }
    if (const auto date = Date::parse(text)) return *date;
  }
  return {};
}

std::string_view reference_kind(std::string_view url) {
  static constexpr std::string_view kSocial[] = {
      "twitter.com",      "x.com",           "linkedin.com", "facebook.com",    "reddit.com",   "t.me",
      "infosec.exchange", "mastodon.social", "bsky.app",     "gist.github.com", "pastebin.com", "weibo.com"};
  static constexpr std::string_view kSandbox[] = {"virustotal.com",
                                                  "otx.alienvault.com",
                                                  "app.any.run",
                                                  "any.run",
                                                  "tria.ge",
                                                  "hybrid-analysis.com",
                                                  "joesandbox.com",
                                                  "urlscan.io",
                                                  "threatfox.abuse.ch",
                                                  "bazaar.abuse.ch",
                                                  "urlhaus.abuse.ch",
                                                  "community.emergingthreats.net",
                                                  "vblocalhost.com",
                                                  "threatbook.io",
                                                  "threatbook.cn",
                                                  "malshare.com",
                                                  "vxvault.net",
                                                  "analyze.intezer.com",
                                                  "malwr.com",
                                                  "threatcrowd.org",
                                                  "cape.contextis.com",
                                                  "capesandbox.com",
                                                  "filescan.io",
                                                  "polyswarm.network",
                                                  "maltiverse.com",
                                                  "inquest.net",
                                                  "koodous.com",
                                                  "vms.drweb.com",
                                                  "kernelmode.info",
                                                  "app.threatconnect.com"};
  static constexpr std::string_view kPivot[] = {"app.validin.com",  "validin.com",
                                                "hunt.io",          "censys.io",
                                                "shodan.io",        "fofa.info",
                                                "fofa.so",          "zoomeye.org",
                                                "passivetotal.org", "community.riskiq.com",
                                                "netlas.io",        "onyphe.io",
                                                "dnslytics.com",    "crt.sh"};
  const std::string_view host = host_of(url);
  if (host.empty()) return "unreferenced";
  for (const std::string_view domain : kSocial) {
    if (under(host, domain)) return "social";
  }
  for (const std::string_view domain : kSandbox) {
    if (under(host, domain)) return "sandbox-or-feed";
  }
  for (const std::string_view domain : kPivot) {
    if (under(host, domain)) return "pivot-search";
  }
  return "report";
}

bool is_table(std::string_view text) {
  return text.substr(0, 21) == "# whodunit actors 1\n#" || text.substr(0, 20) == "# whodunit actors 1\n";
}

bool is_maltrail_actor(std::string_view name, std::string_view text) {
  // Comments that give references, aliases or maltrail's own header, in the first lines of a text file.
  if (text.empty() || text[0] == '{' || text[0] == '[' || name.find(".json") != std::string_view::npos) return false;
  const std::string_view head = text.substr(0, 4096);
  return head.find("# Reference:") != std::string_view::npos || head.find("# Aliases:") != std::string_view::npos ||
         head.find("Maltrail developers") != std::string_view::npos;
}

ActorFormat json_actor_format(std::string_view text) {
  const std::string_view start = trimmed(text.substr(0, 65536));
  if (start.empty()) return ActorFormat::kOther;
  if (start[0] == '{') {
    if (start.find("\"bundle\"") != std::string_view::npos || text.find("\"bundle\"") != std::string_view::npos)
      return ActorFormat::kStixBundle;
    if (text.find("\"values\"") != std::string_view::npos && text.find("\"uuid\"") != std::string_view::npos)
      return ActorFormat::kMispGalaxy;
    if (start.find("\"datasets\"") != std::string_view::npos) return ActorFormat::kExchange;
    return ActorFormat::kOther;
  }
  if (start[0] != '[') return ActorFormat::kOther;
  const std::size_t end = start.find('}');
  const std::string_view first = start.substr(0, end);
  for (const std::string_view key : {"\"techniques\"", "\"tactics\"", "\"uses\"", "\"names\"", "\"actor\""}) {
    if (first.find(key) != std::string_view::npos && first.find("\"exclude_campaigns\"") == std::string_view::npos &&
        first.find("\"true_group\"") == std::string_view::npos) {
      return ActorFormat::kExchange;
    }
  }
  return ActorFormat::kOther;
}

}  // namespace whodunit::knowledge
