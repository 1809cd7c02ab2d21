// Generated names: malware asks for domain after domain that does not exist, until one does.
//
// Method: names answered with NXDOMAIN per client, counted by the domain that would have to be registered (Yadav and
// Reddy, "Winning with DNS Failures", 2011; Antonakakis et al., "From Throw-Away Traffic to Bots", USENIX Security
// 2012). One domain counts once, so that block lists, search suffixes and enumeration of one domain's hosts stay out;
// names of one label (a browser's probes) do not count. Where only the replies were captured, the names are unknown,
// and nothing but failures must have come back.
#include <fmt/format.h>

#include <algorithm>
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
  std::size_t domains = 20;  ///< distinct registered domains that do not exist
  double window_seconds = 3600;
  double failed_share = 0.5;    ///< least share of those among the domains asked for in all
  double label_bytes = 7;       ///< least mean length of the registered label
  double unnamed_share = 0.95;  ///< where names are unknown: least share of failures among all replies
  std::size_t max_clients = 50'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "generated_names",
      "A host asks for many domains that do not exist, as malware does that generates its controllers' names.",
      "Yadav and Reddy, Winning with DNS Failures (2011); Antonakakis et al., From Throw-Away Traffic to Bots (USENIX "
      "Security 2012)",
      {"T1568.002"},
      "Mail servers that check senders, crawlers, and resolvers that ask for many clients meet dead domains, among "
      "many more that live.",
      {{"domains", fmt::format("{}", p.domains), "distinct registered domains that do not exist, within the window"},
       {"window", fmt::format("{} s", p.window_seconds), "the window"},
       {"failed_share", fmt::format("{}", p.failed_share), "least share of those among the domains asked for"},
       {"label_bytes", fmt::format("{}", p.label_bytes), "least mean length of the registered label"},
       {"unnamed_share", fmt::format("{}", p.unnamed_share),
        "least share of failures where only replies were captured"}}};
  return d;
}

struct Failure {
  base::Time ts;
  std::string domain;  // empty where it is unknown
  record::Head head;
};

constexpr std::size_t kHashBytes = 40;  // of one in an unordered_set, about

struct Client {
  std::vector<Failure> failures;             // the first of each domain
  std::unordered_set<std::uint64_t> failed;  // hashes
  std::unordered_set<std::uint64_t> all;
  std::uint64_t replies = 0, failures_total = 0, named = 0;
  std::map<base::Address, std::uint64_t> servers;
};

class GeneratedNames : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"dns"}}; }

  void take(const record::Batch& batch) override {
    if (&batch.schema() != &protocol::dns::Dns::schema) return;
    for (std::size_t row = 0; row < batch.rows(); ++row) take(protocol::dns::Dns::read(batch, row));
  }

  void finish(const Home&, std::vector<Finding>& out) override {
    for (auto& [address, c] : clients_) judge(address, c, out);
  }

 private:
  void take(const protocol::dns::Dns& d) {
    if (d.head.id.resp_p.value != 53 || !d.rcode || d.opcode.value_or(0) != 0) return;
    auto at = clients_.find(d.head.id.orig_h);
    if (at == clients_.end()) {
      if (full(clients_, d.head.id.orig_h, parameters_.max_clients)) return;
      at = clients_.emplace(d.head.id.orig_h, Client{}).first;
    }
    Client& c = at->second;
    ++c.replies;
    const bool failed = *d.rcode == 3;
    if (!d.query.empty()) {
      const std::string_view domain = registered(d.query);
      const bool reverse = d.query.size() > 5 && d.query.substr(d.query.size() - 5) == ".arpa";
      if (reverse || domain.find('.') == std::string_view::npos ||
          domain.substr(domain.size() - std::min<std::size_t>(6, domain.size())) == ".local")
        return;
      ++c.named;
      const std::uint64_t hash = base::fast_hash(domain);
      if (c.all.size() < 65536 && c.all.count(hash) == 0 && afford(kHashBytes)) c.all.insert(hash);
      if (!failed) return;
      ++c.failures_total;
      ++c.servers[d.head.id.resp_h];
      if (c.failures.size() < 4096 && c.failed.count(hash) == 0 &&
          afford(sizeof(Failure) + domain.size() + kHashBytes)) {
        c.failed.insert(hash);
        c.failures.push_back({d.head.ts, std::string(domain), d.head});
      }
    } else if (failed) {
      ++c.failures_total;
      ++c.servers[d.head.id.resp_h];
      if (c.failures.size() < 4096 && afford(sizeof(Failure))) c.failures.push_back({d.head.ts, {}, d.head});
    }
  }

  void judge(const base::Address& address, Client& c, std::vector<Finding>& out) const {
    const bool unnamed = c.named == 0;
    if (c.failures.size() < parameters_.domains) return;
    if (unnamed) {
      if (static_cast<double>(c.failures_total) < parameters_.unnamed_share * static_cast<double>(c.replies)) return;
    } else {
      std::erase_if(c.failures, [](const Failure& f) { return f.domain.empty(); });
      if (static_cast<double>(c.failures.size()) < parameters_.failed_share * static_cast<double>(c.all.size())) return;
    }
    std::stable_sort(c.failures.begin(), c.failures.end(),
                     [](const Failure& a, const Failure& b) { return a.ts < b.ts; });
    std::size_t best = 0, from = 0;
    double bytes = 0;
    for (std::size_t to = 0; to < c.failures.size(); ++to) {
      while ((c.failures[to].ts - c.failures[from].ts).seconds() > parameters_.window_seconds) ++from;
      best = std::max(best, to - from + 1);
      bytes += static_cast<double>(
          c.failures[to].domain.find('.') == std::string::npos ? 0 : c.failures[to].domain.find('.'));
    }
    if (best < parameters_.domains) return;
    if (!unnamed && bytes / static_cast<double>(c.failures.size()) < parameters_.label_bytes) return;
    Finding f;
    f.detector = "generated_names";
    f.techniques = {"T1568.002"};
    f.phase = Phase::kFoothold;
    f.outcome = Outcome::kUnknown;
    f.severity = unnamed ? Severity::kLow : Severity::kMedium;
    f.confidence = unnamed ? 0.4 : std::clamp(0.5 + 0.005 * static_cast<double>(best), 0.5, 0.85);
    f.victim = host(address);
    for (const Failure& x : c.failures) f.add("dns", x.head);
    f.evidence_total = c.failures_total;
    f.first = c.failures.front().ts;
    f.last = c.failures.back().ts;
    if (unnamed) {
      f.statement = fmt::format(
          "{} got {} answers that a name does not exist, and hardly any other; the names themselves were not captured",
          address.to_string(), c.failures_total);
    } else {
      std::string sample;
      for (std::size_t i = 0; i < std::min<std::size_t>(4, c.failures.size()); ++i)
        sample += (i == 0 ? "" : ", ") + c.failures[i].domain;
      f.statement = fmt::format(
          "{} asked for {} domains that do not exist, of {} in all ({}, …): names as malware generates them",
          address.to_string(), c.failures.size(), c.all.size(), sample);
      f.fact("sample", sample);
    }
    f.fact("failed_domains", fmt::format("{}", best));
    out.push_back(std::move(f));
  }

  Parameters parameters_;
  std::map<base::Address, Client> clients_;
};

}  // namespace

std::unique_ptr<Detector> make_generated_names(const Environment&) { return std::make_unique<GeneratedNames>(); }

}  // namespace whodunit::detect
