// Victimology: whose countries were hit, against the countries that actors of a country are said to hit. Weak, and full
// of traps (docs/attribution.md, "Victims"): tempered, adjusted for who gets reported, capped at 1/0.4. Sectors:
// whether a group is said to aim at the sector. The rarer such groups are, the more it says, but never more than 2 : 1;
// that a group is not said to is next to nothing, for lists of targets are short.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "attribution/evidence/kinds.h"
#include "attribution/model/victim_model.h"

namespace whodunit::attribution {
namespace {

constexpr double kMostForSector = 2.0, kUnnamedSector = 0.9;

Item sector_item(const EvidenceInput& input, const std::string& sector, const Support& support) {
  Item item;
  item.evidence = make_evidence("victim-sector", Channel::kVictim, sector,
                                fmt::format("A victim belongs to the sector \"{}\".", sector), support);
  item.evidence.forgeability = 0.4;
  item.evidence.grade = {'C', 3};
  item.evidence.source = "targets that sources claim for groups; at most 2 : 1, docs/attribution.md";
  if (input.table == nullptr) return item;
  const std::string wanted = comparable_name(sector);
  if (wanted.empty()) return item;
  // "Government, Administration" is aimed at where "government" was hit.
  const auto aims = [&wanted](const ActorEntry& a) {
    return std::any_of(a.categories.begin(), a.categories.end(), [&](const std::string& c) {
      const std::string own = comparable_name(c);
      return !own.empty() && (own.starts_with(wanted) || wanted.starts_with(own));
    });
  };
  double known = 0, aiming = 0;
  for (const ActorEntry& a : input.table->actors()) {
    known += !a.categories.empty();
    aiming += aims(a);
  }
  if (aiming == 0) return item;
  const double share = (aiming + 1) / (known + 2);
  const double ratio = std::min(std::log(1 / share) / 2, std::log(kMostForSector));
  const auto& actors = input.table->actors();
  for (std::uint32_t a = 0; a < actors.size(); ++a) {
    if (!actors[a].categories.empty()) item.actors[a] = aims(actors[a]) ? ratio : std::log(kUnnamedSector);
  }
  return item;
}

}  // namespace

std::vector<Item> victim_items(const EvidenceInput& input) {
  std::set<std::string> countries, sectors;
  Support support;
  for (const VictimFact& v : input.facts.victims) {
    if (!v.country.empty()) countries.insert(v.country);
    if (!v.sector.empty()) sectors.insert(v.sector);
    support.findings.insert(support.findings.end(), v.support.findings.begin(), v.support.findings.end());
    support.records.insert(support.records.end(), v.support.records.begin(), v.support.records.end());
  }
  std::vector<Item> items;
  for (const std::string& sector : sectors) {
    Item item = sector_item(input, sector, support);
    items.push_back(std::move(item));
  }
  if (countries.empty()) return items;
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
  items.push_back(std::move(item));
  return items;
}

}  // namespace whodunit::attribution
