// DNS tunnels: a name server that is spoken through instead of asked.
//
// Method: under one registered domain many names that are never asked for twice, long, and as dense as coded data; and
// answers that carry much (TXT, NULL, CNAME, MX, …). After Born and Gustafson, "Detecting DNS Tunnels Using Character
// Frequency Analysis" (2010), and K. Born's and G. Farnham's surveys (SANS, "Detecting DNS Tunneling", 2013): volume of
// unique names per domain, length, entropy, types. A single sign is not enough.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/hash.h"
#include "detect/detector.h"
#include "detect/registered_domain.h"
#include "protocol/dns/dns.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::size_t names = 6;  ///< least number of distinct names under the domain
  double score = 4;       ///< least sum of the signs below
  // Each sign counts one, where it holds; the second step of a pair counts one more.
  double odd_share = 0.5;  ///< share of queries of types that no client asks for (NULL, PRIVATE, KEY, …): counts two
  double carrying_share = 0.5;  ///< share of types that carry much (these, TXT, CNAME, MX, SRV), with replies that do
  double reply_bytes = 40;      ///< mean bytes that replies add to their queries
  double heavy_reply_bytes = 150;                  ///< likewise; black lists and mail's records say less
  double label_bytes = 25, long_label_bytes = 45;  ///< mean length of what stands before the domain
  double bits = 3.9;                               ///< entropy of it, bits per character
  double unique_share = 0.7;                       ///< share of queries for a name never asked for before
  std::size_t many_names = 20, very_many_names = 100;
  std::size_t max_domains = 50'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "dns_tunnel",
      "Names under one domain carry data: many, never repeated, long and dense, or answers that carry much; or a name "
      "begins as a compressed file does.",
      "Born and Gustafson, Detecting DNS Tunnels Using Character Frequency Analysis (2010); Farnham, Detecting DNS "
      "Tunneling (SANS, 2013)",
      {"T1071.004", "T1572", "T1048.003"},
      "Content networks, block lists asked by DNS, anti-virus look-ups and telemetry put hashes into names: few bytes "
      "each, answers of type A.",
      {{"names", fmt::format("{}", p.names), "least number of distinct names under the domain"},
       {"score", fmt::format("{}", p.score),
        "least sum of signs: odd types (2), types and replies that carry (up to 2), long names (up to 2), dense names, "
        "names "
        "never repeated, many names (up to 2)"},
       {"odd_share", fmt::format("{}", p.odd_share), "share of queries of types that no client asks for"},
       {"carrying_share", fmt::format("{}", p.carrying_share), "share of types that carry much"},
       {"reply_bytes", fmt::format("{} and {}", p.reply_bytes, p.heavy_reply_bytes),
        "mean bytes that replies add to their queries"},
       {"label_bytes", fmt::format("{} and {}", p.label_bytes, p.long_label_bytes),
        "mean length before the domain, bytes"},
       {"bits", fmt::format("{}", p.bits), "entropy of it, bits per character"},
       {"unique_share", fmt::format("{}", p.unique_share), "share of queries for a name never asked for before"}}};
  return d;
}

/// Types that no client has a use for today: NULL, KEY, SIG, PRIVATE (65280 and above), and the unassigned.
bool odd(std::uint64_t type) {
  return type == 10 || type == 24 || type == 25 || type == 30 || (type >= 260 && type < 32768) || type >= 65280;
}
/// Types whose answers carry text or names of the server's choosing.
bool carries(std::uint64_t type) {
  return odd(type) || type == 16 || type == 5 || type == 15 || type == 33 || type == 35;
}

