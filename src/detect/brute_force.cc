// Brute force: passwords are tried one after another.
//
// Method: for each pair of hosts and service, refused logins counted in a sliding window (Zeek's SSH password-guessing
// policy counts 30 in 30 minutes per source; many tools open a connection per few tries, so short connections that
// never got in count as well). SSH's outcomes are inferred from sizes of encrypted packets, and said to be. RDP and
// Telnet tell no outcome that can be read: there the connections of one pair are counted, as each tool's try is one.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "connection/conn_record.h"
#include "detect/detector.h"
#include "protocol/rdp/rdp.h"
#include "protocol/ssh/ssh.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::size_t refused = 10;  ///< refused logins within the window
  double window_seconds = 1800;
  std::size_t connections = 6;         ///< SSH connections of one pair within the window that never got in
  std::size_t blind_connections = 20;  ///< RDP, Telnet: connections of one pair within the blind window
  double blind_seconds = 600;
  std::size_t max_pairs = 100'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "brute_force",
      "Many refused SSH logins from one host within a while, and whether one got in at last; RDP or Telnet connections "
      "one after another.",
      "Zeek's SSH::Password_Guessing policy; outcomes inferred as Zeek's SSH analyser does",
      {"T1110"},
      "Scripts with an old password or key repeat themselves for days: the same client, one server, one rhythm, no "
      "success at the end.",
      {{"refused", fmt::format("{}", p.refused), "refused logins within the window"},
       {"window", fmt::format("{} s", p.window_seconds), "the window"},
       {"blind_connections", fmt::format("{}", p.blind_connections),
        "RDP and Telnet: connections of one pair within blind_seconds"},
       {"blind_seconds", fmt::format("{} s", p.blind_seconds), "the window for these"},
       {"connections", fmt::format("{}", p.connections), "connections within the window that never got in"}}};
  return d;
}

struct Login {
  base::Time ts;
  std::uint64_t attempts;
  bool success;
  bool known;
  record::Head head;
  std::string client;
};

