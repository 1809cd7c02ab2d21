// Working hours and days: when a person, not a machine, acted. A von Mises distribution on the day's circle mixed with
// a flat one, by expectation maximisation (Mardia & Jupp, Directional Statistics, 2000, 5.3 and 10.3); Rayleigh's test
// against flatness; and a test whether a machine's clock made the times. Shifted at will by who wants to: capped near
// 1/0.7.
#include "attribution/evidence/working_hours.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "attribution/evidence/kinds.h"

namespace whodunit::attribution {
namespace {

constexpr double kTwoPi = 2 * std::numbers::pi;
constexpr double kMiddleOfDay = 13.5;  // local hour around which office work is centred

// Usual offsets from UTC in hours of countries that actors are ascribed to (standard time; the widest country by its
// capital).
const std::map<std::string, double, std::less<>>& offsets() {
  static const std::map<std::string, double, std::less<>> table = {
      {"AE", 4}, {"BR", -3}, {"BY", 3},   {"CN", 8},   {"CO", -5}, {"EG", 2},  {"ES", 1}, {"FR", 1},
      {"GB", 0}, {"IL", 2},  {"IN", 5.5}, {"IR", 3.5}, {"JP", 9},  {"KP", 9},  {"KR", 9}, {"KZ", 5},
      {"LB", 2}, {"NG", 1},  {"PK", 5},   {"PS", 2},   {"RU", 3},  {"SA", 3},  {"SY", 3}, {"TN", 1},
      {"TR", 3}, {"TW", 8},  {"UA", 2},   {"US", -5},  {"UZ", 5},  {"VE", -4}, {"VN", 7},
  };
  return table;
}

double bessel_ratio(double kappa) {  // I1/I0
  return std::cyl_bessel_i(1.0, kappa) / std::cyl_bessel_i(0.0, kappa);
}

double kappa_of(double r) {  // inverse of bessel_ratio, Best & Fisher's approximation, then two Newton steps
  double k = r < 0.53   ? 2 * r + r * r * r + 5 * r * r * r * r * r / 6
             : r < 0.85 ? -0.4 + 1.39 * r + 0.43 / (1 - r)
                        : 1 / (r * r * r - 4 * r * r + 3 * r);
  for (int i = 0; i < 2 && k > 0.01 && k < 50; ++i) {
    const double a = bessel_ratio(k);
    k -= (a - r) / (1 - a * a - a / k);
  }
  return std::clamp(k, 0.01, 50.0);
}

}  // namespace

WorkingHours working_hours(std::vector<base::Time> times) {
  WorkingHours out;
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  out.actions = times.size();
  if (times.empty()) return out;
  // Actions within ten minutes of each other are one sitting's: count sittings by the hour.
  std::vector<double> angles;
  std::map<std::int64_t, int> hours;
  for (const base::Time t : times) ++hours[t.ns / 3'600'000'000'000];
  std::size_t weekend = 0;
  std::map<std::int64_t, int> days;
  for (const auto& [hour, n] : hours) {
    angles.push_back(kTwoPi * (static_cast<double>(hour % 24) + 0.5) / 24);
    const base::Civil civil = base::to_civil(base::Time{hour * 3'600'000'000'000});
    weekend += civil.weekday == 0 || civil.weekday == 6;
    ++days[hour / 24];
  }
  out.hours = angles.size();
  out.days = days.size();
  out.weekend_share = static_cast<double>(weekend) / static_cast<double>(angles.size());
  // A machine's clock: gaps that repeat. Of at least 8 gaps, more than half within 2 % of their median.
  std::vector<double> gaps;
  for (std::size_t i = 1; i < times.size(); ++i) gaps.push_back((times[i] - times[i - 1]).seconds());
  if (gaps.size() >= 8) {
    std::vector<double> sorted = gaps;
    std::sort(sorted.begin(), sorted.end());
    const double median = sorted[sorted.size() / 2];
    std::size_t near = 0;
    for (const double g : gaps) near += std::abs(g - median) <= std::max(1.0, 0.02 * median);
    out.automated = median > 0 && near * 2 > gaps.size();
  }
  double c = 0, s = 0;
  for (const double a : angles) {
    c += std::cos(a);
    s += std::sin(a);
  }
  const auto n = static_cast<double>(angles.size());
  const double r = std::hypot(c, s) / n;
  // Rayleigh's test: p ≈ exp(−n r²) with Wilkie's correction.
  out.p_flat = std::exp(std::sqrt(1 + 4 * n + 4 * (n * n - n * n * r * r)) - (1 + 2 * n));
  double mean = std::atan2(s, c), kappa = kappa_of(std::min(r, 0.98)), share = 0.8;
  for (int step = 0; step < 100; ++step) {
    double wc = 0, ws = 0, w = 0;
    const double norm = kTwoPi * std::cyl_bessel_i(0.0, kappa);
    for (const double a : angles) {
      const double peak = share * std::exp(kappa * std::cos(a - mean)) / norm;
      const double p = peak / (peak + (1 - share) / kTwoPi);
      wc += p * std::cos(a);
      ws += p * std::sin(a);
      w += p;
    }
    mean = std::atan2(ws, wc);
    kappa = std::min(kappa_of(std::min(std::hypot(wc, ws) / std::max(w, 1e-9), 0.98)),
                     4.0);  // nobody works for one hour a day only
    share = std::clamp(w / n, 0.05, 0.98);
  }
  out.centre_utc = std::fmod(mean / kTwoPi * 24 + 24, 24);
  out.share = share;
  out.kappa = kappa;
  double offset = kMiddleOfDay - out.centre_utc;
  while (offset > 14) offset -= 24;
  while (offset < -12) offset += 24;
  out.offset = offset;
  // Standard error of a mean direction, in hours; people's days differ by two hours in any case.
  out.offset_error = std::hypot(2.0, 24 / kTwoPi / std::sqrt(std::max(1e-9, n * share * bessel_ratio(kappa) * kappa)));
  out.telling = !out.automated && out.hours >= 8 && out.days >= 3 && out.p_flat < 0.05;
  return out;
}

std::vector<Item> working_hours_items(const EvidenceInput& input) {
  std::vector<base::Time> times;
  Support support;
  std::size_t automated = 0;
  for (const ActivityFact& a : input.facts.activity) {
    if (a.automated) {
      ++automated;
      continue;
    }
    times.push_back(a.time);
    support.findings.insert(support.findings.end(), a.support.findings.begin(), a.support.findings.end());
    support.records.insert(support.records.end(), a.support.records.begin(), a.support.records.end());
  }
  if (times.empty()) return {};
  const WorkingHours w = working_hours(std::move(times));
  Item item;
  std::string statement;
  if (w.automated) {
    statement = "The times of the intruder's actions repeat as a machine's do; they say nothing of where he sits.";
  } else if (!w.telling) {
    statement =
        fmt::format("{} hours on {} days are too few, or too evenly spread, to tell working hours.", w.hours, w.days);
  } else {
    statement = fmt::format(
        "Work is centred on {:02.0f}:{:02.0f} UTC on {} days ({:.0f} % of it on weekends): office hours at UTC{:+.0f} "
        "± {:.0f} h.",
        std::floor(w.centre_utc), std::floor((w.centre_utc - std::floor(w.centre_utc)) * 60), w.days,
        100 * w.weekend_share, w.offset, w.offset_error);
    if (input.table != nullptr) {
      // Against a flat guess over the 24 offsets.
      for (std::uint32_t a = 0; a < input.table->actors().size(); ++a) {
        const auto it = offsets().find(input.table->actors()[a].country);
        if (it == offsets().end()) continue;
        double d = std::abs(it->second - w.offset);
        d = std::min(d, 24 - d);
        const double density =
            std::exp(-0.5 * d * d / (w.offset_error * w.offset_error)) / (w.offset_error * std::sqrt(kTwoPi));
        item.actors[a] = std::clamp(std::log((0.8 * density + 0.2 / 24) * 24), std::log(0.4), std::log(3.0));
      }
    }
  }
  item.evidence = make_evidence("working-hours", Channel::kTime,
                                fmt::format("centre {:.1f} UTC, {} hours, {} days", w.centre_utc, w.hours, w.days),
                                std::move(statement), support);
  item.evidence.forgeability = 0.7;
  item.evidence.grade = {'C', 3};
  item.evidence.source = "von Mises mixture over the day, docs/attribution.md";
  return {item};
}

}  // namespace whodunit::attribution
