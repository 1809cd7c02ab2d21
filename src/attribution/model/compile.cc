// Imported knowledge of actors, compiled for reasoning.
#include <set>

#include "attribution/model/actor_table_input.h"
#include "base/time.h"
#include "knowledge/actors/actors.h"

namespace whodunit::attribution {
namespace {

std::string key_of(const std::string& id) {
  for (const std::string_view prefix : {std::string_view("maltrail:"), std::string_view("misp:")}) {
    if (id.starts_with(prefix)) return id.substr(prefix.size());
  }
  return id;
}

std::int32_t day_of(const knowledge::Date& date) {
  if (!date.known()) return kNoDay;
  const auto time = base::parse_time(date.to_string());
  return time ? static_cast<std::int32_t>(time->ns / 86'400'000'000'000) : kNoDay;
}

template <class Relations>
std::vector<std::string> ids(const Relations& relations) {
  std::vector<std::string> out;
  for (const auto& r : relations) out.push_back(r.id);
  return out;
}

}  // namespace

std::shared_ptr<const ActorTable> ActorTable::compile(const knowledge::Actors& actors) {
  ActorTableInput input;
  input.digest = actors.digest();
  for (const auto& t : actors.techniques()) {
    if (t.replaced_by.empty()) input.techniques.push_back({t.id, t.name, t.network_observable});
  }
  for (const auto& s : actors.software()) input.software.push_back({s.id, s.name, s.tool, s.aliases});
  for (const auto& g : actors.groups()) {
    ActorTableInput::Group group;
    group.key = key_of(g.id);
    group.name = g.name;
    if (g.id.size() > 1 && g.id[0] == 'G' && g.id.find_first_not_of("0123456789", 1) == std::string::npos)
      group.attack_id = g.id;
    group.country = g.country();
    std::set<std::string> victims;
    for (const auto& c : g.countries) group.state_sponsored |= c.role == knowledge::CountryClaim::Role::kStateSponsor;
    for (const auto& a : g.aliases) group.aliases.push_back(a.name);
    for (const auto& v : g.victims) victims.insert(v.value);
    for (const auto& c : g.target_categories) group.categories.push_back(c.value);
    group.victims.assign(victims.begin(), victims.end());
    group.techniques = ids(g.techniques);
    group.software = ids(g.software);
    if (!group.country.empty() && !group.victims.empty())
      input.victim_rows.push_back({group.key, group.name, group.country, group.victims});
    input.groups.push_back(std::move(group));
  }
  for (const auto& c : actors.campaigns()) {
    if (c.attributed_to.empty()) continue;
    ActorTableInput::Campaign campaign{c.id, {}, ids(c.techniques), ids(c.software)};
    for (const auto& g : c.attributed_to) campaign.groups.push_back(key_of(g.id));
    input.campaigns.push_back(std::move(campaign));
  }
  for (const auto& conflict : actors.conflicts()) {
    if (conflict.what != "join") continue;
    for (const std::string& other : conflict.groups) {
      if (other != conflict.groups.front())
        input.namesakes.emplace_back(key_of(conflict.groups.front()), key_of(other));
    }
  }
  for (const auto& r : actors.reports()) {
    ActorTableInput::Report report;
    report.id = r.id;
    report.actor = key_of(r.group);
    report.day = day_of(r.date);
    report.known_by = day_of(r.date_upper);
    report.usable = !r.urls_of_report.empty() && r.actor != "apt_unclassified";
    report.names = r.domains;
    report.names.insert(report.names.end(), r.url_hosts.begin(), r.url_hosts.end());
    report.addresses = r.ips;
    input.reports.push_back(std::move(report));
  }
  return std::move(input).build();
}

}  // namespace whodunit::attribution
