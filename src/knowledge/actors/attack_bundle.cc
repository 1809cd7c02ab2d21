// STIX 2.0 and 2.1 bundles with actors: MITRE ATT&CK's (with its x_mitre_ extensions), and others' intrusion sets.
#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "base/hash.h"
#include "knowledge/actors/part.h"
#include "knowledge/json_access.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

namespace {

struct Object {
  dom::object json;
  std::string_view type;
  std::string id;  // ATT&CK's id, or "stix:…" for an intrusion set that has none
  bool revoked = false, deprecated = false;
  Date created;
};

class BundleReader {
 public:
  BundleReader(std::string_view file, Part& part, Problems& problems) : file_(file), part_(part), problems_(problems) {}

  void read(const dom::array& objects);

 private:
  std::string where(std::string_view id) const { return std::string(file_) + ", " + std::string(id); }
  void index(const dom::element& element, std::size_t position);
  std::vector<std::uint32_t> cited(const dom::object& json);
  void add_aliases(const Object& object, std::string_view key, std::string_view name, std::vector<Alias>* out,
                   std::vector<std::string>* plain);
  void add_subject(const Object& object);
  void add_relationship(std::string_view stix_id, const dom::object& json);
  const Object* resolved(std::string_view stix_id);
  void mark_network_observable();

