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
constexpr double kSuffixSmoothing = 2;
constexpr double kAddressSmoothing = 5;
constexpr double kActivityDays = 180, kActivityShortDays = 30;  // how fast an actor's being active fades
constexpr int kShapes = 16;

int shape_of(std::size_t names, std::size_t addresses) {
  const auto step = [](std::size_t n) { return n == 0 ? 0 : n == 1 ? 1 : n <= 5 ? 2 : 3; };
  return step(names) * 4 + step(addresses);
}

// Number of different actors that hold a key, and each of them once.
class Holders {
 public:
  explicit Holders(const ActorTable& table)
      : table_(table), seen_(table.actors().size(), 0), recent_(table.actors().size(), 0) {}

  void collect(const std::vector<std::uint32_t>* reports, const std::vector<std::uint8_t>& allowed, std::int32_t day) {
    for (const std::uint32_t a : actors_) seen_[a] = recent_[a] = 0;
    actors_.clear();
    if (reports == nullptr) return;
    for (const std::uint32_t r : *reports) {
      if (!allowed[r]) continue;
      const ReportEntry& report = table_.reports()[r];
      if (!seen_[report.actor]) {
        seen_[report.actor] = 1;
        actors_.push_back(report.actor);
      }
      if (day != kNoDay && report.known_by != kNoDay && std::abs(report.known_by - day) <= 365)
        recent_[report.actor] = 1;
    }
  }
  const std::vector<std::uint32_t>& actors() const { return actors_; }
  bool recent(std::uint32_t actor) const { return recent_[actor] != 0; }
  double weight() const { return actors_.empty() ? 0 : 1.0 / static_cast<double>(actors_.size()); }

 private:
  const ActorTable& table_;
  std::vector<std::uint8_t> seen_, recent_;
  std::vector<std::uint32_t> actors_;
};

}  // namespace

