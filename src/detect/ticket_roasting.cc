// Kerberos tickets that are asked for to be cracked at home: Kerberoasting and AS-REP roasting.
//
// Method: tickets of many services within a minute for one client, encrypted with RC4 (23, RFC 4757), which its tools
// ask for as it is fast to try (T. Medin, "Attacking Microsoft Kerberos: Kicking the Guard Dog of Hades", DerbyCon
// 2014; MITRE ATT&CK T1558.003); and tickets given without proof of the password (RFC 4120 5.2.7.2) to clients that
// take RC4 alone, as GetNPUsers.py and Rubeus ask (T1558.004).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "detect/detector.h"
#include "protocol/krb/krb.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::size_t services = 4;       ///< distinct services with RC4 tickets within the window
  std::size_t any_services = 25;  ///< likewise, with whatever encryption
  double window_seconds = 60;
  std::size_t max_clients = 100'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "ticket_roasting",
      "A host asks for Kerberos tickets of many services in RC4, or for tickets of accounts that need no proof, to "
      "crack "
      "their passwords.",
      "T. Medin, Attacking Microsoft Kerberos (DerbyCon 2014); MITRE ATT&CK T1558.003, T1558.004; RFC 4757, RFC 4120",
      {"T1558.003", "T1558.004"},
      "Domains without AES give RC4 for everything; monitoring that visits many services. Accounts without "
      "preauthentication are made for old Unix clients.",
      {{"services", fmt::format("{}", p.services), "distinct services with RC4 tickets within the window"},
       {"any_services", fmt::format("{}", p.any_services), "likewise with whatever encryption"},
       {"window", fmt::format("{} s", p.window_seconds), "the window"}}};
  return d;
}

bool rc4(std::string_view cipher) { return cipher.find("rc4") != std::string_view::npos; }

struct Ticket {
  base::Time ts;
  std::string service;
  bool weak;
};
struct Client {
  std::vector<Ticket> tickets;
  std::vector<record::Head> heads;
  base::Address server;
  std::string name;
};

