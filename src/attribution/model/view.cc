#include "attribution/model/view.h"

#include <algorithm>

namespace whodunit::attribution {

std::vector<std::uint8_t> View::allowed_reports() const {
  std::vector<std::uint8_t> allowed(table->reports().size(), 0);
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    const ReportEntry& r = table->reports()[i];
    allowed[i] = r.usable && (before == kNoDay || r.known_by < before) &&
                 !std::binary_search(excluded_actors.begin(), excluded_actors.end(), r.actor);
  }
  for (const std::uint32_t r : excluded_reports) {
    if (r < allowed.size()) allowed[r] = 0;
  }
  return allowed;
}

}  // namespace whodunit::attribution
