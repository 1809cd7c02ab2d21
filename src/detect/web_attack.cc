// Web attacks: what a request carries that no client sends, and what the server made of it.
//
// Method: the target, headers and the body's beginning are decoded as a server would (percent-encoding, twice where
// there is more; plus signs; entities; overlong slashes), lower-cased, and matched against patterns of attacks by
// class. The server's answer decides the outcome: an error or a refusal is an attempt; an answer that holds what was
// asked for (a passwd file, a database's error, the output of id) is a success; a plain 200 alone is unknown, but where
// the request told the server to call some host (a JNDI look-up, a download), and the server then does.
#include <fmt/format.h>
#include <hs.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "connection/conn_record.h"
#include "detect/callbacks.h"
#include "detect/detector.h"
#include "detect/web_database.h"
#include "detect/web_patterns.h"
#include "protocol/http/http.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  double weight = 1.0;             ///< least sum of pattern weights of one class in a request
  std::size_t missing_paths = 30;  ///< distinct paths that were not there (404) before it is called a scan
  double missing_share = 0.6;      ///< least share of those among the requests
  std::size_t unanswered_folders =
      10;  ///< distinct folders asked for in as many connections, none answered, none linked to
  std::size_t max_pairs = 50'000;
  std::uint32_t body_window = 2048;  ///< bytes of bodies that are looked at
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "web_attack",
      "Requests that carry an attack: SQL injection, traversal, command injection, cross-site scripting, Log4Shell, "
      "templates, web shells, deserialisation; scanners; with the server's answer judged.",
      "Attack classes of the OWASP Core Rule Set and testing guide; answers judged by what they hold",
      {"T1190", "T1059", "T1505.003", "T1595.002", "T1595.003"},
      "Security scanners on purpose; content about security in forms and search fields; applications that send SQL or "
      "templates in requests by design.",
      {{"weight", fmt::format("{}", p.weight), "least sum of pattern weights of one class in a request"},
       {"missing_paths", fmt::format("{}", p.missing_paths), "distinct paths answered with 404 before it is a scan"},
       {"missing_share", fmt::format("{}", p.missing_share), "their least share of all requests of the pair"},
       {"unanswered_folders", fmt::format("{}", p.unanswered_folders),
        "distinct folders asked for on connections of their own, without a referrer, within a minute, none answered"},
       {"body_window", fmt::format("{} bytes", p.body_window), "of each body looked at"}}};
  return d;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Percent-encoding and, in forms, plus signs undone once.
std::string decode(std::string_view s, bool plus) {
  std::string out;
  out.reserve(s.size());
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '%' && i + 2 < s.size() && hex_value(s[i + 1]) >= 0 && hex_value(s[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(s[i + 1]) << 4 | hex_value(s[i + 2]));
      i += 2;
    } else if (s[i] == '%' && i + 5 < s.size() && (s[i + 1] == 'u' || s[i + 1] == 'U') && s[i + 2] == '0' &&
               s[i + 3] == '0' && hex_value(s[i + 4]) >= 0 && hex_value(s[i + 5]) >= 0) {
      out += static_cast<char>(hex_value(s[i + 4]) << 4 | hex_value(s[i + 5]));
      i += 5;
    } else if (plus && s[i] == '+') {
      out += ' ';
    } else {
      out += s[i];
    }
  }
  return out;
}

/// All patterns, made ready once in a process, at the first request that is seen.
const hs_database_t* pattern_database() {
  static const std::unique_ptr<hs_database_t, hs_error_t (*)(hs_database_t*)> database(web_patterns_database(),
                                                                                       &hs_free_database);
  return database.get();
}

class Matcher {
 public:
  Matcher() : database_(pattern_database()) {
    if (hs_alloc_scratch(database_, &scratch_) != HS_SUCCESS)
      throw std::runtime_error("web attack patterns: no memory for matching");
  }
  ~Matcher() { hs_free_scratch(scratch_); }
  Matcher(const Matcher&) = delete;
  Matcher& operator=(const Matcher&) = delete;

  /// Adds the ids of the patterns that match.
  void match(std::string_view text, std::set<unsigned>& out) {
    if (text.empty()) return;
    const auto on_match = [](unsigned id, unsigned long long, unsigned long long, unsigned, void* context) {
      static_cast<std::set<unsigned>*>(context)->insert(id);
      return 0;
    };
    hs_scan(database_, text.data(), static_cast<unsigned>(std::min<std::size_t>(text.size(), 1u << 20)), 0, scratch_,
            on_match, &out);
  }

