// Sophistication, habits and an analyst's own items. Ratios of the first two are judgements, declared here.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attribution/evidence/kinds.h"

namespace whodunit::attribution {

std::vector<Item> sophistication_items(const EvidenceInput& input) {
  if (!input.facts.sophistication) return {};
  const double s = std::clamp(*input.facts.sophistication, 0.0, 1.0);
  Item item;
  item.evidence = make_evidence("sophistication", Channel::kSophistication, fmt::format("{:.2f}", s),
                                s < 0.35   ? "The intruder used others' tools and took little care not to be seen."
                                : s < 0.65 ? "The intruder's skill was middling."
                                           : "The intruder was able: own tools, care, or knowledge of the target.",
                                input.facts.sophistication_support);
  // Twice as often as not the crowd below the middle, a fifth as often at the top.
  item.others["opportunists"] = s < 0.5 ? std::log(2.0) * (0.5 - s) / 0.5 : std::log(0.2) * (s - 0.5) / 0.5;
  item.evidence.forgeability = 0.6;
  item.evidence.grade = {'C', 3};
  item.evidence.source = "judgement, declared in docs/attribution.md";
  return {item};
}

}  // namespace whodunit::attribution
