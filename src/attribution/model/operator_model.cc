#include "attribution/model/operator_model.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "attribution/model/optimise.h"

namespace whodunit::attribution {
namespace {

constexpr double kSizeCentre = 4;  // ln(size) of a middling group: keeps the prior's scale apart from its mean

bool holds(const std::vector<std::uint32_t>& sorted, std::uint32_t x) {
  return std::binary_search(sorted.begin(), sorted.end(), x);
}

void sort_unique(std::vector<std::uint32_t>& v) {
  std::sort(v.begin(), v.end());
  v.erase(std::unique(v.begin(), v.end()), v.end());
}

// Softmax over the actors' scores and the unknown's.
void normalise(const std::vector<double>& scores, double unknown, std::vector<double>& probability, double& p_unknown) {
  std::vector<double> all = scores;
  all.push_back(unknown);
  const double total = log_sum_exp(all);
  probability.resize(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) probability[i] = std::exp(scores[i] - total);
  p_unknown = std::exp(unknown - total);
}

double infrastructure_score(const InfrastructureRows& rows, std::size_t i, const Weights& weights) {
  double s = 0;
  for (std::size_t k = 0; k < kInfrastructureFeatures; ++k)
    s += weights.infrastructure[k] * static_cast<double>(rows.row(i)[k]);
  return s;
}

double unknown_score(const InfrastructureRows& rows, const Weights& weights) {
  double v = 0;
  for (std::size_t k = 0; k < kCaseFeatures; ++k) v += weights.unknown[k] * static_cast<double>(rows.of_case[k]);
  return v;
}

// A /24 alone ranks but never names: without any listed name, or address, or registered domain, no group gets ahead of
// "an unknown group" by its neighbours.
constexpr double kNeighboursOnly = -0.7;

bool neighbours_only(const InfrastructureRows& rows) {
  return rows.of_case[kNoNames] > 0 && rows.of_case[kBestExactName] == 0 && rows.of_case[kBestRegistered] == 0;
}

double capped_infrastructure(const InfrastructureRows& rows, std::size_t i, double score, double unknown) {
  if (neighbours_only(rows) && rows.row(i)[kExactAddress] == 0) return std::min(score, unknown + kNeighboursOnly);
  return score;
}

// What a case has in common with an actor's reports name by name, address by address.
double direct_part(const InfrastructureRows& rows, std::size_t i, const Weights& weights) {
  double x = 0;
  for (const auto k :
       {kExactName, kExactNames, kRegistered, kRegistereds, kExactAddress, kExactAddresses, kRecentMatch}) {
    x += weights.infrastructure[k] * static_cast<double>(rows.row(i)[k]);
  }
  return x;
}

double prior_part(const InfrastructureRows& rows, std::size_t i, const Weights& weights) {
  double x = 0;
  for (const auto k : {kSize, kNames}) x += weights.infrastructure[k] * static_cast<double>(rows.row(i)[k]);
  return x;
}

}  // namespace

Profiles profiles_of(const View& view) {
  const ActorTable& table = *view.table;
  const std::size_t n = table.actors().size();
  std::vector<std::vector<std::uint32_t>> techniques(n), software(n);
  for (std::size_t a = 0; a < n; ++a) {
    techniques[a] = table.actors()[a].techniques;
    software[a] = table.actors()[a].software;
  }
  for (std::uint32_t c = 0; c < table.campaigns().size(); ++c) {
    if (holds(view.excluded_campaigns, c)) continue;
    const CampaignEntry& campaign = table.campaigns()[c];
    for (const std::uint32_t a : campaign.actors) {
      techniques[a].insert(techniques[a].end(), campaign.techniques.begin(), campaign.techniques.end());
      software[a].insert(software[a].end(), campaign.software.begin(), campaign.software.end());
    }
  }
  Profiles out;
  out.technique_holders.assign(table.techniques().size(), 0);
  out.software_holders.assign(table.software().size(), 0);
  out.exact_holders.assign(table.techniques().size(), 0);
  out.family_holders.assign(table.techniques().size(), 0);
  for (std::uint32_t a = 0; a < n; ++a) {
    if (holds(view.excluded_actors, a)) continue;
    const auto no_techniques = view.excluded_techniques.find(a);
    if (no_techniques != view.excluded_techniques.end()) {
      std::erase_if(techniques[a], [&](std::uint32_t t) { return holds(no_techniques->second, t); });
    }
    const auto no_software = view.excluded_software.find(a);
    if (no_software != view.excluded_software.end()) {
      std::erase_if(software[a], [&](std::uint32_t s) { return holds(no_software->second, s); });
    }
    sort_unique(techniques[a]);
    std::vector<std::uint32_t> exact = techniques[a];
    for (std::uint32_t& t : techniques[a]) t = table.techniques()[t].parent;
    sort_unique(techniques[a]);
    sort_unique(software[a]);
    if (techniques[a].empty() && software[a].empty()) continue;
    for (const std::uint32_t t : techniques[a]) out.technique_holders[t] += 1;
    for (const std::uint32_t s : software[a]) out.software_holders[s] += 1;
    for (const std::uint32_t t : exact) {
      out.exact_holders[t] += 1;
      out.family_holders[table.techniques()[t].parent] += 1;
    }
    out.technique_total += static_cast<double>(techniques[a].size());
    out.actors.push_back(a);
    out.techniques.push_back(std::move(techniques[a]));
    out.exact.push_back(std::move(exact));
    out.software.push_back(std::move(software[a]));
  }
  return out;
}

ProfileMatch match_profiles(const Question& question, const View& view) {
  return match_profiles(question, view, profiles_of(view));
}

ProfileMatch match_profiles(const Question& question, const View& view, const Profiles& profiles) {
  const std::vector<TechniqueEntry>& known = view.table->techniques();
  std::vector<std::uint32_t> asked;
  for (const std::uint32_t t : question.techniques) asked.push_back(known[t].parent);
  std::map<std::uint32_t, int> asked_of_parent;
  for (const std::uint32_t t : asked) ++asked_of_parent[t];
  sort_unique(asked);
  const auto share = [&](std::uint32_t t) {
    return static_cast<float>((profiles.technique_holders[t] + 0.5) / std::max(1.0, profiles.technique_total));
  };
  ProfileMatch match;
  match.actors = profiles.actors;
  for (const std::uint32_t t : asked) match.all_technique_shares.push_back(share(t));
  match.exact_asked = static_cast<double>(question.techniques.size());
  const auto groups = static_cast<float>(profiles.actors.size());
  for (const std::uint32_t x : question.software) match.all_software_holders.push_back(profiles.software_holders[x]);
  for (const float h : profiles.technique_holders) match.technique_kinds += h > 0;
  for (const float h : profiles.software_holders) match.software_kinds += h > 0;
  for (std::size_t i = 0; i < profiles.actors.size(); ++i) {
    match.technique_count.push_back(static_cast<float>(profiles.techniques[i].size()));
    match.software_count.push_back(static_cast<float>(profiles.software[i].size()));
    std::vector<float> shares, holders;
    float exact_matched = 0, exact_rarity = 0;
    for (const std::uint32_t t : question.techniques) {
      if (!holds(profiles.exact[i], t)) continue;
      exact_matched += 1;
      exact_rarity += std::log(groups / profiles.exact_holders[t]);
    }
    match.exact_matched.push_back(exact_matched);
    match.exact_rarity.push_back(exact_rarity);
    match.exact_count.push_back(static_cast<float>(profiles.exact[i].size()));
    std::vector<std::uint32_t> techniques, software;
    std::vector<SubtechniqueMatch> subtechniques;
    for (const std::uint32_t t : question.techniques) {
      // The parent's own id says nothing of the way in which it was done.
      const std::uint32_t parent = known[t].parent;
      if (parent == t || !holds(profiles.techniques[i], parent)) continue;
      SubtechniqueMatch m;
      m.exact = holds(profiles.exact[i], t) ? 1 : 0;
      for (const std::uint32_t own : profiles.exact[i]) m.held += known[own].parent == parent;
      m.share = (profiles.exact_holders[t] + 0.5f) / (profiles.family_holders[parent] + 1.0f);
      m.weight = 1.0f / static_cast<float>(asked_of_parent[parent]);
      subtechniques.push_back(m);
    }
    for (const std::uint32_t t : asked) {
      if (!holds(profiles.techniques[i], t)) continue;
      shares.push_back(share(t));
      techniques.push_back(t);
    }
    for (const std::uint32_t s : question.software) {
      if (!holds(profiles.software[i], s)) continue;
      holders.push_back(profiles.software_holders[s]);
      software.push_back(s);
    }
    match.technique_shares.push_back(std::move(shares));
    match.subtechniques.push_back(std::move(subtechniques));
    match.software_holders.push_back(std::move(holders));
    match.matched_techniques.push_back(std::move(techniques));
    match.matched_software.push_back(std::move(software));
  }
  return match;
}

ProfileScales::ProfileScales(const std::array<double, kProfileParameters>& p)
    : alpha(std::exp(p[kTechniqueSmoothing])),
      exactness(std::exp(p[kTechniqueExactness])),
      technique_power(std::exp(p[kTechniquePower])),
      technique_saturation(std::exp(p[kTechniqueSaturation])),
      floor(std::min(0.5, std::exp(p[kTechniqueFloor]))),
      technique_imitation(std::min(0.5, std::exp(p[kTechniqueImitation]))),
      rarity(std::exp(p[kSoftwareRarity])),
      software_power(std::exp(p[kSoftwarePower])),
      software_saturation(std::exp(p[kSoftwareSaturation])),
      software_imitation(std::min(0.5, std::exp(p[kSoftwareImitation]))),
      size(p[kProfileSize]) {}

namespace {

// Σ ln of many factors with few logarithms: the fit asks for it a hundred million times.
class LogOfProduct {
 public:
  void times(double factor) {
    product_ *= factor;
    if (product_ > 1e200 || product_ < 1e-200) {
      sum_ += std::log(product_);
      product_ = 1;
    }
  }
  double value() const { return sum_ + std::log(product_); }