 private:
  const hs_database_t* database_;
  hs_scratch_t* scratch_ = nullptr;
};

/// What an answer holds that shows success.
std::string_view proof_in(std::string_view body, WebAttack attack) {
  const auto has = [&](std::string_view s) { return body.find(s) != std::string_view::npos; };
  if (has("root:x:0:0:") || has("root:*:0:0:") || has("daemon:x:1:1:")) return "a passwd file";
  if (has("[boot loader]") || has("; for 16-bit app support")) return "a Windows system file";
  if (has("uid=") && has("gid=")) return "the output of id";
  if (attack == WebAttack::kCommandInjection && (has("Volume Serial Number") || has("Directory of ")))
    return "a directory listing";
  if (attack == WebAttack::kSqlInjection) {
    for (const std::string_view s :
         {"You have an error in your SQL syntax", "Unclosed quotation mark", "ORA-00933", "ORA-01756", "SQLSTATE[",
          "PG::SyntaxError", "syntax error at or near", "SQLite3::SQLException", "Microsoft OLE DB Provider"})
      if (has(s)) return "an error of the database";
  }
  return {};
}

struct Hits {
  std::uint64_t requests = 0;
  std::array<std::uint64_t, 6> by_status{};  // hundreds
  std::vector<record::Head> heads;
  std::set<std::string> what;
  std::string sample, proof, host;
  std::string user_agent;
  std::vector<record::Head> proof_heads;
  base::Time first, last;
  bool echoed = false;
  std::uint64_t number = 0;                 // of this pair and class, for its calls back
  std::set<std::string> hosts;              // that requests told the server to call
  const Callbacks::Seen* called = nullptr;  // that it did
};

struct Pair {
  base::Address from, to;
  auto operator<=>(const Pair&) const = default;
};

struct Requests {
  std::uint64_t total = 0;
  std::set<std::string> missing;
  std::set<std::string> folders;  // asked for without an answer, each on a connection of its own
  std::set<std::uint16_t> ports;  // of those connections
  std::vector<record::Head> folder_heads;
  std::uint64_t answered = 0, linked = 0;
  std::vector<record::Head> heads;
  base::Time first, last;
};

