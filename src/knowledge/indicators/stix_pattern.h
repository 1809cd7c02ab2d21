// The pattern language of STIX 2 (section 9), as far as single observations go.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace whodunit::knowledge {

/// One comparison that a look-up can answer.
struct StixComparison {
  std::string path;  ///< "domain-name:value", "file:hashes.'SHA-256'" as "file:hashes.SHA-256"
  std::string value;
  /// "=", "IN" (one comparison per element), "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET", ">", …
  std::string op;
  bool negated = false;
  /// Joined to others by AND or FOLLOWEDBY, which a single look-up does not check.
  bool partial = false;
};

/// All comparisons of a pattern. Qualifiers (WITHIN, REPEATS, START … STOP) are passed over. An error with the byte
/// offset where the pattern is malformed or nested deeper than 32.
base::Result<std::vector<StixComparison>> parse_stix_pattern(std::string_view pattern);

}  // namespace whodunit::knowledge
