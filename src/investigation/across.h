// Incidents of several cases, joined.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "incident/incident.h"

namespace whodunit::investigation {

/// What one case says of its incidents: its document (to_json), and its name for people.
struct CaseDocument {
  std::string name;
  std::string json;
};

struct AcrossCases {
  struct Member {
    std::string case_name;
    incident::Incident incident;
  };
  std::vector<Member> incidents;  ///< of all cases, ids prefixed with "N:" where two cases share an id
  std::vector<incident::Campaign> campaigns;
};

/// Links incidents of different cases (or of one) by shared infrastructure, tooling and names. An error where a
/// document cannot be read: which, and why.
base::Result<AcrossCases> join_cases(const std::vector<CaseDocument>& cases);

}  // namespace whodunit::investigation
