// Beacons: a host of ours that calls the same place again and again, like a machine.
//
// Method: RITA's score of four parts (Active Countermeasures, github.com/activecm/rita, analysis/beacons.go): how even
// the intervals are (Bowley's skewness and the median absolute deviation about the median), how even the sizes sent
// are (the same), how flat the day's histogram is (coefficient of variation), and how long it goes on (coverage and
// consecutive hours); each in [0,1], with equal weights. The last two need hours: below six they say nothing. Twenty
// intervals are enough to tell a machine's rhythm (of visits at random, exponential intervals, half lie within a tenth
// of the median with a chance below 1e-5), not what machine it is: most of what polls is benign. It is told there as a
// finding only where the place called is nameless as well: no look-up gave its address, no handshake or request named
// it, while the caller's other peers have names. The rest is "too short to tell".
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "connection/conn_record.h"
#include "detect/detector.h"
#include "protocol/dns/dns.h"
#include "protocol/http/http.h"
#include "protocol/tls/ssl_record.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::size_t connections = 8;       ///< fewer calls show no rhythm
  double least_interval = 1.0;       ///< seconds: faster is a conversation, not a rhythm
  double score = 0.75;               ///< least score of four parts
  double short_score = 0.9;          ///< least mean of the first two parts where the capture is too short for all four
  double hours = 6;                  ///< span below which the last two parts say nothing
  std::size_t short_intervals = 20;  ///< intervals from which a rhythm is told within less
  double most_deviation = 0.45;      ///< of the median interval: visits at random deviate by 0.69 of it
  double short_deviation = 0.1;      ///< and the share of the median that their deviation may be
  std::size_t max_pairs = 200'000;
  std::size_t max_times = 4096;  ///< per pair; later calls are counted and stretch the span
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "beacon",
      "A host of the defended network calls the same outside place at even intervals with even sizes.",
      "RITA's beacon score (Active Countermeasures): timestamps, data sizes, histogram, duration",
      {"T1071", "T1571"},
      "Updates, monitoring, mail and chat clients, and anything else that polls are as even: the place called decides.",
      {{"connections", fmt::format("{}", p.connections), "least number of calls"},
       {"least_interval", fmt::format("{} s", p.least_interval), "median interval below which it is a conversation"},
       {"score", fmt::format("{}", p.score), "least score of the four parts"},
       {"short_score", fmt::format("{}", p.short_score),
        "least mean of the first two parts where the span is too short"},
       {"hours", fmt::format("{}", p.hours), "span below which it is too short to tell"},
       {"short_intervals", fmt::format("{}", p.short_intervals),
        "within less, intervals from which the rhythm of calls to a nameless place is told"},
       {"most_deviation", fmt::format("{}", p.most_deviation),
        "most that their median deviation may be of the median, however long; of visits at random it is 0.69"},
       {"short_deviation", fmt::format("{}", p.short_deviation),
        "and the most that their median deviation may be of the median"}}};
  return d;
}

struct Pair {
  base::Address from, to;
  std::uint16_t port = 0;
  std::uint8_t protocol = 0;
  auto operator<=>(const Pair&) const = default;
};

struct Calls {
  std::vector<std::int64_t> times;   // ns
  std::vector<std::uint32_t> sizes;  // bytes sent by the caller
  std::vector<record::Head> heads;   // of the first ones
  std::uint64_t total = 0;
  std::uint64_t answered = 0;
  base::Time last;
};

double median_of(std::vector<double> v) {
  if (v.empty()) return 0;
  const std::size_t half = v.size() / 2;
  std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(half), v.end());
  double m = v[half];
  if (v.size() % 2 == 0) {
    const double below = *std::max_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(half));
    m = (m + below) / 2;
  }
  return m;
}

double deviation_of(const std::vector<double>& v, double median) {
  std::vector<double> d;
  d.reserve(v.size());
  for (const double x : v) d.push_back(std::abs(x - median));
  return median_of(std::move(d));
}

/// Mean of the scores for skewness and for dispersion. `sorted` ascending. `when_zero` is the dispersion's score where
/// the median is 0.
double evenness(const std::vector<double>& sorted, double when_zero) {
  const std::size_t n = sorted.size(), half = n / 2;
  const double q2 = median_of(sorted);
  const double q1 = median_of({sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(half)});
  const double q3 = median_of({sorted.begin() + static_cast<std::ptrdiff_t>(n - half), sorted.end()});
  const double spread = q3 - q1;
  double skew = 0;
  if (spread >= 1e-3 * std::max(1.0, q2) && q2 != q1 && q2 != q3) skew = (q1 + q3 - 2 * q2) / spread;
  const double deviation = deviation_of(sorted, q2);
  const double dispersion = q2 > 0 ? std::max(0.0, (q2 - deviation) / q2) : when_zero;
  return (1 - std::abs(skew) + dispersion) / 2;
}

