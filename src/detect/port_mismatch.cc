// A protocol at another's port (T1571).
//
// Method: recognised by content, at a port that IANA gave to another (as Zeek's protocol detection shows it, H. Dreger
// et al., "Dynamic Application-Layer Protocol Analysis for Network Intrusion Detection", USENIX Security 2006); and at
// 443 a whole exchange that is not TLS. By itself that is information: multiplexers (sslh), proxies and careless setups
// do it. It is told louder where one of its ends is an attacker or was entered by what others found.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "connection/conn_record.h"
#include "detect/detector.h"
#include "detect/suspects.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::uint64_t bytes = 16;  ///< from each side, before an exchange at 443 is called none of TLS
  std::size_t max_pairs = 20'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "port_mismatch",
      "A protocol is spoken at a port that belongs to another, or something that is not TLS at 443: information, and "
      "more where an end of it is suspect already.",
      "Dreger et al., Dynamic Application-Layer Protocol Analysis (USENIX Security 2006); IANA, Service Name and Port "
      "Number Registry; MITRE ATT&CK T1571",
      {"T1571"},
      "Multiplexers that serve SSH and TLS at one port; proxies; services that were moved to pass a firewall.",
      {{"bytes", fmt::format("{}", p.bytes), "from each side, before an exchange at 443 is called none of TLS"}}};
  return d;
}

struct Owner {
  std::uint16_t port;
  std::string_view services;  // that belong there, space-separated
  std::string_view name;
};
constexpr Owner kOwners[] = {{21, "ftp ssl", "FTP"},
                             {22, "ssh", "SSH"},
                             {25, "smtp ssl", "SMTP"},
                             {53, "dns ssl", "DNS"},
                             {80, "http websocket", "HTTP"},
                             {110, "pop3 ssl", "POP3"},
                             {143, "imap ssl", "IMAP"},
                             {443, "ssl quic dtls", "HTTPS"},
                             {445, "smb", "SMB"},
                             {993, "ssl", "IMAPS"},
                             {3389, "rdp ssl", "RDP"}};
/// Services that somebody would move to such a port.
constexpr std::string_view kMoved[] = {"ssh",   "rdp",  "rfb", "smb",  "ftp",  "irc",
                                       "socks", "http", "dns", "smtp", "shell"};

class PortMismatch : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"conn"}}; }

  void take(const record::Batch& batch) override {
    if (&batch.schema() != &connection::Conn::schema) return;
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      const std::uint16_t port = batch.head(row).id.resp_p.value;
      const auto* owner =
          std::find_if(std::begin(kOwners), std::end(kOwners), [&](const Owner& o) { return o.port == port; });
      if (owner == std::end(kOwners)) continue;
      const auto c = connection::Conn::read(batch, row);
      if (c.proto != "tcp") continue;
      const std::string_view guest = guest_of(*owner, c);
      if (guest.empty()) continue;
      const Key key{c.head.id.orig_h, c.head.id.resp_h, port, std::string(guest)};
      if (full(guests_, key, parameters_.max_pairs)) continue;
      Guest& g = guests_[key];
      ++g.total;
      g.owner = owner->name;
      if (g.heads.size() < 20 && afford(sizeof(record::Head))) g.heads.push_back(c.head);
    }
  }
  void finish(const Home&, std::vector<Finding>&) override {}

  void conclude(const Home& home, std::span<const Finding> others, std::vector<Finding>& out) override {
    const auto suspected = suspects(others);
    for (const auto& [key, g] : guests_) {
      const auto& [from, to, port, guest] = key;
      const auto one = suspected.find(from), other = suspected.find(to);
      const bool suspect = one != suspected.end() || other != suspected.end();
      if (g.heads.empty()) continue;
      Finding f;
      f.detector = "port_mismatch";
      f.techniques = {"T1571"};
      f.phase = Phase::kFoothold;
      f.outcome = Outcome::kUnknown;
      f.severity = suspect ? Severity::kMedium : Severity::kInformational;
      f.confidence = suspect ? 0.5 : 0.15;
      const bool outward = home.contains(from) && !home.contains(to);
      f.attacker = host(outward ? to : from);
      f.victim = host(outward ? from : to);
      for (const record::Head& head : g.heads) f.add("conn", head);
      f.evidence_total = g.total;
      f.statement = fmt::format(
          "{} and {} speak {} at port {}, which is {}'s, in {} connection{}{}", from.to_string(), to.to_string(),
          guest == "-" ? "nothing that is TLS" : guest, port, g.owner, g.total, g.total == 1 ? "" : "s",
          suspect ? fmt::format("; {} is suspect already ({})", (one != suspected.end() ? from : to).to_string(),
                                (one != suspected.end() ? one : other)->second.detector)
                  : "");
      f.fact("port", fmt::format("{}", port));
      f.fact("service", guest == "-" ? "unknown" : guest);
      out.push_back(std::move(f));
    }
  }

 private:
  using Key = std::tuple<base::Address, base::Address, std::uint16_t, std::string>;
  struct Guest {
    std::uint64_t total = 0;
    std::string_view owner;
    std::vector<record::Head> heads;
  };

  static bool listed(std::string_view list, std::string_view word, char separator) {
    while (!list.empty()) {
      const std::size_t end = list.find(separator);
      if (list.substr(0, end) == word) return true;
      list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
    }
    return false;
  }
  /// What is spoken there and does not belong; "-" for an unknown exchange at 443; empty: nothing of note.
  std::string_view guest_of(const Owner& owner, const connection::Conn& c) const {
    std::string_view services = c.service;
    if (services.empty()) {
      // From its beginning, whole, and both spoke: what follows in the middle cannot be told.
      const bool whole = c.history.substr(0, 2) == "Sh" && c.missed_bytes == 0;
      const bool spoke = c.orig_bytes.value_or(0) >= parameters_.bytes && c.resp_bytes.value_or(0) >= parameters_.bytes;
      return owner.port == 443 && whole && spoke ? std::string_view("-") : std::string_view();
    }
    std::string_view guest;
    while (!services.empty()) {
      const std::size_t end = services.find(',');
      const std::string_view service = services.substr(0, end);
      if (listed(owner.services, service, ' ')) return {};
      if (guest.empty())
        for (const std::string_view moved : kMoved)
          if (service == moved) guest = moved;
      services.remove_prefix(end == std::string_view::npos ? services.size() : end + 1);
    }
    return guest;
  }

  Parameters parameters_;
  std::map<Key, Guest> guests_;
};

}  // namespace

std::unique_ptr<Detector> make_port_mismatch(const Environment&) { return std::make_unique<PortMismatch>(); }

}  // namespace whodunit::detect
