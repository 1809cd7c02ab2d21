// Hosts that set others up as it suits them: a second DHCP server, a router that none has set up (T1557.003, T1557).
//
// Method: the same client is offered different routers or resolvers by two DHCP servers in one exchange (RFC 2131 4.2
// leaves the choice to the client: the faster wins), where one of them names itself; R. Droms and W. Arbaugh's threat
// in RFC 3118 1.1. IPv6: RFC 6104, "Rogue IPv6 Router Advertisement Problem Statement": a router that appears beside
// another with a prefix or resolver of its own, with high preference or in numbers (flood_router6 of THC's IPv6 attack
// toolkit), and advertisements in another's name (a lifetime of 0 from another hardware address; RFC 6105, RA-Guard).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "detect/detector.h"
#include "protocol/dhcp/dhcp.h"
#include "protocol/icmp/router_advertisement.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::size_t routers = 10;  ///< that appear within the window: a flood
  double window_seconds = 10;
  double settled_seconds = 20;  ///< a router that is there so long before is the network's
  std::size_t max_routers = 10'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "rogue_configuration",
      "A host gives others routers or resolvers against the network's own: a second DHCP server, a router advertised "
      "over IPv6 beside the one that is there.",
      "RFC 2131 4.2 and RFC 3118 1.1; RFC 6104 (rogue router advertisements), RFC 6105 (RA-Guard); THC's IPv6 attack "
      "toolkit",
      {"T1557", "T1557.003", "T1499.002"},
      "Two DHCP servers that somebody forgot to set up alike; a home router plugged in the wrong way round; a network "
      "that is given a second router.",
      {{"routers", fmt::format("{}", p.routers), "routers that appear within the window: a flood"},
       {"window", fmt::format("{} s", p.window_seconds), "the window"},
       {"settled", fmt::format("{} s", p.settled_seconds), "after which a router is the network's"}}};
  return d;
}

