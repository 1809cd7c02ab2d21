// Countries as sources write them, and as ISO 3166-1 alpha-2 has them.
#pragma once

#include <string_view>

namespace whodunit::knowledge {

/// "FR" of "France", "fr", "French Republic"; empty where `text` names no single country ("Middle East", "NATO").
std::string_view country_code(std::string_view text);
/// "France" of "FR"; empty where there is no such code.
std::string_view country_name(std::string_view code);

}  // namespace whodunit::knowledge
