// From findings to incidents.
//
// Two findings belong together where one intruder's hand is in both: the same attacker; a host that the one took and
// from which the other was done; the same controller. Hitting the same victim is not enough: many knock at one door. A
// host that is attacked and within a minute calls its controller was taken so, where nobody else attacked it just then.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <tuple>

#include "base/hash.h"
#include "incident/incident.h"

namespace whodunit::incident {
namespace {

using detect::Finding;
using detect::Outcome;
using detect::Phase;

class Sets {
 public:
  explicit Sets(std::size_t n) : parent_(n) { std::iota(parent_.begin(), parent_.end(), 0u); }
  std::size_t root(std::size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(std::size_t a, std::size_t b) {
    a = root(a);
    b = root(b);
    if (a != b) parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<std::size_t> parent_;
};

bool took(const Finding& f) { return f.outcome == Outcome::kSucceeded && f.phase >= Phase::kEntry; }

std::optional<base::Address> address_of(const detect::Entity& e) {
  return e.type == "host" ? base::Address::parse(e.value) : std::nullopt;
}

/// How able the intruder showed himself to be; each sign is named.
void judge_sophistication(Incident& incident, const std::vector<const Finding*>& findings) {
  double score = 0.3;
  std::vector<std::string> why;
  std::set<std::string_view> seen;
  std::set<Phase> phases;
  for (const Finding* f : findings) {
    phases.insert(f->phase);
    if (!f->fact("tool").empty() && seen.insert("tool").second) {
      score -= 0.15;
      why.push_back(fmt::format("uses a public tool and does not hide it ({})", f->fact("tool")));
    }
    if (f->detector == "scan" && f->severity >= detect::Severity::kMedium && seen.insert("loud").second) {
      score -= 0.1;
      why.emplace_back("scans loudly");
    }
    if (!f->fact("covert").empty() && seen.insert("covert").second) {
      score += 0.2;
      why.push_back(fmt::format("hides its channel ({})", f->fact("covert")));
    }
    if (f->phase == Phase::kSpread && took(*f) && seen.insert("spread").second) {
      score += 0.1;
      why.emplace_back("moves between hosts");
    }
  }
  if (phases.size() >= 4) {
    score += 0.1;
    why.push_back(fmt::format("goes through {} phases", phases.size()));
  }
  incident.sophistication = std::clamp(score, 0.0, 1.0);
  for (const std::string& w : why) incident.sophistication_why += (incident.sophistication_why.empty() ? "" : "; ") + w;
  if (why.empty()) incident.sophistication_why = "nothing seen that tells";
}

std::string sentence(const Incident& incident, const std::vector<const Finding*>& findings, bool from_inside) {
  std::size_t opened = 0;
  bool succeeded = false;  // an assault that did what it was to do
  for (const Finding* f : findings) {
    opened += took(*f);
    succeeded |= f->phase == Phase::kAssault && f->outcome == Outcome::kSucceeded;
  }
  const std::vector<std::string>& attackers = incident.attackers;
  const std::string who = attackers.empty()       ? "somebody"
                          : attackers.size() == 1 ? attackers[0]
                          : attackers.size() == 2 ? attackers[0] + " and " + attackers[1]
                                                  : fmt::format("{} and {} others", attackers[0], attackers.size() - 1);
  // What is done to all hosts of a network (a second DHCP server, say) has no victim of its own.
  const std::string whom = !incident.victim.empty()         ? incident.victim
                           : !incident.organisation.empty() ? "the hosts of " + incident.organisation
                                                            : "the hosts of a network";
  if (incident.outbound) {
    // Who acts has been named: "it scanned …".
    std::string statement = findings.back()->statement;
    if (statement.rfind(who + " ", 0) == 0) statement = "it" + statement.substr(who.size());
    return fmt::format("{}, a host of the defended network, acted against {}: {}", who, whom, statement);
  }
  if (incident.phase == Phase::kDoorRattling)
    return fmt::format("{} tried doors of {} and did nothing more that we can see", who, whom);
  const char* how = succeeded                                 ? "the attack had an effect, but no entry was seen"
                    : incident.outcome == Outcome::kAttempted ? "no success seen"
                                                              : "whether it succeeded cannot be told";
  if (opened == 0 && incident.phase == Phase::kAssault) return fmt::format("{} attacked {}; {}", who, whom, how);
  if (opened == 0)
    return fmt::format("Signs of {} on {}{}; {}", to_string(incident.phase), whom,
                       attackers.empty() ? std::string() : " by " + who, how);
  const char* inward =
      incident.depth >= ZoneLevel::kInner ? "got inside" : "got in at the edge and no further that we can see";
  // The first host of the innermost zone that was reached.
  std::string reached = whom;
  for (auto step = incident.path.rbegin(); step != incident.path.rend(); ++step)
    if (step->level == incident.depth) reached = step->to;
  if (incident.depth == ZoneLevel::kOutside)
    return fmt::format("{} got into {}, in no network that is known to be defended: {}", who, reached,
                       to_string(incident.phase));
  // Whoever is inside already goes on; where the intruder came in was not seen.
  if (from_inside)
    return fmt::format("{} took {} from inside ({} zone): {}", who, reached, to_string(incident.depth),
                       to_string(incident.phase));
  return fmt::format("{} {}, to {} ({} zone): {}", who, inward, reached, to_string(incident.depth),
                     to_string(incident.phase));
}

std::string headline(const Incident& incident, const std::vector<const Finding*>& findings, bool from_inside) {
  std::string s = sentence(incident, findings, from_inside);
  if (incident.attackers.empty() && !s.empty() && s[0] == 's') s[0] = 'S';
  return s;
}

/// What was taken of a host, and what was done with it, in order of its beginning.
struct OnHost {
  std::vector<std::size_t> took;  ///< findings that succeeded against it
  std::vector<std::size_t> used;  ///< control of it or theft from it, whether or not we can tell that it worked
};

/// Joins an exploit with the call to a controller that follows at once.
void join_calls(const std::vector<Finding>& findings, const std::vector<bool>& takes_part, Sets& sets) {
  constexpr double kAtOnce = 60;         // seconds
  constexpr std::size_t kLookBack = 64;  // attacks on one host in that time, beyond which nothing can be told
  std::map<detect::Entity, std::vector<std::size_t>> attacks;
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const Finding& f = findings[i];
    if (takes_part[i] && f.phase == Phase::kAssault && !f.attacker.empty() && f.severity >= detect::Severity::kMedium)
      attacks[f.victim].push_back(i);
  }
  for (auto& [victim, list] : attacks)
    std::sort(list.begin(), list.end(), [&](std::size_t a, std::size_t b) {
      return std::tuple(findings[a].first, a) < std::tuple(findings[b].first, b);
    });
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const Finding& f = findings[i];
    if (!takes_part[i] || !took(f) || f.phase != Phase::kFoothold || f.fact("controller").empty()) continue;
    const auto at = attacks.find(f.victim);
    if (at == attacks.end()) continue;
    const auto& list = at->second;
    auto next = std::upper_bound(list.begin(), list.end(), f.first,
                                 [&](const base::Time& t, std::size_t attack) { return t < findings[attack].first; });
    const detect::Entity* attacker = nullptr;
    std::size_t seen = 0, last = 0;
    bool one = true;
    while (next != list.begin() && one) {
      const Finding& attack = findings[*--next];
      if ((f.first - attack.first).seconds() > kAtOnce && (f.first - attack.last).seconds() > kAtOnce) break;
      one = ++seen <= kLookBack && (attacker == nullptr || *attacker == attack.attacker);
      attacker = &attack.attacker;
      last = *next;
    }
    if (one && attacker != nullptr) sets.join(i, last);
  }
}

/// Joins through hosts that changed hands. In time n log n, whatever the findings: they are an enemy's.
void join_by_host(const std::vector<Finding>& findings, const std::vector<bool>& takes_part,
                  const std::map<detect::Entity, std::size_t>& by_attacker, Sets& sets) {
  std::map<detect::Entity, OnHost> hosts;
  std::map<detect::Entity, base::Time> last_act;
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const Finding& f = findings[i];
    if (!takes_part[i]) continue;
    if (!f.attacker.empty()) {
      const auto [at, fresh] = last_act.emplace(f.attacker, f.last);
      if (!fresh) at->second = std::max(at->second, f.last);
    }
    if (f.victim.empty()) continue;
    if (took(f)) hosts[f.victim].took.push_back(i);
    if (f.phase == Phase::kFoothold || f.phase == Phase::kTheft) hosts[f.victim].used.push_back(i);
  }
  const auto by_first = [&](std::size_t a, std::size_t b) {
    return std::tuple(findings[a].first, a) < std::tuple(findings[b].first, b);
  };
  for (auto& [victim, on] : hosts) {
    std::sort(on.took.begin(), on.took.end(), by_first);
    std::sort(on.used.begin(), on.used.end(), by_first);
    // A host that was taken at one time acts as an attacker later: the same intruder. (All that one attacker did is
    // joined already.)
    if (const auto act = last_act.find(victim); act != last_act.end())
      for (const std::size_t i : on.took)
        if (!(act->second < findings[i].first)) sets.join(i, by_attacker.at(victim));
    // Two things that took the same host: with control seen on it they are taken as one hand.
    const bool control = std::any_of(on.took.begin(), on.took.end(),
                                     [&](std::size_t i) { return findings[i].phase == Phase::kFoothold; });
    if (control)
      for (const std::size_t i : on.took) sets.join(i, on.took.front());
    // Control or theft that begins on a host once it was taken is its taker's work.
    auto taken = on.took.begin();
    for (const std::size_t use : on.used) {
      for (; taken != on.took.end() && !(findings[use].first < findings[*taken].first); ++taken)
        sets.join(*taken, on.took.front());
      if (taken != on.took.begin()) sets.join(use, on.took.front());
    }
  }
}

}  // namespace

