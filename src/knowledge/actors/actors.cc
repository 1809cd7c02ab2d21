#include "knowledge/actors/actors.h"

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "knowledge/actors/part.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

std::string normalised_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') {
      out += static_cast<char>(c + 32);
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80) {
      out += c;
    }
  }
  return out;
}

std::string Group::country() const {
  std::map<std::string, int> claims;
  for (const CountryClaim& claim : countries) {
    if (claim.role == CountryClaim::Role::kOrigin) ++claims[claim.country];
  }
  if (claims.empty()) {
    for (const CountryClaim& claim : countries) ++claims[claim.country];
  }
  std::string best;
  int most = 0;
  bool tie = false;
  for (const auto& [country, count] : claims) {
    if (count > most) {
      best = country;
      most = count;
      tie = false;
    } else if (count == most) {
      tie = true;
    }
  }
  return tie ? std::string() : best;
}

void Actors::index() {
  group_names_.clear();
  software_names_.clear();
  for (std::uint32_t i = 0; i < groups_.size(); ++i) {
    std::set<std::string> names = {normalised_name(groups_[i].id), normalised_name(groups_[i].name)};
    for (const Alias& alias : groups_[i].aliases) names.insert(normalised_name(alias.name));
    for (const std::string& id : groups_[i].other_ids) {
      names.insert(normalised_name(id));
      if (id.substr(0, 9) == "maltrail:") names.insert(normalised_name(std::string_view(id).substr(9)));
    }
    for (const std::string& name : names) {
      if (!name.empty()) group_names_.emplace(name, i);
    }
  }
  // A piece of software's own name goes before another's alias.
  for (std::uint32_t i = 0; i < software_.size(); ++i) {
    software_names_.emplace(normalised_name(software_[i].id), i);
    software_names_.emplace(normalised_name(software_[i].name), i);
  }
  for (std::uint32_t i = 0; i < software_.size(); ++i) {
    for (const std::string& alias : software_[i].aliases) software_names_.emplace(normalised_name(alias), i);
  }
}

const std::string& Actors::digest() const {
  std::call_once(digest_made_, [this] {
    const std::string table = write_table(*this, true);
    digest_ = base::digest_hex(base::DigestKind::kSha256, base::as_bytes(table));
  });
  return digest_;
}

namespace {

template <class Item>
const Item* by_id(const std::vector<Item>& items, std::string_view id) {
  const auto at = std::lower_bound(items.begin(), items.end(), id,
                                   [](const Item& item, std::string_view x) { return item.id < x; });
  return at != items.end() && at->id == id ? &*at : nullptr;
}

}  // namespace

const Group* Actors::group(std::string_view id) const { return by_id(groups_, id); }
const Technique* Actors::technique(std::string_view id) const { return by_id(techniques_, id); }
const Campaign* Actors::campaign(std::string_view id) const { return by_id(campaigns_, id); }

const Software* Actors::software(std::string_view id_or_name) const {
  if (const Software* found = by_id(software_, id_or_name)) return found;
  const auto at = software_names_.find(normalised_name(id_or_name));
  return at == software_names_.end() || at->first.empty() ? nullptr : &software_[at->second];
}

std::vector<const Group*> Actors::find(std::string_view name) const {
  if (const Group* exact = group(name)) return {exact};
  std::vector<const Group*> out;
  const auto look = [&](const std::string& key) {
    if (key.empty()) return;
    const auto [first, last] = group_names_.equal_range(key);
    for (auto at = first; at != last; ++at) out.push_back(&groups_[at->second]);
  };
  look(normalised_name(name));
  // maltrail's file names, where its trails were not imported: "apt_sofacy" is "sofacy", "apt_27" is "APT27".
  if (out.empty() && name.substr(0, 4) == "apt_")
    look(normalised_name(all_digits(name.substr(4)) ? name : name.substr(4)));
  std::sort(out.begin(), out.end());
  return out;
}

