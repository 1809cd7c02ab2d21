#include "attribution/model/actor_table.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "attribution/model/actor_table_input.h"
#include "attribution/model/names.h"
#include "base/address.h"
#include "base/hash.h"

namespace whodunit::attribution {
namespace {

// A report speaks with at most this many names in the style profile of its actor: a list of thousands of generated
// names is one act, not thousands.
constexpr double kNamesPerReport = 25;
constexpr std::size_t kLabelLength = 5;  // shorter labels are shared by chance
constexpr std::size_t kNamesRead = 300;  // and no more than these are read for style

std::uint64_t key_of(std::string_view text) { return base::fast_hash(text); }

void sort_unique(std::vector<std::uint32_t>& v) {
  std::sort(v.begin(), v.end());
  v.erase(std::unique(v.begin(), v.end()), v.end());
}

std::uint32_t number_in(const std::unordered_map<std::string, std::uint32_t>& map, const std::string& key) {
  const auto it = map.find(key);
  return it == map.end() ? kNone : it->second;
}

}  // namespace

Lists Lists::of(std::vector<std::pair<std::uint64_t, std::uint32_t>>&& pairs) {
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  Lists out;
  for (const auto& [key, value] : pairs) {
    if (out.keys_.empty() || out.keys_.back() != key) {
      out.keys_.push_back(key);
      out.offsets_.push_back(static_cast<std::uint32_t>(out.values_.size()));
    }
    out.values_.push_back(value);
  }
  out.offsets_.push_back(static_cast<std::uint32_t>(out.values_.size()));
  return out;
}

std::span<const std::uint32_t> Lists::find(std::uint64_t key) const {
  const auto it = std::lower_bound(keys_.begin(), keys_.end(), key);
  if (it == keys_.end() || *it != key) return {};
  const auto k = static_cast<std::size_t>(it - keys_.begin());
  return {values_.data() + offsets_[k], offsets_[k + 1] - offsets_[k]};
}

std::string comparable_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') {
      out.push_back(static_cast<char>(c - 'A' + 'a'));
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80) {
      out.push_back(c);
    }
  }
  return out;
}

std::shared_ptr<const ActorTable> ActorTableInput::build() && {
  auto table = std::make_shared<ActorTable>();
  table->build(std::move(*this));
  return table;
}

