// Fitted on the public rows: `whodunit knowledge evaluate TRIALS… --fit FILE`, its output between the marks.
#pragma once

#include <string_view>

namespace whodunit::attribution {

inline constexpr std::string_view kShippedWeights = R"(
)";

}  // namespace whodunit::attribution
