#include "attribution/evidence_file.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

namespace whodunit::attribution {
namespace {

using Json = nlohmann::json;

struct Bad {
  std::string why;
};

std::vector<std::string> strings(const Json& object, const char* key) {
  std::vector<std::string> out;
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return out;
  if (it->is_string()) return {it->get<std::string>()};
  if (!it->is_array()) throw Bad{std::string("\"") + key + "\" is neither a string nor a list of strings"};
  for (const Json& x : *it) {
    if (!x.is_string()) throw Bad{std::string("\"") + key + "\" holds something that is no string"};
    out.push_back(x.get<std::string>());
  }
  return out;
}

std::string text(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return {};
  if (!it->is_string()) throw Bad{std::string("\"") + key + "\" is not a string"};
  return it->get<std::string>();
}

double number(const Json& object, const char* key, double otherwise) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return otherwise;
  if (!it->is_number()) throw Bad{std::string("\"") + key + "\" is not a number"};
  const double x = it->get<double>();
  if (!std::isfinite(x)) throw Bad{std::string("\"") + key + "\" is not finite"};
  return x;
}

std::optional<Level> level_of(std::string_view name) {
  for (const Level level : {Level::kInfrastructure, Level::kOperator, Level::kSponsor}) {
    if (name == to_string(level)) return level;
  }
  return std::nullopt;
}

ManualFact manual_of(const Json& row) {
  if (!row.is_object()) throw Bad{"\"manual\" holds something that is no object"};
  ManualFact fact;
  fact.statement = text(row, "statement");
  if (fact.statement.empty()) throw Bad{"an item of \"manual\" has no \"statement\""};
  fact.actor = text(row, "actor");
  if (const std::string level = text(row, "level"); !level.empty()) {
    const auto parsed = level_of(level);
    if (!parsed) throw Bad{"\"" + level + "\" is no level: infrastructure, operator or sponsor"};
    fact.level = *parsed;
  }
  fact.log_ratio = number(row, "log_ratio", 0);
  fact.forgeability = number(row, "forgeability", 0.5);
  if (const std::string grade = text(row, "grade"); !grade.empty()) {
    const auto parsed = parse_grade(grade);
    if (!parsed) throw Bad{"\"" + grade + "\" is no grade: a letter A–F and a digit 1–6"};
    fact.grade = *parsed;
  }
  fact.who = text(row, "who");
  fact.when = text(row, "when");
  fact.why = text(row, "why");
  fact.support.findings = strings(row, "findings");
  return fact;
}

Json to_json_row(const ManualFact& fact) {
  Json row = {{"statement", fact.statement},
              {"actor", fact.actor},
              {"level", std::string(to_string(fact.level))},
              {"log_ratio", fact.log_ratio},
              {"forgeability", fact.forgeability},
              {"grade", std::string(1, fact.grade.reliability) + std::to_string(fact.grade.credibility)},
              {"who", fact.who},
              {"when", fact.when},
              {"why", fact.why}};
  if (!fact.support.findings.empty()) row["findings"] = fact.support.findings;
  return row;
}

base::Result<std::string> slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return base::Error{"cannot be read", path, {}};
  std::stringstream buffer;
  buffer << in.rdbuf();
  return buffer.str();
}

}  // namespace

std::optional<Grade> parse_grade(std::string_view text) {
  if (text.size() != 2 || text[0] < 'A' || text[0] > 'F' || text[1] < '1' || text[1] > '6') return std::nullopt;
  return Grade{text[0], text[1] - '0'};
}