class BruteForce : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"ssh", "rdp", "conn"}}; }

  void take(const record::Batch& batch) override {
    if (&batch.schema() == &protocol::rdp::Rdp::schema || &batch.schema() == &connection::Conn::schema)
      return take_blind(batch);
    if (&batch.schema() != &protocol::ssh::Ssh::schema) return;
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      const protocol::ssh::Ssh s = protocol::ssh::Ssh::read(batch, row);
      auto at = by_source_.find(s.head.id.orig_h);
      if (at == by_source_.end()) {
        if (full(by_source_, s.head.id.orig_h, parameters_.max_pairs)) continue;
        at = by_source_.emplace(s.head.id.orig_h, std::vector<Login>{}).first;
      }
      if (at->second.size() >= 20'000 || !afford(sizeof(Login) + s.client.size())) continue;
      at->second.push_back({s.head.ts, s.auth_attempts, s.auth_success.value_or(false), s.auth_success.has_value(),
                            s.head, std::string(s.client)});
    }
  }

  void finish(const Home& home, std::vector<Finding>& out) override {
    for (auto& [source, logins] : by_source_) {
      std::stable_sort(logins.begin(), logins.end(), [](const Login& a, const Login& b) { return a.ts < b.ts; });
      judge(source, logins, home, out);
    }
    for (auto& [key, b] : blind_) judge_blind(key, b, out);
  }

 private:
  using BlindKey = std::tuple<base::Address, base::Address, std::string>;
  struct Blind {
    std::vector<base::Time> times;
    std::set<std::string> accounts;
    std::vector<record::Head> heads;
    std::string_view record;
  };

  void take_blind(const record::Batch& batch) {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      if (&batch.schema() == &protocol::rdp::Rdp::schema) {
        const auto r = protocol::rdp::Rdp::read(batch, row);
        knock("rdp", "RDP", r.head, r.cookie);
      } else {
        const std::uint16_t port = batch.head(row).id.resp_p.value;
        if (port != 23 && port != 2323) continue;
        const auto c = connection::Conn::read(batch, row);
        // Both spoke, and soon were done: not a session in which somebody works.
        if (c.proto == "tcp" && c.service.empty() && c.orig_bytes.value_or(0) != 0 && c.resp_bytes.value_or(0) != 0 &&
            (c.duration ? c.duration->seconds() : 0.0) < 60)
          knock("conn", "Telnet", c.head, {});
      }
    }
  }
  void knock(std::string_view record, const char* service, const record::Head& head, std::string_view account) {
    const BlindKey key{head.id.orig_h, head.id.resp_h, service};
    if (blind_.size() >= parameters_.max_pairs && blind_.count(key) == 0) return;
    Blind& b = blind_[key];
    b.record = record;
    if (b.times.size() < 20'000) b.times.push_back(head.ts);
    if (!account.empty() && b.accounts.size() < 1000) b.accounts.emplace(account.substr(0, 64));
    if (b.heads.size() < Finding::kMaxEvidence) b.heads.push_back(head);
  }
  void judge_blind(const BlindKey& key, Blind& b, std::vector<Finding>& out) const {
    std::sort(b.times.begin(), b.times.end());
    std::size_t best = 0, from = 0;
    for (std::size_t to = 0; to < b.times.size(); ++to) {
      while ((b.times[to] - b.times[from]).seconds() > parameters_.blind_seconds) ++from;
      best = std::max(best, to - from + 1);
    }
    if (best < parameters_.blind_connections) return;
    const auto& [source, server, service] = key;
    Finding f;
    f.detector = "brute_force";
    f.techniques = {b.accounts.size() > 5 ? "T1110.003" : "T1110.001"};
    f.phase = Phase::kAssault;
    f.outcome = Outcome::kUnknown;
    f.severity = Severity::kMedium;
    f.confidence = best >= 3 * parameters_.blind_connections || b.accounts.size() > 5 ? 0.75 : 0.55;
    f.attacker = host(source);
    f.victim = host(server);
    for (const record::Head& head : b.heads) f.add(b.record, head);
    f.evidence_total = b.times.size();
    f.first = b.times.front();
    f.last = b.times.back();
    f.statement = fmt::format(
        "{} opened {} {} connections to {} within {:.0f} s{}: logins tried one after another; what "
        "came of them cannot be read",
        source.to_string(), best, service, server.to_string(), parameters_.blind_seconds,
        b.accounts.empty() ? "" : fmt::format(", for {} accounts", b.accounts.size()));
    f.fact("service", service);
    out.push_back(std::move(f));
  }

  void judge(const base::Address& source, const std::vector<Login>& logins, const Home& home,
             std::vector<Finding>& out) const {
    // The densest window.
    std::size_t best = 0, best_from = 0, best_to = 0, most_connections = 0;
    std::size_t refused = 0, connections = 0;
    std::size_t from = 0;
    const auto refusals = [](const Login& l) { return l.success ? (l.attempts > 1 ? l.attempts - 1 : 0) : l.attempts; };
    for (std::size_t to = 0; to < logins.size(); ++to) {
      refused += refusals(logins[to]);
      connections += !logins[to].success;
      while ((logins[to].ts - logins[from].ts).seconds() > parameters_.window_seconds) {
        refused -= refusals(logins[from]);
        connections -= !logins[from].success;
        ++from;
      }
      if (refused >= best && connections >= most_connections) {
        best = refused;
        most_connections = connections;
        best_from = from;
        best_to = to;
      }
    }
    if (best < parameters_.refused && most_connections < parameters_.connections) return;
    std::set<base::Address> servers;
    std::uint64_t all_refused = 0;
    const Login* got_in = nullptr;
    std::map<std::string, std::size_t> clients;
    for (const Login& l : logins) {
      servers.insert(l.head.id.resp_h);
      all_refused += refusals(l);
      if (!l.client.empty()) ++clients[l.client];
      // A success counts as the guessing's only where it came in or after the densest stretch had begun.
      if (l.success && got_in == nullptr && !(l.ts < logins[best_from].ts)) got_in = &l;
    }
    (void)best_to;
    Finding f;
    f.detector = "brute_force";
    f.techniques = {"T1110.001"};
    f.phase = got_in != nullptr ? Phase::kEntry : Phase::kAssault;
    f.outcome = got_in != nullptr ? Outcome::kSucceeded : Outcome::kAttempted;
    f.severity = got_in != nullptr ? Severity::kHigh : Severity::kMedium;
    f.confidence = got_in != nullptr ? 0.7 : std::clamp(0.6 + 0.01 * static_cast<double>(best), 0.6, 0.95);
    f.attacker = host(source);
    f.victim = got_in != nullptr     ? host(got_in->head.id.resp_h)
               : servers.size() == 1 ? host(*servers.begin())
                                     : host(logins[best_from].head.id.resp_h);
    for (const base::Address& s : servers)
      if (f.victims.size() < 256) f.victims.push_back(host(s));
    if (got_in != nullptr) f.add("ssh", got_in->head);
    for (const Login& l : logins) f.add("ssh", l.head);
    f.evidence_total = logins.size();
    f.first = logins.front().ts;
    f.last = logins.back().ts;
    f.statement =
        fmt::format("{} tried SSH logins on {} host{}: {} connections, {} refused logins (inferred){}",
                    source.to_string(), servers.size(), servers.size() == 1 ? "" : "s", logins.size(), all_refused,
                    got_in != nullptr ? fmt::format("; then one got in on {}", got_in->head.id.resp_h.to_string())
                                      : "; none got in that we can tell");
    f.fact("service", "ssh");
    f.fact("refused", fmt::format("{}", all_refused));
    if (!clients.empty()) {
      const auto most = std::max_element(clients.begin(), clients.end(),
                                         [](const auto& a, const auto& b) { return a.second < b.second; });
      f.fact("client", most->first);
      // Libraries that guessing tools are built on say so themselves.
      for (const std::string_view tool :
           {"libssh", "paramiko", "Go", "JSCH", "Nmap", "hydra", "medusa", "Renci", "PUTTY"})
        if (most->first.find(tool) != std::string::npos && tool != "PUTTY") f.fact("tool", most->first);
    }
    (void)home;
    out.push_back(std::move(f));
  }

  Parameters parameters_;
  std::map<base::Address, std::vector<Login>> by_source_;
  std::map<BlindKey, Blind> blind_;
};

}  // namespace

std::unique_ptr<Detector> make_brute_force(const Environment&) { return std::make_unique<BruteForce>(); }

}  // namespace whodunit::detect
