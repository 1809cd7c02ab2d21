#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "base/hash.h"
#include "knowledge/actors/part.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

struct ActorsBuilder::State {
  std::vector<Part> parts;
  std::vector<ExchangeFile> exchange;
};

ActorsBuilder::ActorsBuilder() : state_(std::make_unique<State>()) {}
ActorsBuilder::~ActorsBuilder() = default;

base::Result<void> ActorsBuilder::add(std::string_view name, std::string_view text, Problems& problems) {
  if (is_table(text)) return read_table(name, text, state_->parts, problems);
  switch (json_actor_format(text)) {
    case ActorFormat::kStixBundle:
      return read_attack_bundle(name, text, state_->parts, problems);
    case ActorFormat::kMispGalaxy:
      return read_misp_galaxy(name, text, state_->parts, problems);
    case ActorFormat::kExchange:
      state_->exchange.push_back({std::string(name), std::string(text)});
      return {};
    case ActorFormat::kOther:
      break;
  }
  if (is_maltrail_actor(name, text)) return read_maltrail_actor(name, text, state_->parts, problems);
  return base::Error{
      "holds no knowledge of actors that is understood", std::string(name),
      "give an ATT&CK STIX bundle, a MISP galaxy of actors, maltrail's apt_*.txt, or a table that whodunit wrote"};
}

base::Result<std::size_t> ActorsBuilder::add_path(const std::string& path, Problems& problems) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return base::Error{std::strerror(errno), path, ""};
  if (!S_ISDIR(status.st_mode)) {
    auto text = read_file(path);
    if (!text) return text.error();
    if (auto added = add(base_name(path), *text, problems); !added) return added.error();
    return std::size_t{1};
  }
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) return base::Error{std::strerror(errno), path, ""};
  std::set<std::string> names;
  while (const dirent* entry = ::readdir(folder)) {
    if (entry->d_name[0] != '.') names.insert(entry->d_name);
  }
  ::closedir(folder);
  std::size_t taken = 0;
  for (const std::string& name : names) {
    const std::string file = path + '/' + name;
    if (::stat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    auto text = read_file(file);
    if (!text) {
      problems.add(file, text.error().what);
      continue;
    }
    // Files of other kinds that lie beside are none of our business; broken ones of our kinds are.
    const bool ours =
        is_table(*text) || json_actor_format(*text) != ActorFormat::kOther || is_maltrail_actor(name, *text);
    if (!ours) continue;
    if (auto added = add(name, *text, problems); added) {
      ++taken;
    } else {
      problems.add(added.error().where, added.error().what);
    }
  }
  if (taken == 0)
    return base::Error{"holds no file with knowledge of actors", path,
                       "give the folder of ATT&CK's bundles, MISP's clusters, or maltrail's trails/static/malware"};
  return taken;
}

namespace {

/// "18.1" against "9.0": by numbers; then by date.
bool newer(const Dataset& a, const Dataset& b) {
  const std::vector<std::string_view> x = split(a.version, '.'), y = split(b.version, '.');
  for (std::size_t i = 0; i < std::max(x.size(), y.size()); ++i) {
    const std::string_view p = i < x.size() ? x[i] : "0", q = i < y.size() ? y[i] : "0";
    if (p.size() != q.size() && all_digits(p) && all_digits(q)) return p.size() > q.size();
    if (p != q) return p > q;
  }
  return a.date.known() && b.date.known() && b.date < a.date;
}

class Joiner {
 public:
  explicit Joiner(std::vector<Part> parts) : parts_(std::move(parts)) {}

  std::vector<Dataset> datasets;
  std::vector<Reference> references;
  std::map<std::string, Group> groups;
  std::map<std::string, Software> software;
  std::map<std::string, Technique> techniques;
  std::map<std::string, Campaign> campaigns;
  std::map<std::string, Report> reports;
  std::vector<Conflict> conflicts;

  void run();

 private:
  void choose_datasets();
  void number_references();
  void merge_parts();
  void join_catalogues();
  void join_trails();
  void finish();
  void merge_group(Group& into, Group from, const std::string& joined_by);
  std::map<std::string, std::set<std::string>> attack_names() const;
  static std::string file_stem_name(const std::string& actor, const std::vector<Alias>& aliases);