base::Result<EvidenceFile> read_evidence(std::string_view content, const std::string& where) {
  const Json json = Json::parse(content, nullptr, false);
  if (json.is_discarded()) {
    std::string place = where;
    try {
      const Json unreached = Json::parse(content);
    } catch (const Json::parse_error& error) {
      place += ", byte " + std::to_string(error.byte);
    }
    return base::Error{"not JSON", place, "a file of evidence is one JSON object (docs/attribution.md)"};
  }
  if (!json.is_object())
    return base::Error{"not a JSON object", where, "a file of evidence is one JSON object (docs/attribution.md)"};
  EvidenceFile out;
  try {
    CaseFacts& f = out.facts;
    f.subject = text(json, "id");
    const auto named = [&](const char* key, std::vector<NamedFact>& into) {
      for (std::string& x : strings(json, key)) into.push_back({std::move(x), {}});
    };
    named("techniques", f.techniques);
    named("software", f.software);
    named("domains", f.domains);
    named("urls", f.urls);
    for (const std::string& x : strings(json, "observables")) f.domains.push_back({x, {}});
    for (std::string& x : strings(json, "ips")) {
      AddressFacts address;
      address.address = std::move(x);
      f.addresses.push_back(std::move(address));
    }
    const std::string sector = text(json, "sector");
    for (std::string& country : strings(json, "victims")) f.victims.push_back({std::move(country), sector, {}});
    if (f.victims.empty() && !sector.empty()) f.victims.push_back({"", sector, {}});
    for (const char* key : {"when", "date"}) {
      const std::string when = text(json, key);
      if (when.empty()) continue;
      const auto time = base::parse_time(when.size() == 4 ? when + "-01-01" : when);
      if (!time) throw Bad{"\"" + when + "\" is no day"};
      f.first = f.last = time;
    }
    if (const auto rows = json.find("addresses"); rows != json.end()) {
      if (!rows->is_array()) throw Bad{"\"addresses\" is not a list"};
      for (const Json& row : *rows) {
        if (!row.is_object()) throw Bad{"\"addresses\" holds something that is no object"};
        AddressFacts a;
        a.address = text(row, "address");
        a.asn = static_cast<std::uint32_t>(std::clamp(number(row, "asn", 0), 0.0, 4294967295.0));
        a.network = text(row, "network");
        const auto claims = [&](const char* key, std::vector<Claim>& into) {
          const auto list = row.find(key);
          if (list == row.end()) return;
          if (!list->is_array()) throw Bad{std::string("\"") + key + "\" of an address is not a list"};
          for (const Json& c : *list) {
            if (c.is_string()) into.push_back({c.get<std::string>(), "evidence file"});
            if (c.is_object()) into.push_back({text(c, "value"), text(c, "source")});
          }
        };
        claims("countries", a.countries);
        claims("kinds", a.kinds);
        const std::string role = text(row, "role");
        a.role = role == "scanner"      ? AddressRole::kScanner
                 : role == "entry"      ? AddressRole::kEntry
                 : role == "controller" ? AddressRole::kController
                 : role == "drop-site"  ? AddressRole::kDropSite
                 : role == "relay"      ? AddressRole::kRelay
                 : role == "victim"     ? AddressRole::kVictim
                                        : AddressRole::kUnknown;
        a.open_proxy = row.value("open_proxy", false);
        a.others_victims_traffic = row.value("others_victims_traffic", false);
        a.relayed_timing = row.value("relayed_timing", false);
        a.role_changed = row.value("role_changed", false);
        f.addresses.push_back(std::move(a));
      }
    }
    for (const std::string& x : strings(json, "languages")) {
      const std::size_t at = x.find('=');
      f.languages.push_back(at == std::string::npos ? LanguageFact{x, "evidence file", {}}
                                                    : LanguageFact{x.substr(at + 1), x.substr(0, at), {}});
    }
    for (const std::string& x : strings(json, "activity")) {
      const auto time = base::parse_time(x);
      if (!time) throw Bad{"\"" + x + "\" is no time"};
      f.activity.push_back({*time, false, {}});
    }
    if (json.contains("sophistication")) f.sophistication = number(json, "sophistication", 0.5);
    if (const auto rows = json.find("manual"); rows != json.end()) {
      if (!rows->is_array()) throw Bad{"\"manual\" is not a list"};
      for (const Json& row : *rows) f.manual.push_back(manual_of(row));
    }
    static const std::set<std::string> kKnown = {
        "id",     "techniques", "software", "domains",   "urls",      "ips",      "observables",    "victims",
        "sector", "when",       "date",     "addresses", "languages", "activity", "sophistication", "manual"};
    for (const auto& [key, value] : json.items()) {
      if (!kKnown.contains(key)) out.warnings.push_back("\"" + key + "\" means nothing here and was left out");
    }
  } catch (const Bad& bad) {
    return base::Error{bad.why, where, "docs/attribution.md describes the keys"};
  } catch (const Json::exception& error) {
    return base::Error{error.what(), where, "docs/attribution.md describes the keys"};
  }
  return out;
}

base::Result<EvidenceFile> load_evidence(const std::string& path) {
  auto content = slurp(path);
  if (!content) return content.error();
  return read_evidence(*content, path);
}

std::string manual_path(const std::string& case_path) { return case_path + ".evidence.json"; }

base::Result<bool> add_manual(const std::string& path, const ManualFact& item) {
  Json json = Json::object();
  if (std::ifstream(path, std::ios::binary)) {
    auto content = slurp(path);
    if (!content) return content.error();
    json = Json::parse(*content, nullptr, false);
    if (json.is_discarded() || !json.is_object() || (json.contains("manual") && !json["manual"].is_array())) {
      return base::Error{"is there, and is no file of evidence", path, "nothing was changed"};
    }
  }
  const Json row = to_json_row(item);
  for (const Json& other : json["manual"]) {
    if (other == row) return false;
  }
  json["manual"].push_back(row);
  const std::string temporary = path + ".new";
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out << json.dump(2) << '\n';
    out.flush();
    if (!out) {
      std::remove(temporary.c_str());
      return base::Error{"cannot be written", path, "nothing was changed"};
    }
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    std::remove(temporary.c_str());
    return base::Error{"cannot be written", path, "nothing was changed"};
  }
  return true;
}

base::Result<std::vector<ManualFact>> load_manual(const std::string& path) {
  if (!std::ifstream(path, std::ios::binary)) return std::vector<ManualFact>{};
  auto file = load_evidence(path);
  if (!file) return file.error();
  return std::move(file->facts.manual);
}

}  // namespace whodunit::attribution
