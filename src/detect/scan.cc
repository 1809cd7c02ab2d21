// Scans: one host tries many doors.
//
// Method: failed first contacts per originator. Distinct (host, port) targets count once; a scanner fails often, a
// client seldom (J. Jung, V. Paxson, A. Berger, H. Balakrishnan, "Fast Portscan Detection Using Sequential Hypothesis
// Testing", IEEE S&P 2004: success .8 for clients, .2 for scanners; that test's odds are the confidence). To keep a
// dead server or a peer-to-peer client from looking like a scan, failures must also be alike: many hosts on one port
// (horizontal) or many ports of one host (vertical), as in Zeek's scan policy. Hosts that only send answers nobody
// asked for are named backscatter: somebody forged their addresses, or theirs is under attack elsewhere (D. Moore et
// al., "Inferring Internet Denial-of-Service Activity", 2001).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "connection/conn_record.h"
#include "detect/detector.h"
#include "packet/arp_record.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::size_t horizontal_hosts = 10;  ///< distinct hosts that failed on one port
  std::size_t vertical_ports = 15;    ///< distinct ports that failed on one host
  std::size_t few_hosts = 5;          ///< TCP: likewise, where (nearly) nothing answered
  std::size_t few_ports = 8;
  double few_share = 0.9;
  std::size_t sweep_hosts = 10;       ///< distinct hosts sent an echo request or asked for by ARP
  std::size_t arp_hosts = 20;         ///< distinct hosts asked for by ARP within a minute
  double failed_share = 0.5;          ///< least share of failures among distinct targets of that kind
  double udp_share = 0.2;             ///< UDP: least share of the failed hosts among all that was sent to that port
  std::size_t backscatter_hosts = 5;  ///< distinct hosts that got unasked answers
  std::size_t max_originators = 100'000;
  std::size_t max_targets = 400'000;  ///< over all originators
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "scan",
      "A host tries many hosts or ports, mostly in vain: SYN, connect, NULL, FIN, XMAS, ACK and UDP scans, echo "
      "sweeps; backscatter is told apart.",
      "Jung et al., Fast Portscan Detection Using Sequential Hypothesis Testing (IEEE S&P 2004); Zeek's scan policy; "
      "Moore et al., Inferring Internet Denial-of-Service Activity (2001)",
      {"T1046", "T1595.001", "T1018"},
      "Monitoring and vulnerability management scan on purpose; a client whose server farm is down fails on many hosts "
      "at once; peer-to-peer clients fail on many hosts but on ports of all kinds.",
      {{"horizontal_hosts", fmt::format("{}", p.horizontal_hosts), "distinct hosts that failed on one port"},
       {"vertical_ports", fmt::format("{}", p.vertical_ports), "distinct ports that failed on one host"},
       {"few_hosts, few_ports", fmt::format("{} and {}", p.few_hosts, p.few_ports),
        "likewise over TCP where the share of failures is at least few_share"},
       {"few_share", fmt::format("{}", p.few_share),
        "four failures in a row without a success are odds of 250 to 1 by the test's own figures"},
       {"sweep_hosts", fmt::format("{}", p.sweep_hosts), "distinct hosts in an echo sweep"},
       {"arp_hosts", fmt::format("{}", p.arp_hosts), "distinct hosts asked for by ARP within a minute"},
       {"failed_share", fmt::format("{}", p.failed_share), "least share of failures among the distinct targets"},
       {"udp_share", fmt::format("{}", p.udp_share),
        "UDP: least share of failed hosts among the conversations begun with that port"},
       {"backscatter_hosts", fmt::format("{}", p.backscatter_hosts), "distinct hosts that got unasked answers"}}};
  return d;
}

/// How the doors were tried, by the first packet.
enum class Technique : std::uint8_t { kSyn, kConnect, kNull, kFin, kXmas, kAck, kUdp, kEcho, kCount };
constexpr std::string_view kTechniqueNames[] = {"SYN", "connect", "NULL", "FIN", "XMAS", "ACK", "UDP", "echo"};

enum class Answer : std::uint8_t { kOpen, kRefused, kSilent, kUnasked };