  std::vector<Part> parts_;
  std::map<std::string, std::string> report_groups_;  // "maltrail:actor" → group
};

void Joiner::choose_datasets() {
  std::map<std::string, Dataset> newest;
  for (const Part& part : parts_) {
    const auto [at, fresh] = newest.emplace(part.dataset.name, part.dataset);
    if (!fresh && !part.dataset.version.empty() && newer(part.dataset, at->second)) at->second = part.dataset;
  }
  std::set<std::string> told;
  std::vector<Part> kept;
  for (Part& part : parts_) {
    const Dataset& best = newest.at(part.dataset.name);
    if (!part.dataset.version.empty() && !best.version.empty() && part.dataset.version != best.version) {
      if (told.insert(part.dataset.name + ' ' + part.dataset.version).second) {
        conflicts.push_back({"data set",
                             part.dataset.name,
                             {},
                             "version " + part.dataset.version + " gives way to version " + best.version});
      }
      continue;
    }
    // A bundle that does not state its version stands for that of the same name which does, and is joined with it.
    if (part.dataset.version.empty()) part.dataset.version = best.version;
    kept.push_back(std::move(part));
  }
  parts_ = std::move(kept);
  std::map<std::string, std::pair<Dataset, std::set<std::string>>> merged;
  for (const Part& part : parts_) {
    const auto [at, fresh] = merged.emplace(part.dataset.name, std::pair{part.dataset, std::set<std::string>{}});
    Dataset& dataset = at->second.first;
    if (!part.dataset.digest.empty()) at->second.second.insert(part.dataset.digest);
    if (part.dataset.date.known() && (!dataset.date.known() || dataset.date < part.dataset.date))
      dataset.date = part.dataset.date;
    for (auto [mine, theirs] :
         {std::pair{&dataset.licence, &part.dataset.licence}, std::pair{&dataset.notice, &part.dataset.notice}}) {
      if (mine->empty() || (!theirs->empty() && *theirs > *mine)) *mine = *theirs;
    }
  }
  // ATT&CK's first: where two say the same, the fact is listed under it.
  std::vector<std::string> order;
  for (const auto& [name, entry] : merged) order.push_back(name);
  std::stable_partition(order.begin(), order.end(),
                        [](const std::string& name) { return name.substr(0, 12) == "MITRE ATT&CK"; });
  std::map<std::string, std::uint32_t> numbers;
  for (const std::string& name : order) {
    auto& [dataset, digests] = merged.at(name);
    if (digests.size() > 1) {
      std::string all;
      for (const std::string& digest : digests) all += digest + '\n';
      dataset.digest = base::digest_hex(base::DigestKind::kSha256, base::as_bytes(all));
    }
    numbers.emplace(name, static_cast<std::uint32_t>(datasets.size()));
    datasets.push_back(dataset);
  }
  // Whatever was added first: parts go by data set, then by what they are made from.
  std::stable_sort(parts_.begin(), parts_.end(), [&](const Part& a, const Part& b) {
    const std::uint32_t x = numbers.at(a.dataset.name), y = numbers.at(b.dataset.name);
    if (x != y) return x < y;
    return a.dataset.digest < b.dataset.digest;
  });
}

void Joiner::number_references() {
  std::map<std::pair<std::string, std::string>, Date> all;
  for (const Part& part : parts_) {
    for (const Reference& r : part.references) {
      Date& date = all[{r.name, r.url}];
      date = earlier(date, r.date);
    }
  }
  std::map<std::pair<std::string, std::string>, std::uint32_t> numbers;
  for (const auto& [key, date] : all) {
    numbers.emplace(key, static_cast<std::uint32_t>(references.size()));
    references.push_back({key.first, key.second, date});
  }
  std::map<std::string, std::uint32_t> dataset_numbers;
  for (std::uint32_t i = 0; i < datasets.size(); ++i) dataset_numbers.emplace(datasets[i].name, i);
  for (Part& part : parts_) {
    const std::uint32_t dataset = dataset_numbers.at(part.dataset.name);
    std::vector<std::uint32_t> map;
    for (const Reference& r : part.references) map.push_back(numbers.at({r.name, r.url}));
    const auto fix = [&](Fact& fact) {
      fact.dataset = dataset;
      for (std::uint32_t& r : fact.references) {
        r = map[r];
        fact.known = earlier(fact.known, references[r].date);
      }
      std::sort(fact.references.begin(), fact.references.end());
      fact.references.erase(std::unique(fact.references.begin(), fact.references.end()), fact.references.end());
    };
    const auto fix_all = [&](auto& items) {
      for (auto& item : items) fix(item.fact);
    };
    fix_all(part.groups);
    fix_all(part.software);
    fix_all(part.techniques);
    fix_all(part.campaigns);
    for (Group& g : part.groups) {
      fix_all(g.aliases);
      fix_all(g.countries);
      fix_all(g.techniques);
      fix_all(g.software);
      for (auto* claims : {&g.victims, &g.victims_other, &g.target_categories, &g.incident_types}) fix_all(*claims);
    }
    for (Software& s : part.software) fix_all(s.techniques);
    for (Campaign& c : part.campaigns) {
      fix_all(c.techniques);
      fix_all(c.software);
      fix_all(c.attributed_to);
    }
    for (Report& r : part.reports) r.dataset = dataset;
  }
}

void merge_fact(Fact& into, const Fact& from) {
  into.known = earlier(into.known, from.known);
  into.dataset = std::min(into.dataset, from.dataset);
  std::vector<std::uint32_t> all;
  std::set_union(into.references.begin(), into.references.end(), from.references.begin(), from.references.end(),
                 std::back_inserter(all));
  into.references = std::move(all);
}

/// Appends, merging what has the same key.
template <class Item, class Key>
void merge_items(std::vector<Item>& into, std::vector<Item> from, Key key) {
  if (from.empty()) return;
  std::map<decltype(key(from.front())), std::size_t> at;
  for (std::size_t i = 0; i < into.size(); ++i) at.emplace(key(into[i]), i);
  for (Item& item : from) {
    const auto [found, fresh] = at.emplace(key(item), into.size());
    if (fresh)
      into.push_back(std::move(item));
    else
      merge_fact(into[found->second].fact, item.fact);
  }
}

void merge_relations(std::vector<Relation>& into, std::vector<Relation> from) {
  merge_items(into, std::move(from), [](const Relation& r) { return r.id; });
}
void merge_claims(std::vector<Claim>& into, std::vector<Claim> from) {
  merge_items(into, std::move(from), [](const Claim& c) { return std::pair{c.value, c.fact.dataset}; });
}

void merge_names(std::vector<std::string>& into, const std::vector<std::string>& from) {
  std::set<std::string> all(into.begin(), into.end());
  all.insert(from.begin(), from.end());
  into.assign(all.begin(), all.end());
}

void Joiner::merge_group(Group& into, Group from, const std::string& joined_by) {
  const bool named = !from.name.empty();
  if (into.name.empty() && named) {
    into.name = from.name;
    into.fact = from.fact;
  } else if (named && joined_by.empty()) {
    merge_fact(into.fact, from.fact);
  }
  if (!joined_by.empty()) {
    const std::string source = from.id.substr(0, from.id.find(':'));
    for (Alias& alias : from.aliases) alias.rule += ", joined by " + joined_by;
    if (named && source != "maltrail")
      from.aliases.insert(from.aliases.begin(), {from.name, source + " name, joined by " + joined_by, from.fact});
    // Its hints at ATT&CK's groups have done their work; they would make this group answer to others' ids.
    from.other_ids.assign(1, from.id);
  }
  merge_names(into.other_ids, from.other_ids);
  merge_items(into.aliases, std::move(from.aliases), [](const Alias& a) { return normalised_name(a.name); });
  merge_items(into.countries, std::move(from.countries), [](const CountryClaim& c) {
    return std::tuple{c.country, c.role, c.fact.dataset};
  });
  merge_relations(into.techniques, std::move(from.techniques));
  merge_relations(into.software, std::move(from.software));
  merge_claims(into.victims, std::move(from.victims));
  merge_claims(into.victims_other, std::move(from.victims_other));
  merge_claims(into.target_categories, std::move(from.target_categories));
  merge_claims(into.incident_types, std::move(from.incident_types));
  into.attribution_confidence = std::max(into.attribution_confidence, from.attribution_confidence);
}

void Joiner::merge_parts() {
  for (Part& part : parts_) {
    for (Group& g : part.groups) {
      Group& into = groups[g.id];
      into.id = g.id;
      merge_group(into, std::move(g), "");
    }
    for (Software& s : part.software) {
      const auto [at, fresh] = software.emplace(s.id, s);
      Software& into = at->second;
      if (fresh) continue;
      if (into.name.empty()) into.name = s.name;
      merge_fact(into.fact, s.fact);
      merge_names(into.aliases, s.aliases);
      merge_relations(into.techniques, std::move(s.techniques));
    }
    for (Technique& t : part.techniques) {
      const auto [at, fresh] = techniques.emplace(t.id, t);
      if (fresh) continue;
      Technique& into = at->second;
      // One that stands goes before one that is revoked.
      if (!into.replaced_by.empty() && t.replaced_by.empty()) {
        const Fact fact = into.fact;
        into = t;
        merge_fact(into.fact, fact);
        continue;
      }
      merge_names(into.tactics, t.tactics);
      into.network_observable = into.network_observable || t.network_observable;
      merge_fact(into.fact, t.fact);
    }
    for (Campaign& c : part.campaigns) {
      const auto [at, fresh] = campaigns.emplace(c.id, c);
      if (fresh) continue;
      Campaign& into = at->second;
      if (into.name.empty()) into.name = c.name;
      into.first_seen = earlier(into.first_seen, c.first_seen);
      if (!into.last_seen.known() || (c.last_seen.known() && into.last_seen < c.last_seen))
        into.last_seen = c.last_seen;
      merge_fact(into.fact, c.fact);
      merge_names(into.aliases, c.aliases);
      merge_relations(into.techniques, std::move(c.techniques));
      merge_relations(into.software, std::move(c.software));
      merge_relations(into.attributed_to, std::move(c.attributed_to));
    }
    for (Report& r : part.reports) {
      const auto [at, fresh] = reports.emplace(r.id, r);
      if (fresh) continue;
      Report& into = at->second;
      into.date = earlier(into.date, r.date);
      into.date_upper = earlier(into.date_upper, r.date_upper);
      const auto append = [](std::vector<std::string>& a, const std::vector<std::string>& b) {
        std::set<std::string> have(a.begin(), a.end());
        for (const std::string& x : b) {
          if (have.insert(x).second) a.push_back(x);
        }
      };
      append(into.urls_of_report, r.urls_of_report);
      append(into.domains, r.domains);
      append(into.url_hosts, r.url_hosts);
      append(into.ips, r.ips);
      append(into.urls, r.urls);
      for (const auto& [observable, labels] : r.labels) append(into.labels[observable], labels);
    }
  }
}

std::map<std::string, std::set<std::string>> Joiner::attack_names() const {
  std::map<std::string, std::set<std::string>> out;
  for (const auto& [id, group] : groups) {
    if (!is_attack_group_id(id)) continue;
    out[normalised_name(group.name)].insert(id);
    for (const Alias& alias : group.aliases) {
      if (alias.rule.substr(0, 6) == "attack") out[normalised_name(alias.name)].insert(id);
    }
  }
  out.erase("");
  return out;
}

/// Actors of MISP and of other STIX bundles to ATT&CK's groups. For each group the best match is taken; the reasons
/// become part of the aliases' rule, the other matches are kept as conflicts.
void Joiner::join_catalogues() {
  struct Match {
    int score = 0;
    std::string why;
    int aliases = 0;
  };
  std::map<std::string, std::map<std::string, Match>> matches;  // ATT&CK's id → other's id
  const auto names = attack_names();
  const auto reason = [](Match& match, const std::string& word, int score) {
    if (match.why.find(word) != std::string::npos) return;
    match.why += (match.why.empty() ? "" : "+") + word;
    match.score += score;
  };
  std::map<std::string, std::string> own_names;  // normalised name of a group → id
  for (const auto& [id, group] : groups) {
    if (!is_attack_group_id(id)) continue;
    own_names.emplace(normalised_name(group.name), id);
    for (const std::string& other : group.other_ids) {
      if (!is_attack_group_id(other) && groups.count(other) != 0) reason(matches[id][other], "id", 1000);
    }
  }
  std::map<std::string, std::string> stix_ids;  // "stix:intrusion-set--…" → ATT&CK's id
  for (const auto& [id, group] : groups) {
    if (!is_attack_group_id(id)) continue;
    for (const std::string& other : group.other_ids) {
      if (other.substr(0, 5) == "stix:") stix_ids.emplace(other, id);
    }
  }
  for (const auto& [other, actor] : groups) {
    if (is_attack_group_id(other) || other.substr(0, 9) == "maltrail:") continue;
    const std::string name = normalised_name(actor.name);
    for (const std::string& id : actor.other_ids) {
      if (is_attack_group_id(id) && groups.count(id) != 0) reason(matches[id][other], "attack-id", 60);
      const auto uuid = stix_ids.find(id);
      if (uuid != stix_ids.end()) reason(matches[uuid->second][other], "attack-uuid", 60);
    }
    const auto same = names.find(name);
    if (same != names.end()) {
      for (const std::string& id : same->second) {
        const bool both = own_names.count(name) != 0 && own_names.at(name) == id;
        reason(matches[id][other], both ? "name" : "name-is-alias", both ? 100 : 50);
      }
    }
    std::set<std::string> seen;
    for (const Alias& alias : actor.aliases) {
      const std::string key = normalised_name(alias.name);
      if (!seen.insert(key).second) continue;
      const auto hit = names.find(key);
      if (hit == names.end()) continue;
      for (const std::string& id : hit->second) {
        const auto own = own_names.find(key);
        Match& match = matches[id][other];
        if (own != own_names.end() && own->second == id)
          reason(match, "name-is-synonym", 50);
        else if (match.aliases++ < 9)
          match.score += 10;
      }
    }
  }
  std::set<std::string> taken;
  std::vector<std::pair<std::string, std::pair<std::string, std::string>>> joins;
  for (auto& [id, candidates] : matches) {
    // Joined before, in a table that was read: that stands.
    const std::vector<std::string>& known_ids = groups.at(id).other_ids;
    const bool joined_before =
        std::any_of(known_ids.begin(), known_ids.end(), [](const std::string& x) { return x.substr(0, 5) == "misp:"; });
    std::vector<std::pair<std::string, Match>> ranked;
    for (auto& [other, match] : candidates) {
      if (match.aliases > 0)
        match.why += (match.why.empty() ? "" : "+") + std::string("aliases*") + std::to_string(match.aliases);
      ranked.emplace_back(other, match);
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.second.score > b.second.score; });
    std::string joined;
    for (const auto& [other, match] : ranked) {
      // One shared alias and nothing else is too little: names are reused.
      const bool good = match.score >= (joined_before && other.substr(0, 5) == "misp:" ? 1000 : 20);
      const bool stix = other.substr(0, 5) == "stix:";
      if (good && (joined.empty() || stix || match.score >= 1000)) {
        joins.push_back({id, {other, match.why}});
        taken.insert(other);
        if (!stix) joined = other;
      } else {
        conflicts.push_back({"join",
                             groups.at(other).name,
                             {id, other},
                             joined_before ? "also matches (" + match.why + "); joined to another before"
                             : joined.empty()
                                 ? "one shared alias is too little (" + match.why + ")"
                                 : "also matches (" + match.why + "); " + groups.at(joined).name + " matches better"});
      }
    }
  }
  std::map<std::string, std::set<std::string>> joined_to;
  for (const auto& [id, join] : joins) joined_to[join.first].insert(id);
  for (const auto& [other, ids] : joined_to) {
    if (ids.size() > 1)
      conflicts.push_back({"join",
                           groups.at(other).name,
                           {ids.begin(), ids.end()},
                           "one actor of the other catalogue stands for several groups; its claims go to each"});
  }
  for (const auto& [id, join] : joins) merge_group(groups.at(id), groups.at(join.first), join.second);
  for (const std::string& other : taken) groups.erase(other);
}