const char* name_of(InfrastructureFeature feature) {
  static constexpr std::array<const char*, kInfrastructureFeatures> kNames = {
      "exact_name",     "exact_names", "registered",    "registereds", "exact_address", "exact_addresses",
      "net24",          "net16",       "recent_match",  "label",       "nearest_name",  "name_rank",
      "nearest_report", "sequences",   "traits",        "suffix",      "address_style", "shape",
      "size",           "activity",    "activity_short"};
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

InfrastructureRows infrastructure_rows(const Observables& observables, const View& view) {
  const ActorTable& table = *view.table;
  const std::size_t n_actors = table.actors().size();
  const std::vector<std::uint8_t> allowed = view.allowed_reports();

  // Per actor: how much of it may be used.
  std::vector<double> reports(n_actors, 0), activity(n_actors, 0), activity_short(n_actors, 0),
      sequence_mass(n_actors, 0), trait_mass(n_actors, 0);
  std::vector<double> n_addresses(n_actors, 0), shape_hits(n_actors, 0);
  const int shape = shape_of(observables.names.size(), observables.addresses.size());
  double all_reports = 0, all_shape = 0, later = 0;
  std::int32_t newest = observables.day == kNoDay ? 0 : observables.day - 3650;  // ten years are as bad as more
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    if (!allowed[i]) continue;
    const ReportEntry& r = table.reports()[i];
    reports[r.actor] += 1;
    all_reports += 1;
    if (r.known_by != kNoDay) newest = std::max(newest, r.known_by);
    if (r.known_by != kNoDay && observables.day != kNoDay && r.known_by >= observables.day) later += 1;
    sequence_mass[r.actor] += r.sequence_mass;
    trait_mass[r.actor] += r.trait_mass;
    n_addresses[r.actor] += static_cast<double>(r.addresses.size());
    if (shape_of(r.names.size(), r.addresses.size()) == shape) {
      shape_hits[r.actor] += 1;
      all_shape += 1;
    }
    if (observables.day != kNoDay && r.day != kNoDay) {
      const double apart = std::abs(r.day - observables.day);
      activity[r.actor] += std::exp(-apart / kActivityDays);
      activity_short[r.actor] += std::exp(-apart / kActivityShortDays);
    }
  }
  const double shape_share = (all_shape + 1) / (all_reports + kShapes);

  std::vector<std::array<double, 7>> hits(n_actors);  // name, registered, address, /24, /16, recent, label
  Holders holders(table);
  const auto give = [&](std::size_t slot, bool match) {
    const double w = holders.weight();
    for (const std::uint32_t a : holders.actors()) {
      hits[a][slot] += w;
      if (match && holders.recent(a)) hits[a][5] += w;
    }
  };
  for (const std::string& name : observables.names) {
    holders.collect(table.reports_of_name(name), allowed, observables.day);
    if (!holders.actors().empty()) {
      give(0, true);
      continue;
    }
    const NameParts parts = take_apart(name);
    holders.collect(table.reports_of_registered(parts.registered), allowed, observables.day);
    give(1, true);
    if (holders.actors().empty()) {
      holders.collect(table.reports_of_label(parts.label), allowed, observables.day);
      give(6, false);
    }
  }
  for (const std::uint32_t address : observables.addresses) {
    holders.collect(table.reports_of_address(address), allowed, observables.day);
    if (!holders.actors().empty()) {
      give(2, true);
      continue;
    }
    holders.collect(table.reports_of_net24(address), allowed, observables.day);
    if (!holders.actors().empty()) {
      give(3, false);
      continue;
    }
    holders.collect(table.reports_of_net16(address), allowed, observables.day);
    give(4, false);
  }

  // Style of names. Which names are read does not depend on their order.
  std::vector<std::pair<std::uint64_t, const std::string*>> order;
  for (const std::string& n : observables.names) order.emplace_back(base::fast_hash(n), &n);
  std::sort(order.begin(), order.end());
  if (order.size() > kNamesRead) order.resize(kNamesRead);
  std::vector<double> sequence_sum(n_actors, 0), trait_sum(n_actors, 0);
  std::map<std::uint32_t, double> case_sequences;
  std::vector<double> score(n_actors);
  std::vector<double> counts(n_actors, 0);
  std::vector<std::uint32_t> counted;
  std::vector<float> dots(table.style_names().size(), 0);
  std::vector<std::uint32_t> met_names;
  std::vector<double> name_best(n_actors, 0), name_rank(n_actors, 0);
  std::vector<double> best(n_actors, 0);
  std::vector<double> suffix_sum(n_actors, 0);
  const auto accumulate = [&](const std::vector<Posting>& postings, double smoothing, double share) {
    for (const Posting& p : postings) {
      if (!allowed[p.report]) continue;
      const std::uint32_t a = table.reports()[p.report].actor;
      if (counts[a] == 0) counted.push_back(a);
      counts[a] += p.count;
    }
    for (const std::uint32_t a : counted) {
      score[a] += std::log1p(counts[a] / (smoothing * share));
      counts[a] = 0;
    }
    counted.clear();
  };
  for (const auto& [hash, name] : order) {
    const NameParts parts = take_apart(*name);
    const auto sequences = sequences_of(parts);
    std::fill(score.begin(), score.end(), 0);
    for (const std::uint32_t s : sequences) {
      case_sequences[s] += 1;
      accumulate(table.sequence_postings(s), kSequenceSmoothing, table.sequence_share(s));
    }
    const auto n = static_cast<double>(sequences.size());
    for (std::size_t a = 0; a < n_actors; ++a) {
      const double base = n * std::log(kSequenceSmoothing / (sequence_mass[a] + kSequenceSmoothing));
      sequence_sum[a] += std::clamp(score[a] + base, -6.0, 15.0);
    }
    std::vector<std::uint32_t> own = sequences;
    std::sort(own.begin(), own.end());
    own.erase(std::unique(own.begin(), own.end()), own.end());
    double norm = 0;
    for (const std::uint32_t s : own) {
      const float rarity = table.rarity(s);
      norm += static_cast<double>(rarity) * rarity;
      for (const std::uint32_t other : table.style_postings(s)) {
        if (dots[other] == 0) met_names.push_back(other);
        dots[other] += rarity * rarity;
      }
    }
    for (const std::uint32_t other : met_names) {
      const StyleName& style = table.style_names()[other];
      if (allowed[style.report]) {
        double& b = best[table.reports()[style.report].actor];
        b = std::max(b, dots[other] / (std::sqrt(norm) * style.norm));
      }
      dots[other] = 0;
    }
    met_names.clear();
    std::vector<std::pair<double, std::uint32_t>> ranked;
    for (std::uint32_t a = 0; a < n_actors; ++a) {
      name_best[a] = std::max(name_best[a], best[a]);
      if (best[a] >= 0.3) ranked.emplace_back(-best[a], a);
      best[a] = 0;
    }
    std::sort(ranked.begin(), ranked.end());
    for (std::size_t i = 0; i < ranked.size() && i < 20; ++i)
      name_rank[ranked[i].second] += 1.0 / static_cast<double>(i + 1);
    std::fill(score.begin(), score.end(), 0);
    const auto traits = traits_of(parts);
    accumulate(table.trait_postings(traits[0]), kSuffixSmoothing, table.trait_share(traits[0]) * kTraitKinds);
    for (std::size_t a = 0; a < n_actors; ++a) {
      suffix_sum[a] +=
          score[a] + std::log(kSuffixSmoothing / (trait_mass[a] / static_cast<double>(kTraitKinds) + kSuffixSmoothing));
      score[a] = 0;
    }
    for (const std::uint32_t t : traits)
      accumulate(table.trait_postings(t), kTraitSmoothing, table.trait_share(t) * kTraitKinds);
    for (std::size_t a = 0; a < n_actors; ++a) {
      // Each kind of trait has its own total: the mass of one kind is the number of names.
      const double per_kind = trait_mass[a] / static_cast<double>(kTraitKinds);
      const double base = static_cast<double>(kTraitKinds) * std::log(kTraitSmoothing / (per_kind + kTraitSmoothing));
      trait_sum[a] += std::clamp(score[a] + base, -4.0, 12.0);
    }
  }

  // The nearest single report, by the cosine of sequences weighted by rarity.
  std::vector<double> nearest(n_actors, 0);
  if (!case_sequences.empty()) {
    std::vector<double> dot(allowed.size(), 0);
    std::vector<std::uint32_t> met;
    double norm = 0;
    for (const auto& [s, count] : case_sequences) {
      const double idf = -std::log(static_cast<double>(table.sequence_share(s)));
      norm += count * count * idf * idf;
      for (const Posting& p : table.sequence_postings(s)) {
        if (!allowed[p.report]) continue;
        if (dot[p.report] == 0) met.push_back(p.report);
        dot[p.report] += count * p.count * idf * idf;
      }
    }
    for (const std::uint32_t r : met) {
      const ReportEntry& report = table.reports()[r];
      const double length = std::sqrt(norm) * static_cast<double>(report.sequence_norm);
      if (length > 0) nearest[report.actor] = std::max(nearest[report.actor], dot[r] / length);
    }
  }

  // Addresses: where their owners rent.
  std::vector<double> address_sum(n_actors, 0);
  for (const std::uint32_t address : observables.addresses) {
    for (const unsigned shift : {16u, 20u}) {
      std::map<std::uint32_t, double> in;
      double total = 0, here = 0;
      for (std::size_t i = 0; i < allowed.size(); ++i) {
        if (!allowed[i]) continue;
        const ReportEntry& r = table.reports()[i];
        if (r.addresses.empty()) continue;
        const double w = std::min(1.0, 10.0 / static_cast<double>(r.addresses.size()));
        total += w * static_cast<double>(r.addresses.size());
        const auto low = std::lower_bound(r.addresses.begin(), r.addresses.end(), (address >> shift) << shift);
        for (auto it = low; it != r.addresses.end() && (*it >> shift) == (address >> shift); ++it) {
          in[r.actor] += w;
          here += w;
        }
      }
      const double share = (here + 0.5) / (total + 0.5 * (1u << (32 - shift)) / 10);
      for (std::size_t a = 0; a < n_actors; ++a) {
        const auto it = in.find(static_cast<std::uint32_t>(a));
        const double c = it == in.end() ? 0 : it->second;
        address_sum[a] += std::log((c + kAddressSmoothing * share) / ((n_addresses[a] + kAddressSmoothing) * share));
      }
    }
  }

  InfrastructureRows rows;
  const auto n_names = static_cast<double>(order.size());
  std::array<float, kInfrastructureFeatures> largest;
  largest.fill(0);
  for (std::uint32_t a = 0; a < n_actors; ++a) {
    if (reports[a] == 0) continue;
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
    if (n_names > 0) {
      f[kNearestName] = name_best[a];
      f[kNameRank] = name_rank[a] / n_names;
      f[kSequences] = sequence_sum[a] / n_names;
      f[kTraits] = trait_sum[a] / n_names;
      f[kSuffix] = suffix_sum[a] / n_names;
    }
    if (!observables.addresses.empty()) {
      f[kAddressStyle] = address_sum[a] / (2 * static_cast<double>(observables.addresses.size()));
    }
    f[kNearestReport] = nearest[a];
    f[kShape] = observables.size() == 0 ? 0
                                        : std::log((shape_hits[a] + kShapeSmoothing * shape_share) /
                                                   ((reports[a] + kShapeSmoothing) * shape_share));
    f[kSize] = std::log(reports[a]);
    f[kActivity] = std::log1p(activity[a]);
    f[kActivityShort] = std::log1p(activity_short[a]);
    rows.actors.push_back(a);
    for (std::size_t i = 0; i < kInfrastructureFeatures; ++i) {
      rows.values.push_back(static_cast<float>(f[i]));
      largest[i] = std::max(largest[i], static_cast<float>(f[i]));
    }
  }
  auto& of_case = rows.of_case;
  of_case[kAlways] = 1;
  of_case[kObservables] = std::log1p(static_cast<float>(observables.size()));
  of_case[kNoNames] = observables.names.empty() ? 1 : 0;
  of_case[kBestExactName] = largest[kExactName];
  of_case[kBestRegistered] = largest[kRegistered];
  of_case[kBestAddress] = std::max(largest[kExactAddress], largest[kNet24]);
  of_case[kBestLabel] = largest[kLabel];
  of_case[kBestNearestName] = largest[kNearestName];
  of_case[kBestNearestReport] = largest[kNearestReport];
  of_case[kBestSequences] = largest[kSequences];
  of_case[kBestTraits] = largest[kTraits];
  of_case[kBestSuffix] = largest[kSuffix];
  of_case[kUndated] = observables.day == kNoDay ? 1 : 0;
  if (observables.day != kNoDay && all_reports > 0) {
    of_case[kHindsight] = static_cast<float>(later / all_reports);
    of_case[kStaleness] = std::log1p(static_cast<float>(std::max(0, observables.day - newest)) / 30.0f);
  }
  of_case[kReports] = static_cast<float>(std::log(std::max(1.0, all_reports) / 1000));
  return rows;
}

}  // namespace whodunit::attribution
