// Arrays of facts as research data sets exchange them (docs/knowledge.md, "Exchange arrays"): groups, software,
// techniques, campaigns, which reference says which relation, references with dates, and trails of reports.
#include <algorithm>
#include <map>
#include <set>

#include "base/hash.h"
#include "knowledge/actors/countries.h"
#include "knowledge/actors/part.h"
#include "knowledge/json_access.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

namespace {

class ExchangeReader {
 public:
  ExchangeReader(std::vector<Part>& parts, Problems& problems) : parts_(parts), problems_(problems) {}

  void read(const std::vector<ExchangeFile>& files);

 private:
  enum Slot : std::size_t { kEnterprise, kMobile, kIcs, kMisp, kMaltrail, kSlots };
  struct CitedReference {
    std::string name;
    Date date;
  };

  void read_sources(const dom::object& json);
  void read_reference(const dom::object& json);
  void read_provenance(const dom::object& json);
  void read_group(const dom::object& json);
  void read_software(const dom::object& json);
  void read_technique(const dom::object& json);
  void read_campaign(const dom::object& json);
  void read_trail(const dom::object& json);
  Slot slot_of(const dom::object& json) const;
  Fact fact_for(Slot slot, std::string_view subject, std::string_view object);
  void relations(const dom::object& json, std::string_view key, Slot slot, std::vector<Relation>& out);

