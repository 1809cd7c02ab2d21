#include "investigation/case_writer.h"

#include <nlohmann/json.hpp>

namespace whodunit::investigation {

base::Result<void> put_verdict(store::Store& store, const Case& c, const std::string& json,
                               const nlohmann::ordered_json& document) {
  std::map<std::string, std::string> finding_json, incident_json;
  for (const auto& f : document["findings"])
    finding_json[f["id"].get<std::string>()] = f.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  for (const auto& i : document["incidents"])
    incident_json[i["id"].get<std::string>()] =
        i.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::vector<store::Finding> findings;
  for (const detect::Finding& f : c.findings) {
    store::Finding s;
    s.id = f.id;
    s.detector = f.detector;
    s.techniques = f.techniques;
    s.phase = to_string(f.phase);
    s.outcome = to_string(f.outcome);
    s.severity = to_string(f.severity);
    s.confidence = f.confidence;
    s.attacker_type = f.attacker.type;
    s.attacker = f.attacker.value;
    s.victim_type = f.victim.type;
    s.victim = f.victim.value;
    s.first = f.first;
    s.last = f.last;
    s.statement = f.statement;
    s.json = finding_json[f.id];
    for (const detect::EvidenceRef& e : f.evidence) s.evidence.push_back({e.record, e.uid, e.place});
    findings.push_back(std::move(s));
  }
  std::vector<store::Incident> incidents;
  for (const incident::Incident& i : c.incidents)
    incidents.push_back({i.id, i.victim, std::string(to_string(i.phase)), std::string(to_string(i.depth)), i.first,
                         i.last, incident_json[i.id], i.findings});
  std::vector<store::Assessment> assessments;
  for (std::size_t n = 0; n < c.assessments.size(); ++n) {
    const attribution::Assessment& a = c.assessments[n];
    store::Assessment s;
    s.subject = a.subject;
    s.level = to_string(a.level);
    if (!a.hypotheses.empty()) {
      s.leading = a.hypotheses.front().name;
      s.probability = a.hypotheses.front().probability;
    }
    s.confidence = a.confidence;
    if (n < document["assessments"].size())
      s.json = document["assessments"][n].dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    assessments.push_back(std::move(s));
  }
  for (const auto& step : {store.replace_findings(findings), store.replace_incidents(incidents),
                           store.replace_assessments(assessments), store.put_document("verdict", json)})
    if (!step) return step.error();
  return {};
}

}  // namespace whodunit::investigation
