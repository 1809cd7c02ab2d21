// Techniques, subtechniques collapsed to their parents. They identify nobody alone: all of them together are tempered
// and their ratio is capped (docs/attribution.md, "Techniques and software").
#include <fmt/format.h>

#include "attribution/evidence/kinds.h"

namespace whodunit::attribution {

std::vector<Item> technique_items(const EvidenceInput& input) {
  std::vector<Item> items;
  for (const NamedFact& f : input.facts.techniques) {
    const std::uint32_t number = input.table == nullptr ? kNone : input.table->technique(f.value);
    Item item;
    if (number == kNone) {
      item.evidence = make_evidence("technique", Channel::kTechnique, f.value,
                                    fmt::format("{} was seen; no table of actors knows this id.", f.value), f.support);
    } else {
      const TechniqueEntry& t = input.table->techniques()[number];
      const TechniqueEntry& parent = input.table->techniques()[t.parent];
      item.technique = t.parent;
      item.ways = {number};
      item.evidence = make_evidence("technique", Channel::kTechnique, parent.id,
                                    fmt::format("{} ({}) was seen.", parent.name, parent.id), f.support);
    }
    item.evidence.forgeability = 0.8;
    item.evidence.grade = {'B', 2};
    item.evidence.source = "fitted profile model, docs/attribution.md";
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace whodunit::attribution