  std::vector<Part>& parts_;
  Problems& problems_;
  Part part_[kSlots];
  std::map<std::int64_t, CitedReference> references_;
  std::map<std::string, std::vector<std::int64_t>, std::less<>> provenance_;  // "subject object"
  std::string text_for_digest_;
};

ExchangeReader::Slot ExchangeReader::slot_of(const dom::object& json) const {
  Slot slot = kEnterprise;
  bool first = true;
  each_text_of(json, "domain", [&](std::string_view domain) {
    const Slot s = domain == "mobile" ? kMobile : domain == "ics" ? kIcs : kEnterprise;
    if (first || s < slot) slot = s;
    first = false;
  });
  return slot;
}

Fact ExchangeReader::fact_for(Slot slot, std::string_view subject, std::string_view object) {
  std::vector<std::uint32_t> cited;
  const auto found = provenance_.find(std::string(subject) + ' ' + std::string(object));
  if (found != provenance_.end()) {
    for (const std::int64_t number : found->second) {
      const auto reference = references_.find(number);
      if (reference == references_.end()) continue;
      cited.push_back(part_[slot].reference(reference->second.name, "", reference->second.date));
    }
  }
  return part_[slot].fact(std::move(cited), Date{});
}

void ExchangeReader::relations(const dom::object& json, std::string_view key, Slot slot, std::vector<Relation>& out) {
  const std::string_view subject = text_of(json, "id");
  each_text_of(json, key, [&](std::string_view id) { out.push_back({std::string(id), fact_for(slot, subject, id)}); });
}

void ExchangeReader::read_sources(const dom::object& json) {
  each_object_of(json, "datasets", [&](const dom::object& source) {
    const std::string_view name = text_of(source, "name");
    for (Part& part : part_) {
      if (part.dataset.name != name) continue;
      part.dataset.version = std::string(text_of(source, "version"));
      part.dataset.licence = std::string(text_of(source, "licence"));
      part.dataset.notice = std::string(text_of(source, "notice"));
      if (const auto date = Date::parse(text_of(source, "date"))) part.dataset.date = *date;
    }
  });
}

void ExchangeReader::read_reference(const dom::object& json) {
  std::string name;
  each_text_of(json, "names", [&](std::string_view text) {
    if (name.empty()) name = std::string(text);
  });
  references_[number_of(json, "id", -1)] = {std::move(name), Date::parse(text_of(json, "date")).value_or(Date{})};
}

void ExchangeReader::read_provenance(const dom::object& json) {
  const std::string_view subject = text_of(json, "id");
  dom::object uses;
  if (json["uses"].get(uses) != simdjson::SUCCESS) return;
  for (const dom::key_value_pair pair : uses) {
    std::vector<std::int64_t>& numbers = provenance_[std::string(subject) + ' ' + std::string(pair.key)];
    dom::array array;
    if (pair.value.get(array) != simdjson::SUCCESS) continue;
    for (const dom::element element : array) {
      std::int64_t n = 0;
      if (element.get(n) == simdjson::SUCCESS) numbers.push_back(n);
    }
  }
}

void ExchangeReader::read_group(const dom::object& json) {
  const std::string_view id = text_of(json, "id");
  if (!is_group_id(id) || text_of(json, "name").empty()) {
    problems_.add(id.empty() ? "a group" : std::string(id), id.empty()        ? "has no id"
                                                            : is_group_id(id) ? "has no name"
                                                                              : "has an id of no known catalogue");
    return;
  }
  const Slot slot = slot_of(json);
  Group group;
  group.id = std::string(id);
  group.name = std::string(text_of(json, "name"));
  each_text_of(json, "aliases", [&](std::string_view alias) {
    group.aliases.push_back({std::string(alias), "attack alias", {}});
  });
  relations(json, "techniques", slot, group.techniques);
  relations(json, "software", slot, group.software);
  for (const auto* list : {&group.techniques, &group.software}) {
    for (const Relation& r : *list) group.fact.known = earlier(group.fact.known, r.fact.known);
  }
  // What MISP claims of it.
  Group claims;
  claims.id = group.id;
  dom::object misp;
  if (json["misp"].get(misp) == simdjson::SUCCESS)
    claims.other_ids.push_back("misp:" + std::string(text_of(misp, "uuid")));
  const std::string_view country = country_code(text_of(json, "country"));
  if (!country.empty()) claims.countries.push_back({std::string(country), CountryClaim::Role::kOrigin, {}});
  each_text_of(json, "state_sponsor", [&](std::string_view text) {
    const std::string_view code = country_code(text);
    if (!code.empty()) claims.countries.push_back({std::string(code), CountryClaim::Role::kStateSponsor, {}});
  });
  each_text_of(json, "victims", [&](std::string_view text) {
    const std::string_view code = country_code(text);
    if (!code.empty()) claims.victims.push_back({std::string(code), {}});
  });
  each_text_of(json, "victims_other", [&](std::string_view text) {
    claims.victims_other.push_back({std::string(text), {}});
  });
  each_text_of(json, "target_categories", [&](std::string_view text) {
    claims.target_categories.push_back({std::string(text), {}});
  });
  each_text_of(json, "targeted_sectors", [&](std::string_view text) {
    claims.target_categories.push_back({std::string(text), {}});
  });
  each_text_of(json, "incident_types", [&](std::string_view text) {
    claims.incident_types.push_back({std::string(text), {}});
  });
  const std::int64_t confidence = number_of(json, "attribution_confidence", -1);
  if (confidence >= 0 && confidence <= 100) claims.attribution_confidence = static_cast<int>(confidence);
  part_[slot].groups.push_back(std::move(group));
  if (!claims.other_ids.empty()) part_[kMisp].groups.push_back(std::move(claims));
}

void ExchangeReader::read_software(const dom::object& json) {
  const Slot slot = slot_of(json);
  Software software;
  software.id = std::string(text_of(json, "id"));
  software.name = std::string(text_of(json, "name"));
  software.tool = text_of(json, "type") == "tool";
  each_text_of(json, "aliases", [&](std::string_view alias) { software.aliases.emplace_back(alias); });
  relations(json, "techniques", slot, software.techniques);
  for (const Relation& r : software.techniques) software.fact.known = earlier(software.fact.known, r.fact.known);
  part_[slot].software.push_back(std::move(software));
}

void ExchangeReader::read_technique(const dom::object& json) {
  Technique technique;
  technique.id = std::string(text_of(json, "id"));
  technique.name = std::string(text_of(json, "name"));
  technique.parent = std::string(text_of(json, "parent"));
  each_text_of(json, "tactics", [&](std::string_view tactic) { technique.tactics.emplace_back(tactic); });
  technique.network_observable = true_of(json, "network_observable");
  part_[slot_of(json)].techniques.push_back(std::move(technique));
}

void ExchangeReader::read_campaign(const dom::object& json) {
  const Slot slot = slot_of(json);
  Campaign campaign;
  campaign.id = std::string(text_of(json, "id"));
  campaign.name = std::string(text_of(json, "name"));
  campaign.first_seen = Date::parse(text_of(json, "first_seen")).value_or(Date{});
  campaign.last_seen = Date::parse(text_of(json, "last_seen")).value_or(Date{});
  each_text_of(json, "aliases", [&](std::string_view alias) { campaign.aliases.emplace_back(alias); });
  relations(json, "techniques", slot, campaign.techniques);
  relations(json, "software", slot, campaign.software);
  std::vector<std::uint32_t> cited;
  each_of(json, "refs", [&](const dom::element& element) {
    std::int64_t n = 0;
    if (element.get(n) != simdjson::SUCCESS) return;
    const auto reference = references_.find(n);
    if (reference != references_.end())
      cited.push_back(part_[slot].reference(reference->second.name, "", reference->second.date));
  });
  campaign.fact = part_[slot].fact(std::move(cited), Date{});
  each_text_of(json, "attributed_to", [&](std::string_view group) {
    campaign.attributed_to.push_back({std::string(group), campaign.fact});
  });
  part_[slot].campaigns.push_back(std::move(campaign));
}

void ExchangeReader::read_trail(const dom::object& json) {
  Part& part = part_[kMaltrail];
  const std::string actor(text_of(json, "actor"));
  if (actor.empty()) {
    problems_.add("a trail", "has no actor");
    return;
  }
  Group group;
  group.id = "maltrail:" + actor;
  group.name = actor;
  const std::string_view joined = text_of(json, "attack");
  if (!joined.empty()) group.other_ids.emplace_back(joined);
  each_text_of(json, "aliases", [&](std::string_view alias) {
    group.aliases.push_back({std::string(alias), "maltrail alias", {}});
  });
  each_object_of(json, "reports", [&](const dom::object& row) {
    Report report;
    report.id = std::string(text_of(row, "id"));
    report.actor = actor;
    report.kind = std::string(text_of(row, "kind"));
    const std::string_view first = text_of(row, "ref");
    if (!first.empty()) report.urls_of_report.emplace_back(first);
    each_text_of(row, "refs", [&](std::string_view url) { report.urls_of_report.emplace_back(url); });
    report.date = Date::parse(text_of(row, "date")).value_or(Date{});
    report.date_upper = Date::parse(text_of(row, "date_upper")).value_or(report.date);
    report.added = std::string(text_of(row, "added"));
    each_text_of(row, "domains", [&](std::string_view x) { report.domains.emplace_back(x); });
    each_text_of(row, "url_hosts", [&](std::string_view x) { report.url_hosts.emplace_back(x); });
    each_text_of(row, "ips", [&](std::string_view x) { report.ips.emplace_back(x); });
    each_text_of(row, "urls", [&](std::string_view x) { report.urls.emplace_back(x); });
    dom::object labels;
    if (row["labels"].get(labels) == simdjson::SUCCESS) {
      for (const dom::key_value_pair pair : labels) {
        dom::array array;
        if (pair.value.get(array) != simdjson::SUCCESS) continue;
        for (const dom::element element : array) report.labels[std::string(pair.key)].emplace_back(text_of(element));
      }
    }
    if (report.date.known() && (!part.dataset.date.known() || part.dataset.date < report.date))
      part.dataset.date = report.date;
    group.fact.known = earlier(group.fact.known, report.date_upper);
    if (report.id.empty()) {
      problems_.add(actor, "a report without an id");
    } else {
      part.reports.push_back(std::move(report));
    }
  });
  part.groups.push_back(std::move(group));
}

void ExchangeReader::read(const std::vector<ExchangeFile>& files) {
  part_[kEnterprise].dataset.name = "MITRE ATT&CK enterprise";
  part_[kMobile].dataset.name = "MITRE ATT&CK mobile";
  part_[kIcs].dataset.name = "MITRE ATT&CK ics";
  part_[kMisp].dataset.name = "MISP galaxy threat-actor";
  part_[kMaltrail].dataset.name = "maltrail";
  for (const Slot slot : {kEnterprise, kMobile, kIcs}) part_[slot].dataset.licence = "ATT&CK terms of use";
  part_[kMisp].dataset.licence = "CC0-1.0 or BSD-2-Clause";
  part_[kMaltrail].dataset.licence = "MIT";
  // References and what cites them first; the subjects after.
  std::set<std::string> digests;
  for (int round = 0; round < 2; ++round) {
    for (const ExchangeFile& file : files) {
      dom::parser parser;
      dom::element root;
      const auto error = parser.parse(file.text.data(), file.text.size(), true).get(root);
      if (error != simdjson::SUCCESS) {
        if (round == 0) problems_.add(file.name, std::string("no valid JSON: ") + simdjson::error_message(error));
        continue;
      }
      if (round == 0) digests.insert(base::digest_hex(base::DigestKind::kSha256, base::as_bytes(file.text)));
      dom::object object;
      if (root.get(object) == simdjson::SUCCESS) {
        if (round == 0) read_sources(object);
        continue;
      }
      dom::array array;
      if (root.get(array) != simdjson::SUCCESS) continue;
      std::size_t position = 0;
      for (const dom::element element : array) {
        ++position;
        dom::object row;
        if (element.get(row) != simdjson::SUCCESS) {
          if (round == 0) problems_.add(file.name + ", element " + std::to_string(position), "is no JSON object");
          continue;
        }
        const std::string_view id = text_of(row, "id");
        if (round == 0) {
          if (has(row, "names"))
            read_reference(row);
          else if (has(row, "uses"))
            read_provenance(row);
          continue;
        }
        if (has(row, "actor") && has(row, "reports"))
          read_trail(row);
        else if (has(row, "names") || has(row, "uses"))
          continue;
        else if (is_attack_id(id, 'T'))
          read_technique(row);
        else if (is_attack_id(id, 'S'))
          read_software(row);
        else if (is_attack_id(id, 'C'))
          read_campaign(row);
        else if (is_attack_id(id, 'G'))
          read_group(row);
        else
          problems_.add(file.name + ", element " + std::to_string(position),
                        "is no group, software, technique, campaign, reference or trail");
      }
    }
  }
  std::string all;
  for (const std::string& digest : digests) all += digest;
  const std::string digest = base::digest_hex(base::DigestKind::kSha256, base::as_bytes(all));
  for (Part& part : part_) {
    if (part.groups.empty() && part.software.empty() && part.techniques.empty() && part.campaigns.empty() &&
        part.reports.empty())
      continue;
    part.dataset.digest = digest;
    parts_.push_back(std::move(part));
  }
}

}  // namespace

void read_exchange(const std::vector<ExchangeFile>& files, std::vector<Part>& parts, Problems& problems) {
  if (!files.empty()) ExchangeReader(parts, problems).read(files);
}

}  // namespace whodunit::knowledge