class Beacon : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"conn", "dns", "http", "ssl"}}; }

  void take(const record::Batch& batch) override {
    if (&batch.schema() != &connection::Conn::schema) return take_names(batch);
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      const connection::Conn c = connection::Conn::read(batch, row);
      if (total_++ == 0 || c.head.ts < first_) first_ = c.head.ts;
      const base::Time end = c.head.ts + c.duration.value_or(base::Duration{});
      if (total_ == 1 || last_ < end) last_ = end;
      // Only calls to somewhere outside, that sent something, over TCP or UDP; names, time and leases are polled by
      // design.
      if (!c.head.id.resp_h.is_global() || c.orig_pkts == 0 || (c.proto != "tcp" && c.proto != "udp")) continue;
      if (c.service.find("dns") != std::string_view::npos || c.service.find("ntp") != std::string_view::npos ||
          c.head.id.resp_p.value == 53 || c.head.id.resp_p.value == 123)
        continue;
      const Pair pair{c.head.id.orig_h, c.head.id.resp_h, c.head.id.resp_p.value,
                      static_cast<std::uint8_t>(c.ip_proto)};
      auto at = pairs_.find(pair);
      if (at == pairs_.end()) {
        if (pairs_.size() >= parameters_.max_pairs) {
          drop();
          continue;
        }
        at = pairs_.emplace(pair, Calls{}).first;
      }
      Calls& calls = at->second;
      ++calls.total;
      calls.answered += c.resp_pkts > 0;
      calls.last = std::max(calls.last, c.head.ts);
      if (calls.times.size() < parameters_.max_times && afford(12)) {
        calls.times.push_back(c.head.ts.ns);
        calls.sizes.push_back(
            static_cast<std::uint32_t>(std::min<std::uint64_t>(c.orig_bytes.value_or(0), UINT32_MAX)));
      }
      if (calls.heads.size() < 20) calls.heads.push_back(c.head);
    }
  }

  void finish(const Home& home, std::vector<Finding>& out) override {
    for (auto& [pair, calls] : pairs_) judge(pair, calls, home, out);
  }

 private:
  /// Addresses that have a name, and callers that ask for names where we see it.
  void take_names(const record::Batch& batch) {
    constexpr std::size_t kMaxNamed = 500'000;
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      if (&batch.schema() == &protocol::dns::Dns::schema) {
        const auto d = protocol::dns::Dns::read(batch, row);
        for (const std::string_view answer : d.answers)
          if (const auto a = base::Address::parse(answer); a && named_.size() < kMaxNamed) named_.insert(*a);
      } else if (&batch.schema() == &protocol::http::Http::schema) {
        const auto h = protocol::http::Http::read(batch, row);
        const std::string_view name = h.host.substr(0, h.host.rfind(':'));
        if (!h.host.empty() && !base::Address::parse(h.host) && !base::Address::parse(name)) name_it(h.head);
      } else if (&batch.schema() == &protocol::tls::Ssl::schema) {
        const auto s = protocol::tls::Ssl::read(batch, row);
        if (!s.server_name.empty()) name_it(s.head);
      }
    }
  }
  void name_it(const record::Head& head) {
    if (named_.size() < 500'000) named_.insert(head.id.resp_h);
  }

  void judge(const Pair& pair, Calls& calls, const Home& home, std::vector<Finding>& out) const {
    if (calls.total < parameters_.connections) return;
    if (!home.networks.empty() && (!home.contains(pair.from) || home.contains(pair.to))) return;
    // A door that never opens is retried, not called home to; a controller that is down looks the same, and says so.
    std::sort(calls.times.begin(), calls.times.end());
    std::vector<double> intervals;
    for (std::size_t i = 1; i < calls.times.size(); ++i) {
      const double gap = static_cast<double>(calls.times[i] - calls.times[i - 1]) / 1e9;
      if (gap >= 0.5) intervals.push_back(gap);  // calls at the same moment are one
    }
    if (intervals.size() + 1 < parameters_.connections) return;
    std::sort(intervals.begin(), intervals.end());
    const double median = median_of(intervals);
    if (median < parameters_.least_interval) return;
    // Exponential intervals have a median deviation of 0.69 of their median, whatever their rate; a beacon that is to
    // come within half its period of when it is due, 0.25. Even sizes alone are no rhythm.
    if (deviation_of(intervals, median) > parameters_.most_deviation * median) return;
    std::vector<double> sizes(calls.sizes.begin(), calls.sizes.end());
    std::sort(sizes.begin(), sizes.end());
    const double time_score = evenness(intervals, 1), size_score = evenness(sizes, 0);
    const double span_hours = (last_ - first_).seconds() / 3600;
    const double covered_hours = (calls.last.ns - calls.times.front()) / 3.6e12;
    const bool too_short = span_hours < parameters_.hours;

    double score, histogram = 0, duration = 0;
    bool nameless = false, told = !too_short;
    if (too_short) {
      score = (time_score + size_score) / 2;
      if (score < parameters_.short_score) return;
      nameless = named_.count(pair.to) == 0 && !named_.empty();
      told = nameless && calls.answered != 0 && intervals.size() >= parameters_.short_intervals &&
             deviation_of(intervals, median) <= parameters_.short_deviation * median;
    } else {
      const std::size_t bins = std::clamp<std::size_t>(static_cast<std::size_t>(std::ceil(span_hours)), 1, 24 * 31);
      std::vector<double> bars(bins, 0);
      for (const std::int64_t t : calls.times) {
        const auto bin = static_cast<std::size_t>(static_cast<double>(t - first_.ns) / 3.6e12);
        bars[std::min(bin, bins - 1)] += 1;
      }
      double sum = 0, squares = 0;
      std::size_t run = 0, longest = 0, used = 0;
      for (const double b : bars) {
        sum += b;
        squares += b * b;
        run = b > 0 ? run + 1 : 0;
        used += b > 0;
        longest = std::max(longest, run);
      }
      const double mean = sum / static_cast<double>(bins);
      const double deviation = std::sqrt(std::max(0.0, squares / static_cast<double>(bins) - mean * mean));
      histogram = mean > 0 ? std::max(0.0, 1 - deviation / mean) : 0;
      if (static_cast<double>(used) >= parameters_.hours)
        duration = std::min(1.0, std::max(covered_hours / span_hours, static_cast<double>(longest) / 12.0));
      score = (time_score + size_score + histogram + duration) / 4;
      if (score < parameters_.score) return;
    }

    Finding f;
    f.detector = "beacon";
    f.techniques = {"T1071"};
    f.phase = Phase::kFoothold;
    f.outcome = Outcome::kUnknown;
    f.attacker = host(pair.to);
    f.victim = host(pair.from);
    for (const record::Head& head : calls.heads) f.add("conn", head);
    f.evidence_total = calls.total;
    f.first = {calls.times.front()};
    f.last = calls.last;
    f.severity = !told ? Severity::kInformational : !too_short && score >= 0.9 ? Severity::kMedium : Severity::kLow;
    // How even it is says little about what it is: most of what polls is benign.
    f.confidence = !told ? 0.2 : too_short ? 0.35 : std::clamp(0.2 + (score - parameters_.score) * 1.6, 0.2, 0.6);
    f.statement = fmt::format(
        "{} calls {}:{} every {} ± {}, {} times{}{}", pair.from.to_string(), pair.to.to_string(), pair.port,
        seconds_text(median), seconds_text(deviation_of(intervals, median)), calls.total,
        calls.answered == 0 ? ", never answered" : "",
        told && too_short ? std::string(", a place without a name; the rhythm is a machine's, even in so short a time")
        : too_short       ? fmt::format("; {:.1f} h are too short to tell a beacon from polling", span_hours)
                          : std::string());
    f.fact("score", fmt::format("{:.3f}", score));
    f.fact("timestamp_score", fmt::format("{:.3f}", time_score));
    f.fact("size_score", fmt::format("{:.3f}", size_score));
    if (too_short) {
      f.fact("histogram_score", "too short to tell");
      f.fact("duration_score", "too short to tell");
    } else {
      f.fact("histogram_score", fmt::format("{:.3f}", histogram));
      f.fact("duration_score", fmt::format("{:.3f}", duration));
    }
    f.fact("interval", seconds_text(median));
    f.fact("controller", pair.to.to_string());
    out.push_back(std::move(f));
  }

  static std::string seconds_text(double s) { return s < 10 ? fmt::format("{:.1f} s", s) : fmt::format("{:.0f} s", s); }

  Parameters parameters_;
  std::map<Pair, Calls> pairs_;
  std::set<base::Address> named_;
  std::uint64_t total_ = 0;
  base::Time first_, last_;
};

}  // namespace

std::unique_ptr<Detector> make_beacon(const Environment&) { return std::make_unique<Beacon>(); }

}  // namespace whodunit::detect
