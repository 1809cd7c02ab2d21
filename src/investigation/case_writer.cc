#include "investigation/case_writer.h"

#include <nlohmann/json.hpp>

namespace whodunit::investigation {

bool CaseWriter::fail(const base::Result<void>& result) {
  if (result) return false;
  if (!error_) error_ = result.error();
  return true;
}

bool CaseWriter::take(const record::Batch& batch) {
  if (error_) return true;  // the analysis goes on without the store
  fail(store_.append(batch));
  if (!batch.empty()) progress_.last = std::max(progress_.last, batch.head(batch.rows() - 1).ts);
  return true;
}

bool CaseWriter::round(std::uint64_t packets_done) {
  progress_.packets = packets_done;
  if (error_ || !store_.due()) return true;
  fail(store_.commit(progress_, captures()));
  return true;
}

std::vector<store::Capture> CaseWriter::captures() const {
  std::vector<store::Capture> out;
  std::uint32_t ordinal = store_.first_capture();
  for (const capture::CaptureInfo& i : source_.captures()) {
    store::Capture c;
    c.ordinal = ordinal++;
    c.path = i.path;
    c.name = i.name;
    c.sha256 = i.sha256;
    c.format = i.format;
    c.link_types = i.link_types;
    c.packets = i.packets;
    c.bytes = i.bytes;
    c.file_bytes = i.file_bytes;
    c.first = i.first;
    c.last = i.last;
    c.unread = i.unread;
    c.reason = i.reason;
    c.cut_off = i.cut_off;
    c.nanoseconds = i.nanoseconds;
    out.push_back(std::move(c));
  }
  return out;
}

base::Result<void> CaseWriter::finish(const Case& c, const std::string& json) {
  if (error_) return *error_;
  const auto document = nlohmann::ordered_json::parse(json);
  std::map<std::string, std::string> finding_json, incident_json;
  for (const auto& f : document["findings"]) finding_json[f["id"].get<std::string>()] = f.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  for (const auto& i : document["incidents"]) incident_json[i["id"].get<std::string>()] = i.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
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
    incidents.push_back({i.id, i.victim, std::string(to_string(i.phase)), std::string(to_string(i.depth)), i.first, i.last, incident_json[i.id], i.findings});
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
    if (n < document["assessments"].size()) s.json = document["assessments"][n].dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    assessments.push_back(std::move(s));
  }
  progress_.packets = c.summary.packets;
  progress_.last = c.summary.last;
  progress_.complete = !c.summary.stopped;
  for (const auto& step : {store_.replace_findings(findings), store_.replace_incidents(incidents), store_.replace_assessments(assessments),
                           store_.put_document("verdict", json), store_.commit(progress_, captures())})
    if (!step) return step.error();
  return {};
}

}  // namespace whodunit::investigation
