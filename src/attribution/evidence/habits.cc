// Operational habits: typos, order of steps, reuse. Easily copied once they are published, so that one is capped at
// 1/0.6 whatever it would say.
#include <fmt/format.h>

#include <cmath>

#include "attribution/evidence/kinds.h"

namespace whodunit::attribution {

std::vector<Item> habit_items(const EvidenceInput& input) {
  std::vector<Item> items;
  for (const HabitFact& f : input.facts.habits) {
    Item item;
    const std::uint32_t actor = input.table == nullptr || f.actor.empty() ? kNone : input.table->actor(f.actor);
    item.evidence =
        make_evidence("habit", Channel::kHabit, f.value,
                      f.actor.empty() ? fmt::format("Habit: {}.", f.value)
                                      : fmt::format("Habit: {}, which {} ties to {}.", f.value,
                                                    f.source.empty() ? "somebody" : f.source,
                                                    actor == kNone ? f.actor : input.table->actors()[actor].name),
                      f.support);
    if (actor != kNone) item.actors[actor] = std::log(5.0);
    item.evidence.forgeability = 0.6;
    item.evidence.grade = {'C', 3};
    item.evidence.source = f.source.empty() ? "judgement, declared in docs/attribution.md" : f.source;
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace whodunit::attribution
