// The domain that a name was registered under, as near as names are grouped by.
#pragma once

#include <cstddef>
#include <string_view>

namespace whodunit::detect {

/// The last two labels; three below a two-letter country where the second is short (co.uk, com.au), which is right
/// often enough to group names and wrong without harm.
inline std::string_view registered(std::string_view name) {
  std::size_t dots = 0, at = name.size();
  std::size_t cuts[3] = {0, 0, 0};
  while (at > 0 && dots < 3) {
    const std::size_t dot = name.rfind('.', at - 1);
    if (dot == std::string_view::npos) break;
    cuts[dots++] = dot + 1;
    at = dot;
  }
  if (dots < 2) return name;
  const std::size_t tld = name.size() - cuts[0];
  const std::size_t second = cuts[0] - 1 - cuts[1];
  const std::size_t from = tld == 2 && second <= 3 && dots >= 3   ? cuts[2]
                           : tld == 2 && second <= 3 && dots == 2 ? 0
                                                                  : cuts[1];
  return name.substr(from);
}

}  // namespace whodunit::detect