std::vector<Incident> join(const std::vector<Finding>& findings, const ZoneMap& zones) {
  Sets sets(findings.size());
  std::map<detect::Entity, std::size_t> by_attacker;
  std::map<std::string, std::size_t> by_controller;
  // Findings that say nothing about an attacker's act (context) stay out of incidents.
  std::vector<bool> takes_part(findings.size(), false);
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const Finding& f = findings[i];
    takes_part[i] = f.severity > detect::Severity::kInformational;
    if (!takes_part[i]) continue;
    if (!f.attacker.empty()) {
      const auto [at, fresh] = by_attacker.emplace(f.attacker, i);
      if (!fresh) sets.join(i, at->second);
    }
    if (const std::string_view c = f.fact("controller"); !c.empty()) {
      const auto [at, fresh] = by_controller.emplace(std::string(c), i);
      if (!fresh) sets.join(i, at->second);
      if (const auto a = by_attacker.find({"host", std::string(c)}); a != by_attacker.end()) sets.join(i, a->second);
    }
  }
  join_by_host(findings, takes_part, by_attacker, sets);
  join_calls(findings, takes_part, sets);
  std::map<std::size_t, std::vector<const Finding*>> members;
  for (std::size_t i = 0; i < findings.size(); ++i)
    if (takes_part[i]) members[sets.root(i)].push_back(&findings[i]);

  std::vector<Incident> out;
  for (auto& [root, list] : members) {
    std::stable_sort(list.begin(), list.end(), [](const Finding* a, const Finding* b) { return a->first < b->first; });
    Incident incident;
    incident.first = list.front()->first;
    incident.last = list.front()->last;
    std::map<std::string, std::size_t> attackers, victims;
    std::set<std::string> entered, local;  // hosts that were entered; attackers known by their hardware address alone
    std::string all_ids;
    bool any_inward = false;
    std::string deepest;  // the zone that `depth` lies in, in words
    std::set<std::string> organisations;
    for (const Finding* f : list) {
      incident.findings.push_back(f->id);
      all_ids += f->id;
      incident.last = std::max(incident.last, f->last);
      incident.severity = std::max(incident.severity, f->severity);
      // The furthest phase: one that succeeded outranks one that was only tried.
      const bool better = f->phase > incident.phase
                              ? (took(*f) || incident.outcome != Outcome::kSucceeded || incident.phase < Phase::kEntry)
                              : f->phase == incident.phase && f->outcome == Outcome::kSucceeded;
      if (better || f == list.front()) {
        incident.phase = std::max(incident.phase, f->phase);
        incident.outcome = f->outcome;
      }
      if (!f->attacker.empty()) ++attackers[f->attacker.value];
      if (f->attacker.type == "hardware_address") local.insert(f->attacker.value);
      if (!f->victim.empty()) victims[f->victim.value] += 1 + 2 * (f->phase >= Phase::kEntry);
      const auto victim = address_of(f->victim);
      const auto attacker = address_of(f->attacker);
      any_inward |= !(attacker && zones.home().contains(*attacker)) || (victim && zones.home().contains(*victim));
      if (victim)
        if (std::string name = zones.organisation_of(*victim); !name.empty()) organisations.insert(std::move(name));
      if (victim && took(*f)) {
        const ZoneLevel level = zones.level_of(*victim);
        if (deepest.empty() || level > incident.depth) {
          const std::string organisation = zones.organisation_of(*victim);
          deepest = zones.inferred(*victim) ? fmt::format("{} zone (inferred)", to_string(level))
                                            : fmt::format("{} zone ({})", to_string(level), zones.name_of(*victim));
          if (!organisation.empty()) deepest += " of " + organisation;
        }
        incident.depth = std::max(incident.depth, level);
        incident.path.push_back({f->attacker.empty() ? "outside" : f->attacker.value, f->victim.value, f->id, level,
                                 zones.name_of(*victim)});
        entered.insert(f->victim.value);
      }
    }
    incident.outbound = !any_inward;
    const auto by_count = [](std::map<std::string, std::size_t>& counts) {
      std::vector<std::pair<std::string, std::size_t>> sorted(counts.begin(), counts.end());
      std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
      return sorted;
    };
    // A host that was entered on the way is the intruder's means, not the intruder; unless there is nobody else.
    const bool from_inside = !attackers.empty() && std::all_of(attackers.begin(), attackers.end(), [&](const auto& a) {
      const auto address = base::Address::parse(a.first);
      return local.count(a.first) != 0 || (address && zones.home().contains(*address));
    });
    for (const auto& [value, n] : by_count(attackers))
      if (entered.count(value) == 0) incident.attackers.push_back(value);
    if (incident.attackers.empty())
      for (const auto& [value, n] : by_count(attackers)) incident.attackers.push_back(value);
    const auto hit = by_count(victims);
    if (!hit.empty()) incident.victim = hit.front().first;
    for (const std::string& name : organisations)
      incident.organisation += (incident.organisation.empty() ? "" : ", ") + name;
    if (incident.organisation.empty())
      for (const base::Network& n : zones.home().networks)
        incident.organisation += (incident.organisation.empty() ? "" : ", ") + n.to_string();
    incident.id = "I-" + base::digest_hex(base::DigestKind::kSha256, base::as_bytes(all_ids)).substr(0, 6);
    const auto guessed = std::count_if(list.begin(), list.end(), [&](const Finding* f) {
      return took(*f) && address_of(f->victim) && !f->fact("inferred").empty();
    });
    const std::string steps =
        fmt::format("{} step{} that succeeded{}", incident.path.size(), incident.path.size() == 1 ? "" : "s",
                    guessed != 0 ? fmt::format(", {} of them inferred from encrypted traffic", guessed) : "");
    if (incident.path.empty())
      incident.depth_statement = "No step inward that succeeded was seen.";
    else if (incident.depth == ZoneLevel::kOutside)
      incident.depth_statement =
          steps +
          ", against hosts of no zone that is known. How far in that is can be told once the defended network "
          "is named (--home).";
    else
      incident.depth_statement = fmt::format("{}: {}.", deepest, steps);
    judge_sophistication(incident, list);
    incident.headline = headline(incident, list, from_inside);
    out.push_back(std::move(incident));
  }
  std::stable_sort(out.begin(), out.end(), [](const Incident& a, const Incident& b) {
    // The gravest first; of equals the one that got in, then the one that got furthest.
    const auto rank = [](const Incident& i) {
      return std::tuple(-static_cast<int>(i.severity), i.outbound, i.path.empty(), -static_cast<int>(i.phase), i.first,
                        i.id);
    };
    return rank(a) < rank(b);
  });
  return out;
}