/// What a long name begins with where it is a file's beginning, coded as names can carry it (base64, hex or base32 of
/// the file's own mark; letters' case is lost on the way): the kind of file. One such name is no accident.
std::string_view file_in_name(std::string_view before) {
  constexpr std::size_t kLeast = 40;  // bytes
  static constexpr std::pair<std::string_view, std::string_view> kMarks[] = {
      {"h4sia", "gzip"},      {"h4sic", "gzip"},       {"1f8b0800", "gzip"}, {"1f8b0808", "gzip"},
      {"d6fqq", "gzip"},      {"uesdb", "zip"},        {"504b0304", "zip"},  {"kbfqg", "zip"},
      {"ivborw0kggo", "PNG"}, {"89504e470d0a", "PNG"}, {"jvberi0", "PDF"},   {"255044462d", "PDF"}};
  if (before.size() < kLeast) return {};
  const auto begins = [&](std::string_view mark) {
    return std::equal(mark.begin(), mark.end(), before.begin(),
                      [](char m, char c) { return m == (c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c); });
  };
  for (const auto& [mark, kind] : kMarks)
    if (begins(mark)) return kind;
  return {};
}

struct Domain {
  std::string_view file;  // the kind, where a name began as one
  std::vector<record::Head> file_heads;
  std::uint64_t queries = 0;
  std::uint64_t carrying = 0, odd = 0;  // of types that carry much, that no client asks for
  std::uint64_t replies = 0;
  std::int64_t added_bytes = 0;  // replies beyond their queries
  std::uint64_t label_bytes = 0;
  std::array<std::uint32_t, 256> characters{};
  std::unordered_set<std::uint64_t> names;  // hashes
  std::map<std::pair<base::Address, base::Address>, std::uint64_t> askers;
  std::vector<record::Head> heads;
  std::string sample;
  base::Time first, last;
};

