// Logins from a host that was entered to others of the defended network: how an intruder goes further in with accounts
// that he found (T1021).
//
// Method: a login is nothing by itself. It becomes a step where the host that logs in had been taken before, as other
// findings show, and where that way was not used before it was taken (first-seen logins between hosts, after Zeek's SSH
// and MITRE BZAR's lateral movement analytics). A host that is reached so counts as taken from then on. Likewise, an
// outside address that attacked and then logs in has got in with an account (T1078, T1133). A door of such a service
// that a taken host tries on another host, in vain and never before, is an attempt.
// SSH's outcome is inferred from sizes of encrypted packets, and said to be.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "connection/conn_record.h"
#include "detect/detector.h"
#include "protocol/http/http.h"
#include "protocol/rdp/rdp.h"
#include "protocol/rfb/rfb.h"
#include "protocol/smb/smb.h"
#include "protocol/ssh/ssh.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  double least_confidence = 0.5;  ///< of a finding that says that a host was taken
  std::size_t max_ways = 100'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "remote_login",
      "A host that was entered, or an attacker from outside, logs in to a host of the defended network by SSH, RDP, an "
      "administrative share, WinRM or VNC, as it never did before.",
      "MITRE ATT&CK T1021; MITRE BZAR's lateral movement analytics; SSH logins inferred as Zeek's SSH analyser does",
      {"T1021", "T1021.001", "T1021.002", "T1021.004", "T1021.005", "T1021.006", "T1133", "T1078"},
      "Whoever administers hosts from one that was entered logs in just so: who sat there decides.",
      {{"least_confidence", fmt::format("{}", p.least_confidence), "of a finding that says that a host was taken"},
       {"max_ways", fmt::format("{}", p.max_ways), "pairs of hosts and services remembered"}}};
  return d;
}

enum class Service : std::uint8_t { kSsh, kRdp, kAdminShare, kWinRm, kVnc };
struct Kind {
  std::string_view name, technique;
};
constexpr Kind kKinds[] = {{"SSH", "T1021.004"},
                           {"RDP", "T1021.001"},
                           {"an administrative share", "T1021.002"},
                           {"WinRM", "T1021.006"},
                           {"VNC", "T1021.005"}};

struct Way {
  base::Address from, to;
  Service service;
  auto operator<=>(const Way&) const = default;
};

struct Login {
  record::Head head;
  std::string_view record;
  std::string account;
  bool told = true;  ///< the outcome is known, or inferred
};

