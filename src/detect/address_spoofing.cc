// Hosts that answer in others' names on the local network: by ARP (T1557.002), by LLMNR and NetBIOS (T1557.001).
//
// Method: ARP as arpwatch does it (L. Berkeley National Laboratory): an address that goes back and forth between two
// hardware addresses, where one of them claims several addresses so, or says one hardware address in the message and
// sends from another. Shared addresses of routers (VRRP, RFC 5798 7.3; HSRP, RFC 2281; CARP) have hardware addresses of
// their own. Names: one host that answers for many names, which are not its own, is Responder's way (lgandx/Responder):
// RFC 4795 2.3 and RFC 1002 4.2.13 let a host answer for its own names alone.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "detect/detector.h"
#include "packet/arp_record.h"
#include "protocol/dns/dns.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::size_t returns = 2;  ///< times that an address went back to a hardware address it had before
  std::size_t victims = 2;  ///< addresses that one hardware address takes so; one, where the frame gives it away
  std::size_t unasked =
      4;  ///< replies to one host that it did not ask for, for an address that is not the sender's own
  double asked_seconds = 10;  ///< a reply this long after the request is its answer
  std::size_t names = 4;      ///< distinct names that one host answered for
  std::size_t max_addresses = 100'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "address_spoofing",
      "A host takes others' addresses by ARP, or answers for names that are not its own by LLMNR or NetBIOS.",
      "arpwatch (flip flops); RFC 5798 7.3, RFC 2281; RFC 4795 2.3, RFC 1002 4.2.13; lgandx/Responder",
      {"T1557.002", "T1557.001"},
      "Clusters hand addresses over, once and back; a host with several addresses answers ARP from each; NetBIOS name "
      "servers answer for all.",
      {{"returns", fmt::format("{}", p.returns), "times that an address went back to an earlier hardware address"},
       {"victims", fmt::format("{}", p.victims), "addresses that one hardware address takes so"},
       {"unasked", fmt::format("{}", p.unasked),
        "replies to one host that it did not ask for, from a hardware address that has another address"},
       {"names", fmt::format("{}", p.names), "distinct names that one host answered for"}}};
  return d;
}

/// Hardware addresses that stand for several routers.
bool shared(std::string_view mac) {
  for (const std::string_view prefix :
       {"00:00:5e:00:01", "00:00:5e:00:02", "00:00:0c:07:ac", "00:00:0c:9f:f", "00:07:b4"})
    if (mac.substr(0, prefix.size()) == prefix) return true;
  return mac.empty() || mac == "00:00:00:00:00:00" || mac == "ff:ff:ff:ff:ff:ff";
}

struct Claims {
  std::string last;
  std::set<std::string> all;
  std::string first;
  std::size_t returns = 0;
};
struct Claimer {
  std::set<base::Address> taken;
  std::vector<record::Head> heads;
  bool frame_differs = false;
  std::size_t returns = 0;
};
struct Answerer {
  std::set<std::string> names, protocols;
  std::set<base::Address> askers;
  std::vector<record::Head> heads;
  std::uint64_t total = 0;
};

