// Tools and families. What one group alone holds weighs most; what fifty use says next to nothing. Likelihoods: the
// fitted profile model (docs/attribution.md, "Techniques and software"): 1 + κ/k for k groups that hold it.
#include <fmt/format.h>

#include "attribution/evidence/kinds.h"

namespace whodunit::attribution {

std::vector<Item> software_items(const EvidenceInput& input) {
  std::vector<Item> items;
  for (const NamedFact& f : input.facts.software) {
    const std::uint32_t number = input.table == nullptr ? kNone : input.table->software_number(f.value);
    Item item;
    if (number == kNone) {
      item.evidence = make_evidence("software", Channel::kSoftware, f.value,
                                    fmt::format("{} was seen; no table of actors knows it.", f.value), f.support);
    } else {
      const SoftwareEntry& s = input.table->software()[number];
      std::size_t holders = 0;
      for (const ActorEntry& a : input.table->actors()) {
        for (const std::uint32_t x : a.software) holders += x == number;
      }
      item.software = number;
      item.evidence =
          make_evidence("software", Channel::kSoftware, s.id,
                        holders == 0 ? fmt::format("{} was seen, which no known group is said to use.", s.name)
                                     : fmt::format("{} was seen, which {} known group{} said to use.", s.name, holders,
                                                   holders == 1 ? " is" : "s are"),
                        f.support);
      item.evidence.forgeability = s.tool ? 0.9 : holders <= 2 ? 0.3 : 0.6;
    }
    item.evidence.grade = {'B', 2};
    item.evidence.source = "fitted profile model, docs/attribution.md";
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace whodunit::attribution
