// Victimology: whose countries were hit, against the countries that actors of a country are said to hit. Weak, and full
// of traps (docs/attribution.md, "Victims"): tempered, adjusted for who gets reported, capped at 1/0.4.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "attribution/evidence/kinds.h"
#include "attribution/model/victim_model.h"

namespace whodunit::attribution {

std::vector<Item> victim_items(const EvidenceInput& input) {
  std::set<std::string> countries, sectors;
  Support support;
  for (const VictimFact& v : input.facts.victims) {
    if (!v.country.empty()) countries.insert(v.country);
    if (!v.sector.empty()) sectors.insert(v.sector);
    support.findings.insert(support.findings.end(), v.support.findings.begin(), v.support.findings.end());
    support.records.insert(support.records.end(), v.support.records.begin(), v.support.records.end());
  }
  if (countries.empty()) return {};
  std::string list;
  for (const std::string& c : countries) list += (list.empty() ? "" : ", ") + c;
  Item item;
  item.evidence =
      make_evidence("victimology", Channel::kVictim, list,
                    fmt::format("Victims stand in {}. One country alone says nothing of who hit it.", list), support);
  if (countries.size() > 1) item.evidence.statement = fmt::format("Victims stand in {}.", list);
  if (input.table != nullptr && countries.size() > 1) {
    const CountryPosterior p = country_posterior(input.table->victim_rows(), {countries.begin(), countries.end()},
                                                 input.weights.victim, input.settings.reporting_adjustment);
    for (std::size_t i = 0; i + 1 < p.countries.size(); ++i) {
      for (const std::uint32_t a : actors_of_country(input.table, p.countries[i])) item.actors[a] = p.log_ratio[i];
    }
  }
  item.evidence.forgeability = 0.4;
  item.evidence.grade = {'C', 3};
  item.evidence.source = "victims' table of named actors, docs/attribution.md";
  return {item};
}

}  // namespace whodunit::attribution