class AddressSpoofing : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"arp", "dns"}}; }

  void take(const record::Batch& batch) override {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      if (&batch.schema() == &packet::ArpRecord::schema) take(packet::ArpRecord::read(batch, row));
      if (&batch.schema() == &protocol::dns::Dns::schema) take(protocol::dns::Dns::read(batch, row));
    }
  }

  void finish(const Home&, std::vector<Finding>& out) override {
    for (const auto& [mac, c] : claimers_) report_arp(mac, c, out);
    report_unasked(out);
    for (const auto& [address, a] : answerers_) report_names(address, a, out);
  }

 private:
  void take(const packet::ArpRecord& a) {
    // What a host says of itself; a probe (RFC 5227 2.1.1) says nothing.
    if (a.orig_h == base::Address{} || !a.orig_h.is_v4() || a.orig_h.v4_value() == 0 || shared(a.orig_mac)) return;
    if (a.operation == "request")
      asked(a);
    else if (a.operation == "reply")
      answered(a);
    if (full(claims_, a.orig_h, parameters_.max_addresses)) return;
    Claims& c = claims_[a.orig_h];
    const std::string mac(a.orig_mac);
    if (c.last.empty()) c.first = mac;
    std::set<base::Address>& own = own_[mac];
    if (own.size() < 16) own.insert(a.orig_h);
    const bool changed = !c.last.empty() && c.last != mac;
    const bool known = c.all.count(mac) != 0;
    c.returns += changed && known;
    if (c.all.size() < 16) c.all.insert(mac);
    c.last = mac;
    if (c.all.size() < 2 || mac == c.first) return;
    // Not the first to have it: the one that takes it.
    Claimer& x = claimers_[mac];
    x.taken.insert(a.orig_h);
    x.returns = std::max(x.returns, c.returns);
    x.frame_differs |= !a.frame_mac.empty() && a.frame_mac != a.orig_mac;
    if (x.heads.size() < Finding::kMaxEvidence) x.heads.push_back(a.head);
  }

  void asked(const packet::ArpRecord& a) {
    const std::pair key{a.orig_h, a.resp_h};
    if (!full(asked_, key, parameters_.max_addresses)) asked_[key] = a.head.ts;
  }
  /// arpspoof, ettercap and bettercap tell one host, every second or two, what it never asked. Announcements (RFC 5227
  /// 2.3) name their own address as the target, and go to all.
  void answered(const packet::ArpRecord& a) {
    if (a.orig_h == a.resp_h || a.resp_h == base::Address{} || a.resp_mac == a.orig_mac || shared(a.resp_mac)) return;
    const auto at = asked_.find({a.resp_h, a.orig_h});
    const bool fresh = at != asked_.end() && (a.head.ts - at->second).seconds() <= parameters_.asked_seconds;
    if (at != asked_.end()) asked_.erase(at);  // a question has one answer
    if (fresh) return;
    const std::pair key{std::string(a.orig_mac), std::pair{a.orig_h, a.resp_h}};
    if (full(unasked_, key, parameters_.max_addresses)) return;
    Unasked& u = unasked_[key];
    ++u.total;
    if (u.heads.size() < Finding::kMaxEvidence && afford(sizeof(record::Head))) u.heads.push_back(a.head);
  }

  void take(const protocol::dns::Dns& d) {
    const auto& id = d.head.id;
    const auto local = [](std::uint16_t port) { return port == 5355 || port == 137; };
    const bool answered = !d.answers.empty() || !d.other_answers.empty();
    if (!answered || d.query.empty() || d.query[0] == '*') return;
    const bool by_responder = local(id.resp_p.value) && !id.resp_h.is_multicast() && id.resp_h != broadcast();
    if (!by_responder && !local(id.orig_p.value)) return;
    const base::Address& who = by_responder ? id.resp_h : id.orig_h;
    // Both ends use port 137: the one that was asked is the responder, if it was one host.
    if (full(answerers_, who, parameters_.max_addresses)) return;
    Answerer& a = answerers_[who];
    ++a.total;
    std::string name(d.query.substr(0, 64));
    // NetBIOS' names carry the service in their last byte; one host has the same name for each.
    if (const std::size_t mark = name.find('<'); mark != std::string::npos) name.resize(mark);
    if (a.names.size() < 256) a.names.insert(name);
    a.protocols.insert(id.resp_p.value == 5355 || id.orig_p.value == 5355 ? "LLMNR" : "NetBIOS");
    if (a.askers.size() < 256) a.askers.insert(by_responder ? id.orig_h : id.resp_h);
    if (a.heads.size() < Finding::kMaxEvidence) a.heads.push_back(d.head);
  }
  static base::Address broadcast() { return *base::Address::parse("255.255.255.255"); }

  void report_arp(const std::string& mac, const Claimer& c, std::vector<Finding>& out) {
    const bool many = c.taken.size() >= parameters_.victims && c.returns >= 1;
    const bool forth = c.returns >= parameters_.returns;
    if (!many && !(forth && (c.frame_differs || c.taken.size() >= parameters_.victims))) return;
    reported_.insert(mac);
    Finding f;
    f.detector = "address_spoofing";
    f.techniques = {"T1557.002"};
    f.phase = Phase::kAssault;
    f.outcome = Outcome::kUnknown;
    f.severity = Severity::kHigh;
    f.confidence = c.taken.size() >= 3 || c.frame_differs ? 0.85 : 0.75;
    const base::Address* own = own_of(mac);
    f.attacker = own != nullptr ? host(*own) : hardware(mac);
    std::string taken;
    for (const base::Address& a : c.taken) {
      if (f.victims.size() < 64) f.victims.push_back(host(a));
      if (f.victims.size() <= 4) taken += (taken.empty() ? "" : ", ") + a.to_string();
    }
    f.victim = f.victims.front();
    for (const record::Head& head : c.heads) f.add("arp", head);
    f.statement = fmt::format("{}{} claims by ARP the address{} {} that {} others: their traffic goes through it", mac,
                              own == nullptr ? "" : " (" + own->to_string() + ")", c.taken.size() == 1 ? "" : "es",
                              taken, c.taken.size() == 1 ? "is" : "are");
    f.fact("mac", mac);
    out.push_back(std::move(f));
  }

  /// An address that only this hardware address says it has, other than `but`; null: none.
  const base::Address* own_of(const std::string& mac, const base::Address& but = {}) const {
    const auto at = own_.find(mac);
    if (at == own_.end()) return nullptr;
    for (const base::Address& a : at->second)
      if (const auto claim = claims_.find(a); a != but && claim != claims_.end() && claim->second.all.size() == 1)
        return &a;
    return nullptr;
  }

  void report_unasked(std::vector<Finding>& out) const {
    std::map<std::string, Finding> found;  // by hardware address
    for (const auto& [key, u] : unasked_) {
      const auto& [mac, pair] = key;
      if (u.total < parameters_.unasked) continue;
      // Its own address, or one of several: a driver that keeps its neighbours' tables warm.
      const base::Address* own = own_of(mac, pair.first);
      const auto claim = claims_.find(pair.first);
      const bool others = claim != claims_.end() && claim->second.all.size() > 1;
      if (own == nullptr && !others) continue;
      if (claimers_.count(mac) != 0 && reported_.count(mac) != 0) continue;
      Finding& f = found[mac];
      for (const record::Head& head : u.heads) f.add("arp", head);
      f.victims.push_back(host(pair.second));
      if (!f.statement.empty()) continue;
      f.detector = "address_spoofing";
      f.techniques = {"T1557.002"};
      f.phase = Phase::kAssault;
      f.outcome = Outcome::kUnknown;
      f.severity = Severity::kHigh;
      if (!others) f.severity = Severity::kMedium;  // it may be one of several of its own
      f.confidence = others ? 0.8 : 0.65;
      f.attacker = own != nullptr ? host(*own) : hardware(mac);
      f.victim = host(pair.second);
      f.statement = fmt::format(
          "{}{} tells {} over and over, unasked, that {} is at its hardware address: what is sent "
          "there goes through it",
          mac, own == nullptr ? "" : " (" + own->to_string() + ")", pair.second.to_string(), pair.first.to_string());
      f.fact("mac", mac);
    }
    for (auto& [mac, f] : found) out.push_back(std::move(f));
  }

  void report_names(const base::Address& who, const Answerer& a, std::vector<Finding>& out) const {
    if (a.names.size() < parameters_.names) return;
    // A name server of NetBIOS is asked, by many, for many: it answers what was registered with it.
    if (a.protocols.count("LLMNR") == 0 && a.askers.size() > 8) return;
    Finding f;
    f.detector = "address_spoofing";
    f.techniques = {"T1557.001"};
    f.phase = Phase::kAssault;
    f.outcome = Outcome::kUnknown;
    f.severity = Severity::kHigh;
    f.confidence = a.protocols.count("LLMNR") != 0 ? 0.8 : 0.65;
    f.attacker = host(who);
    for (const base::Address& x : a.askers)
      if (f.victims.size() < 64) f.victims.push_back(host(x));
    f.victim = f.victims.front();
    for (const record::Head& head : a.heads) f.add("dns", head);
    f.evidence_total = a.total;
    std::string names, protocols;
    for (const std::string& n : a.names) {
      if (names.size() > 80) break;
      names += (names.empty() ? "" : ", ") + n;
    }
    for (const std::string& p : a.protocols) protocols += (protocols.empty() ? "" : " and ") + p;
    f.statement = fmt::format("{} answered for {} names by {} ({}): a host answers for its own name alone",
                              who.to_string(), a.names.size(), protocols, names);
    f.fact("names", fmt::format("{}", a.names.size()));
    out.push_back(std::move(f));
  }

  Parameters parameters_;
  struct Unasked {
    std::uint64_t total = 0;
    std::vector<record::Head> heads;
  };
  std::map<std::pair<base::Address, base::Address>, base::Time> asked_;  // who asked for whom, when last
  std::map<std::pair<std::string, std::pair<base::Address, base::Address>>, Unasked> unasked_;
  std::map<std::string, std::set<base::Address>> own_;  // what each hardware address said it has
  std::set<std::string> reported_;                      // hardware addresses of which a finding tells already
  std::map<base::Address, Claims> claims_;
  std::map<std::string, Claimer> claimers_;
  std::map<base::Address, Answerer> answerers_;
};

}  // namespace

std::unique_ptr<Detector> make_address_spoofing(const Environment&) { return std::make_unique<AddressSpoofing>(); }

}  // namespace whodunit::detect
