// The country of an actor from the countries of his victims: a weak channel with known traps (labels partly inferred
// from victims; who publishes; how many groups are counted for a country).
#pragma once

#include <array>
#include <string>
#include <vector>

#include "attribution/model/actor_table.h"
#include "attribution/model/weights.h"

namespace whodunit::attribution {

struct CountryPosterior {
  std::vector<std::string> countries;  ///< ISO 3166 alpha-2, sorted; last "other" (any country not in the table)
  std::vector<double> base;            ///< before the victims
  std::vector<double> raw;             ///< the table taken as it is
  std::vector<double> adjusted;        ///< divided by how much each country's actors get reported
  std::vector<double> log_ratio;       ///< of the victims, after power and saturation
  std::size_t rows = 0;                ///< actors behind it
};

/// `left_out`: an id of a row to set aside (with every row of the same name). `adjustment` 0 gives adjusted = raw, 1
/// divides the base rate wholly by the share of actors that are reported for the country, in between a power of it.
CountryPosterior country_posterior(const std::vector<VictimRow>& rows, const std::vector<std::string>& victims,
                                   const std::array<double, kVictimParameters>& p, double adjustment,
                                   const std::string& left_out = {});

/// What the table has to say to a set of victims, before any parameter: counts by country and by victim asked.
struct VictimMatch {
  std::vector<std::string> countries;    ///< the last is "other"
  std::vector<double> actors, mass;      ///< by country: its actors; their looks at victims
  std::vector<std::vector<double>> own;  ///< by country, by victim asked
  std::vector<double> common;            ///< by victim asked
  double total = 0, all_hits = 0;
  std::size_t rows = 0;
};
VictimMatch match_victims(const std::vector<VictimRow>& rows, const std::vector<std::string>& victims,
                          const std::string& left_out = {});
CountryPosterior country_posterior(const VictimMatch& match, const std::array<double, kVictimParameters>& p,
                                   double adjustment);

}  // namespace whodunit::attribution