void ActorTable::build(ActorTableInput&& input) {
  digest_ = input.digest;
  // Numbers follow sorted ids, so that the order in which files were read changes nothing.
  const auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
  std::sort(input.techniques.begin(), input.techniques.end(), by_id);
  for (const auto& t : input.techniques) {
    if (technique_ids_.emplace(t.id, static_cast<std::uint32_t>(techniques_.size())).second) {
      techniques_.push_back({t.id, t.name, kNone, t.network_observable});
    }
  }
  const auto technique_number = [this](const std::string& id) {
    const auto [it, fresh] = technique_ids_.emplace(id, static_cast<std::uint32_t>(techniques_.size()));
    if (fresh) techniques_.push_back({id, id, kNone, false});
    return it->second;
  };
  std::sort(input.software.begin(), input.software.end(), by_id);
  for (const auto& s : input.software) {
    if (number_in(software_names_, s.id) != kNone) continue;
    software_names_[s.id] = static_cast<std::uint32_t>(software_.size());
    software_.push_back({s.id, s.name, s.tool, s.aliases});
  }
  const auto software_of = [this](const std::string& id) {
    const auto [it, fresh] = software_names_.emplace(id, static_cast<std::uint32_t>(software_.size()));
    if (fresh) software_.push_back({id, id, false, {}});
    return it->second;
  };

  std::sort(input.groups.begin(), input.groups.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  for (auto& g : input.groups) {
    if (!actors_.empty() && actors_.back().key == g.key) {  // the same actor from two sources: facts are joined
      ActorEntry& a = actors_.back();
      if (a.name.empty()) a.name = g.name;
      if (a.country.empty()) a.country = g.country;
      a.aliases.insert(a.aliases.end(), g.aliases.begin(), g.aliases.end());
      for (const auto& t : g.techniques) a.techniques.push_back(technique_number(t));
      for (const auto& s : g.software) a.software.push_back(software_of(s));
      continue;
    }
    ActorEntry a;
    a.key = g.key;
    a.name = g.name.empty() ? g.key : g.name;
    a.attack_id = g.attack_id;
    a.country = g.country;
    a.state_sponsored = g.state_sponsored;
    a.aliases = std::move(g.aliases);
    a.victims = std::move(g.victims);
    a.categories = std::move(g.categories);
    for (const auto& t : g.techniques) a.techniques.push_back(technique_number(t));
    for (const auto& s : g.software) a.software.push_back(software_of(s));
    actors_.push_back(std::move(a));
  }
  for (std::uint32_t i = 0; i < actors_.size(); ++i) {
    sort_unique(actors_[i].techniques);
    sort_unique(actors_[i].software);
    std::sort(actors_[i].aliases.begin(), actors_[i].aliases.end());
    std::sort(actors_[i].victims.begin(), actors_[i].victims.end());
    actor_names_[actors_[i].key] = i;
  }
  // Names after keys: a key always wins; a name that two actors carry finds neither.
  std::map<std::string, std::uint32_t> named;
  for (std::uint32_t i = 0; i < actors_.size(); ++i) {
    std::vector<std::string> names = actors_[i].aliases;
    names.push_back(actors_[i].name);
    names.push_back(actors_[i].key);
    for (const std::string& name : names) {
      const std::string comparable = comparable_name(name);
      if (comparable.empty()) continue;
      const auto [it, fresh] = named.emplace(comparable, i);
      if (!fresh && it->second != i) it->second = kNone;
    }
  }
  for (const auto& [name, number] : named) {
    if (number != kNone) actor_names_.emplace("~" + name, number);
  }
  namesakes_.resize(actors_.size());
  for (const auto& [one, other] : input.namesakes) {
    const std::uint32_t a = actor(one), b = actor(other);
    if (a == kNone || b == kNone || a == b) continue;
    namesakes_[a].push_back(b);
    namesakes_[b].push_back(a);
  }
  for (auto& list : namesakes_) sort_unique(list);
  std::map<std::string, std::uint32_t> software_named;
  for (std::uint32_t i = 0; i < software_.size(); ++i) {
    std::vector<std::string> names = software_[i].aliases;
    names.push_back(software_[i].name);
    for (const std::string& name : names) {
      const auto [it, fresh] = software_named.emplace(comparable_name(name), i);
      if (!fresh && it->second != i) it->second = kNone;
    }
  }
  for (const auto& [name, number] : software_named) {
    if (number != kNone) software_names_.emplace("~" + name, number);
  }

  std::sort(input.campaigns.begin(), input.campaigns.end(), by_id);
  for (const auto& c : input.campaigns) {
    if (campaign_ids_.contains(c.id)) continue;
    CampaignEntry entry;
    entry.id = c.id;
    for (const auto& g : c.groups) {
      const std::uint32_t number = actor(g);
      if (number != kNone) entry.actors.push_back(number);
    }
    for (const auto& t : c.techniques) entry.techniques.push_back(technique_number(t));
    for (const auto& s : c.software) entry.software.push_back(software_of(s));
    sort_unique(entry.techniques);
    sort_unique(entry.software);
    campaign_ids_[c.id] = static_cast<std::uint32_t>(campaigns_.size());
    campaigns_.push_back(std::move(entry));
  }
  for (std::uint32_t i = 0; i < techniques_.size(); ++i) {
    const std::size_t dot = techniques_[i].id.find('.');
    std::uint32_t parent = i;
    if (dot != std::string::npos) {
      const std::string id = techniques_[i].id.substr(0, dot);
      parent = technique_number(id);  // may append: read techniques_ by index only
    }
    techniques_[i].parent = parent;
  }
  for (const ActorEntry& a : actors_) has_profiles_ = has_profiles_ || !a.techniques.empty() || !a.software.empty();

  // Reports, in the order of the day by which they were known.
  std::sort(input.reports.begin(), input.reports.end(),
            [](const auto& a, const auto& b) { return std::tie(a.known_by, a.id) < std::tie(b.known_by, b.id); });
  std::vector<double> sequence_total(kSequenceSpace, 0), trait_total(kTraitSpace, 0);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> style_pairs;  // sequence → style name
  std::vector<std::uint32_t> style_ends;                             // of each style name's sequences in style_pairs
  using Counted = std::vector<std::pair<std::uint32_t, double>>;     // sorted
  const auto count = [](std::vector<std::uint32_t>& all, double scale) {
    std::sort(all.begin(), all.end());
    Counted out;
    for (const std::uint32_t x : all) {
      if (out.empty() || out.back().first != x) out.emplace_back(x, 0);
      out.back().second += scale;
    }
    return out;
  };
  const auto style_of = [&](const std::vector<std::string>& names, std::uint32_t report) {
    // Which names are read must not depend on the list's order.
    std::vector<std::pair<std::uint64_t, const std::string*>> order;
    for (const std::string& n : names) order.emplace_back(base::fast_hash(n), &n);
    std::sort(order.begin(), order.end());
    order.erase(
        std::unique(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first == b.first; }),
        order.end());
    if (order.size() > kNamesRead) order.resize(kNamesRead);
    std::vector<std::uint32_t> sequences, traits;
    for (const auto& [hash, name] : order) {
      const NameParts parts = take_apart(*name);
      std::vector<std::uint32_t> own = sequences_of(parts);
      sequences.insert(sequences.end(), own.begin(), own.end());
      if (report != kNone) {
        sort_unique(own);
        for (const std::uint32_t s : own) style_pairs.emplace_back(s, static_cast<std::uint32_t>(style_names_.size()));
        style_ends.push_back(static_cast<std::uint32_t>(style_pairs.size()));
        style_names_.push_back({report, 0});
      }
      for (const std::uint32_t t : traits_of(parts)) traits.push_back(t);
    }
    const double scale = order.empty() ? 0 : std::min(1.0, kNamesPerReport / static_cast<double>(order.size()));
    return std::pair(count(sequences, scale), count(traits, scale));
  };
  std::vector<std::pair<std::uint32_t, Posting>> sequence_pairs, trait_pairs;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> by_name, by_registered, by_label, by_word, by_address, by_net24,
      by_net16;
  for (auto& r : input.reports) {
    if (report_ids_.contains(r.id)) continue;
    ReportEntry entry;
    entry.id = r.id;
    entry.actor = actor(r.actor);
    entry.day = r.day;
    entry.known_by = r.known_by;
    entry.usable = r.usable && entry.actor != kNone;
    const auto number = static_cast<std::uint32_t>(reports_.size());
    report_ids_[r.id] = number;
    std::vector<std::string> names;
    for (const std::string& raw : r.names) {
      if (base::Address::parse(raw)) {  // a host of a URL may be an address, too
        r.addresses.push_back(raw);
        continue;
      }
      std::string name = canonical_name(raw);
      if (!name.empty()) names.push_back(std::move(name));
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    entry.names = static_cast<std::uint32_t>(names.size());
    if (entry.usable) {
      for (const std::string& name : names) {
        by_name.emplace_back(key_of(name), number);
        const NameParts parts = take_apart(name);
        by_registered.emplace_back(key_of(parts.registered), number);
        if (parts.label.size() >= kLabelLength) by_label.emplace_back(key_of(parts.label), number);
        for (const std::uint64_t word : words_of(parts)) by_word.emplace_back(word, number);
      }
      for (const std::string& text : r.addresses) {
        const auto address = base::Address::parse(text);
        if (!address || !address->is_v4()) continue;
        entry.addresses.push_back(address->v4_value());
      }
      sort_unique(entry.addresses);
      for (const std::uint32_t a : entry.addresses) {
        by_address.emplace_back(a, number);
        by_net24.emplace_back(a >> 8, number);
        by_net16.emplace_back(a >> 16, number);
      }
      const auto [sequences, traits] = style_of(names, number);
      for (const auto& [s, n] : sequences) {
        sequence_pairs.push_back({s, {number, static_cast<float>(n)}});
        entry.sequence_mass += static_cast<float>(n);
        sequence_total[s] += n;
      }
      for (const auto& [t, n] : traits) {
        trait_pairs.push_back({t, {number, static_cast<float>(n)}});
        entry.trait_mass += static_cast<float>(n);
        trait_total[t] += n;
      }
    }
    reports_.push_back(std::move(entry));
  }
  by_name_ = Lists::of(std::move(by_name));
  by_registered_ = Lists::of(std::move(by_registered));
  by_label_ = Lists::of(std::move(by_label));
  by_word_ = Lists::of(std::move(by_word));
  by_address_ = Lists::of(std::move(by_address));
  by_net24_ = Lists::of(std::move(by_net24));
  by_net16_ = Lists::of(std::move(by_net16));
  sequences_ = Rows<Posting>(kSequenceSpace, sequence_pairs);
  traits_ = Rows<Posting>(kTraitSpace, trait_pairs);
  style_index_ = Rows<std::uint32_t>(kSequenceSpace, style_pairs);
  for (const auto& block : input.background) {
    std::vector<std::string> names;
    for (const std::string& raw : block) {
      std::string name = canonical_name(raw);
      if (!name.empty() && !base::Address::parse(name)) names.push_back(std::move(name));
    }
    const auto [sequences, traits] = style_of(names, kNone);
    for (const auto& [s, n] : sequences) sequence_total[s] += n;
    for (const auto& [t, n] : traits) trait_total[t] += n;
  }
  const auto shares = [](const std::vector<double>& totals) {
    double sum = 0;
    for (const double x : totals) sum += x;
    std::vector<float> out(totals.size());
    const double smoothing = 0.5;
    for (std::size_t i = 0; i < totals.size(); ++i) {
      out[i] = static_cast<float>((totals[i] + smoothing) / (sum + smoothing * static_cast<double>(totals.size())));
    }
    return out;
  };
  sequence_share_ = shares(sequence_total);
  trait_share_ = shares(trait_total);
  rarity_.resize(sequence_share_.size());
  for (std::size_t k = 0; k < rarity_.size(); ++k) rarity_[k] = -std::log(sequence_share_[k]);
  for (std::size_t i = 0; i < style_names_.size(); ++i) {
    double sum = 0;
    for (std::uint32_t k = i == 0 ? 0 : style_ends[i - 1]; k < style_ends[i]; ++k) {
      const double r = rarity(style_pairs[k].first);
      sum += r * r;
    }
    style_names_[i].norm = static_cast<float>(std::sqrt(sum));
  }
  std::vector<double> squares(reports_.size(), 0);
  for (const auto& [s, p] : sequence_pairs) {
    const double x = static_cast<double>(p.count) * rarity(s);
    squares[p.report] += x * x;
  }
  for (std::size_t i = 0; i < reports_.size(); ++i)
    reports_[i].sequence_norm = static_cast<float>(std::sqrt(squares[i]));
  victim_rows_ = std::move(input.victim_rows);
  std::sort(victim_rows_.begin(), victim_rows_.end(),
            [](const VictimRow& a, const VictimRow& b) { return a.id < b.id; });
}

std::uint32_t ActorTable::actor(std::string_view key_or_name) const {
  const std::string key(key_or_name);
  const std::uint32_t number = number_in(actor_names_, key);
  return number != kNone ? number : number_in(actor_names_, "~" + comparable_name(key_or_name));
}
std::uint32_t ActorTable::technique(std::string_view id) const { return number_in(technique_ids_, std::string(id)); }
std::uint32_t ActorTable::software_number(std::string_view id_or_name) const {
  const std::uint32_t number = number_in(software_names_, std::string(id_or_name));
  return number != kNone ? number : number_in(software_names_, "~" + comparable_name(id_or_name));
}
std::uint32_t ActorTable::campaign(std::string_view id) const { return number_in(campaign_ids_, std::string(id)); }
std::uint32_t ActorTable::report(std::string_view id) const { return number_in(report_ids_, std::string(id)); }

std::span<const std::uint32_t> ActorTable::reports_of_name(std::string_view name) const {
  return by_name_.find(key_of(name));
}
std::span<const std::uint32_t> ActorTable::reports_of_registered(std::string_view registered) const {
  return by_registered_.find(key_of(registered));
}
std::span<const std::uint32_t> ActorTable::reports_of_label(std::string_view label) const {
  return by_label_.find(key_of(label));
}
std::span<const std::uint32_t> ActorTable::reports_of_address(std::uint32_t address) const {
  return by_address_.find(address);
}
std::span<const std::uint32_t> ActorTable::reports_of_net24(std::uint32_t address) const {
  return by_net24_.find(address >> 8);
}
std::span<const std::uint32_t> ActorTable::reports_of_net16(std::uint32_t address) const {
  return by_net16_.find(address >> 16);
}

}  // namespace whodunit::attribution