struct Target {
  base::Address host;
  std::uint16_t port;
  std::uint8_t protocol;
  auto operator<=>(const Target&) const = default;
};

struct Originator {
  std::map<Target, Answer> targets;  // first contact decides; a later open door wins
  std::uint64_t by_technique[static_cast<std::size_t>(Technique::kCount)] = {};
  std::vector<std::pair<Target, record::Head>> evidence;
  std::set<base::Address> unasked;                              // got answers they had not asked for
  std::set<std::pair<base::Address, std::uint16_t>> answering;  // whom, from which of its ports
  std::vector<record::Head> unasked_evidence;
  std::uint64_t unasked_total = 0;
  std::map<std::uint16_t, std::uint64_t> udp_attempts;  // by port, to whomever
  std::uint64_t attempts = 0;
  base::Time first, last, unasked_first, unasked_last;
};

/// Whom a host asked for by ARP.
struct Asked {
  std::set<base::Address> targets;
  std::vector<base::Time> times;
  std::vector<record::Head> heads;
  base::Time first, last;
};

class Scan : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"conn", "arp"}}; }

  void take(const record::Batch& batch) override {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      if (&batch.schema() == &connection::Conn::schema) take(connection::Conn::read(batch, row));
      if (&batch.schema() == &packet::ArpRecord::schema) take(packet::ArpRecord::read(batch, row));
    }
  }

  void finish(const Home& home, std::vector<Finding>& out) override {
    std::vector<base::Address> order;
    for (const auto& [address, o] : originators_) order.push_back(address);
    std::sort(order.begin(), order.end());
    for (const auto& [address, a] : asked_) report_arp(address, a, out);
    for (const base::Address& address : order) {
      const Originator& o = originators_.at(address);
      report_scan(address, o, home, out);
      report_backscatter(address, o, out);
      report_answers(address, o, out);
    }
  }

 private:
  static Technique technique_of(const connection::Conn& c) {
    if (c.proto == "udp") return Technique::kUdp;
    if (c.proto == "icmp") return Technique::kEcho;
    const std::uint64_t flags = c.orig_first_flags.value_or(2);
    if ((flags & 2) != 0) return c.history.find('A') != std::string_view::npos ? Technique::kConnect : Technique::kSyn;
    if ((flags & 0x3f) == 0) return Technique::kNull;
    if ((flags & 0x29) == 0x29) return Technique::kXmas;
    if ((flags & 1) != 0 && (flags & 16) == 0) return Technique::kFin;
    return Technique::kAck;
  }

  void take(const connection::Conn& c) {
    if (c.head.id.resp_h.is_multicast() || c.head.id.resp_h.is_limited_broadcast() || c.head.id.orig_h.is_unspecified())
      return;
    const bool tcp = c.proto == "tcp", udp = c.proto == "udp", echo = c.proto == "icmp" && asks(c.head.id.orig_p.value);
    if (!tcp && !udp && !echo && c.proto != "icmp") return;
    // Traceroute's ports are no doors.
    if (udp && c.head.id.resp_p.value >= 33434 && c.head.id.resp_p.value <= 33534) return;
    // Where both ends use the protocol's own port they are its peers (LISP, NTP, IKE, RIP), not a scanner and its
    // targets.
    if (udp && c.head.id.orig_p.value == c.head.id.resp_p.value) return;
    if (tcp && unasked(c)) {
      // What came first was an answer (SYN-ACK, or RST): whoever sent it answers somebody else's forgery.
      // Lower-case letters are the responder's: after a flip (^) it is the answerer that comes second.
      const std::size_t letter = c.history.find_first_not_of('^');
      const bool flipped = letter != std::string_view::npos && c.history[letter] >= 'a';
      const base::Address& from = flipped ? c.head.id.resp_h : c.head.id.orig_h;
      const base::Address& to = flipped ? c.head.id.orig_h : c.head.id.resp_h;
      if (Originator* o = originator(from)) {
        if (o->unasked_total++ == 0) o->unasked_first = c.head.ts;
        o->unasked_last = c.head.ts;
        if (o->unasked.size() < 4096 && o->unasked.count(to) == 0 && afford(64)) o->unasked.insert(to);
        // Which of its ports answer whom: where only the answers were captured, they tell of the asker.
        const std::uint16_t port = flipped ? c.head.id.resp_p.value : c.head.id.orig_p.value;
        if (o->answering.size() < 4096 && o->answering.count({to, port}) == 0 && afford(64))
          o->answering.insert({to, port});
        if (o->unasked_evidence.size() < Finding::kMaxEvidence) o->unasked_evidence.push_back(c.head);
      }
      return;
    }
    if (!tcp && !udp && !echo) return;
    if (c.orig_pkts == 0) return;
    Originator* o = originator(c.head.id.orig_h);
    if (o == nullptr) return;
    const Technique technique = technique_of(c);
    Answer answer = Answer::kSilent;
    if (tcp) {
      if (c.history.find('h') != std::string_view::npos || c.history.find('d') != std::string_view::npos)
        answer = Answer::kOpen;
      else if (c.history.find('r') != std::string_view::npos)
        answer = Answer::kRefused;
      else if (c.history.substr(0, 1) == "S" && c.history.find_first_of("AD") != std::string_view::npos)
        answer = Answer::kOpen;  // it went on as if answered: only the replies were not captured
      // What goes on in midstream is no attempt at all; a bare ACK is one only where it drew a reset.
      if (technique == Technique::kAck &&
          (c.history.find_first_of("dD") != std::string_view::npos || answer != Answer::kRefused))
        return;
    } else if (c.resp_pkts > 0) {
      answer = Answer::kOpen;
    }
    const Target target{c.head.id.resp_h, echo ? std::uint16_t{0} : c.head.id.resp_p.value,
                        static_cast<std::uint8_t>(c.ip_proto)};
    if (o->attempts++ == 0) o->first = c.head.ts;
    o->last = std::max(o->last, c.head.ts);
    if (udp) {
      const auto port = o->udp_attempts.find(target.port);
      if (port != o->udp_attempts.end())
        ++port->second;
      else if (udp_ports_ < parameters_.max_targets && ++udp_ports_ != 0)
        o->udp_attempts.emplace(target.port, 1);
    }
    const auto at = o->targets.find(target);
    if (at != o->targets.end()) {
      if (answer == Answer::kOpen) at->second = answer;
      return;
    }
    if (targets_ >= parameters_.max_targets) {
      drop();
      return;
    }
    ++targets_;
    o->targets.emplace(target, answer);
    ++o->by_technique[static_cast<std::size_t>(technique)];
    if (o->evidence.size() < 2 * Finding::kMaxEvidence || answer == Answer::kOpen) {
      if (o->evidence.size() < 4 * Finding::kMaxEvidence) o->evidence.emplace_back(target, c.head);
    }
  }

  /// ICMP's requests that a host answers: echo, timestamp, information, address mask (RFC 792, RFC 950).
  static bool asks(std::uint16_t type) { return type == 8 || type == 13 || type == 15 || type == 17; }

  void take(const packet::ArpRecord& a) {
    if (a.operation == "reply") {
      if (answered_.count(a.orig_h) == 0 && afford(64)) answered_.insert(a.orig_h);
      return;
    }
    // A host that asks for itself announces itself; 0.0.0.0 probes (RFC 5227).
    if (a.operation != "request" || a.orig_h == a.resp_h || a.orig_h.is_unspecified()) return;
    if (full(asked_, a.orig_h, parameters_.max_originators)) return;
    Asked& x = asked_[a.orig_h];
    if (x.targets.size() >= 65536 || x.targets.count(a.resp_h) != 0 || !afford(72)) return;
    x.targets.insert(a.resp_h);
    if (x.heads.empty()) x.first = a.head.ts;
    x.last = std::max(x.last, a.head.ts);
    x.times.push_back(a.head.ts);
    if (x.heads.size() < Finding::kMaxEvidence) x.heads.push_back(a.head);
  }

  static bool unasked(const connection::Conn& c) {
    const std::string_view h = c.history;
    if (h.find('S') != std::string_view::npos || h.find('s') != std::string_view::npos) return false;
    if (h.find_first_of("dDaAfF") != std::string_view::npos) return false;
    return !h.empty() && h.find_first_of("hHrR") != std::string_view::npos;
  }

  Originator* originator(const base::Address& a) {
    const auto at = originators_.find(a);
    if (at != originators_.end()) return &at->second;
    if (originators_.size() >= parameters_.max_originators) {
      drop();
      return nullptr;
    }
    return &originators_[a];
  }

  void report_scan(const base::Address& address, const Originator& o, const Home& home,
                   std::vector<Finding>& out) const {
    // Failures alike: per (protocol, port) over hosts, and per host over ports.
    struct Count {
      std::size_t failed = 0, all = 0, tcp = 0;
    };
    std::map<std::pair<std::uint8_t, std::uint16_t>, Count> per_port;
    std::map<base::Address, Count> per_host;
    for (const auto& [t, answer] : o.targets) {
      Count& p = per_port[{t.protocol, t.port}];
      Count& h = per_host[t.host];
      ++p.all;
      ++h.all;
      h.tcp += t.protocol == 6;
      p.failed += answer != Answer::kOpen;
      h.failed += answer != Answer::kOpen;
    }
    const auto alike = [&](const Count& c, std::size_t least, std::size_t few) {
      const double failed = static_cast<double>(c.failed), all = static_cast<double>(c.all);
      return (c.failed >= least && failed >= parameters_.failed_share * all) ||
             (few != 0 && c.failed >= few && failed >= parameters_.few_share * all);
    };
    std::set<std::pair<std::uint8_t, std::uint16_t>> ports;
    std::set<base::Address> hosts;
    bool horizontal = false, vertical = false, sweep = false;
    for (const auto& [key, c] : per_port) {
      const bool icmp = key.first == 1 || key.first == 58;
      // An echo sweep is one whether or not they answer.
      if (icmp ? c.all >= parameters_.sweep_hosts
               : alike(c, parameters_.horizontal_hosts, key.first == 6 ? parameters_.few_hosts : 0)) {
        // One who asks its server over and over, and others once (packets with damaged addresses, say), is its client.
        const auto asked = o.udp_attempts.find(key.second);
        if (key.first == 17 && asked != o.udp_attempts.end() &&
            static_cast<double>(c.failed) < parameters_.udp_share * static_cast<double>(asked->second))
          continue;
        ports.insert(key);
        (icmp ? sweep : horizontal) = true;
      }
    }
    for (const auto& [host, c] : per_host) {
      if (alike(c, parameters_.vertical_ports, c.tcp == c.all ? parameters_.few_ports : 0)) {
        hosts.insert(host);
        vertical = true;
      }
    }
    if (!horizontal && !vertical && !sweep) return;

    Finding f;
    f.detector = "scan";
    std::set<base::Address> touched;
    std::set<std::pair<std::uint8_t, std::uint16_t>> doors;
    std::size_t open = 0, refused = 0, silent = 0;
    const auto part_of = [&](const Target& t) {
      return ports.count({t.protocol, t.port}) != 0 || hosts.count(t.host) != 0;
    };
    for (const auto& [t, answer] : o.targets) {
      if (!part_of(t)) continue;
      touched.insert(t.host);
      doors.insert({t.protocol, t.port});
      open += answer == Answer::kOpen;
      refused += answer == Answer::kRefused;
      silent += answer == Answer::kSilent;
    }
    for (const bool opened : {true, false}) {  // the doors that answered first
      for (const auto& [t, head] : o.evidence)
        if (part_of(t) && (o.targets.at(t) == Answer::kOpen) == opened) f.add("conn", head);
    }
    f.evidence_total = open + refused + silent;
    f.first = o.first;
    f.last = o.last;
    const std::size_t technique = static_cast<std::size_t>(
        std::max_element(std::begin(o.by_technique), std::end(o.by_technique)) - std::begin(o.by_technique));
    const bool inside = home.contains(address);
    std::size_t inside_targets = 0;
    for (const base::Address& t : touched) inside_targets += home.contains(t);
    f.techniques = {sweep && !horizontal && !vertical ? "T1018"
                    : inside || inside_targets == 0   ? "T1046"
                                                      : "T1595.001"};
    if (f.techniques[0] == "T1595.001") f.techniques.emplace_back("T1046");
    f.phase = Phase::kDoorRattling;
    f.outcome = open > 0 ? Outcome::kSucceeded : Outcome::kAttempted;
    // A host of ours that scans others of ours is worth more than the Internet's daily knocking.
    f.severity = inside && inside_targets != 0                  ? Severity::kMedium
                 : touched.size() >= 256 || doors.size() >= 256 ? Severity::kMedium
                                                                : Severity::kLow;
    const double odds = std::min(60.0, 1.386 * (static_cast<double>(refused + silent) - static_cast<double>(open)));
    f.confidence = sweep && !horizontal && !vertical ? 0.8 : std::clamp(1.0 / (1.0 + std::exp(-odds)), 0.5, 0.99);
    if (dropped() != 0) f.confidence = std::min(f.confidence, 0.9);
    f.attacker = host(address);
    for (const base::Address& t : touched) {
      if (f.victims.size() >= 256) break;
      f.victims.push_back(host(t));
    }
    f.victim = touched.size() == 1 ? host(*touched.begin()) : Entity{"network", cover(touched)};
    const auto port_list = [&] {
      std::string s;
      std::size_t n = 0;
      for (const auto& [protocol, port] : doors) {
        if (protocol == 1 || protocol == 58) continue;
        if (++n > 8) {
          s += ", …";
          break;
        }
        s += fmt::format("{}{}", s.empty() ? "" : ", ", port);
      }
      return s;
    };
    const std::size_t door_count = static_cast<std::size_t>(
        std::count_if(doors.begin(), doors.end(), [](const auto& d) { return d.first != 1 && d.first != 58; }));
    if (door_count == 0)
      f.statement =
          fmt::format("{} sent ICMP requests to {} hosts; {} answered", address.to_string(), touched.size(), open);
    else
      f.statement = fmt::format("{} scanned {} host{} on {} port{} ({}{} scan); {} answered, {} refused, {} silent",
                                address.to_string(), touched.size(), touched.size() == 1 ? "" : "s", door_count,
                                door_count == 1 ? "" : "s", door_count <= 8 ? port_list() + "; " : "",
                                kTechniqueNames[technique], open, refused, silent);
    f.fact("technique", std::string(kTechniqueNames[technique]));
    f.fact("shape", horizontal && vertical ? "block" : horizontal ? "horizontal" : vertical ? "vertical" : "sweep");
    f.fact("hosts", fmt::format("{}", touched.size()));
    f.fact("ports", port_list());
    f.fact("open", fmt::format("{}", open));
    const double span = std::max(1.0, (o.last - o.first).seconds());
    f.fact("targets_per_second", fmt::format("{:.3g}", static_cast<double>(open + refused + silent) / span));
    out.push_back(std::move(f));
  }

  /// The longest run of addresses that follow one another.
  static std::size_t neighbours(const std::set<base::Address>& targets) {
    std::size_t run = 0, longest = 0;
    std::uint32_t last = 0;
    for (const base::Address& t : targets) {
      if (!t.is_v4()) continue;
      run = run != 0 && t.v4_value() - last <= 2 ? run + 1 : 1;  // it leaves itself out
      last = t.v4_value();
      longest = std::max(longest, run);
    }
    return longest;
  }

  void report_arp(const base::Address& address, const Asked& a, std::vector<Finding>& out) const {
    // A router asks for many hosts too, one after another over hours; a sweep asks for most of a network within
    // minutes.
    std::size_t densest = 0, from = 0;
    std::vector<base::Time> times = a.times;
    std::sort(times.begin(), times.end());
    for (std::size_t to = 0; to < times.size(); ++to) {
      while ((times[to] - times[from]).seconds() > 60) ++from;
      densest = std::max(densest, to - from + 1);
    }
    if (densest < parameters_.arp_hosts) return;
    std::size_t there = 0;
    for (const base::Address& t : a.targets) there += answered_.count(t);
    // It asks for hosts that are there: it speaks with them. One after another without a gap, nobody does.
    const bool most_there = 2 * there > a.targets.size();
    if (most_there && neighbours(a.targets) < parameters_.arp_hosts) return;
    Finding f;
    f.detector = "scan";
    f.techniques = {"T1018"};
    f.phase = Phase::kDoorRattling;
    f.outcome = there != 0 ? Outcome::kSucceeded : Outcome::kAttempted;
    f.severity = Severity::kMedium;  // whoever does this stands inside
    f.confidence = most_there ? 0.6 : 0.8;
    f.attacker = host(address);
    f.victim = {"network", cover(a.targets)};
    for (const record::Head& head : a.heads) f.add("arp", head);
    f.evidence_total = a.targets.size();
    f.first = a.first;
    f.last = a.last;
    f.statement = fmt::format("{} asked by ARP for {} hosts of {}, {} of them within a minute; {} are there",
                              address.to_string(), a.targets.size(), f.victim.value, densest, there);
    f.fact("technique", "ARP");
    f.fact("shape", "sweep");
    f.fact("hosts", fmt::format("{}", a.targets.size()));
    out.push_back(std::move(f));
  }

  void report_backscatter(const base::Address& address, const Originator& o, std::vector<Finding>& out) const {
    if (o.unasked.size() < parameters_.backscatter_hosts || o.unasked_total < o.attempts) return;
    Finding f;
    f.detector = "scan";
    f.techniques = {"T1498"};
    f.phase = Phase::kAssault;
    f.outcome = Outcome::kUnknown;
    f.severity = Severity::kInformational;
    f.confidence = 0.8;
    f.victim = host(address);
    for (const record::Head& head : o.unasked_evidence) f.add("conn", head);
    f.evidence_total = o.unasked_total;
    f.first = o.unasked_first;
    f.last = o.unasked_last;
    f.statement = fmt::format(
        "backscatter: {} answered {} hosts here that had not asked: it is attacked elsewhere with forged addresses, "
        "and scans nobody",
        address.to_string(), o.unasked.size());
    f.fact("backscatter", "yes");
    out.push_back(std::move(f));
  }

  /// Answers alone: one host refuses another at port after port. Forged addresses would be of many hosts.
  void report_answers(const base::Address& address, const Originator& o, std::vector<Finding>& out) const {
    if (o.unasked.size() >= parameters_.backscatter_hosts) return;
    for (const base::Address& scanner : o.unasked) {
      std::size_t ports = 0;
      for (auto at = o.answering.lower_bound({scanner, 0}); at != o.answering.end() && at->first == scanner; ++at)
        ++ports;
      const auto seen = originators_.find(scanner);
      if (ports < parameters_.vertical_ports || (seen != originators_.end() && !seen->second.targets.empty())) continue;
      Finding f;
      f.detector = "scan";
      f.techniques = {"T1046"};
      f.phase = Phase::kDoorRattling;
      f.outcome = Outcome::kAttempted;
      f.severity = Severity::kLow;
      f.confidence = 0.7;
      f.attacker = host(scanner);
      f.victim = host(address);
      for (const record::Head& head : o.unasked_evidence) f.add("conn", head);
      f.evidence_total = ports;
      f.first = o.unasked_first;
      f.last = o.unasked_last;
      f.statement = fmt::format("{} answered {} from {} ports, and only its answers were captured: {} scanned it",
                                address.to_string(), scanner.to_string(), ports, scanner.to_string());
      f.fact("shape", "vertical");
      out.push_back(std::move(f));
    }
  }

  /// The smallest network over all of them, of at least /8 (IPv4) or /32.
  static std::string cover(const std::set<base::Address>& hosts) {
    const base::Address& first = *hosts.begin();
    for (unsigned bits = 128; bits > (first.is_v4() ? 96 + 8 : 32); --bits) {
      const base::Network n(first, bits);
      if (std::all_of(hosts.begin(), hosts.end(), [&](const base::Address& a) { return n.contains(a); }))
        return n.to_string();
    }
    return fmt::format("{} hosts", hosts.size());
  }

  Parameters parameters_;
  std::unordered_map<base::Address, Originator, base::AddressHash> originators_;
  std::map<base::Address, Asked> asked_;
  std::set<base::Address> answered_;
  std::size_t targets_ = 0;
  std::size_t udp_ports_ = 0;  // entries of udp_attempts, over all originators
};

}  // namespace

std::unique_ptr<Detector> make_scan(const Environment&) { return std::make_unique<Scan>(); }

}  // namespace whodunit::detect
