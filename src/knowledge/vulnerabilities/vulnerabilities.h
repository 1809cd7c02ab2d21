// Vulnerabilities known to be exploited, with the day from which that was known (CISA's KEV and lists like it).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "knowledge/date.h"
#include "knowledge/problem.h"

namespace whodunit::knowledge {

struct Vulnerability {
  std::string cve;  ///< "CVE-2021-44228"
  std::string vendor;
  std::string product;
  std::string name;
  Date added;               ///< to the list: exploitation was known
  Date public_;             ///< the CVE record's datePublic, where a list has it
  bool ransomware = false;  ///< known use by ransomware
  std::string source;
};

/// Immutable once loaded.
class Vulnerabilities {
 public:
  /// KEV's CSV (columns by name; extra ones are passed over) or its JSON. Entries of an already known CVE are merged,
  /// the earlier date kept.
  base::Result<std::size_t> add(std::string_view name, std::string_view text, std::string_view source,
                                Problems& problems);

  /// By CVE id in any case; null where not listed. Lives as long as this object.
  const Vulnerability* find(std::string_view cve) const;
  /// In the order of CVE ids.
  const std::map<std::string, Vulnerability, std::less<>>& all() const { return all_; }
  std::size_t size() const { return all_.size(); }

 private:
  std::map<std::string, Vulnerability, std::less<>> all_;
};

}  // namespace whodunit::knowledge
