// An analyst's own items: who, when, why are kept with them, and they are marked. They are capped by their forgeability
// and shaded by their grade like every other.
#include <fmt/format.h>

#include <algorithm>

#include "attribution/evidence/kinds.h"

namespace whodunit::attribution {

std::vector<Item> manual_items(const EvidenceInput& input) {
  std::vector<Item> items;
  for (const ManualFact& f : input.facts.manual) {
    Item item;
    item.evidence = make_evidence("manual", Channel::kManual, f.statement + "\x1f" + f.actor, f.statement, f.support);
    item.evidence.value = f.statement;
    item.evidence.manual = true;
    item.evidence.level = f.level;
    item.evidence.grade = f.grade;
    item.evidence.forgeability = std::clamp(f.forgeability, 0.02, 1.0);
    item.evidence.source =
        fmt::format("added by {} on {}: {}", f.who.empty() ? "an analyst" : f.who,
                    f.when.empty() ? "an unknown day" : f.when, f.why.empty() ? "no reason given" : f.why);
    const double x = std::clamp(f.log_ratio, -7.0, 7.0) * grade_factor(f.grade);
    if (f.level == Level::kOperator) {
      if (f.actor == "opportunists" || f.actor == "insiders") {
        item.others[f.actor] = x;
      } else if (input.table != nullptr && input.table->actor(f.actor) != kNone) {
        item.actors[input.table->actor(f.actor)] = x;
      } else {
        item.evidence.statement += fmt::format(" (\"{}\" is no actor that the tables know: without weight)", f.actor);
      }
    }
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace whodunit::attribution