class DnsTunnel : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"dns"}}; }

  void take(const record::Batch& batch) override {
    if (&batch.schema() != &protocol::dns::Dns::schema) return;
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      const protocol::dns::Dns d = protocol::dns::Dns::read(batch, row);
      if (d.query.empty() || d.head.id.resp_p.value == 5353 || d.head.id.resp_p.value == 5355 ||
          d.head.id.resp_p.value == 137)
        continue;
      if (d.query.size() > 10 &&
          (d.query.substr(d.query.size() - 5) == ".arpa" || d.query.substr(d.query.size() - 6) == ".local"))
        continue;
      const std::string_view domain = registered(d.query);
      const std::string_view before = d.query.substr(0, d.query.size() - domain.size());
      auto at = domains_.find(domain);
      if (at == domains_.end()) {
        if (domains_.size() >= parameters_.max_domains) {
          drop();
          continue;
        }
        at = domains_.emplace(std::string(domain), Domain{}).first;
      }
      Domain& x = at->second;
      if (x.queries++ == 0) x.first = d.head.ts;
      x.last = std::max(x.last, d.head.ts);
      if (const std::string_view kind = file_in_name(before); !kind.empty()) {
        x.file = kind;
        if (x.file_heads.size() < Finding::kMaxEvidence) x.file_heads.push_back(d.head);
      }
      x.carrying += d.qtype && carries(*d.qtype);
      x.odd += d.qtype && odd(*d.qtype);
      if (d.reply_bytes && d.query_bytes) {
        ++x.replies;
        x.added_bytes += static_cast<std::int64_t>(*d.reply_bytes) - static_cast<std::int64_t>(*d.query_bytes);
      }
      const std::uint64_t hash = base::fast_hash(d.query);
      // 40: bytes of one in an unordered_set, about
      if (x.names.size() < 100'000 && x.names.count(hash) == 0 && afford(40)) {
        x.names.insert(hash);
        x.label_bytes += before.size();
        for (const char c : before)
          if (c != '.') ++x.characters[static_cast<unsigned char>(c)];
      }
      if (x.askers.size() < 64 || x.askers.count({d.head.id.orig_h, d.head.id.resp_h}) != 0)
        ++x.askers[{d.head.id.orig_h, d.head.id.resp_h}];
      if (x.heads.size() < Finding::kMaxEvidence) x.heads.push_back(d.head);
      if (before.size() > x.sample.size() && before.size() < 200) x.sample = d.query;
    }
  }

  void finish(const Home&, std::vector<Finding>& out) override {
    for (const auto& [domain, x] : domains_)
      if (!judge(domain, x, out) && !x.file.empty()) report_file(domain, x, out);
  }

 private:
  void report_file(const std::string& domain, const Domain& x, std::vector<Finding>& out) const {
    const record::Endpoints& id = x.file_heads.front().id;
    Finding f;
    f.detector = "dns_tunnel";
    f.techniques = {"T1048.003", "T1071.004"};
    f.phase = Phase::kTheft;
    f.outcome = Outcome::kUnknown;  // how much of it left, and whether it arrived, does not show
    f.severity = Severity::kMedium;
    f.confidence = 0.7;
    f.attacker = {"domain", domain};
    f.victim = host(id.orig_h);
    for (const record::Head& head : x.file_heads) f.add("dns", head);
    f.evidence_total = x.file_heads.size();
    f.statement = fmt::format("{} asked {} for a name under {} that begins as {} data does: a file that leaves by DNS",
                              id.orig_h.to_string(), id.resp_h.to_string(), domain, x.file);
    f.fact("domain", domain);
    f.fact("server", id.resp_h.to_string());
    f.fact("covert", "DNS");
    f.fact("sample", x.sample);
    out.push_back(std::move(f));
  }

  /// Whether the domain is a tunnel's; then its finding is in `out`.
  bool judge(const std::string& domain, const Domain& x, std::vector<Finding>& out) const {
    if (x.names.size() < parameters_.names) return false;
    const double n = static_cast<double>(x.names.size());
    const double unique = n / static_cast<double>(x.queries);
    const double mean = static_cast<double>(x.label_bytes) / n;
    double total = 0, bits = 0;
    for (const std::uint32_t c : x.characters) total += c;
    for (const std::uint32_t c : x.characters)
      if (c != 0) bits -= c / total * std::log2(c / total);
    const double queries = static_cast<double>(x.queries);
    const double carrying = static_cast<double>(x.carrying) / queries, odd_share = static_cast<double>(x.odd) / queries;
    const double added = x.replies == 0 ? 0 : static_cast<double>(x.added_bytes) / static_cast<double>(x.replies);
    const Parameters& p = parameters_;
    const double score = 2.0 * (odd_share >= p.odd_share) + (carrying >= p.carrying_share && added >= p.reply_bytes) +
                         (carrying >= p.carrying_share && added >= p.heavy_reply_bytes && unique >= p.unique_share) +
                         (mean >= p.label_bytes) + (mean >= p.long_label_bytes) + (bits >= p.bits && mean >= 10) +
                         (unique >= p.unique_share && x.names.size() >= p.many_names) +
                         (x.names.size() >= p.very_many_names && mean >= 12);
    if (score < p.score) return false;

    const auto most = std::max_element(x.askers.begin(), x.askers.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    Finding f;
    f.detector = "dns_tunnel";
    f.techniques = {"T1071.004", "T1572"};
    f.phase = Phase::kFoothold;
    f.outcome = added >= p.reply_bytes / 2 ? Outcome::kSucceeded : Outcome::kUnknown;
    f.severity = Severity::kHigh;
    f.confidence = std::clamp(0.55 + 0.12 * (score - p.score), 0.55, 0.95);
    f.attacker = {"domain", domain};
    f.victim = host(most->first.first);
    for (const record::Head& head : x.heads) f.add("dns", head);
    f.evidence_total = x.queries;
    f.first = x.first;
    f.last = x.last;
    f.statement = fmt::format(
        "{} speaks through DNS names under {}: {} names of {:.0f} bytes on average ({:.1f} bits a character), {} bytes "
        "out, {} bytes in",
        most->first.first.to_string(), domain, x.names.size(), mean, bits, x.label_bytes,
        std::max<std::int64_t>(0, x.added_bytes));
    f.fact("domain", domain);
    f.fact("server", most->first.second.to_string());
    f.fact("covert", "DNS");
    f.fact("sample", x.sample);
    f.fact("score", fmt::format("{}", score));
    f.fact("carrying_types", fmt::format("{:.0f} %", 100 * carrying));
    out.push_back(std::move(f));
    return true;
  }

  Parameters parameters_;
  std::map<std::string, Domain, std::less<>> domains_;
};

}  // namespace

std::unique_ptr<Detector> make_dns_tunnel(const Environment&) { return std::make_unique<DnsTunnel>(); }

}  // namespace whodunit::detect
