// Which part of a table may be used for one question.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "attribution/model/actor_table.h"

namespace whodunit::attribution {

struct View {
  const ActorTable* table = nullptr;
  /// Only reports known before this day; kNoDay: all. Reports whose day is not known are then left out.
  std::int32_t before = kNoDay;
  std::vector<std::uint32_t> excluded_reports;    ///< sorted
  std::vector<std::uint32_t> excluded_actors;     ///< sorted; as if nobody had ever heard of them
  std::vector<std::uint32_t> excluded_campaigns;  ///< sorted
  /// Actors whose facts are known, but who are no answer to what is asked; sorted.
  std::vector<std::uint32_t> not_answers;
  /// Relations that are set aside: actor → technique numbers, software numbers (each sorted).
  std::map<std::uint32_t, std::vector<std::uint32_t>> excluded_techniques, excluded_software;

  /// One byte per report: may it be used?
  std::vector<std::uint8_t> allowed_reports() const;
};

}  // namespace whodunit::attribution
