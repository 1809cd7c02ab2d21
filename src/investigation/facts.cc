// From findings to what attribution reasons with.
#include <algorithm>
#include <charconv>
#include <set>

#include "investigation/investigate.h"
#include "knowledge/networks/networks.h"

namespace whodunit::investigation {
namespace {

attribution::AddressRole role_of(const detect::Finding& f) {
  switch (f.phase) {
    case detect::Phase::kDoorRattling:
      return attribution::AddressRole::kScanner;
    case detect::Phase::kAssault:
    case detect::Phase::kEntry:
      return attribution::AddressRole::kEntry;
    case detect::Phase::kFoothold:
      return attribution::AddressRole::kController;
    case detect::Phase::kTheft:
      return attribution::AddressRole::kDropSite;
    default:
      return attribution::AddressRole::kUnknown;
  }
}

attribution::IndicatorType indicator_type(std::string_view kind) {
  if (kind == "address" || kind == "network") return attribution::IndicatorType::kAddress;
  if (kind == "url") return attribution::IndicatorType::kUrl;
  if (kind == "md5" || kind == "sha1" || kind == "sha256") return attribution::IndicatorType::kHash;
  if (kind == "certificate") return attribution::IndicatorType::kCertificate;
  if (kind == "domain") return attribution::IndicatorType::kDomain;
  return attribution::IndicatorType::kFingerprint;
}

attribution::Support support_of(const detect::Finding& f) {
  attribution::Support s;
  s.findings = {f.id};
  for (const detect::EvidenceRef& e : f.evidence) {
    if (s.records.size() >= 5) break;
    if (e.uid) s.records.push_back(e.uid.to_string());
  }
  std::sort(s.records.begin(), s.records.end());
  s.records.erase(std::unique(s.records.begin(), s.records.end()), s.records.end());
  return s;
}

}  // namespace

attribution::CaseFacts facts_of(const Case& c, const incident::Incident* incident, const Knowledge& knowledge) {
  attribution::CaseFacts facts;
  facts.subject = incident != nullptr ? incident->id : "case";
  std::set<std::string> wanted;
  if (incident != nullptr) {
    wanted.insert(incident->findings.begin(), incident->findings.end());
    facts.first = incident->first;
    facts.last = incident->last;
    facts.sophistication = incident->sophistication;
    facts.sophistication_support.findings = incident->findings;
  }
  std::set<std::string> addresses, techniques, domains;
  bool only_scans = true, scans_widely = false, from_inside = false;
  for (const detect::Finding& f : c.findings) {
    if (wanted.count(f.id) == 0) continue;
    const attribution::Support support = support_of(f);
    only_scans &= f.phase == detect::Phase::kDoorRattling;
    scans_widely |= f.detector == "scan" && f.victims.size() >= 100;
    for (const std::string& t : f.techniques)
      if (techniques.insert(t).second) facts.techniques.push_back({t, support});
    const auto attacker = f.attacker.type == "host" ? base::Address::parse(f.attacker.value) : std::nullopt;
    // A hardware address is seen on its own network alone.
    from_inside |= (attacker && c.home.contains(*attacker)) || f.attacker.type == "hardware_address";
    if (attacker && !c.home.contains(*attacker) && addresses.insert(f.attacker.value).second) {
      attribution::AddressFacts a;
      a.address = f.attacker.value;
      a.role = role_of(f);
      a.support = support;
      if (knowledge.networks != nullptr) {
        const knowledge::AddressFacts known = knowledge.networks->facts(*attacker);
        for (const auto& country : known.countries)
          a.countries.push_back({std::string(country.country), country.source->name});
        for (const auto& kind : known.kinds)
          a.kinds.push_back({std::string(knowledge::to_string(kind.kind)), kind.source->name});
        if (const auto* system = known.system()) {
          a.asn = system->number;
          a.network = system->name;
        }
      }
      facts.addresses.push_back(std::move(a));
    }
    if (f.attacker.type == "domain" && domains.insert(f.attacker.value).second)
      facts.domains.push_back({f.attacker.value, support});
    if (const auto domain = f.fact("domain"); !domain.empty() && domains.insert(std::string(domain)).second)
      facts.domains.push_back({std::string(domain), support});
    if (const auto indicator = f.fact("indicator"); !indicator.empty()) {
      attribution::IndicatorHit hit;
      hit.type = indicator_type(f.fact("indicator_kind"));
      hit.value = f.fact("seen").empty() ? std::string(indicator) : std::string(f.fact("seen"));
      hit.matched = indicator;
      hit.actor = f.fact("actor");
      hit.source = f.fact("source");
      hit.support = support;
      if (const auto reports = f.fact("reports"); !reports.empty())
        std::from_chars(reports.data(), reports.data() + reports.size(), hit.reports);
      if (const auto date = f.fact("listed"); !date.empty()) hit.listed = base::parse_time(date);
      facts.indicators.push_back(std::move(hit));
    }
    if (const auto software = f.fact("software"); !software.empty())
      facts.software.push_back({std::string(software), support});
    if (const auto cve = f.fact("cve"); !cve.empty())
      facts.exploits.push_back({std::string(cve), f.first, std::nullopt, support});
    if (const auto language = f.fact("language"); !language.empty())
      facts.languages.push_back({std::string(language), std::string(f.fact("language_where")), support});
    const bool automated = f.detector == "scan" || f.detector == "beacon" || f.detector == "brute_force";
    facts.activity.push_back({f.first, automated, support});
  }
  facts.untargeted = incident != nullptr && only_scans && scans_widely;
  facts.inside_only = incident != nullptr && from_inside && facts.addresses.empty() && facts.domains.empty();
  if (c.seen.bytes != 0 && c.seen.encrypted_bytes * 10 >= c.seen.bytes)
    facts.unseen.push_back(std::to_string(100 * c.seen.encrypted_bytes / c.seen.bytes) +
                           " % of the bytes are encrypted");
  if (c.seen.connections != 0 && c.seen.one_sided * 10 >= c.seen.connections)
    facts.unseen.push_back(std::to_string(100 * c.seen.one_sided / c.seen.connections) +
                           " % of the connections were captured one-sided");
  if (c.summary.lines != 0) facts.unseen.push_back("records came in as logs, without packets");
  if (c.summary.unread != 0) facts.unseen.push_back(std::to_string(c.summary.unread) + " packets could not be read");
  for (const incident::Visibility& v : c.visibility)
    if (v.hosts_known != 0) facts.visibility = std::min(facts.visibility, v.probability);
  return facts;
}

}  // namespace whodunit::investigation
