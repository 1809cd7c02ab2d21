// A host that calls one place outside again and again, though nobody ever answers: a program whose controller is gone.
//
// Method: remote-control programs call their controller at once and for ever, on a port of its own, and go on when it
// is down (Stratosphere's Slips tells it as "multiple reconnection attempts"; MITRE ATT&CK T1571, T1008). Counted are
// connections of one host to one outside address and port that were refused or left without an answer, none ever taken,
// on a port that no common service has. Scans go to many places, and clients of a service that is down mostly to its
// well-known port.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "connection/conn_record.h"
#include "detect/detector.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::size_t calls = 30;  ///< in a row, none answered
  double least_span = 60;  ///< seconds from the first to the last
  std::size_t max_pairs = 200'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "unanswered_calls",
      "A host of the defended network calls one outside address and uncommon port again and again, and is never "
      "answered.",
      "Stratosphere's Slips, multiple reconnection attempts; MITRE ATT&CK T1571, T1008",
      {"T1571", "T1071"},
      "Clients of games, chats and peers whose server is gone; monitoring of a service that is down.",
      {{"calls", fmt::format("{}", p.calls), "connections, none of them answered"},
       {"least_span", fmt::format("{} s", p.least_span), "from the first to the last"}}};
  return d;
}

/// Ports of services that are common enough to be down somewhere.
bool common(std::uint16_t port) {
  if (port < 1024) return true;
  for (const std::uint16_t p :
       {1194, 1433, 1521, 1723, 1883, 1935, 2049, 3128, 3268, 3306, 3389, 3478, 4500, 5060, 5061,  5222, 5223,
        5228, 5432, 5900, 5938, 6379, 6667, 6697, 7680, 8000, 8080, 8443, 8883, 9100, 9418, 11211, 27017})
    if (p == port) return true;
  return port >= 6881 && port <= 6889;
}

struct Pair {
  base::Address from, to;
  std::uint16_t port = 0;
  auto operator<=>(const Pair&) const = default;
};
struct Calls {
  std::uint64_t total = 0, refused = 0;
  bool answered = false;
  base::Time first, last;
  std::vector<record::Head> heads;
};

class UnansweredCalls : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"conn"}}; }

  void take(const record::Batch& batch) override {
    if (&batch.schema() != &connection::Conn::schema) return;
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      const record::Endpoints& id = batch.head(row).id;
      if (common(id.resp_p.value) || !id.resp_h.is_global()) continue;
      const connection::Conn c = connection::Conn::read(batch, row);
      if (c.proto != "tcp") continue;
      const Pair pair{c.head.id.orig_h, c.head.id.resp_h, c.head.id.resp_p.value};
      if (pairs_.size() >= parameters_.max_pairs && pairs_.count(pair) == 0) continue;
      Calls& x = pairs_[pair];
      const bool silent = c.conn_state == "S0", refused = c.conn_state == "REJ";
      if (!silent && !refused) {
        x.answered = true;
        continue;
      }
      // One that was seen from one side alone says nothing about an answer.
      if (silent && c.history.find_first_of("ADF") != std::string_view::npos) continue;
      if (x.total++ == 0) x.first = c.head.ts;
      x.first = std::min(x.first, c.head.ts);
      x.last = std::max(x.last, c.head.ts);
      x.refused += refused;
      if (x.heads.size() < 5) x.heads.push_back(c.head);
    }
  }

  void finish(const Home& home, std::vector<Finding>& out) override {
    // Who knocks at many places is a scanner or a peer, not a caller.
    std::map<base::Address, std::size_t> places;
    for (const auto& [pair, x] : pairs_)
      if (!x.answered && x.total != 0) ++places[pair.from];
    for (const auto& [pair, x] : pairs_) {
      if (x.answered || x.total < parameters_.calls || (x.last - x.first).seconds() < parameters_.least_span) continue;
      if (!home.networks.empty() && (!home.contains(pair.from) || home.contains(pair.to))) continue;
      if (places[pair.from] > 8) continue;
      Finding f;
      f.detector = "unanswered_calls";
      f.techniques = {"T1571", "T1071"};
      f.phase = Phase::kFoothold;
      f.outcome = Outcome::kAttempted;
      f.severity = Severity::kLow;
      f.confidence = x.total >= 5 * parameters_.calls ? 0.55 : 0.45;
      f.attacker = host(pair.to);
      f.victim = host(pair.from);
      for (const record::Head& head : x.heads) f.add("conn", head);
      f.evidence_total = x.total;
      f.first = x.first;
      f.last = x.last;
      f.statement = fmt::format(
          "{} called {}:{} {} times within {:.0f} s and was never answered ({} refused): a program "
          "whose controller is gone does so",
          pair.from.to_string(), pair.to.to_string(), pair.port, x.total, (x.last - x.first).seconds(), x.refused);
      f.fact("controller", pair.to.to_string());
      out.push_back(std::move(f));
    }
  }

 private:
  Parameters parameters_;
  std::map<Pair, Calls> pairs_;
};

}  // namespace

std::unique_ptr<Detector> make_unanswered_calls(const Environment&) { return std::make_unique<UnansweredCalls>(); }

}  // namespace whodunit::detect
