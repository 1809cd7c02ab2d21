#include "investigation/across.h"

#include <nlohmann/json.hpp>
#include <set>

namespace whodunit::investigation {
namespace {

using Json = nlohmann::ordered_json;

std::string text(const Json& d, const char* key) {
  const auto at = d.find(key);
  return at != d.end() && at->is_string() ? at->get<std::string>() : std::string();
}

}  // namespace

base::Result<AcrossCases> join_cases(const std::vector<CaseDocument>& cases) {
  AcrossCases out;
  std::vector<detect::Finding> findings;
  std::vector<incident::Incident> incidents;
  std::set<std::string> taken;
  for (std::size_t n = 0; n < cases.size(); ++n) {
    const Json d = Json::parse(cases[n].json, nullptr, false);
    if (d.is_discarded() || !d.is_object() || !d.contains("findings") || !d.contains("incidents"))
      return base::Error{"its verdict cannot be read", cases[n].name, "run whodunit investigate again with --force"};
    // The same finding in two cases keeps two ids: each case's incidents are its own.
    const std::string prefix = std::to_string(n + 1) + ":";
    for (const Json& f : d["findings"]) {
      detect::Finding finding;
      finding.id = prefix + text(f, "id");
      finding.detector = text(f, "detector");
      if (f.contains("facts"))
        for (const auto& [name, value] : f["facts"].items())
          if (value.is_string()) finding.fact(name, value.get<std::string>());
      findings.push_back(std::move(finding));
    }
    for (const Json& i : d["incidents"]) {
      incident::Incident incident;
      incident.id = text(i, "id");
      if (!taken.insert(incident.id).second) incident.id = prefix + incident.id;
      incident.victim = text(i, "victim");
      incident.headline = text(i, "headline");
      for (const Json& id : i["findings"]) incident.findings.push_back(prefix + id.get<std::string>());
      incidents.push_back(incident);
      out.incidents.push_back({cases[n].name, incident});
    }
  }
  out.campaigns = incident::campaigns(incidents, findings);
  return out;
}

}  // namespace whodunit::investigation