/// What a trail file's name says: "apt_sofacy" → "sofacy"; "apt_27" → "apt27", unless its aliases say that the number
/// is another catalogue's ("apt-c-5").
std::string Joiner::file_stem_name(const std::string& actor, const std::vector<Alias>& aliases) {
  std::string stem = actor;
  if (stem.substr(0, 4) == "apt_") stem.erase(0, 4);
  if (!all_digits(stem)) return normalised_name(stem);
  std::string apt = "apt" + stem;
  bool contradicted = false;
  for (const Alias& alias : aliases) {
    const std::string name = normalised_name(alias.name);
    if (name == apt) return apt;
    if (name.substr(0, 3) == "apt") contradicted = true;
  }
  return contradicted ? std::string() : apt;
}

void Joiner::join_trails() {
  const auto names = attack_names();
  std::map<std::string, std::set<std::string>> misp_names;
  for (const auto& [id, group] : groups) {
    if (id.substr(0, 5) != "misp:") continue;
    misp_names[normalised_name(group.name)].insert(id);
    for (const Alias& alias : group.aliases) misp_names[normalised_name(alias.name)].insert(id);
  }
  std::vector<std::string> trails;
  for (const auto& [id, group] : groups) {
    if (id.substr(0, 9) == "maltrail:") trails.push_back(id);
  }
  std::set<std::string> misp_taken;
  for (const std::string& id : trails) {
    Group& trail = groups.at(id);
    const std::string actor = id.substr(9);
    std::map<std::string, std::pair<int, std::string>> votes;  // ATT&CK's id → votes, first reason
    const auto vote = [&](const std::string& group, int weight, const std::string& why) {
      auto& [count, reason] = votes[group];
      count += weight;
      if (reason.empty()) reason = why;
    };
    // A group's own name says more than another's alias of the same spelling.
    const auto own = [&](const std::string& group, const std::string& name) {
      return normalised_name(groups.at(group).name) == name;
    };
    for (const std::string& other : trail.other_ids) {
      if (is_attack_group_id(other) && groups.count(other) != 0) vote(other, 1000, "ATT&CK id");
    }
    const std::string stem = file_stem_name(actor, trail.aliases);
    if (const auto hit = names.find(stem); hit != names.end()) {
      for (const std::string& group : hit->second) vote(group, own(group, stem) ? 5 : 4, "file name");
    }
    std::set<std::string> seen;
    for (const Alias& alias : trail.aliases) {
      const std::string key = normalised_name(alias.name);
      if (alias.rule.substr(0, 8) != "maltrail" || !seen.insert(key).second) continue;
      if (const auto hit = names.find(key); hit != names.end()) {
        for (const std::string& group : hit->second) vote(group, own(group, key) ? 4 : 3, "alias " + alias.name);
      }
    }
    std::string best;
    for (const auto& [group, count] : votes) {
      if (best.empty() || count.first > votes.at(best).first) best = group;
    }
    if (!best.empty()) {
      const std::string why = votes.at(best).second;
      for (const auto& [group, count] : votes) {
        if (group != best)
          conflicts.push_back(
              {"join", actor, {best, group}, "its aliases name several groups; joined to " + best + " by " + why});
      }
      merge_group(groups.at(best), trail, why);
      report_groups_[id] = best;
      groups.erase(id);
      continue;
    }
    report_groups_[id] = id;
    const bool joined_before = std::any_of(trail.other_ids.begin(), trail.other_ids.end(),
                                           [](const std::string& x) { return x.substr(0, 5) == "misp:"; });
    if (joined_before) {
      for (const std::string& other : std::vector<std::string>(trail.other_ids)) {
        if (other.substr(0, 5) != "misp:" || groups.count(other) == 0) continue;
        merge_group(trail, groups.at(other), "id");
        misp_taken.insert(other);
      }
      continue;
    }
    std::set<std::string> candidates;
    std::string why;
    const auto look = [&](const std::string& key, const std::string& reason) {
      const auto hit = misp_names.find(key);
      if (key.empty() || hit == misp_names.end()) return;
      candidates.insert(hit->second.begin(), hit->second.end());
      if (why.empty()) why = reason;
    };
    look(stem, "file name");
    for (const Alias& alias : trail.aliases) look(normalised_name(alias.name), "alias " + alias.name);
    if (candidates.size() == 1) {
      merge_group(trail, groups.at(*candidates.begin()), why);
      misp_taken.insert(*candidates.begin());
    } else if (candidates.size() > 1) {
      std::vector<std::string> ids(candidates.begin(), candidates.end());
      ids.insert(ids.begin(), id);
      conflicts.push_back({"join", actor, ids, "matches several actors; joined to none"});
    }
  }
  for (const std::string& id : misp_taken) groups.erase(id);
}

