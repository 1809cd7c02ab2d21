// Floods: more than a service can take, or answers that were asked for in somebody else's name.
//
// Method: half-open connections to one door within ten seconds, from whatever sources (RFC 4987 2: SYN flooding);
// reflection by the ports and ratios that US-CERT's alert TA14-017A, "UDP-Based Amplification Attacks", lists, and
// NTP's monlist (CVE-2013-5211): large answers of many servers that nobody asked for, or a server of ours that gives
// far more than it is asked for.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "connection/conn_record.h"
#include "detect/detector.h"
#include "protocol/ntp/ntp.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::size_t half_open = 500;  ///< within the window
  double window_seconds = 10;
  double half_open_share = 0.9;  ///< of all connections to that door
  std::uint64_t echoes = 2000;   ///< ICMP messages of one host to another
  double echo_rate = 200;        ///< and their least number a second
  std::size_t servers = 5;       ///< that answer one host unasked
  std::uint64_t unasked_bytes = 20'000;
  double ratio = 20;  ///< answered by asked bytes
  std::uint64_t given_bytes = 500'000;
  std::size_t max_doors = 100'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "flood",
      "A service is flooded with half-open connections, packets of none or UDP; a host with ICMP or with answers that "
      "it did not ask for, or a "
      "server of the defended network is made to send such (NTP, DNS, SNMP, SSDP, CLDAP, memcached and others).",
      "RFC 4987 2; US-CERT TA14-017A, UDP-Based Amplification Attacks; CVE-2013-5211",
      {"T1498.001", "T1498.002", "T1499.001"},
      "Load tests; a server that died while its clients go on; monitoring that walks a whole SNMP tree.",
      {{"half_open", fmt::format("{}", p.half_open),
        "half-open connections to one door within the window, or UDP conversations without an answer"},
       {"window", fmt::format("{} s", p.window_seconds), "the window"},
       {"half_open_share", fmt::format("{}", p.half_open_share), "their least share of all connections to it"},
       {"echoes, echo_rate", fmt::format("{} and {}/s", p.echoes, p.echo_rate),
        "ICMP messages of one host to another, and their least rate"},
       {"servers", fmt::format("{}", p.servers), "servers that answer one host unasked"},
       {"unasked_bytes", fmt::format("{}", p.unasked_bytes), "least bytes of such answers"},
       {"ratio", fmt::format("{}", p.ratio), "least bytes answered to a byte asked"},
       {"given_bytes", fmt::format("{}", p.given_bytes), "least bytes answered in that ratio"}}};
  return d;
}

/// Ports of services over UDP that answer with more than they are asked (TA14-017A).
std::string_view amplifier(std::uint16_t port) {
  switch (port) {
    case 17:
      return "QOTD";
    case 19:
      return "CharGEN";
    case 53:
      return "DNS";
    case 69:
      return "TFTP";
    case 111:
      return "portmap";
    case 123:
      return "NTP";
    case 137:
      return "NetBIOS";
    case 161:
      return "SNMP";
    case 389:
      return "CLDAP";
    case 520:
      return "RIP";
    case 1900:
      return "SSDP";
    case 3702:
      return "WS-Discovery";
    case 5353:
      return "mDNS";
    case 11211:
      return "memcached";
    default:
      return {};
  }
}

struct Door {
  base::Address host;
  std::uint16_t port;
  bool udp;
  auto operator<=>(const Door&) const = default;
};
struct Knocks {
  std::vector<std::int64_t> half_open;  // ns; the latest ones
  std::size_t most = 0;                 // within a window
  bool flooded = false, syn = false;
  base::Time first, last;
  std::uint64_t all = 0, failed = 0;
  std::set<base::Address> sources;
  std::vector<record::Head> heads;
};
struct Pings {
  record::Head head;
  std::uint64_t messages;
  double seconds;
};
struct Unasked {
  std::set<base::Address> servers;
  std::uint64_t bytes = 0, packets = 0;
  std::vector<record::Head> heads;
  base::Time first, last;
};
struct Given {
  std::uint64_t asked = 0, answered = 0, monlist = 0;
  std::vector<record::Head> heads;
  base::Time first, last;
};

