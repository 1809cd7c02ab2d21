#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attribution/evidence/kinds.h"
#include "base/hash.h"

namespace whodunit::attribution {
namespace {

void put_together(std::vector<std::string>& into, const std::vector<std::string>& more) {
  into.insert(into.end(), more.begin(), more.end());
  std::sort(into.begin(), into.end());
  into.erase(std::unique(into.begin(), into.end()), into.end());
}

double strength(const Item& item) {
  double most = 0;
  for (const auto& [actor, x] : item.actors) most = std::max(most, std::abs(x));
  for (const auto& [other, x] : item.others) most = std::max(most, std::abs(x));
  return most;
}

}  // namespace

double capped(double log_ratio, double forgeability) {
  if (log_ratio <= 0) return log_ratio;
  const double f = std::clamp(forgeability, 0.001, 1.0);
  return -std::log(f + (1 - f) * std::exp(-log_ratio));
}

double grade_factor(const Grade& grade) {
  const auto reliability = [&] {
    switch (grade.reliability) {
      case 'A':
        return 1.0;
      case 'B':
        return 0.9;
      case 'C':
        return 0.7;
      case 'D':
        return 0.4;
      case 'E':
        return 0.2;
      default:
        return 0.6;
    }
  }();
  const double credibility =
      grade.credibility >= 1 && grade.credibility <= 5 ? 1.0 - 0.2 * (grade.credibility - 1) : 0.6;
  // The two depend on each other: the weaker decides, the other shades.
  return std::clamp(0.75 * std::min(reliability, credibility) + 0.25 * std::max(reliability, credibility), 0.05, 1.0);
}

std::string item_id(const Evidence& evidence) {
  return fmt::format("E-{:010x}", base::fast_hash(evidence.kind + "\x1f" + evidence.value) & 0xffffffffff);
}

Evidence make_evidence(std::string kind, Channel channel, std::string value, std::string statement,
                       const Support& support) {
  Evidence e;
  e.kind = std::move(kind);
  e.channel = channel;
  e.value = std::move(value);
  e.statement = std::move(statement);
  put_together(e.findings, support.findings);
  put_together(e.records, support.records);
  e.id = item_id(e);
  e.dependency_group = e.kind + ":" + e.value;
  return e;
}

std::vector<std::uint32_t> actors_of_country(const ActorTable* table, std::string_view country) {
  std::vector<std::uint32_t> out;
  if (table == nullptr || country.empty()) return out;
  for (std::uint32_t a = 0; a < table->actors().size(); ++a) {
    if (table->actors()[a].country == country) out.push_back(a);
  }
  return out;
}

std::vector<Item> collect_items(const EvidenceInput& input) {
  std::vector<Item> items;
  for (auto* kind :
       {indicator_items, kinship_items, software_items, technique_items, exploit_items, working_hours_items,
        language_items, victim_items, sophistication_items, habit_items, manual_items}) {
    for (Item& item : kind(input)) items.push_back(std::move(item));
  }
  std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return std::tie(a.evidence.id, a.evidence.statement) < std::tie(b.evidence.id, b.evidence.statement);
  });
  std::vector<Item> joined;
  for (Item& item : items) {
    if (!joined.empty() && joined.back().evidence.id == item.evidence.id) {
      put_together(joined.back().evidence.findings, item.evidence.findings);
      put_together(joined.back().evidence.records, item.evidence.records);
      auto& ways = joined.back().ways;
      ways.insert(ways.end(), item.ways.begin(), item.ways.end());
      std::sort(ways.begin(), ways.end());
      ways.erase(std::unique(ways.begin(), ways.end()), ways.end());
      for (const auto& [actor, x] : item.actors) {
        auto [it, fresh] = joined.back().actors.emplace(actor, x);
        if (!fresh && std::abs(x) > std::abs(it->second)) it->second = x;
      }
      continue;
    }
    joined.push_back(std::move(item));
  }
  // Looks at one fact: what the model weighs itself first, then the strongest.
  std::map<std::string, std::size_t> best;
  for (std::size_t i = 0; i < joined.size(); ++i) {
    const auto [it, fresh] = best.emplace(joined[i].evidence.dependency_group, i);
    if (fresh) continue;
    const auto rank = [&](std::size_t k) {
      const Item& x = joined[k];
      const bool modelled = !x.observable.empty() || x.technique != kNone || x.software != kNone;
      return std::pair(modelled, strength(x));
    };
    if (rank(i) > rank(it->second)) it->second = i;
  }
  for (std::size_t i = 0; i < joined.size(); ++i)
    joined[i].evidence.counted = best[joined[i].evidence.dependency_group] == i;
  return joined;
}

}  // namespace whodunit::attribution