void Joiner::finish() {
  std::map<std::string, std::set<std::string>> owners;
  for (auto& [id, group] : groups) {
    const std::string own = normalised_name(group.name);
    std::set<std::string> others(group.other_ids.begin(), group.other_ids.end());
    others.erase(id);
    group.other_ids.assign(others.begin(), others.end());
    group.aliases.erase(std::remove_if(group.aliases.begin(), group.aliases.end(),
                                       [&](const Alias& a) {
                                         return normalised_name(a.name) == own || normalised_name(a.name).empty();
                                       }),
                        group.aliases.end());
    std::stable_sort(group.aliases.begin(), group.aliases.end(), [](const Alias& a, const Alias& b) {
      const std::string x = lower(a.name), y = lower(b.name);
      return x != y ? x < y : a.name < b.name;
    });
    sort_relations(group.techniques);
    sort_relations(group.software);
    std::sort(group.countries.begin(), group.countries.end(), [](const CountryClaim& a, const CountryClaim& b) {
      return std::tie(a.role, a.country, a.fact.dataset) < std::tie(b.role, b.country, b.fact.dataset);
    });
    for (auto* claims : {&group.victims, &group.victims_other, &group.target_categories, &group.incident_types}) {
      std::sort(claims->begin(), claims->end(), [](const Claim& a, const Claim& b) {
        return std::tie(a.value, a.fact.dataset) < std::tie(b.value, b.fact.dataset);
      });
    }
    for (const auto* relations : {&group.techniques, &group.software}) {
      for (const Relation& r : *relations) group.fact.known = earlier(group.fact.known, r.fact.known);
    }
    if (!own.empty()) owners[own].insert(id);
    for (const Alias& alias : group.aliases) owners[normalised_name(alias.name)].insert(id);
    std::set<std::string> origins;
    for (const CountryClaim& claim : group.countries) {
      if (claim.role == CountryClaim::Role::kOrigin) origins.insert(claim.country);
    }
    std::set<std::string> sponsors;
    for (const CountryClaim& claim : group.countries) {
      if (claim.role == CountryClaim::Role::kStateSponsor) sponsors.insert(claim.country);
    }
    const bool apart =
        !origins.empty() && !sponsors.empty() &&
        std::none_of(sponsors.begin(), sponsors.end(), [&](const std::string& c) { return origins.count(c) != 0; });
    if (apart)
      conflicts.push_back({"country",
                           *origins.begin() + ", " + *sponsors.begin(),
                           {id},
                           "claimed to be of one country and sponsored by another"});
    if (origins.size() > 1) {
      std::string all;
      for (const std::string& country : origins) all += (all.empty() ? "" : ", ") + country;
      conflicts.push_back({"country", all, {id}, "sources claim different countries"});
    }
  }
  for (const auto& [name, ids] : owners) {
    if (ids.size() > 1) conflicts.push_back({"alias", name, {ids.begin(), ids.end()}, "several groups are called so"});
  }
  for (auto& [id, s] : software) {
    sort_relations(s.techniques);
    merge_names(s.aliases, {});
    s.aliases.erase(std::remove(s.aliases.begin(), s.aliases.end(), s.name), s.aliases.end());
  }
  for (auto& [id, c] : campaigns) {
    sort_relations(c.techniques);
    sort_relations(c.software);
    sort_relations(c.attributed_to);
    for (const auto* relations : {&c.techniques, &c.software}) {
      for (const Relation& r : *relations) c.fact.known = earlier(c.fact.known, r.fact.known);
    }
  }
  // Relations to what nobody describes are kept, and told once each.
  std::set<std::string> unknown;
  const auto check = [&](const std::vector<Relation>& relations, const auto& table) {
    for (const Relation& r : relations) {
      if (table.count(r.id) == 0) unknown.insert(r.id);
    }
  };
  for (const auto& [id, g] : groups) {
    check(g.techniques, techniques);
    check(g.software, software);
  }
  for (const auto& [id, s] : software) check(s.techniques, techniques);
  for (const auto& [id, c] : campaigns) {
    check(c.techniques, techniques);
    check(c.software, software);
    check(c.attributed_to, groups);
  }
  for (const std::string& id : unknown)
    conflicts.push_back({"unknown id", id, {}, "facts speak of it, but no data set describes it"});
  for (auto& [id, r] : reports) {
    const auto group = report_groups_.find("maltrail:" + r.actor);
    if (group != report_groups_.end()) {
      r.group = group->second;
    } else if (groups.count(r.group) == 0) {
      r.group = "maltrail:" + r.actor;
    }
  }
  std::sort(conflicts.begin(), conflicts.end(), [](const Conflict& a, const Conflict& b) {
    return std::tie(a.what, a.value, a.groups, a.why) < std::tie(b.what, b.value, b.groups, b.why);
  });
}