  std::string_view file_;
  Part& part_;
  Problems& problems_;
  std::unordered_map<std::string_view, Object> objects_;
  std::vector<std::string_view> order_;
  std::vector<std::pair<std::string_view, dom::object>> relationships_;
  std::unordered_map<std::string_view, std::string_view> revoked_by_;
  std::map<std::string, std::size_t> group_at_, software_at_, technique_at_, campaign_at_;
  std::map<std::string_view, int> domains_;
  std::set<std::string> observable_;  // techniques by id
};

std::string_view attack_id_of(const dom::object& json) {
  std::string_view id;
  each_object_of(json, "external_references", [&](const dom::object& reference) {
    const std::string_view source = text_of(reference, "source_name");
    if (id.empty() && (source == "mitre-attack" || source == "mitre-mobile-attack" || source == "mitre-ics-attack")) {
      id = text_of(reference, "external_id");
    }
  });
  return id;
}

void BundleReader::index(const dom::element& element, std::size_t position) {
  dom::object json;
  if (element.get(json) != simdjson::SUCCESS) {
    problems_.add(where("object " + std::to_string(position)), "is no JSON object");
    return;
  }
  const std::string_view stix_id = text_of(json, "id");
  const std::string_view type = text_of(json, "type");
  if (stix_id.empty() || type.empty()) {
    problems_.add(where(stix_id.empty() ? "object " + std::to_string(position) : std::string(stix_id)),
                  stix_id.empty() ? "has no id" : "has no type");
    return;
  }
  if (type == "relationship") {
    relationships_.emplace_back(stix_id, json);
    return;
  }
  Object object;
  object.json = json;
  object.type = type;
  object.revoked = true_of(json, "revoked");
  object.deprecated = true_of(json, "x_mitre_deprecated");
  if (const auto date = Date::parse(text_of(json, "created"))) object.created = *date;
  if (type == "x-mitre-collection") {
    part_.dataset.version = std::string(text_of(json, "x_mitre_version"));
  } else if (type == "marking-definition") {
    dom::object definition;
    if (json["definition"].get(definition) == simdjson::SUCCESS && part_.dataset.notice.empty()) {
      part_.dataset.notice = std::string(text_of(definition, "statement"));
    }
  }
  const bool actor_type = type == "intrusion-set" || type == "malware" || type == "tool" || type == "attack-pattern" ||
                          type == "campaign" || type == "threat-actor";
  if (actor_type) {
    each_text_of(json, "x_mitre_domains", [&](std::string_view domain) { ++domains_[domain]; });
    object.id = std::string(attack_id_of(json));
    if ((type == "intrusion-set" || type == "threat-actor") && !is_attack_group_id(object.id)) object.id.clear();
    if (object.id.empty() && (type == "intrusion-set" || type == "threat-actor" || type == "campaign"))
      object.id = "stix:" + std::string(stix_id);
    if (object.id.empty() && !object.revoked && !object.deprecated) {
      // Malware and techniques without an id that others share say nothing that can be compared.
      problems_.add(where(stix_id), "has no ATT&CK id in its external_references");
      return;
    }
    if (text_of(json, "name").empty() && !object.revoked && !object.deprecated) {
      problems_.add(where(stix_id), "has no name");
      return;
    }
  }
  if (!objects_.emplace(stix_id, std::move(object)).second) {
    problems_.add(where(stix_id), "stands in the bundle twice; the first one is taken");
    return;
  }
  order_.push_back(stix_id);
}

std::vector<std::uint32_t> BundleReader::cited(const dom::object& json) {
  std::vector<std::uint32_t> out;
  each_object_of(json, "external_references", [&](const dom::object& reference) {
    const std::string_view source = text_of(reference, "source_name");
    const std::string_view url = text_of(reference, "url");
    const std::string_view description = text_of(reference, "description");
    if (source.empty() || source.substr(0, 6) == "mitre-") return;
    // An entry that explains an alias: "(Citation: …)", no report of its own.
    if (url.empty() && (description.empty() || description.substr(0, 10) == "(Citation:")) return;
    out.push_back(part_.reference(source, url, citation_date(description, url)));
  });
  return out;
}

void BundleReader::add_aliases(const Object& object, std::string_view key, std::string_view name,
                               std::vector<Alias>* out, std::vector<std::string>* plain) {
  // Which reports an alias rests on stands in an external reference of the alias's name.
  std::map<std::string_view, std::string_view> explained;
  std::map<std::string_view, std::pair<std::string_view, Date>> reports;
  each_object_of(object.json, "external_references", [&](const dom::object& reference) {
    const std::string_view source = text_of(reference, "source_name");
    const std::string_view description = text_of(reference, "description");
    explained.emplace(source, description);
    reports.emplace(source,
                    std::pair{text_of(reference, "url"), citation_date(description, text_of(reference, "url"))});
  });
  each_text_of(object.json, key, [&](std::string_view alias) {
    alias = trimmed(alias);
    if (alias.empty() || alias == name) return;
    if (plain != nullptr) plain->emplace_back(alias);
    if (out == nullptr) return;
    std::vector<std::uint32_t> numbers;
    const auto note = explained.find(alias);
    if (note != explained.end()) {
      std::string_view text = note->second;
      for (std::size_t at = 0; (at = text.find("(Citation: ", at)) != std::string_view::npos;) {
        at += 11;
        const std::size_t end = text.find(')', at);
        if (end == std::string_view::npos) break;
        const auto report = reports.find(text.substr(at, end - at));
        if (report != reports.end())
          numbers.push_back(part_.reference(report->first, report->second.first, report->second.second));
      }
    }
    out->push_back({std::string(alias), "attack alias", part_.fact(std::move(numbers), object.created)});
  });
}

void BundleReader::add_subject(const Object& object) {
  const std::string_view name = text_of(object.json, "name");
  const auto fresh = [&](std::map<std::string, std::size_t>& index, std::size_t next) {
    const bool is_new = index.emplace(object.id, next).second;
    if (!is_new) problems_.add(where(object.id), "two objects have this id; the first one is taken");
    return is_new;
  };
  if (object.type == "intrusion-set" || object.type == "threat-actor") {
    if (!fresh(group_at_, part_.groups.size())) return;
    Group group;
    group.id = object.id;
    group.name = std::string(name);
    group.other_ids.push_back("stix:" + std::string(text_of(object.json, "id")));
    group.fact = part_.fact(cited(object.json), object.created);
    add_aliases(object, "aliases", name, &group.aliases, nullptr);
    part_.groups.push_back(std::move(group));
  } else if (object.type == "malware" || object.type == "tool") {
    if (!fresh(software_at_, part_.software.size())) return;
    Software software;
    software.id = object.id;
    software.name = std::string(name);
    software.tool = object.type == "tool";
    software.fact = part_.fact(cited(object.json), object.created);
    add_aliases(object, has(object.json, "x_mitre_aliases") ? "x_mitre_aliases" : "aliases", name, nullptr,
                &software.aliases);
    part_.software.push_back(std::move(software));
  } else if (object.type == "attack-pattern") {
    if (!fresh(technique_at_, part_.techniques.size())) return;
    Technique technique;
    technique.id = object.id;
    technique.name = std::string(name);
    const std::size_t dot = object.id.find('.');
    if (dot != std::string::npos) technique.parent = object.id.substr(0, dot);
    each_object_of(object.json, "kill_chain_phases", [&](const dom::object& phase) {
      const std::string_view tactic = text_of(phase, "phase_name");
      if (!tactic.empty() &&
          std::find(technique.tactics.begin(), technique.tactics.end(), tactic) == technique.tactics.end()) {
        technique.tactics.emplace_back(tactic);
      }
    });
    std::sort(technique.tactics.begin(), technique.tactics.end());
    technique.fact = part_.fact({}, object.created);
    part_.techniques.push_back(std::move(technique));
  } else if (object.type == "campaign") {
    if (!fresh(campaign_at_, part_.campaigns.size())) return;
    Campaign campaign;
    campaign.id = object.id;
    campaign.name = std::string(name);
    campaign.first_seen = Date::parse(text_of(object.json, "first_seen")).value_or(Date{});
    campaign.last_seen = Date::parse(text_of(object.json, "last_seen")).value_or(Date{});
    each_text_of(object.json, "aliases", [&](std::string_view alias) {
      if (alias != name) campaign.aliases.emplace_back(alias);
    });
    campaign.fact = part_.fact(cited(object.json), object.created);
    part_.campaigns.push_back(std::move(campaign));
  }
}

/// Follows "revoked-by" to an object that stands; null where there is none or the chain bites its tail.
const Object* BundleReader::resolved(std::string_view stix_id) {
  for (int step = 0; step < 16; ++step) {
    const auto found = objects_.find(stix_id);
    if (found == objects_.end()) return nullptr;
    if (!found->second.revoked) return found->second.deprecated ? nullptr : &found->second;
    const auto next = revoked_by_.find(stix_id);
    if (next == revoked_by_.end()) return nullptr;
    stix_id = next->second;
  }
  problems_.add(where(stix_id), "is revoked by objects that are revoked in a circle");
  return nullptr;
}

void BundleReader::add_relationship(std::string_view stix_id, const dom::object& json) {
  const std::string_view type = text_of(json, "relationship_type");
  const std::string_view source_ref = text_of(json, "source_ref");
  const std::string_view target_ref = text_of(json, "target_ref");
  if (type.empty() || source_ref.empty() || target_ref.empty()) {
    problems_.add(where(stix_id), std::string("has no ") + (type.empty()         ? "relationship_type"
                                                            : source_ref.empty() ? "source_ref"
                                                                                 : "target_ref"));
    return;
  }
  if (true_of(json, "revoked") || true_of(json, "x_mitre_deprecated")) return;
  if (type != "uses" && type != "attributed-to") return;
  for (const std::string_view end : {source_ref, target_ref}) {
    if (objects_.find(end) == objects_.end()) {
      problems_.add(where(stix_id), "speaks of " + std::string(end) + ", which is not in the bundle");
      return;
    }
  }
  const Object* source = resolved(source_ref);
  const Object* target = resolved(target_ref);
  if (source == nullptr || target == nullptr || target->id.empty() || source->id.empty())
    return;  // deprecated: nothing to say
  Relation relation;
  relation.id = target->id;
  relation.fact = part_.fact(cited(json), Date::parse(text_of(json, "created")).value_or(Date{}));
  const bool to_technique = target->type == "attack-pattern";
  const bool to_software = target->type == "malware" || target->type == "tool";
  if (const auto at = group_at_.find(source->id); at != group_at_.end() && type == "uses") {
    Group& group = part_.groups[at->second];
    if (to_technique)
      group.techniques.push_back(std::move(relation));
    else if (to_software)
      group.software.push_back(std::move(relation));
  } else if (const auto tool = software_at_.find(source->id); tool != software_at_.end() && type == "uses") {
    if (to_technique) part_.software[tool->second].techniques.push_back(std::move(relation));
  } else if (const auto campaign = campaign_at_.find(source->id); campaign != campaign_at_.end()) {
    Campaign& c = part_.campaigns[campaign->second];
    if (type == "attributed-to")
      c.attributed_to.push_back(std::move(relation));
    else if (to_technique)
      c.techniques.push_back(std::move(relation));
    else if (to_software)
      c.software.push_back(std::move(relation));
  }
}

/// Since v18 strategies detect techniques by analytics, whose log sources name a data component and a sensor; before,
/// components detect techniques themselves. Traffic itself counts, and connections where a sensor on the network logs
/// them (not where a host logs its own).
void BundleReader::mark_network_observable() {
  std::set<std::string_view> traffic, connections;  // data components
  for (const auto& [stix_id, object] : objects_) {
    if (object.type != "x-mitre-data-component") continue;
    const std::string_view name = text_of(object.json, "name");
    if (name.substr(0, 15) == "Network Traffic") traffic.insert(stix_id);
    if (name.substr(0, 18) == "Network Connection") connections.insert(stix_id);
  }
  const auto on_the_network = [](std::string_view sensor) {
    for (const std::string_view word : {"NSM:", "Network Traffic", "flow", "networkdevice", "IDS", "firewall"}) {
      if (contains_ignoring_case(sensor, word)) return true;
    }
    return false;
  };
  std::set<std::string_view> detectors = traffic;
  detectors.insert(connections.begin(), connections.end());
  for (const auto& [stix_id, object] : objects_) {
    if (object.type != "x-mitre-detection-strategy") continue;
    bool reads_network = false;
    each_text_of(object.json, "x_mitre_analytic_refs", [&](std::string_view analytic) {
      const auto found = objects_.find(analytic);
      if (found == objects_.end()) return;
      each_object_of(found->second.json, "x_mitre_log_source_references", [&](const dom::object& log) {
        const std::string_view component = text_of(log, "x_mitre_data_component_ref");
        if (traffic.count(component) != 0 ||
            (connections.count(component) != 0 && on_the_network(text_of(log, "name")))) {
          reads_network = true;
        }
      });
    });
    if (reads_network) detectors.insert(stix_id);
  }
  for (const auto& [stix_id, json] : relationships_) {
    if (text_of(json, "relationship_type") != "detects" || detectors.count(text_of(json, "source_ref")) == 0) continue;
    const auto target = objects_.find(text_of(json, "target_ref"));
    if (target != objects_.end()) observable_.insert(target->second.id);
  }
}

void BundleReader::read(const dom::array& objects) {
  std::size_t position = 0;
  for (const dom::element element : objects) {
    index(element, position++);
    dom::object json;
    if (element.get(json) == simdjson::SUCCESS) {
      if (const auto date = Date::parse(text_of(json, "modified"))) {
        if (!part_.dataset.date.known() || part_.dataset.date < *date) part_.dataset.date = *date;
      }
    }
  }
  for (const auto& [stix_id, json] : relationships_) {
    if (text_of(json, "relationship_type") == "revoked-by")
      revoked_by_.emplace(text_of(json, "source_ref"), text_of(json, "target_ref"));
  }
  for (const std::string_view stix_id : order_) {
    const Object& object = objects_.at(stix_id);
    if (!object.id.empty() && !object.revoked && !object.deprecated) add_subject(object);
  }
  for (const std::string_view stix_id : order_) {
    const Object& object = objects_.at(stix_id);
    if (!object.revoked || object.id.empty()) continue;
    const Object* successor = resolved(stix_id);
    if (object.type == "attack-pattern") {
      if (successor == nullptr || successor->id.empty() || technique_at_.count(object.id) != 0) continue;
      Technique technique;
      technique.id = object.id;
      technique.name = std::string(text_of(object.json, "name"));
      technique.replaced_by = successor->id;
      technique.fact = part_.fact({}, object.created);
      technique_at_.emplace(object.id, part_.techniques.size());
      part_.techniques.push_back(std::move(technique));
    } else if (object.type == "intrusion-set" && successor != nullptr) {
      const auto at = group_at_.find(successor->id);
      if (at == group_at_.end()) continue;
      Group& group = part_.groups[at->second];
      group.other_ids.push_back(object.id);
      group.aliases.push_back(
          {std::string(text_of(object.json, "name")), "attack revoked-by", part_.fact({}, object.created)});
    }
  }
  for (const auto& [stix_id, json] : relationships_) add_relationship(stix_id, json);
  mark_network_observable();
  for (Technique& technique : part_.techniques) technique.network_observable = observable_.count(technique.id) != 0;
  std::string_view domain;
  for (const auto& [name, count] : domains_) {
    if (domain.empty() || count > domains_[domain]) domain = name;
  }
  if (domain.size() > 7 && domain.substr(domain.size() - 7) == "-attack") domain.remove_suffix(7);
  if (!domain.empty()) {
    part_.dataset.name = "MITRE ATT&CK " + std::string(domain);
    part_.dataset.licence = "ATT&CK terms of use";
  }
}

}  // namespace

base::Result<void> read_attack_bundle(std::string_view name, std::string_view text, std::vector<Part>& parts,
                                      Problems& problems) {
  dom::parser parser;
  auto parsed = parse_json(parser, name, text);
  if (!parsed) return parsed.error();
  const dom::element root = *parsed;
  dom::object bundle;
  dom::array objects;
  if (root.get(bundle) != simdjson::SUCCESS || bundle["objects"].get(objects) != simdjson::SUCCESS) {
    return base::Error{"a STIX bundle without \"objects\"", std::string(name), ""};
  }
  Part part;
  part.dataset.name = std::string(name);
  part.dataset.digest = base::digest_hex(base::DigestKind::kSha256, base::as_bytes(text));
  BundleReader(name, part, problems).read(objects);
  if (part.groups.empty() && part.software.empty() && part.techniques.empty() && part.campaigns.empty()) {
    return base::Error{"a STIX bundle without groups, software, techniques or campaigns", std::string(name),
                       "bundles of indicators are added with: whodunit intel add"};
  }
  parts.push_back(std::move(part));
  return {};
}

}  // namespace whodunit::knowledge