class RemoteLogin : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"ssh", "rdp", "smb_mapping", "http", "rfb", "conn"}}; }

  void take(const record::Batch& batch) override {
    const record::Schema* schema = &batch.schema();
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      if (schema == &protocol::ssh::Ssh::schema) {
        const auto s = protocol::ssh::Ssh::read(batch, row);
        if (s.auth_success.value_or(false)) add(Service::kSsh, s.reversed.value_or(false), {s.head, "ssh", {}, true});
      } else if (schema == &protocol::rdp::Rdp::schema) {
        const auto r = protocol::rdp::Rdp::read(batch, row);
        if (r.result == "encrypted" || r.result == "Success")
          add(Service::kRdp, false, {r.head, "rdp", std::string(r.cookie.substr(0, 80)), false});
      } else if (schema == &protocol::smb::SmbMapping::schema) {
        const auto m = protocol::smb::SmbMapping::read(batch, row);
        if (administrative(m.path)) add(Service::kAdminShare, false, {m.head, "smb_mapping", {}, true});
      } else if (schema == &protocol::http::Http::schema) {
        const auto h = protocol::http::Http::read(batch, row);
        if (h.method == "POST" && h.uri.substr(0, 6) == "/wsman" && h.status_code.value_or(0) == 200)
          add(Service::kWinRm, false, {h.head, "http", std::string(h.username.substr(0, 80)), true});
      } else if (schema == &protocol::rfb::Rfb::schema) {
        const auto r = protocol::rfb::Rfb::read(batch, row);
        if (r.auth.value_or(false)) add(Service::kVnc, false, {r.head, "rfb", {}, true});
      } else if (schema == &connection::Conn::schema) {
        if (is_door(batch.head(row).id.resp_p.value)) knock(connection::Conn::read(batch, row));
      }
    }
  }

  void finish(const Home&, std::vector<Finding>&) override {}

  void conclude(const Home& home, std::span<const Finding> others, std::vector<Finding>& out) override {
    // When each host was taken, and by what; when each outside address first attacked.
    struct Taken {
      base::Time since;
      std::string why;
      double confidence = 0;
    };
    std::map<base::Address, Taken> taken, attacked;
    for (const Finding& f : others) {
      if (f.severity < Severity::kMedium || f.confidence < parameters_.least_confidence) continue;
      const auto victim = f.victim.type == "host" ? base::Address::parse(f.victim.value) : std::nullopt;
      const auto attacker = f.attacker.type == "host" ? base::Address::parse(f.attacker.value) : std::nullopt;
      const auto note = [&f](std::map<base::Address, Taken>& all, const base::Address& a) {
        const auto [at, fresh] = all.emplace(a, Taken{f.first, f.detector, f.confidence});
        if (!fresh && f.first < at->second.since) at->second = {f.first, f.detector, f.confidence};
      };
      if (victim && f.outcome == Outcome::kSucceeded && f.phase >= Phase::kEntry && home.contains(*victim))
        note(taken, *victim);
      if (attacker && !home.contains(*attacker) && (f.phase == Phase::kAssault || f.phase == Phase::kEntry))
        note(attacked, *attacker);
    }
    if (taken.empty() && attacked.empty()) return;

    struct At {
      base::Time ts;
      const Way* way;
      std::size_t index;
    };
    std::vector<At> order;
    for (const auto& [way, logins] : ways_)
      for (std::size_t i = 0; i < logins.size(); ++i) order.push_back({logins[i].head.ts, &way, i});
    std::stable_sort(order.begin(), order.end(), [](const At& a, const At& b) { return a.ts < b.ts; });
    std::set<Way> routine;
    std::map<Way, Finding> steps;
    for (const At& at : order) {
      const Way& way = *at.way;
      if (!home.contains(way.to)) continue;
      const Login& login = ways_.at(way)[at.index];
      const bool inside = home.contains(way.from);
      const auto& sources = inside ? taken : attacked;
      const auto source = sources.find(way.from);
      if (source == sources.end() || at.ts < source->second.since) {
        routine.insert(way);
        continue;
      }
      if (routine.count(way) != 0) continue;
      Finding& f = steps[way];
      f.add(login.record, login.head);
      if (!f.detector.empty()) continue;
      const Kind& kind = kKinds[static_cast<std::size_t>(way.service)];
      f.detector = "remote_login";
      f.techniques = {std::string(kind.technique)};
      if (!inside) f.techniques = {"T1133", "T1078"};
      f.phase = inside ? Phase::kSpread : Phase::kEntry;
      f.outcome = login.told ? Outcome::kSucceeded : Outcome::kUnknown;
      f.severity = login.told ? Severity::kHigh : Severity::kMedium;
      // No surer than that the first host was taken; and somebody else may have logged in from there.
      f.confidence = std::min(0.9, source->second.confidence) * (login.told ? 0.85 : 0.6);
      f.attacker = host(way.from);
      f.victim = host(way.to);
      const bool inferred = way.service == Service::kSsh;
      f.statement = fmt::format(
          "{} {} {} by {}{}{}, {}", way.from.to_string(), login.told ? "logged in to" : "began a session with",
          way.to.to_string(), kind.name, login.account.empty() ? "" : " as " + login.account,
          inferred ? " (inferred from packet sizes)" : "",
          inside ? "after it had been entered itself; no such login was seen before" : "after it had attacked");
      f.fact("service", std::string(kind.name));
      f.fact("after", source->second.why);
      if (inferred) f.fact("inferred", "SSH login, from packet sizes");
      if (!login.account.empty()) f.fact("account", login.account);
      if (login.told) taken.emplace(way.to, Taken{at.ts, f.detector, f.confidence});
    }
    for (auto& [way, f] : steps) out.push_back(std::move(f));
    for (const auto& [pair, k] : knocks_) {
      const auto source = taken.find(pair.first);
      if (source == taken.end() || !home.contains(pair.second) || k.opened || k.heads.empty() ||
          k.heads.front().ts < source->second.since)
        continue;
      Finding f;
      f.detector = "remote_login";
      f.techniques = {"T1021"};
      f.phase = Phase::kSpread;
      f.outcome = Outcome::kAttempted;
      f.severity = Severity::kMedium;
      f.confidence = std::min(0.9, source->second.confidence) * 0.6;
      f.attacker = host(pair.first);
      f.victim = host(pair.second);
      for (const record::Head& head : k.heads) f.add("conn", head);
      f.evidence_total = k.total;
      std::string ports;
      for (const std::uint16_t p : k.ports) ports += (ports.empty() ? "" : ", ") + std::to_string(p);
      f.statement = fmt::format(
          "{} tried {}'s doors for remote control (port{} {}) after it had been entered itself, and was not "
          "let in; it did not before",
          pair.first.to_string(), pair.second.to_string(), k.ports.size() == 1 ? "" : "s", ports);
      f.fact("after", source->second.why);
      out.push_back(std::move(f));
    }
  }

 private:
  /// Ports of remote control: SSH, endpoint mapper and SMB, RDP, WinRM, VNC.
  static bool is_door(std::uint16_t port) {
    return port == 22 || port == 135 || port == 139 || port == 445 || port == 3389 || port == 5900 || port == 5985 ||
           port == 5986;
  }
  /// Connections to them.
  void knock(const connection::Conn& c) {
    if (c.proto != "tcp" || c.head.id.orig_h.is_global() || c.head.id.resp_h.is_global()) return;
    const std::uint16_t port = c.head.id.resp_p.value;
    const std::pair key{c.head.id.orig_h, c.head.id.resp_h};
    if (full(knocks_, key, parameters_.max_ways)) return;
    Knocks& k = knocks_[key];
    if (c.conn_state != "S0" && c.conn_state != "REJ") {
      k.opened = true;
      return;
    }
    ++k.total;
    if (k.ports.size() < 8) k.ports.insert(port);
    if (k.heads.size() < 5) k.heads.push_back(c.head);
  }

  /// ADMIN$ or a drive's letter with $.
  static bool administrative(std::string_view path) {
    const std::string_view share = path.substr(path.find_last_of('\\') + 1);
    if (share.size() == 2) return share[1] == '$' && ((share[0] | 0x20) >= 'a' && (share[0] | 0x20) <= 'z');
    return share == "ADMIN$" || share == "admin$" || share == "Admin$";
  }
  void add(Service service, bool reversed, Login login) {
    const record::Endpoints& id = login.head.id;
    const Way way{reversed ? id.resp_h : id.orig_h, reversed ? id.orig_h : id.resp_h, service};
    if (full(ways_, way, parameters_.max_ways)) return;
    std::vector<Login>& logins = ways_[way];
    // The first ones tell whether the way is an old one; of the later ones a few are evidence.
    if (logins.size() < Finding::kMaxEvidence) logins.push_back(std::move(login));
  }
  struct Knocks {
    bool opened = false;
    std::uint64_t total = 0;
    std::set<std::uint16_t> ports;
    std::vector<record::Head> heads;
  };
  Parameters parameters_;
  std::map<std::pair<base::Address, base::Address>, Knocks> knocks_;
  std::map<Way, std::vector<Login>> ways_;
};

}  // namespace

std::unique_ptr<Detector> make_remote_login(const Environment&) { return std::make_unique<RemoteLogin>(); }

}  // namespace whodunit::detect
