// ICMP tunnels: echo messages that carry something else than a ping.
//
// Method: a ping's payload is a pattern and comes back as it was sent (RFC 1122 3.2.2.6). A tunnel's payloads differ
// from message to message, are no pattern, are answered with other bytes, hold datagrams, or are answered too often.
// After Singh, Nordström, Lu, dos Santos, "Malicious ICMP Tunneling: Defense against the Vulnerability" (ACISP 2003).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "detect/detector.h"
#include "protocol/icmp/icmp.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::uint64_t messages = 10;  ///< echo messages of a pair before sizes and changes tell
  double score = 2;             ///< least sum of signs
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "icmp_tunnel",
      "Echo messages that carry data: replies that differ from their requests, datagrams inside, payloads that are no "
      "ping's.",
      "Singh et al., Malicious ICMP Tunneling (ACISP 2003); RFC 792 and RFC 1122 3.2.2.6 for what a reply must hold",
      {"T1095", "T1572"},
      "Path probes and some monitoring put time stamps and text into pings; their replies hold the same bytes.",
      {{"messages", fmt::format("{}", p.messages), "echo messages of a pair before sizes and changes tell"},
       {"score", fmt::format("{}", p.score),
        "least sum of signs: replies altered, datagrams inside, many distinct payloads without a pattern, uncommon "
        "sizes, unsolicited replies"}}};
  return d;
}

struct Sum {
  std::uint64_t messages = 0, altered = 0, patterned = 0, distinct = 0, bytes = 0, unsolicited = 0, unanswered = 0,
                sizes = 0, largest = 0;
  bool datagrams = false, ptunnel = false, odd_start = false;
  std::string start;
  std::vector<record::Head> heads;
  base::Time first, last;
  base::Address orig, resp;
};

class IcmpTunnel : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"icmp"}}; }

  void take(const record::Batch& batch) override {
    if (&batch.schema() != &protocol::icmp::Icmp::schema) return;
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      const protocol::icmp::Icmp i = protocol::icmp::Icmp::read(batch, row);
      if (!i.unanswered) continue;  // echo only
      const bool in_order = i.head.id.orig_h < i.head.id.resp_h;
      const auto key =
          in_order ? std::pair(i.head.id.orig_h, i.head.id.resp_h) : std::pair(i.head.id.resp_h, i.head.id.orig_h);
      if (full(pairs_, key, 100'000)) continue;
      Sum& s = pairs_[key];
      if (s.messages == 0) {
        s.first = i.head.ts;
        s.orig = i.head.id.orig_h;
        s.resp = i.head.id.resp_h;
      }
      s.last = std::max(s.last, i.head.ts + i.duration);
      s.messages += i.orig_messages + i.resp_messages;
      s.bytes += i.orig_bytes + i.resp_bytes;
      s.altered += i.altered.value_or(0);
      s.patterned += i.patterned.value_or(0);
      s.distinct += i.distinct_payloads;
      s.sizes = std::max(s.sizes, i.distinct_sizes);
      s.largest = std::max(s.largest, i.largest);
      s.unsolicited += i.unsolicited.value_or(0);
      s.unanswered += i.unanswered.value_or(0);
      s.datagrams |= i.pattern == "ip";
      // Ping Tunnel's first four bytes (D. Stødle's ptunnel, ptunnel.h: kPing_tunnel_magic; ptunnel-ng's).
      s.ptunnel |= i.payload_start.substr(0, 8) == "d5200880" || i.payload_start.substr(0, 8) == "deadc0de";
      // Big payloads of neither pattern nor constant, in single messages: commands and files (as Pingback does).
      s.odd_start |= i.largest >= 256 && (i.pattern == "other" || i.pattern == "text") &&
                     i.patterned.value_or(0) < i.orig_messages + i.resp_messages;
      if (s.start.empty()) s.start = i.payload_start;
      if (s.heads.size() < Finding::kMaxEvidence) s.heads.push_back(i.head);
    }
  }

  void finish(const Home& home, std::vector<Finding>& out) override {
    for (const auto& [pair, s] : pairs_) {
      const double n = static_cast<double>(std::max<std::uint64_t>(1, s.messages));
      const bool many = s.messages >= parameters_.messages;
      const bool no_ping = static_cast<double>(s.patterned) < 0.5 * n;
      const double score = 2.0 * (s.altered >= 3) + 2.0 * s.datagrams +
                           (many && no_ping && static_cast<double>(s.distinct) >= 0.4 * n) + (many && s.sizes >= 6) +
                           (s.unsolicited >= 5) + 2.0 * (s.odd_start && no_ping && s.distinct >= 3) + 2.0 * s.ptunnel;
      if (score < parameters_.score || (s.bytes < 512 && !s.ptunnel)) continue;
      Finding f;
      f.detector = "icmp_tunnel";
      f.techniques = {"T1095", "T1572"};
      f.phase = Phase::kFoothold;
      f.outcome = s.unanswered < s.messages ? Outcome::kSucceeded : Outcome::kUnknown;
      f.severity = Severity::kHigh;
      f.confidence = std::clamp(0.5 + 0.1 * score, 0.5, 0.9);
      // The one inside is the victim; where both or neither are, the one that asked.
      const bool orig_inside = home.contains(s.orig), resp_inside = home.contains(s.resp);
      const bool victim_is_orig = orig_inside == resp_inside ? true : orig_inside;
      f.victim = host(victim_is_orig ? s.orig : s.resp);
      f.attacker = host(victim_is_orig ? s.resp : s.orig);
      for (const record::Head& head : s.heads) f.add("icmp", head);
      f.evidence_total = s.messages;
      f.first = s.first;
      f.last = s.last;
      f.statement = fmt::format(
          "{} and {} carry data in {} echo messages: {} bytes, {} distinct payloads, {} replies unlike their "
          "requests{}",
          s.orig.to_string(), s.resp.to_string(), s.messages, s.bytes, s.distinct, s.altered,
          s.datagrams ? ", IP datagrams inside"
          : s.ptunnel ? ", in Ping Tunnel's form"
                      : "");
      if (s.ptunnel) f.fact("tool", "ptunnel");
      f.fact("covert", "ICMP");
      f.fact("payload_start", s.start);
      f.fact("controller", f.attacker.value);
      out.push_back(std::move(f));
    }
  }

 private:
  Parameters parameters_;
  std::map<std::pair<base::Address, base::Address>, Sum> pairs_;
};

}  // namespace

std::unique_ptr<Detector> make_icmp_tunnel(const Environment&) { return std::make_unique<IcmpTunnel>(); }

}  // namespace whodunit::detect