class TicketRoasting : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"kerberos"}}; }

  void take(const record::Batch& batch) override {
    if (&batch.schema() != &protocol::krb::Kerberos::schema) return;
    for (std::size_t row = 0; row < batch.rows(); ++row) take(protocol::krb::Kerberos::read(batch, row));
  }

  void finish(const Home&, std::vector<Finding>& out) override {
    for (auto& [address, c] : clients_) report_services(address, c, out);
    for (auto& [key, f] : unproven_) out.push_back(std::move(f));
    unproven_.clear();
  }

 private:
  void take(const protocol::krb::Kerberos& k) {
    if (!k.success.value_or(false)) return;
    if (k.request_type == "TGS") {
      // Tickets of the ticket service itself, and of services that run as the computer (whose passwords are random),
      // are of no use to crack.
      if (k.service.find('$') != std::string_view::npos || of_computer(k.service.substr(0, k.service.find('/'))))
        return;
      if (full(clients_, k.head.id.orig_h, parameters_.max_clients)) return;
      Client& c = clients_[k.head.id.orig_h];
      const bool weak = rc4(k.cipher);
      c.server = k.head.id.resp_h;
      if (c.name.empty()) c.name = k.client;
      if (c.tickets.size() < 10'000 && afford(sizeof(Ticket) + k.service.size()))
        c.tickets.push_back({k.head.ts, std::string(k.service.substr(0, 120)), weak});
      if (c.heads.size() < Finding::kMaxEvidence) c.heads.push_back(k.head);
    } else if (k.request_type == "AS" && k.preauthenticated && !*k.preauthenticated && rc4_alone(k.request_ciphers)) {
      const std::pair key{k.head.id.orig_h, k.head.id.resp_h};
      if (full(unproven_, key, parameters_.max_clients)) return;
      Finding& f = unproven_[key];
      f.add("kerberos", k.head);
      if (!f.detector.empty()) return;
      f.detector = "ticket_roasting";
      f.techniques = {"T1558.004"};
      f.phase = Phase::kAssault;
      f.outcome = Outcome::kSucceeded;
      f.severity = Severity::kMedium;
      f.confidence = 0.65;
      f.attacker = host(k.head.id.orig_h);
      f.victim = host(k.head.id.resp_h);
      f.statement = fmt::format(
          "{} was given a ticket for {} by {} without proof of the password, in RC4 alone, as it asked: it can be "
          "cracked "
          "at home",
          k.head.id.orig_h.to_string(), k.client.substr(0, 80), k.head.id.resp_h.to_string());
      f.fact("account", std::string(k.client.substr(0, 80)));
    }
  }

  static bool of_computer(std::string_view service_class) {
    for (const std::string_view c : {"krbtgt", "host", "cifs", "ldap", "gc", "rpcss", "dns", "termsrv", "wsman",
                                     "restrictedkrbhost", "kadmin", "nfs", "e3514235-4b06-11d1-ab04-00c04fc2dcd2"})
      if (service_class.size() == c.size() && std::equal(c.begin(), c.end(), service_class.begin(), [](char a, char b) {
            return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
          }))
        return true;
    return false;
  }
  static bool rc4_alone(record::Texts ciphers) {
    bool any = false;
    for (const std::string_view c : ciphers) {
      if (!rc4(c)) return false;
      any = true;
    }
    return any;
  }

  void report_services(const base::Address& address, Client& c, std::vector<Finding>& out) const {
    std::stable_sort(c.tickets.begin(), c.tickets.end(), [](const Ticket& a, const Ticket& b) { return a.ts < b.ts; });
    std::size_t most_weak = 0, most = 0, from = 0;
    std::map<std::string, std::size_t> all, weak;
    for (const Ticket& t : c.tickets) {
      ++all[t.service];
      if (t.weak) ++weak[t.service];
      for (; (t.ts - c.tickets[from].ts).seconds() > parameters_.window_seconds; ++from) {
        const Ticket& old = c.tickets[from];
        if (--all[old.service] == 0) all.erase(old.service);
        if (old.weak && --weak[old.service] == 0) weak.erase(old.service);
      }
      most = std::max(most, all.size());
      most_weak = std::max(most_weak, weak.size());
    }
    const bool by_weak = most_weak >= parameters_.services;
    if (!by_weak && most < parameters_.any_services) return;
    Finding f;
    f.detector = "ticket_roasting";
    f.techniques = {"T1558.003"};
    f.phase = Phase::kAssault;
    f.outcome = Outcome::kSucceeded;
    f.severity = Severity::kHigh;
    f.confidence = std::clamp(0.6 + 0.03 * static_cast<double>(by_weak ? most_weak : most / 5), 0.6, 0.9);
    f.attacker = host(address);
    f.victim = host(c.server);
    for (const record::Head& head : c.heads) f.add("kerberos", head);
    f.evidence_total = c.tickets.size();
    f.statement =
        fmt::format("{} ({}) was given tickets of {} services by {} within {:.0f} s{}: to crack their passwords",
                    address.to_string(), c.name.substr(0, 80), by_weak ? most_weak : most, c.server.to_string(),
                    parameters_.window_seconds, by_weak ? ", in RC4" : "");
    f.fact("services", fmt::format("{}", by_weak ? most_weak : most));
    if (!c.name.empty()) f.fact("account", c.name.substr(0, 80));
    out.push_back(std::move(f));
  }

  Parameters parameters_;
  std::map<base::Address, Client> clients_;
  std::map<std::pair<base::Address, base::Address>, Finding> unproven_;
};

}  // namespace

std::unique_ptr<Detector> make_ticket_roasting(const Environment&) { return std::make_unique<TicketRoasting>(); }

}  // namespace whodunit::detect