class RogueConfiguration : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"dhcp", "router_advertisement"}}; }

  void take(const record::Batch& batch) override {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      if (&batch.schema() == &protocol::dhcp::Dhcp::schema) take(protocol::dhcp::Dhcp::read(batch, row));
      if (&batch.schema() == &protocol::icmp::RouterAdvertisement::schema)
        take(protocol::icmp::RouterAdvertisement::read(batch, row));
    }
  }
  void finish(const Home&, std::vector<Finding>& out) override {
    report_servers(out);
    report_routers(out);
  }

 private:
  struct Server {
    base::Time first;
    std::uint64_t given = 0;
    std::string settings;
    bool itself = false;  // it names itself as router or resolver
    std::vector<record::Head> conflicts;
  };
  struct Router {
    base::Time first;
    std::set<std::string> prefixes, resolvers, link_addresses;
    std::string preference;
    bool withdrawn_by_other = false;
    std::vector<record::Head> heads;
  };

  static std::string joined(record::Texts texts) {
    std::string out;
    for (const std::string_view t : texts) out += (out.empty() ? "" : ", ") + std::string(t);
    return out;
  }

  void take(const protocol::dhcp::Dhcp& d) {
    if (!d.server_addr || full(servers_, *d.server_addr, parameters_.max_routers)) return;
    Server& s = servers_[*d.server_addr];
    if (s.given++ == 0) s.first = d.head.ts;
    const std::string own = d.server_addr->to_string();
    for (const record::Texts list : {d.routers, d.dns_servers})
      s.itself |= std::find(list.begin(), list.end(), own) != list.end();
    if (s.settings.empty() && !(d.routers.empty() && d.dns_servers.empty()))
      s.settings = fmt::format("router {}, resolver {}", joined(d.routers), joined(d.dns_servers));
    if (!d.conflicting.value_or(false)) return;
    if (conflicts_.size() < Finding::kMaxEvidence) conflicts_.push_back(d.head);
    ++conflict_total_;
    for (const std::string_view name : d.servers) {
      const auto address = base::Address::parse(name);
      if (!address || full(servers_, *address, parameters_.max_routers)) continue;
      Server& other = servers_[*address];
      if (other.first == base::Time{}) other.first = d.head.ts;
      in_conflict_.insert(*address);
      if (d.mac.size() < 32 && clients_.size() < 256) clients_.emplace(d.mac);
    }
  }

  void take(const protocol::icmp::RouterAdvertisement& r) {
    const base::Address& source = r.head.id.orig_h;
    if (full(routers_, source, parameters_.max_routers)) return;
    Router& x = routers_[source];
    const std::string link(r.link_address);
    const bool withdrawn = r.lifetime && r.lifetime->ns == 0;
    if (x.heads.empty()) x.first = r.head.ts;
    if (!link.empty()) x.link_addresses.insert(link.substr(0, 32));
    for (const std::string_view p : r.prefixes)
      if (x.prefixes.size() < 64) x.prefixes.emplace(p);
    for (const std::string_view s : r.dns_servers)
      if (x.resolvers.size() < 64) x.resolvers.emplace(s);
    if (!withdrawn) x.preference = r.preference;
    x.withdrawn_by_other |= withdrawn && x.link_addresses.size() > 1;
    if (x.heads.size() < Finding::kMaxEvidence && afford(sizeof(record::Head))) x.heads.push_back(r.head);
  }

  void report_servers(std::vector<Finding>& out) const {
    if (in_conflict_.size() < 2) return;
    // Whoever names itself against one who does not; else the one that came last: it is found beside another.
    const base::Address *rogue = nullptr, *oldest = nullptr;
    std::size_t selfish = 0;
    for (const base::Address& a : in_conflict_) selfish += servers_.at(a).itself;
    for (const base::Address& a : in_conflict_) {
      const Server& s = servers_.at(a);
      if (oldest == nullptr || s.first < servers_.at(*oldest).first) oldest = &a;
      if (selfish == 1 ? s.itself : rogue == nullptr || servers_.at(*rogue).first < s.first) rogue = &a;
    }
    const Server& s = servers_.at(*rogue);
    // Both there from the start, and both for themselves: one is the network's, and it cannot be said which.
    const bool told = selfish == 1 || (s.first - servers_.at(*oldest).first).seconds() >= parameters_.settled_seconds;
    Finding f;
    f.detector = "rogue_configuration";
    f.techniques = {"T1557.003"};
    f.phase = Phase::kAssault;
    f.outcome = Outcome::kUnknown;
    f.severity = Severity::kMedium;
    f.confidence = selfish == 1 ? 0.7 : 0.5;
    std::string all;
    for (const base::Address& a : in_conflict_) {
      if (told && a == *rogue) continue;
      if (f.victims.size() < 16) f.victims.push_back(host(a));
      if (f.victims.size() <= 4) all += (all.empty() ? "" : " and ") + a.to_string();
    }
    if (told)
      f.attacker = host(*rogue);
    else
      f.victims.clear();
    if (!f.victims.empty()) f.victim = f.victims.front();
    for (const record::Head& head : conflicts_) f.add("dhcp", head);
    f.evidence_total = conflict_total_;
    const std::string exchanges = fmt::format("{} exchange{}", conflict_total_, conflict_total_ == 1 ? "" : "s");
    f.statement =
        told ? fmt::format(
                   "{} gives leases against {} in {}, with other routers or resolvers{}: who it sets up sends its "
                   "traffic where it says",
                   rogue->to_string(), all, exchanges, s.settings.empty() ? "" : fmt::format(" ({})", s.settings))
             : fmt::format(
                   "{} both give leases in {}, with different routers or resolvers: one of them is not the "
                   "network's",
                   all, exchanges);
    f.fact("clients", fmt::format("{}", clients_.size()));
    out.push_back(std::move(f));
  }

  void report_routers(std::vector<Finding>& out) const {
    if (routers_.empty()) return;
    std::vector<std::pair<base::Time, const base::Address*>> order;
    for (const auto& [address, r] : routers_) order.emplace_back(r.first, &address);
    std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::size_t most = 0, from = 0;
    for (std::size_t to = 0; to < order.size(); ++to) {
      while ((order[to].first - order[from].first).seconds() > parameters_.window_seconds) ++from;
      most = std::max(most, to - from + 1);
    }
    if (most >= parameters_.routers) {
      Finding f = finding("T1499.002", Severity::kMedium, 0.85);
      f.phase = Phase::kHarm;
      for (const auto& [at, address] : order) f.add("router_advertisement", routers_.at(*address).heads.front());
      f.evidence_total = order.size();
      f.statement = fmt::format(
          "{} IPv6 routers were advertised, {} of them within {:.0f} s: no network has so many; hosts that "
          "take each as theirs stand still",
          order.size(), most, parameters_.window_seconds);
      out.push_back(std::move(f));
      return;
    }
    const Router& settled = routers_.at(*order.front().second);
    for (const auto& [address, r] : routers_) {
      if (r.withdrawn_by_other) {
        Finding f = finding("T1557", Severity::kMedium, 0.75);
        f.victim = host(address);
        for (const record::Head& head : r.heads) f.add("router_advertisement", head);
        std::string links;
        for (const std::string& l : r.link_addresses) links += (links.empty() ? "" : ", ") + l;
        f.statement = fmt::format(
            "the router {} is advertised from {} hardware addresses ({}), and withdrawn: in its "
            "name, but not by it",
            address.to_string(), r.link_addresses.size(), links);
        out.push_back(std::move(f));
      }
      if (&r == &settled || (r.first - settled.first).seconds() < parameters_.settled_seconds) continue;
      std::vector<std::string> others;
      for (const std::string& p : r.prefixes)
        if (settled.prefixes.count(p) == 0) others.push_back(p);
      for (const std::string& p : r.resolvers)
        if (settled.resolvers.count(p) == 0) others.push_back("resolver " + p);
      const bool louder = r.preference == "high" && settled.preference != "high";
      if (others.empty() && !louder) continue;
      Finding f = finding("T1557", louder ? Severity::kMedium : Severity::kLow, louder ? 0.6 : 0.4);
      f.attacker = host(address);
      f.victim = host(*order.front().second);
      for (const record::Head& head : r.heads) f.add("router_advertisement", head);
      f.statement = fmt::format("{} advertises itself as an IPv6 router beside {}, that was there before, with {}{}",
                                address.to_string(), order.front().second->to_string(),
                                louder ? "a higher preference" : "settings of its own",
                                others.empty() ? "" : fmt::format(" ({})", others.front()));
      out.push_back(std::move(f));
    }
  }
  static Finding finding(const char* technique, Severity severity, double confidence) {
    Finding f;
    f.detector = "rogue_configuration";
    f.techniques = {technique};
    f.phase = Phase::kAssault;
    f.outcome = Outcome::kUnknown;
    f.severity = severity;
    f.confidence = confidence;
    return f;
  }

  Parameters parameters_;
  std::map<base::Address, Server> servers_;
  std::set<base::Address> in_conflict_;
  std::set<std::string> clients_;
  std::vector<record::Head> conflicts_;
  std::uint64_t conflict_total_ = 0;
  std::map<base::Address, Router> routers_;
};

}  // namespace

std::unique_ptr<Detector> make_rogue_configuration(const Environment&) {
  return std::make_unique<RogueConfiguration>();
}

}  // namespace whodunit::detect
