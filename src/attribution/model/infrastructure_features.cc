#include "attribution/model/infrastructure_features.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "attribution/model/names.h"
#include "base/address.h"
#include "base/hash.h"

namespace whodunit::attribution {
namespace {

constexpr double kSequenceSmoothing = 600;  // pseudo-count of the common share in an actor's style profile
constexpr double kTraitSmoothing = 4;
constexpr double kShapeSmoothing = 4;
constexpr std::size_t kNamesRead = 100;
constexpr double kNamesPerReport = 300;  // as many as the table reads for style
constexpr double kSuffixSmoothing = 2;
constexpr double kAddressSmoothing = 5;
constexpr double kActivityDays = 180, kActivityShortDays = 30;  // how fast an actor's being active fades
constexpr int kShapes = 16;
constexpr std::size_t kWordHolders = 30;  // words that more actors' names hold are everybody's

int shape_of(std::size_t names, std::size_t addresses) {
  const auto step = [](std::size_t n) { return n == 0 ? 0 : n == 1 ? 1 : n <= 5 ? 2 : 3; };
  return step(names) * 4 + step(addresses);
}

}  // namespace

const char* name_of(InfrastructureFeature feature) {
  static constexpr std::array<const char*, kInfrastructureFeatures> kNames = {
      "exact_name", "exact_names",    "registered",   "registereds", "exact_address", "exact_addresses",
      "net24",      "net16",          "recent_match", "label",       "words",         "nearest_name",
      "name_rank",  "nearest_report", "sequences",    "traits",      "suffix",        "address_style",
      "shape",      "size",           "names",        "activity",    "activity_short"};
  return kNames[feature];
}

const char* name_of(CaseFeature feature) {
  static constexpr std::array<const char*, kCaseFeatures> kNames = {
      "always",       "observables", "no_names",          "best_exact_name",     "best_registered",
      "best_address", "best_label",  "best_nearest_name", "best_nearest_report", "best_sequences",
      "best_traits",  "best_suffix", "undated",           "hindsight",           "staleness",
      "reports"};
  return kNames[feature];
}

void Observables::add(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (scheme != std::string_view::npos) text.remove_prefix(scheme + 3);
  text = text.substr(0, text.find('/'));
  if (const std::size_t colon = text.find(':');
      colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
    text = text.substr(0, colon);
  }
  if (const auto address = base::Address::parse(text)) {
    if (address->is_v4()) addresses.push_back(address->v4_value());
    return;
  }
  std::string name = canonical_name(text);
  if (!name.empty()) names.push_back(std::move(name));
}

void Observables::finish() {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
}

namespace {

// One question against one view: all that does not depend on which actors are left out, actor by actor, so that the
// same question can be asked again without some of them at little cost.
class Sums {
 public:
  Sums(const Observables& observables, const View& view);
  InfrastructureRows rows(std::span<const std::uint32_t> without) const;

 private:
  struct Holder {
    std::uint32_t actor;
    bool recent;
  };
  using Holders = std::vector<Holder>;  // different actors
  struct NameHits {
    Holders exact, registered, label;
  };
  struct AddressHits {
    Holders exact, net24, net16;
  };
  struct Near {  // addresses of reports in one block, by actor
    std::vector<std::pair<std::uint32_t, double>> actors;
    double here = 0, expected = 0;
  };

  Holders holders_of(std::span<const std::uint32_t> reports);
  void read_reports();
  void read_names();
  void read_addresses();