void Joiner::run() {
  choose_datasets();
  number_references();
  merge_parts();
  join_catalogues();
  join_trails();
  finish();
}

}  // namespace

std::shared_ptr<const Actors> ActorsBuilder::build() {
  std::vector<Part> parts = state_->parts;
  Problems ignored;  // exchange files were looked at when they were added
  read_exchange(state_->exchange, parts, ignored);
  Joiner joiner(std::move(parts));
  joiner.run();
  auto out = std::make_shared<Actors>();
  out->datasets_ = std::move(joiner.datasets);
  out->references_ = std::move(joiner.references);
  for (auto& [id, x] : joiner.software) out->software_.push_back(std::move(x));
  for (auto& [id, x] : joiner.techniques) out->techniques_.push_back(std::move(x));
  for (auto& [id, x] : joiner.campaigns) out->campaigns_.push_back(std::move(x));
  std::map<std::string, std::vector<std::uint32_t>> reports_of;
  // In the order of files and lines, not of text ("apt_x:9" before "apt_x:10").
  std::vector<Report*> reports;
  for (auto& [id, r] : joiner.reports) reports.push_back(&r);
  const auto line_of = [](const Report* r) {
    const std::size_t colon = r->id.rfind(':');
    const std::string_view digits = std::string_view(r->id).substr(colon == std::string::npos ? 0 : colon + 1);
    return all_digits(digits) && digits.size() < 10 ? std::stoul(std::string(digits)) : 0UL;
  };
  std::sort(reports.begin(), reports.end(), [&](const Report* a, const Report* b) {
    const std::string_view x = std::string_view(a->id).substr(0, a->id.rfind(':')),
                           y = std::string_view(b->id).substr(0, b->id.rfind(':'));
    if (x != y) return x < y;
    const unsigned long m = line_of(a), n = line_of(b);
    return m != n ? m < n : a->id < b->id;
  });
  for (Report* r : reports) {
    reports_of[r->group].push_back(static_cast<std::uint32_t>(out->reports_.size()));
    out->reports_.push_back(std::move(*r));
  }
  for (auto& [id, group] : joiner.groups) {
    group.reports = std::move(reports_of[id]);
    out->groups_.push_back(std::move(group));
  }
  std::map<std::string, Group*> by_id;
  for (Group& group : out->groups_) by_id.emplace(group.id, &group);
  for (std::uint32_t i = 0; i < out->campaigns_.size(); ++i) {
    for (const Relation& r : out->campaigns_[i].attributed_to) {
      const auto at = by_id.find(r.id);
      if (at != by_id.end()) at->second->campaigns.push_back(i);
    }
  }
  out->conflicts_ = std::move(joiner.conflicts);
  out->index();
  return out;
}

}  // namespace whodunit::knowledge
