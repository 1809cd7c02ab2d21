#include "attribution/evaluate/trial.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/hash.h"
#include "base/time.h"

namespace whodunit::attribution {
namespace {

using Json = nlohmann::json;
constexpr std::int64_t kDay = 86'400'000'000'000;

struct BadRow {
  std::string why;
};

std::vector<std::string> strings(const Json& row, const char* key) {
  std::vector<std::string> out;
  const auto it = row.find(key);
  if (it == row.end() || it->is_null()) return out;
  if (it->is_string()) {
    out.push_back(it->get<std::string>());
  } else if (it->is_array()) {
    for (const Json& x : *it) {
      if (!x.is_string()) throw BadRow{std::string("\"") + key + "\" holds something that is no string"};
      out.push_back(x.get<std::string>());
    }
  } else {
    throw BadRow{std::string("\"") + key + "\" is neither a string nor a list of strings"};
  }
  return out;
}

std::string text(const Json& row, const char* key) {
  const auto it = row.find(key);
  return it != row.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::map<std::string, std::vector<std::string>> relations(const Json& row, const char* key) {
  std::map<std::string, std::vector<std::string>> out;
  const auto it = row.find(key);
  if (it == row.end() || it->is_null()) return out;
  if (it->is_array()) {  // bare ids: from whomever they are taken
    out["*"] = strings(row, key);
    return out;
  }
  if (!it->is_object()) throw BadRow{std::string("\"") + key + "\" is not an object of lists"};
  for (const auto& [group, list] : it->items()) {
    const Json wrapped = {{"x", list}};
    out[group] = strings(wrapped, "x");
  }
  return out;
}

Trial read_row(const Json& row, std::size_t index) {
  Trial t;
  t.id = text(row, "id");
  if (t.id.empty()) t.id = "row " + std::to_string(index + 1);
  t.techniques = strings(row, "techniques");
  t.software = strings(row, "software");
  for (const char* key : {"observables", "domains", "ips", "urls"}) {
    for (std::string& x : strings(row, key)) t.observables.push_back(std::move(x));
  }
  t.victims = strings(row, "victims");
  for (const char* key : {"when", "date", "first_seen"}) {
    const std::string day = text(row, key);
    if (day.empty()) continue;
    const auto time = base::parse_time(day.size() == 4 ? day + "-01-01" : day);
    if (!time) throw BadRow{"\"" + day + "\" is no day"};
    t.day = static_cast<std::int32_t>(time->ns / kDay);
    break;
  }
  for (const char* key : {"true_groups", "true_group", "truth"}) {
    for (std::string& x : strings(row, key)) t.true_groups.push_back(std::move(x));
  }
  t.labelled = !t.true_groups.empty();
  const auto answerable = row.find("answerable");
  if (answerable != row.end() && answerable->is_boolean()) t.answerable = answerable->get<bool>();
  t.exclude_campaigns = strings(row, "exclude_campaigns");
  t.exclude_reports = strings(row, "exclude_reports");
  for (const std::string& x : strings(row, "maltrail_reports")) t.exclude_reports.push_back(x);
  t.exclude_reports.push_back(t.id);
  t.exclude = relations(row, "exclude");
  for (auto& [group, list] : relations(row, "exclude_relations")) {
    auto& into = t.exclude[group];
    into.insert(into.end(), list.begin(), list.end());
  }
  t.exclude_software_techniques = relations(row, "exclude_software_techniques");
  const bool profile = !t.techniques.empty() || !t.software.empty();
  t.kind = profile && !t.observables.empty() ? TrialKind::kJoint
           : profile                         ? TrialKind::kProfile
           : !t.observables.empty()          ? TrialKind::kInfrastructure
                                             : TrialKind::kVictims;
  if (t.kind == TrialKind::kVictims) {
    if (t.victims.empty() && !t.labelled && !row.contains("victims")) throw BadRow{"no evidence of any kind"};
    t.true_country = text(row, "country");
    t.labelled = !t.true_country.empty();
  }
  t.negative = row.contains("family") && !t.labelled;
  return t;
}

}  // namespace

base::Result<std::vector<Trial>> parse_trials(std::string_view content, const std::string& where) {
  const Json json = Json::parse(content, nullptr, false);
  if (json.is_discarded()) return base::Error{"not JSON", where, "a file of trials is a JSON array of objects"};
  if (!json.is_array()) return base::Error{"not a JSON array", where, "a file of trials is a JSON array of objects"};
  std::vector<Trial> trials;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (!json[i].is_object()) return base::Error{"row " + std::to_string(i + 1) + " is not an object", where, {}};
    try {
      trials.push_back(read_row(json[i], i));
    } catch (const BadRow& bad) {
      return base::Error{bad.why, where + ", row " + std::to_string(i + 1), "docs/attribution.md describes the rows"};
    }
  }
  if (trials.empty()) return base::Error{"no rows", where, {}};
  return trials;
}

base::Result<std::vector<Trial>> read_trials(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return base::Error{"cannot be read", path, "give a file of trials (docs/attribution.md)"};
  std::stringstream buffer;
  buffer << in.rdbuf();
  return parse_trials(buffer.str(), path);
}

base::Result<std::vector<Trial>> read_negatives(const std::string& path) {
  auto trials = read_trials(path);
  if (!trials) return trials;
  for (Trial& t : *trials) {
    t.negative = true;
    t.labelled = false;
    t.true_groups.clear();
  }
  return trials;
}

std::optional<EvidenceChoice> evidence_choice(std::string_view text) {
  if (text == "all") return EvidenceChoice::kAll;
  if (text == "techniques") return EvidenceChoice::kTechniques;
  if (text == "network") return EvidenceChoice::kNetwork;
  if (text == "infrastructure") return EvidenceChoice::kInfrastructure;
  if (text == "profile") return EvidenceChoice::kProfile;
  if (text == "random30") return EvidenceChoice::kRandom30;
  return std::nullopt;
}

std::optional<KnowledgeChoice> knowledge_choice(std::string_view text) {
  if (text == "loo") return KnowledgeChoice::kLeaveOneOut;
  if (text == "earlier") return KnowledgeChoice::kEarlier;
  if (text == "gap180") return KnowledgeChoice::kGap180;
  return std::nullopt;
}

Question question_of(const Trial& trial, const ActorTable& table, EvidenceChoice choice, std::size_t* unknown_ids) {
  Question question;
  const auto shown = [&](const std::string& item) {
    if (choice != EvidenceChoice::kRandom30) return true;
    return base::fast_hash(item, base::fast_hash(trial.id)) % 100 < 30;
  };
  const bool techniques = choice != EvidenceChoice::kInfrastructure;
  const bool all = choice == EvidenceChoice::kAll || choice == EvidenceChoice::kRandom30;
  const bool software = all || choice == EvidenceChoice::kProfile;
  const bool infrastructure = all || choice == EvidenceChoice::kInfrastructure;
  if (techniques) {
    for (const std::string& id : trial.techniques) {
      const std::uint32_t t = table.technique(id);
      if (t == kNone && unknown_ids != nullptr) ++*unknown_ids;
      if (t == kNone || !shown(id)) continue;
      if (choice == EvidenceChoice::kNetwork && !table.techniques()[t].network_observable) continue;
      question.techniques.push_back(t);
    }
  }
  if (software) {
    for (const std::string& id : trial.software) {
      const std::uint32_t s = table.software_number(id);
      if (s == kNone && unknown_ids != nullptr) ++*unknown_ids;
      if (s != kNone && shown(id)) question.software.push_back(s);
    }
  }
  if (infrastructure) {
    for (const std::string& x : trial.observables) {
      if (shown(x)) question.observables.add(x);
    }
  }
  question.observables.day = trial.day;
  question.observables.finish();
  for (auto* list : {&question.techniques, &question.software}) {
    std::sort(list->begin(), list->end());
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  return question;
}

std::optional<View> view_of(const Trial& trial, const ActorTable& table, KnowledgeChoice choice, bool remove_truth) {
  View view;
  view.table = &table;
  if (choice != KnowledgeChoice::kLeaveOneOut) {
    // Ordinary crime is set against all that is known, whatever its day.
    if (!trial.negative) {
      if (trial.day == kNoDay) return std::nullopt;
      view.before = choice == KnowledgeChoice::kEarlier ? trial.day : trial.day - 180;
    }
  }
  for (const std::string& id : trial.exclude_reports) {
    const std::uint32_t r = table.report(id);
    if (r != kNone) view.excluded_reports.push_back(r);
  }
  for (const std::string& id : trial.exclude_campaigns) {
    const std::uint32_t c = table.campaign(id);
    if (c != kNone) view.excluded_campaigns.push_back(c);
  }
  for (const auto& [group, list] : trial.exclude) {
    std::vector<std::uint32_t> actors;
    if (group == "*") {
      for (std::uint32_t a = 0; a < table.actors().size(); ++a) actors.push_back(a);
    } else if (const std::uint32_t a = table.actor(group); a != kNone) {
      actors.push_back(a);
    }
    for (const std::uint32_t a : actors) {
      for (const std::string& id : list) {
        if (const std::uint32_t t = table.technique(id); t != kNone)
          view.excluded_techniques[a].push_back(t);
        else if (const std::uint32_t s = table.software_number(id); s != kNone)
          view.excluded_software[a].push_back(s);
      }
    }
  }
  if (remove_truth) view.excluded_actors = truth_of(trial, table);
  // A joint row's label is a group of ATT&CK's by its making: actors that only the reports know are no answers to it,
  // but what they are known for still speaks against the others.
  if (trial.kind == TrialKind::kJoint) {
    for (std::uint32_t a = 0; a < table.actors().size(); ++a) {
      if (table.actors()[a].attack_id.empty()) view.not_answers.push_back(a);
    }
  }
  std::sort(view.excluded_reports.begin(), view.excluded_reports.end());
  std::sort(view.excluded_campaigns.begin(), view.excluded_campaigns.end());
  std::sort(view.excluded_actors.begin(), view.excluded_actors.end());
  for (auto* map : {&view.excluded_techniques, &view.excluded_software}) {
    for (auto& [actor, list] : *map) std::sort(list.begin(), list.end());
  }
  return view;
}

std::vector<std::uint32_t> truth_of(const Trial& trial, const ActorTable& table) {
  std::vector<std::uint32_t> out;
  for (const std::string& key : trial.true_groups) {
    const std::uint32_t a = table.actor(key);
    if (a != kNone) out.push_back(a);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace whodunit::attribution