  const Observables& observables_;
  const ActorTable& table_;
  const std::vector<std::uint32_t> excluded_, not_answers_;
  std::size_t n_actors_;
  std::vector<std::uint32_t> actor_of_;  // by report; kNone where it may not be used
  // By actor.
  std::vector<double> reports_, later_, activity_, activity_short_, shape_hits_, n_names_, n_addresses_, address_total_;
  std::vector<double> sequence_mass_, trait_mass_;
  std::vector<std::int32_t> newest_;
  std::vector<float> sequence_sum_, trait_sum_, suffix_sum_, name_best_, nearest_;
  std::vector<NameHits> names_;
  std::vector<AddressHits> addresses_;
  std::vector<Holders> words_;
  std::vector<std::vector<std::uint32_t>> ranked_;  // by name read: actors, the nearest first
  std::vector<Near> near_;
  std::size_t names_read_ = 0;
  // To find each actor once.
  std::vector<std::uint32_t> seen_;
  std::uint32_t round_ = 0;
};

constexpr std::size_t kRanks = 20, kMostLeftOut = 12;

Sums::Sums(const Observables& observables, const View& view)
    : observables_(observables),
      table_(*view.table),
      excluded_(view.excluded_actors),
      not_answers_(view.not_answers),
      n_actors_(view.table->actors().size()) {
  actor_of_.assign(table_.reports().size(), kNone);
  const std::vector<std::uint8_t> allowed = view.allowed_reports();
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    if (allowed[i]) actor_of_[i] = table_.reports()[i].actor;
  }
  for (auto* v : {&reports_, &later_, &activity_, &activity_short_, &shape_hits_, &n_names_, &n_addresses_,
                  &address_total_, &sequence_mass_, &trait_mass_}) {
    v->assign(n_actors_, 0);
  }
  for (auto* v : {&sequence_sum_, &trait_sum_, &suffix_sum_, &name_best_, &nearest_}) v->assign(n_actors_, 0);
  newest_.assign(n_actors_, INT32_MIN);
  seen_.assign(n_actors_, 0);
  read_reports();
  for (const std::string& name : observables.names) {
    const NameParts parts = take_apart(name);
    names_.push_back({holders_of(table_.reports_of_name(name)),
                      holders_of(table_.reports_of_registered(parts.registered)),
                      holders_of(table_.reports_of_label(parts.label))});
  }
  std::vector<std::uint64_t> words;
  for (const std::string& name : observables.names) {
    const auto own = words_of(take_apart(name));
    words.insert(words.end(), own.begin(), own.end());
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  for (const std::uint64_t word : words) {
    Holders holders = holders_of(table_.reports_of_word(word));
    if (!holders.empty() && holders.size() <= kWordHolders) words_.push_back(std::move(holders));
  }
  for (const std::uint32_t a : observables.addresses) {
    addresses_.push_back({holders_of(table_.reports_of_address(a)), holders_of(table_.reports_of_net24(a)),
                          holders_of(table_.reports_of_net16(a))});
  }
  read_names();
  read_addresses();
}

Sums::Holders Sums::holders_of(std::span<const std::uint32_t> reports) {
  Holders out;
  ++round_;
  for (const std::uint32_t r : reports) {
    const std::uint32_t a = actor_of_[r];
    if (a == kNone) continue;
    if (seen_[a] != round_) {
      seen_[a] = round_;
      out.push_back({a, false});
    }
    const std::int32_t known_by = table_.reports()[r].known_by;
    if (observables_.day != kNoDay && known_by != kNoDay && std::abs(known_by - observables_.day) <= 365) {
      for (Holder& h : out) h.recent |= h.actor == a;
    }
  }
  return out;
}

void Sums::read_reports() {
  const int shape = shape_of(observables_.names.size(), observables_.addresses.size());
  const std::int32_t day = observables_.day;
  for (std::size_t i = 0; i < actor_of_.size(); ++i) {
    const std::uint32_t a = actor_of_[i];
    if (a == kNone) continue;
    const ReportEntry& r = table_.reports()[i];
    reports_[a] += 1;
    if (r.known_by != kNoDay) {
      newest_[a] = std::max(newest_[a], r.known_by);
      if (day != kNoDay && r.known_by >= day) later_[a] += 1;
    }
    sequence_mass_[a] += r.sequence_mass;
    trait_mass_[a] += r.trait_mass;
    n_names_[a] += std::min<double>(r.names, kNamesPerReport);
    n_addresses_[a] += static_cast<double>(r.addresses.size());
    address_total_[a] += std::min(10.0, static_cast<double>(r.addresses.size()));
    if (shape_of(r.names, r.addresses.size()) == shape) shape_hits_[a] += 1;
    if (day != kNoDay && r.day != kNoDay) {
      const double apart = std::abs(r.day - day);
      if (apart < 20 * kActivityDays) activity_[a] += std::exp(-apart / kActivityDays);
      if (apart < 20 * kActivityShortDays) activity_short_[a] += std::exp(-apart / kActivityShortDays);
    }
  }
}

void Sums::read_names() {
  // Which names are read does not depend on their order.
  std::vector<std::pair<std::uint64_t, const std::string*>> order;
  for (const std::string& n : observables_.names) order.emplace_back(base::fast_hash(n), &n);
  std::sort(order.begin(), order.end());
  if (order.size() > kNamesRead) order.resize(kNamesRead);
  names_read_ = order.size();
  if (order.empty()) return;
  std::vector<std::vector<std::uint32_t>> sequences_of_name;
  std::vector<NameParts> parts_of_name;
  std::vector<std::uint32_t> all;
  for (const auto& [hash, name] : order) {
    parts_of_name.push_back(take_apart(*name));
    sequences_of_name.push_back(sequences_of(parts_of_name.back()));
    all.insert(all.end(), sequences_of_name.back().begin(), sequences_of_name.back().end());
  }
  std::sort(all.begin(), all.end());

  // Each sequence once: what it adds for whom, and how near it brings each report.
  struct Said {
    std::uint32_t sequence;
    std::vector<std::pair<std::uint32_t, float>> actors;
  };
  std::vector<Said> said;
  std::vector<float> counts(n_actors_, 0);
  std::vector<std::uint32_t> counted;
  std::vector<float> dot(actor_of_.size(), 0);
  std::vector<std::uint32_t> met;
  const auto tell = [&](std::span<const Posting> postings, float weight) {
    counted.clear();
    for (const Posting& p : postings) {
      const std::uint32_t a = actor_of_[p.report];
      if (a == kNone) continue;
      if (counts[a] == 0) counted.push_back(a);
      counts[a] += p.count;
      if (weight > 0) {
        if (dot[p.report] == 0) met.push_back(p.report);
        dot[p.report] += weight * p.count;
      }
    }
  };
  double case_norm = 0;
  for (std::size_t i = 0; i < all.size();) {
    std::size_t end = i + 1;
    while (end < all.size() && all[end] == all[i]) ++end;
    const auto times = static_cast<float>(end - i);
    const std::uint32_t s = all[i];
    i = end;
    const float rarity = table_.rarity(s);
    case_norm += static_cast<double>(times) * times * rarity * rarity;
    tell(table_.sequence_postings(s), times * rarity * rarity);
    Said one{s, {}};
    const float scale = 1 / static_cast<float>(kSequenceSmoothing * table_.sequence_share(s));
    for (const std::uint32_t a : counted) {
      one.actors.emplace_back(a, std::log1p(counts[a] * scale));
      counts[a] = 0;
    }
    said.push_back(std::move(one));
  }
  for (const std::uint32_t r : met) {
    const double length = std::sqrt(case_norm) * static_cast<double>(table_.reports()[r].sequence_norm);
    float& nearest = nearest_[actor_of_[r]];
    if (length > 0) nearest = std::max(nearest, static_cast<float>(dot[r] / length));
  }

  std::map<std::uint32_t, std::vector<float>> said_by_trait;  // trait → by actor
  const auto by_trait = [&](std::uint32_t trait, bool suffix) -> const std::vector<float>& {
    const auto [it, fresh] = said_by_trait.try_emplace(suffix ? trait + kTraitSpace : trait);
    if (fresh) {
      it->second.assign(n_actors_, 0);
      tell(table_.trait_postings(trait), 0);
      const double smoothing = suffix ? kSuffixSmoothing : kTraitSmoothing;
      const auto scale = static_cast<float>(1 / (smoothing * table_.trait_share(trait) * kTraitKinds));
      for (const std::uint32_t a : counted) {
        it->second[a] = std::log1p(counts[a] * scale);
        counts[a] = 0;
      }
    }
    return it->second;
  };
  std::vector<float> sequence_base(n_actors_), trait_base(n_actors_), suffix_base(n_actors_);
  for (std::size_t a = 0; a < n_actors_; ++a) {
    // Each kind of trait has its own total: the mass of one kind is the number of names.
    const double per_kind = trait_mass_[a] / static_cast<double>(kTraitKinds);
    sequence_base[a] = static_cast<float>(std::log(kSequenceSmoothing / (sequence_mass_[a] + kSequenceSmoothing)));
    trait_base[a] =
        static_cast<float>(static_cast<double>(kTraitKinds) * std::log(kTraitSmoothing / (per_kind + kTraitSmoothing)));
    suffix_base[a] = static_cast<float>(std::log(kSuffixSmoothing / (per_kind + kSuffixSmoothing)));
  }

  std::vector<float> score(n_actors_), best(n_actors_, 0);
  std::vector<float> dots(table_.style_names().size(), 0);
  std::vector<std::uint32_t> met_names;
  for (std::size_t i = 0; i < order.size(); ++i) {
    std::vector<std::uint32_t>& own = sequences_of_name[i];
    const auto n = static_cast<float>(own.size());
    for (std::size_t a = 0; a < n_actors_; ++a) score[a] = n * sequence_base[a];
    std::sort(own.begin(), own.end());
    double norm = 0;
    for (std::size_t k = 0; k < own.size(); ++k) {
      const auto it = std::lower_bound(said.begin(), said.end(), own[k],
                                       [](const Said& x, std::uint32_t s) { return x.sequence < s; });
      for (const auto& [a, x] : it->actors) score[a] += x;
      if (k > 0 && own[k] == own[k - 1]) continue;
      const float rarity = table_.rarity(own[k]), square = rarity * rarity;
      norm += static_cast<double>(square);
      for (const std::uint32_t other : table_.style_postings(own[k])) {
        if (dots[other] == 0) met_names.push_back(other);
        dots[other] += square;
      }
    }
    for (std::size_t a = 0; a < n_actors_; ++a) sequence_sum_[a] += std::clamp(score[a], -6.0f, 15.0f);
    const auto length = static_cast<float>(std::sqrt(norm));
    for (const std::uint32_t other : met_names) {
      const StyleName& style = table_.style_names()[other];
      const std::uint32_t a = actor_of_[style.report];
      if (a != kNone) best[a] = std::max(best[a], dots[other] / (length * style.norm));
      dots[other] = 0;
    }
    met_names.clear();
    std::vector<std::pair<float, std::uint32_t>> ranked;
    for (std::uint32_t a = 0; a < n_actors_; ++a) {
      name_best_[a] = std::max(name_best_[a], best[a]);
      if (best[a] >= 0.3f) ranked.emplace_back(-best[a], a);
      best[a] = 0;
    }
    std::sort(ranked.begin(), ranked.end());
    std::vector<std::uint32_t> first;
    for (std::size_t k = 0; k < std::min(ranked.size(), kRanks + kMostLeftOut); ++k) first.push_back(ranked[k].second);
    ranked_.push_back(std::move(first));

    const auto traits = traits_of(parts_of_name[i]);
    const std::vector<float>& suffix = by_trait(traits[0], true);
    for (std::size_t a = 0; a < n_actors_; ++a) {
      suffix_sum_[a] += suffix[a] + suffix_base[a];
      score[a] = trait_base[a];
    }
    for (const std::uint32_t t : traits) {
      const std::vector<float>& x = by_trait(t, false);
      for (std::size_t a = 0; a < n_actors_; ++a) score[a] += x[a];
    }
    for (std::size_t a = 0; a < n_actors_; ++a) trait_sum_[a] += std::clamp(score[a], -4.0f, 12.0f);
  }
}

// Where an actor rents: his reports' addresses in the same /16 and in the same /12.
void Sums::read_addresses() {
  for (const std::uint32_t address : observables_.addresses) {
    for (const unsigned shift : {16u, 20u}) {
      Near near;
      near.expected = 0.5 * (1u << (32 - shift)) / 10;
      std::map<std::uint32_t, double> in;
      std::vector<std::uint32_t> reports;
      const std::uint32_t first = (address >> shift) << shift;
      for (std::uint32_t k = 0; k < (1u << (shift - 16)); ++k) {
        const auto list = table_.reports_of_net16(first + (k << 16));
        reports.insert(reports.end(), list.begin(), list.end());
      }
      std::sort(reports.begin(), reports.end());
      reports.erase(std::unique(reports.begin(), reports.end()), reports.end());
      for (const std::uint32_t i : reports) {
        if (actor_of_[i] == kNone) continue;
        const ReportEntry& r = table_.reports()[i];
        const double w = std::min(1.0, 10.0 / static_cast<double>(r.addresses.size()));
        for (auto it = std::lower_bound(r.addresses.begin(), r.addresses.end(), first);
             it != r.addresses.end() && (*it >> shift) == (address >> shift); ++it) {
          in[r.actor] += w;
        }
      }
      near.actors.assign(in.begin(), in.end());
      for (const auto& [a, w] : near.actors) near.here += w;
      near_.push_back(std::move(near));
    }
  }
}

InfrastructureRows Sums::rows(std::span<const std::uint32_t> without) const {
  std::vector<std::uint8_t> out(n_actors_, 0);
  for (const std::uint32_t a : without) {
    if (a < n_actors_) out[a] = 1;
  }
  double all_reports = 0, all_shape = 0, later = 0, address_total = 0;
  std::int32_t newest = observables_.day == kNoDay ? 0 : observables_.day - 3650;  // ten years are as bad as more
  for (std::size_t a = 0; a < n_actors_; ++a) {
    if (out[a] || reports_[a] == 0) continue;
    all_reports += reports_[a];
    all_shape += shape_hits_[a];
    later += later_[a];
    address_total += address_total_[a];
    newest = std::max(newest, newest_[a]);
  }
  const double shape_share = (all_shape + 1) / (all_reports + kShapes);

  std::vector<std::array<double, 8>> hits(n_actors_);  // name, registered, address, /24, /16, recent, label, word
  const auto give = [&](const Holders& holders, std::size_t slot, bool match) {
    std::size_t n = 0;
    for (const Holder& h : holders) n += !out[h.actor];
    if (n == 0) return false;
    const double w = 1.0 / static_cast<double>(n);
    for (const Holder& h : holders) {
      if (out[h.actor]) continue;
      hits[h.actor][slot] += w;
      if (match && h.recent) hits[h.actor][5] += w;
    }
    return true;
  };
  for (const NameHits& n : names_) give(n.exact, 0, true) || give(n.registered, 1, true) || give(n.label, 6, false);
  for (const AddressHits& n : addresses_) give(n.exact, 2, true) || give(n.net24, 3, false) || give(n.net16, 4, false);
  for (const Holders& word : words_) give(word, 7, false);

  std::vector<double> name_rank(n_actors_, 0);
  for (const auto& ranked : ranked_) {
    std::size_t rank = 0;
    for (const std::uint32_t a : ranked) {
      if (out[a]) continue;
      if (++rank > kRanks) break;
      name_rank[a] += 1.0 / static_cast<double>(rank);
    }
  }
  std::vector<double> address_sum(n_actors_, 0);
  if (!near_.empty()) {
    std::vector<double> base(n_actors_);
    for (std::size_t a = 0; a < n_actors_; ++a)
      base[a] = static_cast<double>(near_.size()) * std::log(kAddressSmoothing / (n_addresses_[a] + kAddressSmoothing));
    for (const Near& near : near_) {
      double here = near.here;
      for (const auto& [a, w] : near.actors) here -= out[a] ? w : 0;
      const double share = (here + 0.5) / (address_total + near.expected);
      for (const auto& [a, w] : near.actors) address_sum[a] += std::log1p(w / (kAddressSmoothing * share));
    }
    for (std::size_t a = 0; a < n_actors_; ++a)
      address_sum[a] = (address_sum[a] + base[a]) / static_cast<double>(near_.size());
  }

  InfrastructureRows rows;
  const auto n_names = static_cast<double>(names_read_);
  std::array<float, kInfrastructureFeatures> largest;
  largest.fill(0);
  for (std::uint32_t a = 0; a < n_actors_; ++a) {
    if (reports_[a] == 0 || out[a]) continue;
    std::array<double, kInfrastructureFeatures> f{};
    f[kExactName] = 1 - std::exp(-hits[a][0]);
    f[kExactNames] = std::log1p(hits[a][0]);
    f[kRegistered] = 1 - std::exp(-hits[a][1]);
    f[kRegistereds] = std::log1p(hits[a][1]);
    f[kExactAddress] = 1 - std::exp(-hits[a][2]);
    f[kExactAddresses] = std::log1p(hits[a][2]);
    f[kNet24] = std::log1p(hits[a][3]);
    f[kNet16] = std::log1p(hits[a][4]);
    f[kRecentMatch] = 1 - std::exp(-hits[a][5]);
    f[kLabel] = std::log1p(hits[a][6]);
    f[kWords] = std::log1p(hits[a][7]);
    if (n_names > 0) {
      f[kNearestName] = static_cast<double>(name_best_[a]);
      f[kNameRank] = name_rank[a] / n_names;
      f[kSequences] = static_cast<double>(sequence_sum_[a]) / n_names;
      f[kTraits] = static_cast<double>(trait_sum_[a]) / n_names;
      f[kSuffix] = static_cast<double>(suffix_sum_[a]) / n_names;
    }
    f[kAddressStyle] = address_sum[a];
    f[kNearestReport] = static_cast<double>(nearest_[a]);
    f[kShape] = observables_.size() == 0 ? 0
                                         : std::log((shape_hits_[a] + kShapeSmoothing * shape_share) /
                                                    ((reports_[a] + kShapeSmoothing) * shape_share));
    f[kSize] = std::log(reports_[a]);
    f[kNames] = std::log1p(n_names_[a]);
    f[kActivity] = std::log1p(activity_[a]);
    f[kActivityShort] = std::log1p(activity_short_[a]);
    rows.actors.push_back(a);
    for (std::size_t i = 0; i < kInfrastructureFeatures; ++i) {
      rows.values.push_back(static_cast<float>(f[i]));
      largest[i] = std::max(largest[i], static_cast<float>(f[i]));
    }
  }
  for (std::uint32_t i = 0; i < rows.actors.size(); ++i) {
    for (const std::uint32_t namesake : table_.namesakes(rows.actors[i])) {
      if (!out[namesake] && !std::binary_search(excluded_.begin(), excluded_.end(), namesake))
        rows.of_namesakes.emplace_back(namesake, i);
    }
  }
  rows.not_answers = not_answers_;
  auto& of_case = rows.of_case;
  of_case[kAlways] = 1;
  of_case[kObservables] = std::log1p(static_cast<float>(observables_.size()));
  of_case[kNoNames] = observables_.names.empty() ? 1 : 0;
  of_case[kBestExactName] = largest[kExactName];
  of_case[kBestRegistered] = largest[kRegistered];
  of_case[kBestAddress] = std::max(largest[kExactAddress], largest[kNet24]);
  of_case[kBestLabel] = largest[kLabel];
  of_case[kBestNearestName] = largest[kNearestName];
  of_case[kBestNearestReport] = largest[kNearestReport];
  of_case[kBestSequences] = largest[kSequences];
  of_case[kBestTraits] = largest[kTraits];
  of_case[kBestSuffix] = largest[kSuffix];
  of_case[kUndated] = observables_.day == kNoDay ? 1 : 0;
  if (observables_.day != kNoDay && all_reports > 0) {
    of_case[kHindsight] = static_cast<float>(later / all_reports);
    of_case[kStaleness] = std::log1p(static_cast<float>(std::max(0, observables_.day - newest)) / 30.0f);
  }
  of_case[kReports] = static_cast<float>(std::log(std::max(1.0, all_reports) / 1000));
  return rows;
}

}  // namespace

InfrastructureRows infrastructure_rows(const Observables& observables, const View& view) {
  return Sums(observables, view).rows({});
}

std::pair<InfrastructureRows, InfrastructureRows> infrastructure_rows(const Observables& observables, const View& view,
                                                                      std::span<const std::uint32_t> without) {
  const Sums sums(observables, view);
  return {sums.rows({}), sums.rows(without)};
}

}  // namespace whodunit::attribution
