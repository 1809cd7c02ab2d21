#include "attribution/model/victim_model.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "attribution/model/optimise.h"

namespace whodunit::attribution {

CountryPosterior country_posterior(const std::vector<VictimRow>& rows, const std::vector<std::string>& victims,
                                   const std::array<double, kVictimParameters>& p, double adjustment,
                                   const std::string& left_out) {
  std::string left_name;
  for (const VictimRow& r : rows) {
    if (!left_out.empty() && r.id == left_out) left_name = comparable_name(r.name);
  }
  std::map<std::string, double> actors;                      // by country
  std::map<std::string, std::map<std::string, double>> hit;  // country → victim → actors that hit it
  std::map<std::string, double> hit_total, mass;
  double total = 0, all_hits = 0;
  std::size_t used = 0;
  for (const VictimRow& r : rows) {
    if (!left_out.empty() && (r.id == left_out || (!left_name.empty() && comparable_name(r.name) == left_name)))
      continue;
    ++used;
    actors[r.country] += 1;
    total += 1;
    const std::set<std::string> once(r.victims.begin(), r.victims.end());
    // A list of thirty countries is one look at one actor: it counts as eight.
    const double weight = once.empty() ? 0 : std::min(1.0, 8.0 / static_cast<double>(once.size()));
    for (const std::string& v : once) {
      hit[r.country][v] += weight;
      mass[r.country] += weight;
      hit_total[v] += weight;
      all_hits += weight;
    }
  }
  CountryPosterior out;
  out.rows = used;
  for (const auto& [country, n] : actors) out.countries.push_back(country);
  out.countries.push_back("other");
  const double power = std::exp(p[kVictimPower]), saturation = std::exp(p[kVictimSaturation]);
  const double smoothing = std::exp(p[kVictimSmoothing]), base_count = std::exp(p[kVictimBase]);
  const std::set<std::string> asked(victims.begin(), victims.end());
  const double k = asked.empty() ? 0 : power * std::min(1.0, saturation / static_cast<double>(asked.size()));
  std::vector<double> base, raw, adjusted;
  for (const std::string& country : out.countries) {
    const double n = country == "other" ? 0 : actors[country];
    const double prior = std::log((n + base_count) / (total + base_count * static_cast<double>(out.countries.size())));
    double ratio = 0;
    for (const std::string& v : asked) {
      const double common = (hit_total.contains(v) ? hit_total[v] : 0) + 0.5;
      const double share = common / (all_hits + 0.5 * 200);  // about 200 countries can be hit
      double own = 0;
      if (country != "other") {
        const auto& of = hit[country];
        const auto it = of.find(v);
        own = it == of.end() ? 0 : it->second;
      }
      ratio += std::log((own + smoothing * share) / ((mass[country] + smoothing) * share));
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