std::shared_ptr<const Actors> Actors::as_of(const Date& day) const {
  auto out = std::make_shared<Actors>();
  out->datasets_ = datasets_;
  out->references_ = references_;
  out->conflicts_ = conflicts_;
  out->techniques_ = techniques_;
  out->as_of_ = as_of_.known() && as_of_ < day ? as_of_ : day;
  const auto said = [&day](const Fact& fact) { return fact.known.known() && !(day < fact.known); };
  const auto undated = [](const Fact& fact) { return !fact.known.known(); };
  const auto filter = [&](auto& items) {
    items.erase(std::remove_if(items.begin(), items.end(),
                               [&](const auto& item) { return !said(item.fact) && !undated(item.fact); }),
                items.end());
  };
  const auto any_said = [&](const auto& items) {
    return std::any_of(items.begin(), items.end(), [&](const auto& item) { return said(item.fact); });
  };
  // Reports first: which of them are left says which of the groups known by them alone are.
  std::vector<std::uint32_t> report_at(reports_.size(), UINT32_MAX);
  for (std::uint32_t i = 0; i < reports_.size(); ++i) {
    if (!reports_[i].date_upper.known() || day < reports_[i].date_upper) continue;
    report_at[i] = static_cast<std::uint32_t>(out->reports_.size());
    out->reports_.push_back(reports_[i]);
  }
  std::vector<std::uint32_t> campaign_at(campaigns_.size(), UINT32_MAX);
  for (std::uint32_t i = 0; i < campaigns_.size(); ++i) {
    const Campaign& campaign = campaigns_[i];
    if (!said(campaign.fact) && !any_said(campaign.techniques) && !any_said(campaign.software)) continue;
    campaign_at[i] = static_cast<std::uint32_t>(out->campaigns_.size());
    Campaign copy = campaign;
    filter(copy.techniques);
    filter(copy.software);
    filter(copy.attributed_to);
    out->campaigns_.push_back(std::move(copy));
  }
  const auto renumber = [](std::vector<std::uint32_t>& numbers, const std::vector<std::uint32_t>& map) {
    std::vector<std::uint32_t> left;
    for (const std::uint32_t n : numbers) {
      if (map[n] != UINT32_MAX) left.push_back(map[n]);
    }
    numbers = std::move(left);
  };
  for (const Group& group : groups_) {
    Group copy = group;
    renumber(copy.reports, report_at);
    renumber(copy.campaigns, campaign_at);
    const bool dated = said(group.fact) || any_said(group.techniques) || any_said(group.software) ||
                       any_said(group.aliases) || !copy.reports.empty();
    // A group of which nothing is dated (one that MISP alone lists) cannot be shown to have been known.
    if (!dated) continue;
    filter(copy.aliases);
    filter(copy.countries);
    filter(copy.techniques);
    filter(copy.software);
    for (auto* claims : {&copy.victims, &copy.victims_other, &copy.target_categories, &copy.incident_types})
      filter(*claims);
    out->groups_.push_back(std::move(copy));
  }
  for (const Software& software : software_) {
    if (!said(software.fact) && !any_said(software.techniques) && !undated(software.fact)) continue;
    Software copy = software;
    filter(copy.techniques);
    out->software_.push_back(std::move(copy));
  }
  out->index();
  return out;
}