class WebAttackDetector : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override {
    return {.records = {"http", "dns", "conn"}, .http_body_window = parameters_.body_window, .http_code_headers = true};
  }

  void take(const record::Batch& batch) override {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      if (&batch.schema() == &protocol::http::Http::schema) take(protocol::http::Http::read(batch, row));
      if (&batch.schema() == &protocol::dns::Dns::schema) callbacks_.take(protocol::dns::Dns::read(batch, row));
      if (&batch.schema() == &connection::Conn::schema) callbacks_.connection(batch.head(row));
    }
  }

  void finish(const Home&, std::vector<Finding>& out) override {
    for (auto& [key, hits] : hits_) {
      if (const auto at = callbacks_.seen().find(hits.number); at != callbacks_.seen().end()) hits.called = &at->second;
      report(key.first, key.second, hits, out);
    }
    for (const auto& [pair, r] : requests_) report_scan(pair, r, out);
  }

 private:
  void take(const protocol::http::Http& h) {
    const Pair pair{h.head.id.orig_h, h.head.id.resp_h};
    count(pair, h);
    std::set<unsigned> matched;
    // The fields in one text, the target last (patterns may ask for its end). What was clean once is clean again: most
    // requests repeat themselves.
    text_.clear();
    for (const std::string_view s : {h.user_agent, h.referrer, h.x_forwarded_for, h.origin, h.host, h.username,
                                     h.accept_language, h.request_content_type, h.method, h.uri}) {
      text_ += s;
      text_ += '\n';
    }
    text_.pop_back();
    const bool plain = h.request_body.empty() && h.other_headers.empty();
    if (plain && clean_.count(text_) != 0) return;
    if (!matcher_) matcher_ = std::make_unique<Matcher>();
    matcher_->match(text_, matched);
    scan_decoded(h.uri, true, matched);
    for (const std::string_view s : {h.user_agent, h.referrer, h.x_forwarded_for}) scan_decoded(s, false, matched);
    if (!plain) {
      matcher_->match(h.request_body, matched);
      scan_decoded(h.request_body, true, matched);
      for (const std::string_view s : h.other_headers) {
        matcher_->match(s, matched);
        scan_decoded(s, false, matched);
      }
    }
    if (matched.empty() && plain && clean_.size() < kMaxClean && text_.size() <= 1024) clean_.insert(text_);
    // Who names a scanner is one only where the client names itself so: others go to the makers' sites.
    for (auto at = matched.begin(); at != matched.end();) {
      const WebPattern& pattern = web_patterns()[*at];
      std::set<unsigned> by_client;
      if (pattern.attack == WebAttack::kScanner && std::string_view(pattern.what) == "a scanner's name") {
        matcher_->match(h.user_agent, by_client);
        if (by_client.count(*at) == 0) {
          at = matched.erase(at);
          continue;
        }
      }
      ++at;
    }
    if (matched.empty()) return;
    std::array<double, static_cast<std::size_t>(WebAttack::kCount)> weights{};
    const auto patterns = web_patterns();
    for (const unsigned id : matched) weights[static_cast<std::size_t>(patterns[id].attack)] += patterns[id].weight;
    for (std::size_t a = 0; a < weights.size(); ++a) {
      if (weights[a] < parameters_.weight) continue;
      const auto attack = static_cast<WebAttack>(a);
      if (full(hits_, {pair, attack}, parameters_.max_pairs)) continue;
      Hits& x = hits_[{pair, attack}];
      if (x.requests++ == 0) {
        x.first = h.head.ts;
        x.number = ++numbers_;
      }
      if (calls(attack)) expect_calls(h, attack, x);
      x.last = std::max(x.last, h.head.ts);
      const std::uint64_t status = h.status_code.value_or(0) / 100;
      ++x.by_status[std::min<std::uint64_t>(status, 5)];
      if (x.heads.size() < Finding::kMaxEvidence) x.heads.push_back(h.head);
      for (const unsigned id : matched)
        if (patterns[id].attack == attack && x.what.size() < 8) x.what.insert(patterns[id].what);
      if (x.sample.empty()) x.sample = fmt::format("{} {}", h.method, h.uri.substr(0, 160));
      if (x.host.empty()) x.host = h.host;
      if (x.user_agent.empty()) x.user_agent = h.user_agent;
      if (const std::string_view proof = proof_in(h.response_body, attack); !proof.empty() && status == 2) {
        x.proof = proof;
        if (x.proof_heads.size() < Finding::kMaxEvidence) x.proof_heads.push_back(h.head);
      }
      // A script that comes back as it was sent runs in the visitor's browser.
      if (attack == WebAttack::kScript && status == 2 && !h.response_body.empty()) {
        const std::string decoded = decode(h.uri, true);
        const std::size_t at = decoded.find('<');
        if (at != std::string::npos && decoded.size() - at >= 8 &&
            h.response_body.find(decoded.substr(at, 24)) != std::string_view::npos)
          x.echoed = true;
      }
    }
  }

  /// Attacks that work by making the server call a host of the attacker's.
  static bool calls(WebAttack attack) {
    return attack == WebAttack::kLog4Shell || attack == WebAttack::kCommandInjection ||
           attack == WebAttack::kTemplate || attack == WebAttack::kDeserialisation;
  }
  void expect_calls(const protocol::http::Http& h, WebAttack attack, Hits& x) {
    constexpr std::size_t kMostHosts = 16;
    std::string all = decode(h.uri, true);
    const auto more = [&all](std::string_view s) { all.append("\n").append(s.substr(0, 1024)); };
    more(h.request_body);
    more(decode(h.request_body.substr(0, 1024), true));
    for (const std::string_view s : h.other_headers) more(s);
    // What every client sends may name a site that the server calls anyway; an instruction says what it is.
    for (const std::string_view s : {h.user_agent, h.referrer, h.x_forwarded_for, h.origin, h.host, h.username,
                                     h.accept_language, h.request_content_type})
      if (s.find("${") != std::string_view::npos || s.find("() {") != std::string_view::npos) more(s);
    const std::string own(h.host.substr(0, h.host.rfind(':')));
    for (const std::string& host : hosts_to_call(all)) {
      const auto address = base::Address::parse(host);
      // Its own name or address: it would call itself. (Whoever sends a JNDI look-up may say what he likes as Host.)
      const bool itself = (host == own && attack != WebAttack::kLog4Shell) || (address && *address == h.head.id.resp_h);
      if (x.hosts.size() >= kMostHosts || itself) continue;
      x.hosts.insert(host);
      if (!callbacks_.expect(h.head.id.resp_h, host, h.head.ts, x.number)) drop();
    }
  }

  /// Looks at what the server would make of the text: encodings undone, once and twice.
  void scan_decoded(std::string_view text, bool plus, std::set<unsigned>& out) {
    if (text.find('%') == std::string_view::npos && !(plus && text.find('+') != std::string_view::npos)) return;
    const std::string once = decode(text, plus);
    matcher_->match(once, out);
    if (once.find('%') == std::string::npos) return;
    const std::string twice = decode(once, plus);
    if (twice != once) matcher_->match(twice, out);
  }

  void count(const Pair& pair, const protocol::http::Http& h) {
    if (full(requests_, pair, parameters_.max_pairs)) return;
    Requests& r = requests_[pair];
    if (r.total++ == 0) r.first = h.head.ts;
    r.last = std::max(r.last, h.head.ts);
    r.answered += h.status_code.has_value();
    r.linked += !h.referrer.empty();  // a browser that fetches a page's parts says where it comes from
    if (!h.status_code && h.method == "GET" && r.folders.size() < 4096) {
      const std::size_t second = h.uri.find('/', 1);
      const std::string_view folder = h.uri.substr(0, std::min(second, h.uri.find('?')));
      std::string name(folder.substr(0, 200));
      if (r.folders.count(name) == 0 && afford(name.size() + 80)) {
        r.folders.insert(std::move(name));
        r.ports.insert(h.head.id.orig_p.value);
        if (r.folder_heads.size() < Finding::kMaxEvidence) r.folder_heads.push_back(h.head);
      }
    }
    if (h.status_code.value_or(0) != 404 && !(h.status_code.value_or(0) == 403)) return;
    if (r.missing.size() >= 4096) return;
    std::string path(h.uri.substr(0, std::min(h.uri.find('?'), std::size_t{200})));
    if (r.missing.count(path) != 0 || !afford(path.size() + 80)) return;
    r.missing.insert(std::move(path));
    if (r.heads.size() < Finding::kMaxEvidence) r.heads.push_back(h.head);
  }

  void report(const Pair& pair, WebAttack attack, const Hits& x, std::vector<Finding>& out) const {
    Finding f;
    f.detector = "web_attack";
    f.attacker = host(pair.from);
    f.victim = host(pair.to);
    f.first = x.first;
    f.last = x.last;
    const bool scanner = attack == WebAttack::kScanner;
    const bool proven = !x.proof.empty();
    const std::uint64_t ok = x.by_status[2], refused = x.by_status[4] + x.by_status[5] + x.by_status[3],
                        unanswered = x.by_status[0];
    f.techniques = scanner ? std::vector<std::string>{"T1595.002"} : std::vector<std::string>{"T1190"};
    if (attack == WebAttack::kCommandInjection) f.techniques.emplace_back("T1059");
    if (attack == WebAttack::kScript) f.techniques.emplace_back("T1059.007");
    if (attack == WebAttack::kUpload) f.techniques.emplace_back("T1505.003");
    // A look-up that is followed shows the hole, a download that was ordered and is made shows that the order ran.
    const bool ran = x.called != nullptr && attack != WebAttack::kLog4Shell;
    f.phase = scanner                                                 ? Phase::kDoorRattling
              : (proven && attack != WebAttack::kSqlInjection) || ran ? Phase::kEntry
                                                                      : Phase::kAssault;
    f.outcome = proven || x.echoed || x.called != nullptr ? Outcome::kSucceeded
                : ok == 0                                 ? Outcome::kAttempted
                                                          : Outcome::kUnknown;
    f.severity = scanner                           ? Severity::kLow
                 : proven || ran                   ? Severity::kHigh
                 : attack == WebAttack::kLog4Shell ? Severity::kHigh
                                                   : Severity::kMedium;
    f.confidence =
        proven || x.called != nullptr
            ? 0.95
            : std::clamp(0.7 + 0.05 * static_cast<double>(x.what.size()) + 0.01 * static_cast<double>(x.requests), 0.7,
                         0.93);
    for (const record::Head& head : x.proof_heads) f.add("http", head);
    if (x.called != nullptr) f.add(x.called->by_dns ? "dns" : "conn", x.called->head);
    for (const record::Head& head : x.heads) f.add("http", head);
    f.evidence_total = x.requests + (x.called != nullptr);
    f.first = x.first;
    f.last = x.last;
    if (x.called != nullptr) f.last = std::max(f.last, x.called->head.ts);
    std::string answer;
    if (proven)
      answer = fmt::format("the answer holds {}", x.proof);
    else if (x.called != nullptr)
      answer = fmt::format("the server then {} {}, as it was told", x.called->by_dns ? "asked for the name" : "called",
                           x.called->host);
    else if (x.echoed)
      answer = "the script came back as it was sent";
    else if (ok == 0 && refused != 0)
      answer = fmt::format("refused or failed ({})", x.by_status[4] != 0 ? "4xx" : x.by_status[5] != 0 ? "5xx" : "3xx");
    else if (ok == 0 && unanswered != 0)
      answer = "no answer seen";
    else
      answer = fmt::format("{} of {} answered with 2xx: whether it worked cannot be told from that", ok, x.requests);
    std::string kinds;
    for (const std::string& w : x.what) kinds += (kinds.empty() ? "" : ", ") + w;
    // The server by its address; by the name that was asked for as well, where it is another.
    std::string server = pair.to.to_string();
    if (!x.host.empty() && x.host.substr(0, x.host.rfind(':')) != server && x.host != server)
      server += fmt::format(" (as {})", x.host);
    f.statement = fmt::format("{} tried {} on {} ({}) in {} request{}; {}", pair.from.to_string(), to_string(attack),
                              server, kinds, x.requests, x.requests == 1 ? "" : "s", answer);
    if (scanner)
      f.statement = fmt::format("{} looked for holes in the web server {} ({}) in {} request{}; {}",
                                pair.from.to_string(), server, kinds, x.requests, x.requests == 1 ? "" : "s", answer);
    f.fact("class", std::string(to_string(attack)));
    f.fact("request", x.sample);
    if (!x.user_agent.empty()) f.fact("user_agent", x.user_agent);
    if (scanner && !x.user_agent.empty()) f.fact("tool", x.user_agent);
    if (attack == WebAttack::kLog4Shell) f.fact("cve", "CVE-2021-44228");
    if (x.called != nullptr) f.fact("called_back", x.called->host);
    out.push_back(std::move(f));
  }

  void report_scan(const Pair& pair, const Requests& r, std::vector<Finding>& out) const {
    const bool blind = r.answered == 0 && r.linked == 0 &&
                       std::min(r.folders.size(), r.ports.size()) >= parameters_.unanswered_folders &&
                       (r.last - r.first).seconds() <= 60;
    if (!blind && (r.missing.size() < parameters_.missing_paths ||
                   static_cast<double>(r.missing.size()) < parameters_.missing_share * static_cast<double>(r.total)))
      return;
    Finding f;
    f.detector = "web_attack";
    f.techniques = {"T1595.003"};
    f.phase = Phase::kDoorRattling;
    f.outcome = Outcome::kAttempted;
    f.severity = Severity::kLow;
    f.confidence = blind ? 0.55 : 0.8;
    f.attacker = host(pair.from);
    f.victim = host(pair.to);
    for (const record::Head& head : blind ? r.folder_heads : r.heads) f.add("http", head);
    f.evidence_total = blind ? r.folders.size() : r.missing.size();
    f.first = r.first;
    f.last = r.last;
    if (blind) {
      f.outcome = Outcome::kUnknown;
      f.statement = fmt::format(
          "{} asked {} for {} folders on connections of their own within a minute, no answer seen: a search for files "
          "and folders",
          pair.from.to_string(), pair.to.to_string(), r.folders.size());
    } else {
      f.statement =
          fmt::format("{} asked {} for {} paths that were not there, of {} requests: a search for files and folders",
                      pair.from.to_string(), pair.to.to_string(), r.missing.size(), r.total);
    }
    f.fact("paths", fmt::format("{}", f.evidence_total));
    out.push_back(std::move(f));
  }

  Parameters parameters_;
  static constexpr std::size_t kMaxClean = 4096;
  std::unique_ptr<Matcher> matcher_;
  std::string text_;
  std::unordered_set<std::string> clean_;
  Callbacks callbacks_;
  std::uint64_t numbers_ = 0;
  std::map<std::pair<Pair, WebAttack>, Hits> hits_;
  std::map<Pair, Requests> requests_;
};

}  // namespace

std::unique_ptr<Detector> make_web_attack(const Environment&) { return std::make_unique<WebAttackDetector>(); }

}  // namespace whodunit::detect
