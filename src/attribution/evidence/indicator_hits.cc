// Indicator hits: a value of the case stands in a list that names an actor, or names plain crime.
// Likelihoods: measured on labelled reports of actors (docs/attribution.md): a listed domain speaks 475 : 1 for the
// actor who holds it against a given other, a listed address 762 : 1, a name under a listed registered domain 246 : 1.
// A list that may hold errors and shared machines is mixed in by forgeability 0.02 (the share of wrong or shared
// listings there was 14–26 % for single hits), and what is old fades.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attribution/evidence/kinds.h"
#include "attribution/model/names.h"
#include "base/address.h"

namespace whodunit::attribution {

std::vector<Item> indicator_items(const EvidenceInput& input) {
  std::vector<Item> items;
  for (const IndicatorHit& hit : input.facts.indicators) {
    if (input.settings.as_of && hit.listed && *hit.listed > *input.settings.as_of) continue;
    const bool parent = !hit.matched.empty() && hit.matched != hit.value;
    const char* what = hit.type == IndicatorType::kAddress       ? "address"
                       : hit.type == IndicatorType::kUrl         ? "URL"
                       : hit.type == IndicatorType::kHash        ? "file"
                       : hit.type == IndicatorType::kCertificate ? "certificate"
                       : hit.type == IndicatorType::kFingerprint ? "fingerprint"
                                                                 : "domain";
    Item item;
    const std::uint32_t actor = input.table == nullptr || hit.actor.empty() ? kNone : input.table->actor(hit.actor);
    const std::string who = actor != kNone ? input.table->actors()[actor].name : hit.actor;
    std::string statement =
        hit.actor.empty()
            ? fmt::format("The {} {} stands in the list {}, which names no actor.", what, hit.value, hit.source)
            : fmt::format("The {} {} stands in the list {} under {}{}.", what, hit.value, hit.source, who,
                          actor == kNone ? ", a name that no table of actors knows" : "");
    const std::string actor_key = actor != kNone ? input.table->actors()[actor].key : comparable_name(hit.actor);
    item.evidence = make_evidence("indicator-hit", Channel::kIndicator, hit.value + "\x1f" + actor_key,
                                  std::move(statement), hit.support);
    item.evidence.value = hit.value;
    item.evidence.grade = hit.grade;
    item.evidence.forgeability = hit.type == IndicatorType::kFingerprint ? 0.5
                                 : hit.type == IndicatorType::kHash      ? 0.1
                                                                         : 0.02;
    // Two lists that hold one value are two looks at it.
    item.evidence.dependency_group = "value:" + hit.value + ":" + actor_key;
    item.evidence.source = "likelihood ratios of listed domains and addresses, docs/attribution.md";
    double ratio = hit.type == IndicatorType::kAddress       ? std::log(762.0)
                   : hit.type == IndicatorType::kHash        ? std::log(100.0)
                   : hit.type == IndicatorType::kCertificate ? std::log(300.0)
                   : hit.type == IndicatorType::kFingerprint ? std::log(5.0)
                   : parent                                  ? std::log(246.0)
                                                             : std::log(475.0);
    if (hit.listed && input.facts.first) {
      const double years = std::abs((*input.facts.first - *hit.listed).seconds()) / (365.25 * 86400);
      ratio *= std::max(0.4, 1 - 0.15 * years);
    }
    ratio = std::min(ratio * (1 + 0.1 * std::log(std::max<double>(1, hit.reports))), std::log(2000.0));
    if (actor != kNone) {
      item.actors[actor] = ratio * grade_factor(hit.grade);
    } else if (hit.actor.empty()) {
      item.others["opportunists"] = std::log(3.0);
    }
    // What the reports of the table hold already is weighed by the model of infrastructure.
    const bool name_or_address =
        hit.type == IndicatorType::kDomain || hit.type == IndicatorType::kAddress || hit.type == IndicatorType::kUrl;
    if (name_or_address && actor != kNone) {
      Observables one;
      one.add(hit.value);
      one.finish();
      const auto held = [&](std::span<const std::uint32_t> reports) {
        return std::any_of(reports.begin(), reports.end(),
                           [&](std::uint32_t r) { return input.table->reports()[r].actor == actor; });
      };
      for (const std::string& name : one.names) {
        if (held(input.table->reports_of_name(name)) ||
            held(input.table->reports_of_registered(take_apart(name).registered))) {
          item.evidence.dependency_group = "observable:" + name;
        }
      }
      for (const std::uint32_t a : one.addresses) {
        if (held(input.table->reports_of_address(a)))
          item.evidence.dependency_group = "observable:" + base::Address::v4(a).to_string();
      }
    }
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace whodunit::attribution
