// Reads the digested arrays of facts (docs/attribution.md, "A folder of facts").
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "attribution/model/actor_table_input.h"
#include "base/hash.h"
#include "base/time.h"

namespace whodunit::attribution {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::vector<std::string> list_of(const Json& object, const char* key) {
  std::vector<std::string> out;
  const auto it = object.find(key);
  if (it == object.end()) return out;
  if (it->is_string()) out.push_back(it->get<std::string>());
  if (it->is_array()) {
    for (const Json& x : *it) {
      if (x.is_string()) out.push_back(x.get<std::string>());
    }
  }
  return out;
}

std::int32_t day_of(const Json& object, const char* key) {
  const std::string text = text_of(object, key);
  if (text.empty()) return kNoDay;
  const auto time = base::parse_time(text);
  return time ? static_cast<std::int32_t>(time->ns / 86'400'000'000'000ll) : kNoDay;
}

/// The array in a file; null where there is no such file.
base::Result<Json> read_array(const std::string& path, std::string& digest) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Json();
  std::stringstream buffer;
  buffer << in.rdbuf();
  const std::string text = buffer.str();
  digest += base::digest_hex(base::DigestKind::kSha256, base::as_bytes(text));
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) {
    try {
      const Json unreached = Json::parse(text);
      return base::Error{"not JSON", path, {}};
    } catch (const Json::parse_error& error) {
      return base::Error{error.what(), path + ", byte " + std::to_string(error.byte),
                         "every file is a JSON array of objects"};
    }
  }
  if (!json.is_array()) return base::Error{"not a JSON array", path, "every file is a JSON array of objects"};
  for (const Json& row : json) {
    if (!row.is_object())
      return base::Error{"an element is not an object", path, "every file is a JSON array of objects"};
  }
  return json;
}

}  // namespace

base::Result<std::shared_ptr<const ActorTable>> ActorTable::load_digested(const std::string& folder) {
  ActorTableInput input;
  std::string digests;
  std::size_t taken = 0;
  std::optional<base::Error> failed;
  const auto each = [&](const char* name, auto&& take) {
    if (failed) return;
    std::string path = folder + "/" + name;
    // The folder infra/ by itself, too.
    std::error_code error;
    const std::filesystem::path alone = std::filesystem::path(folder) / std::filesystem::path(name).filename();
    if (!std::filesystem::exists(path, error) && std::filesystem::exists(alone, error)) path = alone.string();
    auto rows = read_array(path, digests);
    if (!rows) {
      failed = rows.error();
      return;
    }
    if (!rows->is_array()) return;
    ++taken;
    for (const Json& row : *rows) take(row);
  };
  each("techniques.json", [&](const Json& row) {
    input.techniques.push_back({text_of(row, "id"), text_of(row, "name"), row.value("network_observable", false)});
  });
  each("software.json", [&](const Json& row) {
    input.software.push_back(
        {text_of(row, "id"), text_of(row, "name"), text_of(row, "type") == "tool", list_of(row, "aliases")});
  });
  each("groups.json", [&](const Json& row) {
    ActorTableInput::Group g;
    g.key = g.attack_id = text_of(row, "id");
    g.name = text_of(row, "name");
    g.country = text_of(row, "country");
    g.state_sponsored = !list_of(row, "state_sponsor").empty();
    g.aliases = list_of(row, "aliases");
    g.techniques = list_of(row, "techniques");
    g.software = list_of(row, "software");
    g.victims = list_of(row, "victims");
    g.categories = list_of(row, "target_categories");
    if (!g.country.empty() && !g.victims.empty()) {
      std::string id = g.key;
      std::string name = g.name;
      if (const auto misp = row.find("misp"); misp != row.end() && misp->is_object()) {
        id = text_of(*misp, "uuid");
        name = text_of(*misp, "name");
      }
      input.victim_rows.push_back({id.empty() ? g.key : id, name, g.country, g.victims});
    }
    input.groups.push_back(std::move(g));
  });
  each("campaigns.json", [&](const Json& row) {
    const auto groups = list_of(row, "attributed_to");
    if (!groups.empty()) {
      input.campaigns.push_back({text_of(row, "id"), groups, list_of(row, "techniques"), list_of(row, "software")});
    }
  });
  each("eval_victims.json", [&](const Json& row) {
    VictimRow v{text_of(row, "id"), text_of(row, "name"), text_of(row, "country"), list_of(row, "victims")};
    if (!v.country.empty()) input.victim_rows.push_back(std::move(v));
  });
  each("infra/trails.json", [&](const Json& row) {
    ActorTableInput::Group g;
    const std::string file = text_of(row, "actor");
    g.attack_id = text_of(row, "attack");
    g.key = g.attack_id.empty() ? file : g.attack_id;
    g.name = g.attack_id.empty() ? file : text_of(row, "attack_name");
    g.country = text_of(row, "country");
    if (g.attack_id.empty()) g.aliases = list_of(row, "aliases");
    const bool known = file != "apt_unclassified";
    const auto reports = row.find("reports");
    if (reports != row.end() && reports->is_array()) {
      for (const Json& r : *reports) {
        ActorTableInput::Report report;
        report.id = text_of(r, "id");
        report.actor = g.key;
        report.day = day_of(r, "date");
        report.known_by = day_of(r, "date_upper");
        report.usable = known && !text_of(r, "ref").empty();
        report.names = list_of(r, "domains");
        for (const std::string& host : list_of(r, "url_hosts")) report.names.push_back(host);
        report.addresses = list_of(r, "ips");
        // Hosts of entries with a path may be addresses, too.
        for (auto it = report.names.begin(); it != report.names.end();) {
          if (!it->empty() && it->find_first_not_of("0123456789.") == std::string::npos) {
            report.addresses.push_back(*it);
            it = report.names.erase(it);
          } else {
            ++it;
          }
        }
        input.reports.push_back(std::move(report));
      }
    }
    if (known) {
      for (const std::string& other : list_of(row, "attack_other")) input.namesakes.emplace_back(g.key, other);
      input.groups.push_back(std::move(g));
    }
  });
  each("infra/background_train.json",
       [&](const Json& row) { input.background.push_back(list_of(row, "observables")); });
  if (failed) return *failed;
  if (taken == 0) {
    return base::Error{
        "no facts about actors in this folder", folder,
        "it should hold groups.json, software.json, techniques.json, campaigns.json or infra/trails.json"};
  }
  // A group that was joined to its MISP entry and that entry itself are one row of the victims' table.
  std::sort(input.victim_rows.begin(), input.victim_rows.end(), [](const VictimRow& a, const VictimRow& b) {
    return std::tie(a.id, b.victims) < std::tie(b.id, a.victims);
  });
  input.victim_rows.erase(std::unique(input.victim_rows.begin(), input.victim_rows.end(),
                                      [](const VictimRow& a, const VictimRow& b) { return a.id == b.id; }),
                          input.victim_rows.end());
  input.digest = base::digest_hex(base::DigestKind::kSha256, base::as_bytes(digests));
  return std::move(input).build();
}

}  // namespace whodunit::attribution
