#include "attribution/model/victim_model.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "attribution/model/optimise.h"

namespace whodunit::attribution {

VictimMatch match_victims(const std::vector<VictimRow>& rows, const std::vector<std::string>& victims,
                          const std::string& left_out) {
  std::string left_name;
  for (const VictimRow& r : rows) {
    if (!left_out.empty() && r.id == left_out) left_name = comparable_name(r.name);
  }
  std::map<std::string, double> actors;                      // by country
  std::map<std::string, std::map<std::string, double>> hit;  // country → victim → actors that hit it
  std::map<std::string, double> hit_total, mass;
  VictimMatch out;
  for (const VictimRow& r : rows) {
    if (!left_out.empty() && (r.id == left_out || (!left_name.empty() && comparable_name(r.name) == left_name)))
      continue;
    ++out.rows;
    actors[r.country] += 1;
    out.total += 1;
    const std::set<std::string> once(r.victims.begin(), r.victims.end());
    // A list of thirty countries is one look at one actor: it counts as eight.
    const double weight = once.empty() ? 0 : std::min(1.0, 8.0 / static_cast<double>(once.size()));
    for (const std::string& v : once) {
      hit[r.country][v] += weight;
      mass[r.country] += weight;
      hit_total[v] += weight;
      out.all_hits += weight;
    }
  }
  const std::set<std::string> asked(victims.begin(), victims.end());
  for (const std::string& v : asked) {
    const auto it = hit_total.find(v);
    out.common.push_back(it == hit_total.end() ? 0 : it->second);
  }
  for (const auto& [country, n] : actors) {
    out.countries.push_back(country);
    out.actors.push_back(n);
    out.mass.push_back(mass[country]);
    std::vector<double>& own = out.own.emplace_back();
    for (const std::string& v : asked) {
      const auto it = hit[country].find(v);
      own.push_back(it == hit[country].end() ? 0 : it->second);
    }
  }
  out.countries.push_back("other");
  out.actors.push_back(0);
  out.mass.push_back(0);
  out.own.emplace_back(asked.size(), 0);
  return out;
}

CountryPosterior country_posterior(const std::vector<VictimRow>& rows, const std::vector<std::string>& victims,
                                   const std::array<double, kVictimParameters>& p, double adjustment,
                                   const std::string& left_out) {
  return country_posterior(match_victims(rows, victims, left_out), p, adjustment);
}

CountryPosterior country_posterior(const VictimMatch& match, const std::array<double, kVictimParameters>& p,
                                   double adjustment) {
  CountryPosterior out;
  out.rows = match.rows;
  out.countries = match.countries;
  const double power = std::exp(p[kVictimPower]), saturation = std::exp(p[kVictimSaturation]);
  const double smoothing = std::exp(p[kVictimSmoothing]), base_count = std::exp(p[kVictimBase]);
  const std::size_t asked = match.common.size();
  const double k = asked == 0 ? 0 : power * std::min(1.0, saturation / static_cast<double>(asked));
  std::vector<double> base, raw, adjusted;
  for (std::size_t c = 0; c < match.countries.size(); ++c) {
    const double prior = std::log((match.actors[c] + base_count) /
                                  (match.total + base_count * static_cast<double>(match.countries.size())));
    double ratio = 0;
    for (std::size_t v = 0; v < asked; ++v) {
      const double share = (match.common[v] + 0.5) / (match.all_hits + 0.5 * 200);  // about 200 countries can be hit
      ratio += std::log((match.own[c][v] + smoothing * share) / ((match.mass[c] + smoothing) * share));
    }
    ratio *= k;
    base.push_back(prior);
    out.log_ratio.push_back(ratio);
    raw.push_back(prior + ratio);
    adjusted.push_back(prior * (1 - adjustment) + ratio);
  }
  const auto normalised = [](std::vector<double> x) {
    const double sum = log_sum_exp(x);
    for (double& v : x) v = std::exp(v - sum);
    return x;
  };
  out.base = normalised(base);
  out.raw = normalised(raw);
  out.adjusted = normalised(adjusted);
  return out;
}

}  // namespace whodunit::attribution
