// Servers held by many connections that hardly move (Slowloris, R.U.D.Y., slow read).
//
// Method: R. Hansen's Slowloris (2009) and S. Shekyan's slowhttptest (2011): requests that never end keep a worker
// each, as answers that are not read do. Connections of one client to one server that stay open long, sent little and
// were answered little, or told the server again and again to wait (a window of zero, RFC 9293 3.8.6.1), counted where
// they overlap: an ordinary client holds a handful, and one that waits for news does so on one.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "connection/conn_record.h"
#include "detect/detector.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::size_t at_once = 50;       ///< connections of one client to one server
  double least_seconds = 10;      ///< each as long
  std::uint64_t sent = 4096;      ///< most bytes of a request
  std::uint64_t answered = 1024;  ///< most bytes of an answer
  std::size_t max_pairs = 20'000;
  std::size_t max_connections = 5'000;  ///< of a pair
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "slow_requests",
      "One client holds a server's connections by the dozen with requests that do not end, or answers that it does not "
      "take.",
      "R. Hansen, Slowloris (2009); S. Shekyan, slowhttptest (2011); RFC 9293 3.8.6.1",
      {"T1499.002"},
      "A proxy in front of many clients that wait; load tests; a server that hangs.",
      {{"at_once", fmt::format("{}", p.at_once), "connections of one client to one server that overlap"},
       {"least_seconds", fmt::format("{} s", p.least_seconds), "for which each is open at least"},
       {"sent, answered", fmt::format("{} and {} bytes", p.sent, p.answered), "most that each carried"}}};
  return d;
}

class SlowRequests : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"conn"}}; }

  void take(const record::Batch& batch) override {
    if (&batch.schema() != &connection::Conn::schema) return;
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      const auto c = connection::Conn::read(batch, row);
      if (c.proto != "tcp" || !c.duration || c.duration->seconds() < parameters_.least_seconds) continue;
      if (c.history.find('h') == std::string_view::npos || c.orig_bytes.value_or(0) == 0) continue;
      const bool slow =
          c.orig_bytes.value_or(0) <= parameters_.sent && c.resp_bytes.value_or(0) <= parameters_.answered;
      if (!slow && c.orig_zero_windows == 0) continue;
      // Services that keep silent connections by design have names; what is to be protected serves requests.
      if (!c.service.empty() && c.service.find("http") == std::string_view::npos &&
          c.service.find("ssl") == std::string_view::npos)
        continue;
      const Key key{c.head.id.orig_h, c.head.id.resp_h, c.head.id.resp_p.value};
      if (full(held_, key, parameters_.max_pairs)) continue;
      Held& h = held_[key];
      ++h.total;
      h.stalled += c.orig_zero_windows != 0;
      if (h.spans.size() < parameters_.max_connections && afford(16))
        h.spans.emplace_back(c.head.ts.ns, c.head.ts.ns + c.duration->ns);
      if (h.heads.size() < 20) h.heads.push_back(c.head);
    }
  }

  void finish(const Home&, std::vector<Finding>& out) override {
    for (const auto& [key, h] : held_) {
      if (h.spans.size() < parameters_.at_once) continue;
      std::vector<std::pair<std::int64_t, int>> steps;
      for (const auto& [begin, end] : h.spans) {
        steps.emplace_back(begin, 1);
        steps.emplace_back(end, -1);
      }
      std::sort(steps.begin(), steps.end());
      std::int64_t now = 0, most = 0;
      for (const auto& [at, step] : steps) most = std::max(most, now += step);
      if (most < static_cast<std::int64_t>(parameters_.at_once)) continue;
      const auto& [client, server, port] = key;
      Finding f;
      f.detector = "slow_requests";
      f.techniques = {"T1499.002"};
      f.phase = Phase::kHarm;
      f.outcome = Outcome::kUnknown;
      f.severity = Severity::kMedium;
      f.confidence = 0.75;
      f.attacker = host(client);
      f.victim = host(server);
      for (const record::Head& head : h.heads) f.add("conn", head);
      f.evidence_total = h.total;
      f.first = {steps.front().first};
      f.last = {steps.back().first};
      f.statement = fmt::format(
          "{} held {} connections to {}:{} at once, that {}", client.to_string(), most, server.to_string(), port,
          2 * h.stalled >= h.total ? "it kept waiting with a window of zero" : "sent hardly anything and did not end");
      f.fact("connections", fmt::format("{}", h.total));
      out.push_back(std::move(f));
    }
  }

 private:
  using Key = std::tuple<base::Address, base::Address, std::uint16_t>;
  struct Held {
    std::vector<std::pair<std::int64_t, std::int64_t>> spans;  // ns
    std::vector<record::Head> heads;
    std::uint64_t total = 0, stalled = 0;
  };
  Parameters parameters_;
  std::map<Key, Held> held_;
};

}  // namespace

std::unique_ptr<Detector> make_slow_requests(const Environment&) { return std::make_unique<SlowRequests>(); }

}  // namespace whodunit::detect