std::vector<Campaign> campaigns(const std::vector<Incident>& incidents, const std::vector<Finding>& findings) {
  std::map<std::string, const Finding*> by_id;
  for (const Finding& f : findings) by_id[f.id] = &f;
  // What may be shared, and how much it weighs.
  static constexpr std::pair<std::string_view, double> kShared[] = {{"indicator", 2.0},  {"controller", 2.5},
                                                                    {"domain", 2.0},     {"fingerprint", 1.0},
                                                                    {"user_agent", 0.7}, {"actor", 1.5}};
  std::map<std::pair<std::string, std::string>, std::vector<std::size_t>> holders;
  for (std::size_t i = 0; i < incidents.size(); ++i) {
    std::set<std::pair<std::string, std::string>> mine;
    for (const std::string& id : incidents[i].findings)
      for (const detect::Fact& fact : by_id.at(id)->facts)
        for (const auto& [name, weight] : kShared)
          if (fact.name == name) mine.emplace(fact.name, fact.value);
    for (const auto& key : mine) holders[key].push_back(i);
  }
  Sets sets(incidents.size());
  std::map<std::pair<std::size_t, std::size_t>, CampaignLink> links;
  for (const auto& [held, who] : holders) {
    const std::pair<std::string, std::string>& key = held;  // a lambda may not capture a structured binding (clang 14)
    for (std::size_t n = 1; n < who.size(); ++n) {
      const double weight = std::find_if(std::begin(kShared), std::end(kShared), [&](const auto& s) {
                              return s.first == key.first;
                            })->second;
      CampaignLink& link = links[{who[0], who[n]}];
      link.a = incidents[who[0]].id;
      link.b = incidents[who[n]].id;
      link.weight += weight;
      link.reason += fmt::format("{}same {} {}", link.reason.empty() ? "" : "; ", key.first, key.second);
    }
  }
  std::vector<Campaign> out;
  std::map<std::size_t, std::set<std::size_t>> groups;
  for (const auto& [pair, link] : links)
    if (link.weight >= 1.5) sets.join(pair.first, pair.second);
  for (const auto& [pair, link] : links) {
    if (link.weight < 1.5) continue;
    groups[sets.root(pair.first)].insert(pair.first);
    groups[sets.root(pair.first)].insert(pair.second);
  }
  for (const auto& [root, list] : groups) {
    Campaign c;
    std::string ids;
    for (const std::size_t i : list) {
      c.incidents.push_back(incidents[i].id);
      ids += incidents[i].id;
    }
    for (const auto& [pair, link] : links)
      if (link.weight >= 1.5 && sets.root(pair.first) == root) c.links.push_back(link);
    c.id = "C-" + base::digest_hex(base::DigestKind::kSha256, base::as_bytes(ids)).substr(0, 6);
    out.push_back(std::move(c));
  }
  return out;
}

}  // namespace whodunit::incident