std::vector<ActorsChange> difference(const Actors& before, const Actors& after) {
  std::vector<ActorsChange> out;
  using Kind = ActorsChange::Kind;
  const auto sets = [&out](const std::string& subject, const std::set<std::string>& a, const std::set<std::string>& b) {
    for (const std::string& x : a) {
      if (b.count(x) == 0) out.push_back({Kind::kRemoved, subject, x});
    }
    for (const std::string& x : b) {
      if (a.count(x) == 0) out.push_back({Kind::kAdded, subject, x});
    }
  };
  const auto add_relations = [](std::set<std::string>& into, std::string_view word,
                                const std::vector<Relation>& relations) {
    for (const Relation& r : relations) into.insert(std::string(word) + ' ' + r.id);
  };
  const auto add_claims = [](std::set<std::string>& into, std::string_view word, const std::vector<Claim>& claims) {
    for (const Claim& c : claims) into.insert(std::string(word) + ' ' + c.value);
  };
  const auto of_group = [&](const Group& g) {
    std::set<std::string> facts;
    for (const Alias& alias : g.aliases) facts.insert("alias " + alias.name);
    for (const CountryClaim& c : g.countries) {
      facts.insert((c.role == CountryClaim::Role::kOrigin ? "country " : "state sponsor ") + c.country);
    }
    add_relations(facts, "technique", g.techniques);
    add_relations(facts, "software", g.software);
    add_claims(facts, "victim", g.victims);
    add_claims(facts, "victim", g.victims_other);
    add_claims(facts, "target category", g.target_categories);
    add_claims(facts, "incident type", g.incident_types);
    return facts;
  };
  const auto of_software = [&](const Software& s) {
    std::set<std::string> facts;
    for (const std::string& alias : s.aliases) facts.insert("alias " + alias);
    add_relations(facts, "technique", s.techniques);
    return facts;
  };
  const auto of_technique = [&](const Technique& t) {
    std::set<std::string> facts;
    for (const std::string& tactic : t.tactics) facts.insert("tactic " + tactic);
    if (t.network_observable) facts.insert("network-observable");
    if (!t.replaced_by.empty()) facts.insert("replaced by " + t.replaced_by);
    return facts;
  };
  const auto of_campaign = [&](const Campaign& c) {
    std::set<std::string> facts;
    add_relations(facts, "technique", c.techniques);
    add_relations(facts, "software", c.software);
    add_relations(facts, "attributed to", c.attributed_to);
    return facts;
  };
  const auto compare = [&](const auto& a, const auto& b, const std::string& what, auto facts_of) {
    std::size_t i = 0, k = 0;
    while (i < a.size() || k < b.size()) {
      if (k == b.size() || (i < a.size() && a[i].id < b[k].id)) {
        out.push_back({Kind::kRemoved, a[i].id, what + ' ' + a[i].name});
        ++i;
      } else if (i == a.size() || b[k].id < a[i].id) {
        out.push_back({Kind::kAdded, b[k].id, what + ' ' + b[k].name});
        ++k;
      } else {
        if (a[i].name != b[k].name) out.push_back({Kind::kChanged, a[i].id, "name: " + a[i].name + " → " + b[k].name});
        sets(a[i].id, facts_of(a[i]), facts_of(b[k]));
        ++i;
        ++k;
      }
    }
  };
  compare(before.groups(), after.groups(), "group", of_group);
  compare(before.campaigns(), after.campaigns(), "campaign", of_campaign);
  compare(before.software(), after.software(), "software", of_software);
  compare(before.techniques(), after.techniques(), "technique", of_technique);
  std::map<std::string, const Report*> reports_before, reports_after;
  for (const Report& r : before.reports()) reports_before.emplace(r.id, &r);
  for (const Report& r : after.reports()) reports_after.emplace(r.id, &r);
  const auto of_report = [](const Report& r) {
    std::set<std::string> facts;
    for (const auto* list : {&r.domains, &r.ips, &r.urls}) {
      for (const std::string& x : *list) facts.insert("indicator " + x);
    }
    return facts;
  };
  for (const auto& [id, report] : reports_before) {
    const auto other = reports_after.find(id);
    if (other == reports_after.end()) {
      out.push_back({Kind::kRemoved, id, "report of " + report->group});
    } else {
      if (report->group != other->second->group)
        out.push_back({Kind::kChanged, id, "group: " + report->group + " → " + other->second->group});
      sets(id, of_report(*report), of_report(*other->second));
    }
  }
  for (const auto& [id, report] : reports_after) {
    if (reports_before.count(id) == 0) out.push_back({Kind::kAdded, id, "report of " + report->group});
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const ActorsChange& a, const ActorsChange& b) { return a.subject < b.subject; });
  return out;
}

}  // namespace whodunit::knowledge