class Flood : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"conn", "ntp"}}; }

  void take(const record::Batch& batch) override {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      if (&batch.schema() == &connection::Conn::schema) take(connection::Conn::read(batch, row));
      if (&batch.schema() == &protocol::ntp::Ntp::schema) {
        const auto n = protocol::ntp::Ntp::read(batch, row);
        // Private mode's request 42 gives the last 600 clients.
        if (n.mode != 7 || n.request_code.value_or(0) != 42) continue;
        const std::pair key{n.head.id.orig_h, n.head.id.resp_h};
        if (!full(monlists_, key, parameters_.max_doors)) ++monlists_[key];
      }
    }
  }

  void finish(const Home& home, std::vector<Finding>& out) override {
    for (auto& [door, k] : knocks_) report_half_open(door, k, out);
    report_pings(out);
    for (const auto& [key, u] : unasked_) report_unasked(key.first, key.second, u, out);
    for (const auto& [key, g] : given_) report_given(key, g, home, out);
  }

 private:
  static constexpr std::size_t kHeads = 5;  // tables are large, evidence is alike
  void take(const connection::Conn& c) {
    if (c.orig_pkts == 0 || c.head.id.resp_h.is_multicast() || c.head.id.resp_h.is_limited_broadcast()) return;
    if (c.proto == "tcp") {
      // SYNs that go no further; ACKs, FINs and the rest that belong to nothing are refused, and as short.
      const bool ended = c.conn_state == "SF" || c.conn_state == "S2" || c.conn_state == "S3";
      knock(c, !ended && c.orig_pkts <= 4 && c.orig_bytes.value_or(0) == 0 && c.resp_bytes.value_or(0) == 0);
    } else if (c.proto == "icmp") {
      const double seconds = c.duration ? c.duration->seconds() : 0;
      if (c.orig_pkts >= parameters_.echoes && seconds > 0 &&
          static_cast<double>(c.orig_pkts) >= parameters_.echo_rate * seconds && pings_.size() < parameters_.max_doors)
        pings_.push_back({c.head, c.orig_pkts, seconds});
    } else if (c.proto == "udp") {
      knock(c, c.resp_pkts == 0 && c.orig_pkts <= 4);
      // Answers alone: the server's port is the originator's, as nobody asked.
      if (const std::string_view name = amplifier(c.head.id.orig_p.value);
          !name.empty() && c.resp_pkts == 0 && c.orig_pkts != 0 && !c.head.id.resp_h.is_multicast() &&
          amplifier(c.head.id.resp_p.value).empty() && c.orig_bytes.value_or(0) >= 200 * c.orig_pkts) {
        const std::pair key{c.head.id.resp_h, std::string(name)};
        if (!full(unasked_, key, parameters_.max_doors)) {
          Unasked& u = unasked_[key];
          if (u.packets == 0) u.first = c.head.ts;
          u.last = std::max(u.last, c.head.ts);
          u.bytes += c.orig_bytes.value_or(0);
          u.packets += c.orig_pkts;
          if (u.servers.size() < 4096) u.servers.insert(c.head.id.orig_h);
          if (u.heads.size() < kHeads) u.heads.push_back(c.head);
        }
      }
      if (const std::string_view name = amplifier(c.head.id.resp_p.value); !name.empty() && c.resp_pkts != 0) {
        const auto key = std::make_tuple(c.head.id.resp_h, c.head.id.orig_h, std::string(name));
        if (!full(given_, key, parameters_.max_doors)) {
          Given& g = given_[key];
          if (g.answered == 0) g.first = c.head.ts;
          g.last = std::max(g.last, c.head.ts);
          g.asked += c.orig_bytes.value_or(0);
          g.answered += c.resp_bytes.value_or(0);
          if (g.heads.size() < kHeads) g.heads.push_back(c.head);
        }
      }
    }
  }

  /// A connection to a door; `failed` where nothing came of it.
  void knock(const connection::Conn& c, bool failed) {
    const Door door{c.head.id.resp_h, c.head.id.resp_p.value, c.proto == "udp"};
    if (full(knocks_, door, parameters_.max_doors)) return;
    Knocks& k = knocks_[door];
    ++k.all;
    if (!failed) return;
    ++k.failed;
    if (!k.flooded) {
      k.half_open.push_back(c.head.ts.ns);
      if (k.half_open.size() >= 2 * parameters_.half_open) settle(k);
    }
    k.first = k.failed == 1 ? c.head.ts : std::min(k.first, c.head.ts);
    k.last = std::max(k.last, c.head.ts);
    k.syn |= c.history.substr(0, 1) == "S";
    if (k.sources.size() < 1024) k.sources.insert(c.head.id.orig_h);
    if (k.heads.size() < kHeads) k.heads.push_back(c.head);
  }

  /// The densest window of those that are held; of the rest only what may still be in one is kept. Connections are told
  /// when they end, so that their beginnings come a little out of order.
  void settle(Knocks& k) const {
    std::sort(k.half_open.begin(), k.half_open.end());
    std::size_t from = 0;
    for (std::size_t to = 0; to < k.half_open.size(); ++to) {
      while (static_cast<double>(k.half_open[to] - k.half_open[from]) > parameters_.window_seconds * 1e9) ++from;
      k.most = std::max(k.most, to - from + 1);
    }
    k.flooded = k.most >= parameters_.half_open;
    const std::size_t keep = k.flooded ? 0 : std::min(k.half_open.size(), parameters_.half_open);
    k.half_open.erase(k.half_open.begin(), k.half_open.end() - static_cast<std::ptrdiff_t>(keep));
    if (k.flooded) k.half_open.shrink_to_fit();
  }

  void report_half_open(const Door& door, Knocks& k, std::vector<Finding>& out) const {
    if (static_cast<double>(k.failed) < parameters_.half_open_share * static_cast<double>(k.all)) return;
    if (!k.flooded && k.half_open.size() >= parameters_.half_open) settle(k);
    if (!k.flooded) return;
    Finding f;
    f.detector = "flood";
    f.techniques = {"T1498.001", "T1499.001"};
    f.phase = Phase::kHarm;
    f.outcome = Outcome::kUnknown;
    f.severity = Severity::kMedium;
    f.confidence = 0.85;
    // Of many sources most are forged: none is the attacker.
    if (k.sources.size() == 1) f.attacker = host(*k.sources.begin());
    f.victim = host(door.host);
    for (const record::Head& head : k.heads) f.add("conn", head);
    f.evidence_total = k.failed;
    f.first = k.first;
    f.last = k.last;
    f.statement = fmt::format("{}:{} got {}{} {} within {} s, from {} source{}{}", door.host.to_string(), door.port,
                              k.failed > k.most ? "more than " : "", k.most,
                              door.udp ? "UDP conversations that it did not answer"
                              : k.syn  ? "half-open connections"
                                       : "TCP packets that belong to no connection",
                              parameters_.window_seconds, k.sources.size(), k.sources.size() == 1 ? "" : "s",
                              k.sources.size() > 50 ? ", probably forged" : "");
    f.fact("sources", fmt::format("{}", k.sources.size()));
    out.push_back(std::move(f));
  }

  void report_pings(std::vector<Finding>& out) const {
    for (const Pings& p : pings_) {
      Finding f;
      f.detector = "flood";
      f.techniques = {"T1498.001"};
      f.phase = Phase::kHarm;
      f.outcome = Outcome::kUnknown;
      f.severity = Severity::kMedium;
      f.confidence = 0.75;
      f.attacker = host(p.head.id.orig_h);
      f.victim = host(p.head.id.resp_h);
      f.add("conn", p.head);
      f.statement = fmt::format("{} sent {} {} ICMP messages within {:.1f} s: no ping is so fast",
                                p.head.id.orig_h.to_string(), p.head.id.resp_h.to_string(), p.messages, p.seconds);
      out.push_back(std::move(f));
    }
  }

  void report_unasked(const base::Address& victim, const std::string& service, const Unasked& u,
                      std::vector<Finding>& out) const {
    if (u.servers.size() < parameters_.servers || u.bytes < parameters_.unasked_bytes) return;
    Finding f;
    f.detector = "flood";
    f.techniques = {"T1498.002"};
    f.phase = Phase::kHarm;
    f.outcome = Outcome::kUnknown;
    f.severity = Severity::kMedium;
    f.confidence = 0.8;
    f.victim = host(victim);
    for (const record::Head& head : u.heads) f.add("conn", head);
    f.evidence_total = u.packets;
    f.first = u.first;
    f.last = u.last;
    f.statement = fmt::format("{} got {} bytes of {} answers from {} servers that it had not asked: reflection",
                              victim.to_string(), u.bytes, service, u.servers.size());
    f.fact("service", service);
    out.push_back(std::move(f));
  }

  void report_given(const std::tuple<base::Address, base::Address, std::string>& key, const Given& g, const Home& home,
                    std::vector<Finding>& out) const {
    const auto& [server, asker, service] = key;
    const auto at = monlists_.find({asker, server});
    const std::uint64_t monlist = at == monlists_.end() ? 0 : at->second;
    const double ratio = static_cast<double>(g.answered) / static_cast<double>(std::max<std::uint64_t>(1, g.asked));
    // Out of the defended network: who asks from elsewhere in that way is not the one who gets it.
    const bool outward = home.contains(server) && !home.contains(asker);
    const bool loud =
        outward && ratio >= parameters_.ratio && g.answered >= parameters_.given_bytes && service != "TFTP";
    if (!loud && !(monlist != 0 && service == "NTP" && ratio >= 4)) return;
    Finding f;
    f.detector = "flood";
    f.techniques = {"T1498.002"};
    f.phase = loud ? Phase::kHarm : Phase::kDoorRattling;
    f.outcome = Outcome::kSucceeded;
    f.severity = loud ? Severity::kMedium : Severity::kLow;
    f.confidence = monlist != 0 ? 0.85 : 0.65;
    // The asker's address is the one that the answers are to hit.
    f.victim = host(loud ? asker : server);
    if (!loud) f.attacker = host(asker);
    for (const record::Head& head : g.heads) f.add("conn", head);
    f.first = g.first;
    f.last = g.last;
    f.statement = fmt::format("{} answered {} bytes to {} for {} of {}{}: an amplifier", server.to_string(), g.answered,
                              asker.to_string(), g.asked, service, monlist != 0 ? " (monlist)" : "");
    f.fact("service", service);
    f.fact("ratio", fmt::format("{:.0f}", ratio));
    if (monlist != 0) f.fact("cve", "CVE-2013-5211");
    out.push_back(std::move(f));
  }

  Parameters parameters_;
  std::map<Door, Knocks> knocks_;
  std::vector<Pings> pings_;
  std::map<std::pair<base::Address, std::string>, Unasked> unasked_;
  std::map<std::tuple<base::Address, base::Address, std::string>, Given> given_;
  std::map<std::pair<base::Address, base::Address>, std::uint64_t> monlists_;
};

}  // namespace

std::unique_ptr<Detector> make_flood(const Environment&) { return std::make_unique<Flood>(); }

}  // namespace whodunit::detect
