// MISP galaxy clusters of threat actors (https://www.misp-standard.org, galaxy format).
#include <algorithm>
#include <set>

#include "base/hash.h"
#include "knowledge/actors/countries.h"
#include "knowledge/actors/part.h"
#include "knowledge/json_access.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

namespace {

constexpr std::string_view kGroupPage = "attack.mitre.org/groups/";

void add_place(std::string_view text, std::vector<Claim>& countries, std::vector<Claim>& others) {
  text = trimmed(text);
  if (text.empty() || equal_ignoring_case(text, "unknown")) return;
  const std::string_view code = country_code(text);
  std::vector<Claim>& into = code.empty() ? others : countries;
  const std::string_view value = code.empty() ? text : code;
  for (const Claim& claim : into) {
    if (claim.value == value) return;
  }
  into.push_back({std::string(value), {}});
}

void add_claim(std::string_view text, std::vector<Claim>& claims) {
  text = trimmed(text);
  if (text.empty()) return;
  for (const Claim& claim : claims) {
    if (claim.value == text) return;
  }
  claims.push_back({std::string(text), {}});
}

void add_country(std::string_view text, CountryClaim::Role role, Group& group) {
  const std::string_view code = country_code(text);
  if (code.empty()) return;
  for (const CountryClaim& claim : group.countries) {
    if (claim.country == code && claim.role == role) return;
  }
  group.countries.push_back({std::string(code), role, {}});
}

Group read_actor(const dom::object& json) {
  Group group;
  group.id = "misp:" + std::string(text_of(json, "uuid"));
  group.name = std::string(trimmed(text_of(json, "value")));
  std::set<std::string> ids;  // of ATT&CK's groups that it names
  each_object_of(json, "related", [&](const dom::object& related) {
    // ATT&CK's intrusion sets keep their UUID in the galaxy; the kind of relation is "similar" for the same actor.
    if (text_of(related, "type") == "similar")
      ids.insert("stix:intrusion-set--" + std::string(text_of(related, "dest-uuid")));
  });
  dom::object meta;
  if (json["meta"].get(meta) == simdjson::SUCCESS) {
    each_text_of(meta, "synonyms", [&](std::string_view name) {
      name = trimmed(name);
      if (is_attack_group_id(name)) {
        ids.insert(std::string(name));
      } else if (!name.empty() && name != group.name) {
        group.aliases.push_back({std::string(name), "misp synonym", {}});
      }
    });
    each_text_of(meta, "name-attribution", [&](std::string_view entry) {
      const std::string_view name = trimmed(entry.substr(0, entry.rfind(':')));
      if (is_attack_group_id(name)) {
        ids.insert(std::string(name));
      } else if (!name.empty() && name != group.name) {
        group.aliases.push_back({std::string(name), "misp name-attribution", {}});
      }
    });
    each_text_of(meta, "refs", [&](std::string_view url) {
      const std::size_t at = url.find(kGroupPage);
      if (at == std::string_view::npos) return;
      const std::string_view id = url.substr(at + kGroupPage.size(), 5);
      if (is_attack_group_id(id)) ids.insert(std::string(id));
    });
    each_text_of(meta, "country",
                 [&](std::string_view text) { add_country(text, CountryClaim::Role::kOrigin, group); });
    each_text_of(meta, "cfr-suspected-state-sponsor",
                 [&](std::string_view text) { add_country(text, CountryClaim::Role::kStateSponsor, group); });
    for (const std::string_view key : {"cfr-suspected-victims", "suspected-victims"}) {
      each_text_of(meta, key, [&](std::string_view text) { add_place(text, group.victims, group.victims_other); });
    }
    each_text_of(meta, "cfr-target-category", [&](std::string_view text) { add_claim(text, group.target_categories); });
    each_text_of(meta, "targeted-sector", [&](std::string_view text) { add_claim(text, group.target_categories); });
    each_text_of(meta, "cfr-type-of-incident", [&](std::string_view text) {
      for (const std::string_view one : split(text, ',')) add_claim(one, group.incident_types);
    });
    const std::int64_t confidence = number_of(meta, "attribution-confidence", -1);
    if (confidence >= 0 && confidence <= 100) group.attribution_confidence = static_cast<int>(confidence);
  }
  group.other_ids.assign(ids.begin(), ids.end());
  return group;
}

}  // namespace

base::Result<void> read_misp_galaxy(std::string_view name, std::string_view text, std::vector<Part>& parts,
                                    Problems& problems) {
  dom::parser parser;
  auto parsed = parse_json(parser, name, text);
  if (!parsed) return parsed.error();
  const dom::element root = *parsed;
  dom::object cluster;
  dom::array values;
  if (root.get(cluster) != simdjson::SUCCESS || cluster["values"].get(values) != simdjson::SUCCESS) {
    return base::Error{"a MISP galaxy without \"values\"", std::string(name),
                       "give the file from clusters/, not from galaxies/"};
  }
  const std::string_view type = text_of(cluster, "type");
  if (type.find("actor") == std::string_view::npos && type.find("group") == std::string_view::npos &&
      type.find("intrusion-set") == std::string_view::npos) {
    return base::Error{"a MISP galaxy of type \"" + std::string(type) + "\", which holds no actors", std::string(name),
                       "give threat-actor.json"};
  }
  Part part;
  part.dataset.name = "MISP galaxy " + std::string(type);
  part.dataset.licence = "CC0-1.0 or BSD-2-Clause";
  part.dataset.digest = base::digest_hex(base::DigestKind::kSha256, base::as_bytes(text));
  const std::int64_t version = number_of(cluster, "version", -1);
  if (version >= 0) part.dataset.version = std::to_string(version);
  std::set<std::string> seen;
  std::size_t position = 0;
  for (const dom::element element : values) {
    ++position;
    dom::object json;
    const std::string where = std::string(name) + ", value " + std::to_string(position);
    if (element.get(json) != simdjson::SUCCESS) {
      problems.add(where, "is no JSON object");
      continue;
    }
    const std::string_view title = text_of(json, "value");
    if (title.empty() || text_of(json, "uuid").empty()) {
      problems.add(where + (title.empty() ? "" : " (" + std::string(title) + ")"),
                   title.empty() ? "has no \"value\"" : "has no \"uuid\"");
      continue;
    }
    Group group = read_actor(json);
    if (!seen.insert(group.id).second) {
      problems.add(where + " (" + group.name + ")", "its uuid stands twice; the first one is taken");
      continue;
    }
    part.groups.push_back(std::move(group));
  }
  parts.push_back(std::move(part));
  return {};
}

}  // namespace whodunit::knowledge