 private:
  double product_ = 1, sum_ = 0;
};

}  // namespace

ProfileScore score_profile(const ProfileMatch& match, std::size_t i, const ProfileScales& scales) {
  ProfileScore score;
  const auto n_asked = static_cast<double>(match.all_technique_shares.size());
  if (n_asked > 0) {
    // Multinomial over the group's techniques, smoothed by the average group's: p(t|g) = ([t in g] + α share) / (|g| +
    // α), against the average group's share.
    double raw = n_asked * std::log(scales.alpha / (static_cast<double>(match.technique_count[i]) + scales.alpha));
    LogOfProduct ratios;
    for (const float s : match.technique_shares[i]) ratios.times(1 + 1 / (scales.alpha * static_cast<double>(s)));
    // Then, within a parent that the group holds: p(sub|g) = ([sub in g] + β share) / (held + β), against its share.
    for (const SubtechniqueMatch& m : match.subtechniques[i]) {
      const double prior = scales.exactness * static_cast<double>(m.share);
      const double ratio = (static_cast<double>(m.exact) + prior) * scales.exactness /
                           ((static_cast<double>(m.held) + scales.exactness) * prior);
      if (m.weight == 1) {
        ratios.times(ratio);
      } else {
        raw += static_cast<double>(m.weight) * std::log(ratio);
      }
    }
    raw += ratios.value();
    score.techniques_raw = raw;
    double x = raw * scales.technique_power * std::min(1.0, scales.technique_saturation / n_asked);
    x = std::clamp(x, -30.0, 30.0);
    x = std::log(scales.floor + (1 - scales.floor) * std::exp(x));
    score.techniques = -std::log(scales.technique_imitation + (1 - scales.technique_imitation) * std::exp(-x));
  }
  if (!match.software_holders[i].empty()) {
    LogOfProduct ratios;
    for (const float holders : match.software_holders[i]) {
      ratios.times(1 + scales.rarity / std::max(1.0, static_cast<double>(holders)));
    }
    const double raw = ratios.value();
    score.software_raw = raw;
    const auto n = static_cast<double>(match.software_holders[i].size());
    const double x = raw * scales.software_power * std::min(1.0, scales.software_saturation / n);
    score.software = -std::log(scales.software_imitation + (1 - scales.software_imitation) * std::exp(-x));
  }
  score.size =
      scales.size *
      (std::log(1 + static_cast<double>(match.technique_count[i]) + static_cast<double>(match.software_count[i])) -
       kSizeCentre);
  return score;
}

Posterior profile_posterior(const ProfileMatch& match, const std::array<double, kProfileParameters>& p) {
  Posterior out;
  out.actors = match.actors;
  const std::size_t n = match.actors.size();
  const double each = -std::log(std::max<double>(1, static_cast<double>(n)));
  std::vector<double> prior(n), scores(n);
  out.technique.resize(n);
  out.software.resize(n);
  const ProfileScales scales(p);
  out.infrastructure.assign(n, 0);
  out.infrastructure_direct.assign(n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    const ProfileScore s = score_profile(match, i, scales);
    prior[i] = s.size + each;
    out.technique[i] = s.techniques;
    out.software[i] = s.software;
    scores[i] = prior[i] + s.techniques + s.software;
  }
  normalise(prior, p[kProfileUnknown], out.prior, out.unknown_prior);
  normalise(scores, p[kProfileUnknown], out.probability, out.unknown);
  return out;
}

Posterior infrastructure_posterior(const InfrastructureRows& rows, const Weights& weights) {
  Posterior out;
  const double unknown = unknown_score(rows, weights);
  std::vector<double> scores, prior;
  for (std::size_t i = 0; i < rows.actors.size(); ++i) {
    if (holds(rows.not_answers, rows.actors[i])) continue;
    out.actors.push_back(rows.actors[i]);
    scores.push_back(capped_infrastructure(rows, i, infrastructure_score(rows, i, weights), unknown));
    prior.push_back(prior_part(rows, i, weights));
    out.infrastructure.push_back(scores.back() - prior.back());
    out.infrastructure_direct.push_back(direct_part(rows, i, weights));
  }
  out.technique.assign(out.actors.size(), 0);
  out.software.assign(out.actors.size(), 0);
  normalise(prior, log_sum_exp(prior), out.prior, out.unknown_prior);
  normalise(scores, unknown, out.probability, out.unknown);
  return out;
}

JointScores joint_scores(const ProfileMatch& match, const InfrastructureRows& rows, const Weights& weights) {
  std::map<std::uint32_t, std::pair<std::size_t, std::size_t>> where;  // actor → (profile, rows), SIZE_MAX where none
  for (std::size_t i = 0; i < match.actors.size(); ++i) where[match.actors[i]] = {i, SIZE_MAX};
  for (std::size_t i = 0; i < rows.actors.size(); ++i) {
    auto [it, fresh] = where.emplace(rows.actors[i], std::pair{SIZE_MAX, i});
    if (!fresh) it->second.second = i;
  }
  JointScores out;
  out.asked = match.exact_asked;
  const double unknown = unknown_score(rows, weights);
  // Against "an unknown group": the infrastructure model's own prior is taken out by the offset.
  const auto ratio = [&](std::size_t row) {
    return capped_infrastructure(rows, row, infrastructure_score(rows, row, weights), unknown) - unknown;
  };
  std::map<std::uint32_t, double> shared;
  for (const auto& [actor, row] : rows.of_namesakes) {
    where.try_emplace(actor, SIZE_MAX, SIZE_MAX);
    const auto [it, fresh] = shared.emplace(actor, ratio(row));
    if (!fresh) it->second = std::max(it->second, ratio(row));
  }
  // An actor of whom no profile is known has the prior of a small one.
  const double smallest = weights.profile[kProfileSize] * (std::log(2.0) - kSizeCentre);
  const ProfileScales scales(weights.profile);
  for (const auto& [actor, at] : where) {
    if (holds(rows.not_answers, actor)) continue;
    ProfileScore s;
    s.size = smallest;
    if (at.first != SIZE_MAX) s = score_profile(match, at.first, scales);
    double infrastructure = 0, direct = 0;
    const bool profile = at.first != SIZE_MAX;
    out.has_profile.push_back(profile);
    out.matched.push_back(profile ? static_cast<double>(match.exact_matched[at.first]) : 0);
    out.rarity.push_back(profile ? static_cast<double>(match.exact_rarity[at.first]) : 0);
    out.length.push_back(profile ? std::log1p(static_cast<double>(match.exact_count[at.first])) : 0);
    if (at.second != SIZE_MAX) {
      infrastructure = ratio(at.second);
      direct = direct_part(rows, at.second, weights);
    }
    out.actors.push_back(actor);
    out.size.push_back(s.size);
    out.software.push_back(s.software);
    out.infrastructure.push_back(infrastructure);
    out.direct.push_back(direct);
    out.has_reports.push_back(at.second != SIZE_MAX);
    const auto other = shared.find(actor);
    out.shared.push_back(other == shared.end() ? 0 : other->second);
    out.has_shared.push_back(other != shared.end());
  }
  return out;
}

namespace {

// A log-ratio kept above ln δ and below −ln ε, and its slopes by the ratio and by both logarithms.
struct Bounded {
  Bounded(double ratio, double ln_floor, double ln_imitation) {
    const double floor = std::min(0.5, std::exp(ln_floor)), imitation = std::min(0.5, std::exp(ln_imitation));
    const double e = std::exp(std::clamp(ratio, -30.0, 30.0));
    const double above = floor + (1 - floor) * e, below = imitation + (1 - imitation) / above;
    value = -std::log(below);
    const double by_above = (1 - imitation) / (above * above * below);
    by_ratio = std::abs(ratio) < 30 ? by_above * (1 - floor) * e : 0;
    by_floor = floor < 0.5 ? by_above * floor * (1 - e) : 0;
    by_imitation = imitation < 0.5 ? -imitation * (1 - 1 / above) / below : 0;
  }
  double value, by_ratio, by_floor, by_imitation;
};

}  // namespace

Posterior joint_posterior(const JointScores& s, const std::array<double, kJointParameters>& j, JointSlopes* slopes) {
  Posterior out;
  const std::size_t n = s.actors.size();
  const double each = -std::log(std::max<double>(1, static_cast<double>(n)));
  const double discount = std::exp(j[kJointShared]);
  std::vector<double> scores(n), prior(n);
  out.actors = s.actors;
  out.technique.resize(n);
  out.software.resize(n);
  out.infrastructure.assign(n, 0);
  out.infrastructure_direct.resize(n);
  if (slopes != nullptr) slopes->assign(n, {});
  for (std::size_t i = 0; i < n; ++i) {
    std::array<double, kJointParameters> slope{};
    if (s.has_reports[i] || s.has_shared[i]) {
      double ratio = s.has_reports[i] ? s.infrastructure[i] : -INFINITY;
      double of_other = 0;  // how much of the ratio is the other's
      if (s.has_shared[i]) {
        // One of the two labels is right; the other's reports speak for him at a discount.
        const double other = s.shared[i] - discount;
        const double both = std::max(ratio, other) + std::log1p(std::exp(-std::abs(ratio - other)));
        of_other = std::exp(other - both);
        ratio = both;
      }
      const double shifted = ratio + j[kJointOffset];
      const Bounded x(j[kJointInfrastructure] * shifted, j[kJointFloor], j[kJointImitation]);
      out.infrastructure[i] = x.value;
      slope[kJointInfrastructure] = x.by_ratio * shifted;
      slope[kJointOffset] = x.by_ratio * j[kJointInfrastructure];
      slope[kJointShared] = -slope[kJointOffset] * of_other * discount;
      slope[kJointFloor] = x.by_floor;
      slope[kJointImitation] = x.by_imitation;
    }
    if (s.asked > 0) {
      const double asked = s.asked * s.length[i];
      const Bounded x(j[kJointRarity] * s.rarity[i] + j[kJointMatched] * s.matched[i] - j[kJointLength] * asked,
                      j[kJointTechniqueFloor], j[kJointTechniqueImitation]);
      out.technique[i] = x.value;
      slope[kJointRarity] = x.by_ratio * s.rarity[i];
      slope[kJointMatched] = x.by_ratio * s.matched[i];
      slope[kJointLength] = -x.by_ratio * asked;
      slope[kJointTechniqueFloor] = x.by_floor;
      slope[kJointTechniqueImitation] = x.by_imitation;
    }
    out.software[i] = j[kJointSoftware] * s.software[i];
    out.infrastructure_direct[i] = j[kJointInfrastructure] * s.direct[i];
    prior[i] = j[kJointSize] * s.size[i] + (s.has_profile[i] ? 0 : j[kJointUnprofiled]) + each;
    scores[i] = prior[i] + out.technique[i] + out.software[i] + out.infrastructure[i];
    slope[kJointSoftware] = s.software[i];
    slope[kJointSize] = s.size[i];
    slope[kJointUnprofiled] = s.has_profile[i] ? 0 : 1;
    if (slopes != nullptr) (*slopes)[i] = slope;
  }
  normalise(prior, j[kJointUnknown], out.prior, out.unknown_prior);
  normalise(scores, j[kJointUnknown], out.probability, out.unknown);
  return out;
}

Posterior joint_posterior(const ProfileMatch& match, const InfrastructureRows& rows, const Weights& weights) {
  return joint_posterior(joint_scores(match, rows, weights), weights.joint);
}

Prepared prepare(const Question& question, const View& view, const Profiles& profiles) {
  Prepared out;
  out.infrastructure = question.has_infrastructure() && view.table->has_reports();
  out.profile = question.has_profile_evidence() || !out.infrastructure;
  if (out.infrastructure) out.rows = infrastructure_rows(question.observables, view);
  if (out.profile) out.match = match_profiles(question, view, profiles);
  return out;
}

Posterior operator_posterior(const Prepared& prepared, const Weights& weights) {
  if (!prepared.profile) return infrastructure_posterior(prepared.rows, weights);
  if (!prepared.infrastructure) return profile_posterior(prepared.match, weights.profile);
  return joint_posterior(prepared.match, prepared.rows, weights);
}

Posterior operator_posterior(const Question& question, const View& view, const Weights& weights) {
  return operator_posterior(prepare(question, view, profiles_of(view)), weights);
}

double Posterior::of(std::uint32_t actor) const {
  const auto it = std::lower_bound(actors.begin(), actors.end(), actor);
  return it == actors.end() || *it != actor ? 0 : probability[static_cast<std::size_t>(it - actors.begin())];
}

}  // namespace whodunit::attribution
