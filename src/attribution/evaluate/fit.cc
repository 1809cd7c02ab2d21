#include "attribution/evaluate/fit.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "attribution/evaluate/parallel.h"
#include "attribution/model/optimise.h"
#include "attribution/model/victim_model.h"
#include "base/hash.h"

namespace whodunit::attribution {
namespace {

// Infrastructure: an actor with many reports must not drown the others: every actor weighs the same. Questions with
// earlier knowledge only weigh more than those with hindsight, for they are what a user asks. To name somebody wrongly
// costs more than to miss one.
constexpr double kActorPower = 1.0, kEarlierWeight = 3.0, kRemovedWeight = 1.15;
constexpr double kRidge = 1.0;          // on every weight of an actor's feature
constexpr double kUnknownRidge = 0.01;  // on the weights of the case's features
// While the features' weights are sought, a question keeps the actors that look most alike and every tenth of the
// others, which then stands for ten.
constexpr std::size_t kCandidates = 40, kEvery = 10;
// Campaigns: to miss a group that is known costs half as much again as to name one where none is right.
constexpr double kClosedWeight = 1.5, kUnlabelledWeight = 0.3, kPartWeight = 0.5;

// The first stage is about which group; the second, whether any.
double share_of(Condition c, bool first) {
  if (first) return c == Condition::kClosed ? 0.75 : 0.125;
  return c == Condition::kClosed ? 0.5 : 0.25;
}

}  // namespace

std::size_t fold_of(const Trial& trial, std::size_t folds) { return base::fast_hash(trial.id, 7) % folds; }

std::vector<ProfileItem> profile_items(const std::vector<Trial>& trials, const ActorTable& table) {
  std::vector<ProfileItem> items;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const Trial& trial = trials[i];
    if (trial.kind != TrialKind::kProfile || trial.negative) continue;
    for (const auto choice : {EvidenceChoice::kAll, EvidenceChoice::kTechniques, EvidenceChoice::kNetwork}) {
      const Question question = question_of(trial, table, choice);
      const auto add = [&](Condition condition) {
        const auto view = view_of(trial, table, KnowledgeChoice::kLeaveOneOut, condition == Condition::kRemoved);
        ProfileItem item;
        item.trial = i;
        item.condition = condition;
        item.all_evidence = choice == EvidenceChoice::kAll;
        item.match = match_profiles(question, *view);
        if (condition == Condition::kClosed) {
          for (const std::uint32_t a : truth_of(trial, table)) {
            const auto it = std::lower_bound(item.match.actors.begin(), item.match.actors.end(), a);
            if (it != item.match.actors.end() && *it == a)
              item.truth.push_back(static_cast<std::size_t>(it - item.match.actors.begin()));
          }
          if (item.truth.empty()) return;
        }
        items.push_back(std::move(item));
      };
      if (!trial.labelled) {
        add(Condition::kUnlabelled);
      } else {
        if (trial.answerable) add(Condition::kClosed);
        add(Condition::kRemoved);
      }
    }
  }
  return items;
}

std::vector<InfrastructureItem> infrastructure_items(const std::vector<Trial>& trials, const ActorTable& table) {
  std::vector<std::vector<InfrastructureItem>> of_trial(trials.size());
  for_each_in_parallel(trials.size(), [&](std::size_t i) {
    const Trial& trial = trials[i];
    std::vector<InfrastructureItem>& items = of_trial[i];
    if (trial.kind != TrialKind::kInfrastructure || (!trial.labelled && !trial.negative)) return;
    const Question question = question_of(trial, table, EvidenceChoice::kAll);
    for (const auto knowledge : {KnowledgeChoice::kLeaveOneOut, KnowledgeChoice::kEarlier}) {
      if (trial.negative && knowledge == KnowledgeChoice::kEarlier) continue;
      for (const bool removed : {false, true}) {
        if (trial.negative && removed) continue;
        const auto view = view_of(trial, table, knowledge, removed);
        if (!view) continue;
        InfrastructureItem item;
        item.trial = i;
        item.earlier = knowledge == KnowledgeChoice::kEarlier;
        item.condition = trial.negative ? Condition::kCrime : removed ? Condition::kRemoved : Condition::kClosed;
        const auto truth = truth_of(trial, table);
        if (!trial.negative && truth.empty()) continue;
        item.rows = infrastructure_rows(question.observables, *view);
        if (item.rows.actors.empty()) continue;
        if (item.condition == Condition::kClosed) {
          const auto it = std::lower_bound(item.rows.actors.begin(), item.rows.actors.end(), truth.front());
          if (!trial.answerable || it == item.rows.actors.end() || *it != truth.front()) continue;
          item.truth = static_cast<std::size_t>(it - item.rows.actors.begin());
        }
        if (!trial.true_groups.empty()) item.actor = trial.true_groups.front();
        items.push_back(std::move(item));
      }
    }
  });
  std::vector<InfrastructureItem> all;
  for (auto& items : of_trial)
    all.insert(all.end(), std::make_move_iterator(items.begin()), std::make_move_iterator(items.end()));
  return all;
}

std::vector<JointItem> joint_items(const std::vector<Trial>& trials, const ActorTable& table) {
  std::vector<JointItem> items;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const Trial& trial = trials[i];
    if (trial.kind != TrialKind::kJoint || !trial.labelled) continue;
    const Question question = question_of(trial, table, EvidenceChoice::kAll);
    for (const bool removed : {false, true}) {
      const auto view = view_of(trial, table, KnowledgeChoice::kLeaveOneOut, removed);
      JointItem item;
      item.trial = i;
      item.condition = removed ? Condition::kRemoved : Condition::kClosed;
      item.truth = truth_of(trial, table);
      item.match = match_profiles(question, *view);
      item.rows = infrastructure_rows(question.observables, *view);
      items.push_back(std::move(item));
    }
  }
  return items;
}

void fit_profile(const std::vector<ProfileItem>& items, const TrialMask& mask, Weights& weights) {
  const Weights priors = Weights::priors();
  const auto loss = [&](const std::vector<double>& x) {
    std::array<double, kProfileParameters> p;
    std::copy(x.begin(), x.end(), p.begin());
    double sum = 0;
    for (const ProfileItem& item : items) {
      if (!mask[item.trial]) continue;
      const double w = (item.condition == Condition::kClosed       ? kClosedWeight
                        : item.condition == Condition::kUnlabelled ? kUnlabelledWeight
                                                                   : 1.0) *
                       (item.all_evidence ? 1.0 : kPartWeight);
      const Posterior posterior = profile_posterior(item.match, p);
      double right = 0;
      for (const std::size_t t : item.truth) right += posterior.probability[t];
      if (item.condition != Condition::kClosed) right = posterior.unknown;
      sum -= w * std::log(std::max(right, 1e-9));
    }
    for (std::size_t i = 0; i < kProfileParameters; ++i) {
      const double d = (x[i] - priors.profile[i]) / kProfileSpread[i];
      sum += 0.5 * d * d;
    }
    return sum;
  };
  const std::vector<double> start(priors.profile.begin(), priors.profile.end());
  const auto x = minimise(with_numeric_gradient(loss), start, 60, 1e-6);
  std::copy(x.begin(), x.end(), weights.profile.begin());
}

void fit_infrastructure(const std::vector<InfrastructureItem>& items, const TrialMask& mask, Weights& weights,
                        const std::vector<std::uint8_t>& features) {
  // Rows' weights: 0.5 closed, 0.25 with the truth removed, 0.25 ordinary crime, of each kind of knowledge.
  const auto make_weights = [&](double power) {
    std::map<std::tuple<Condition, bool, std::string>, double> per_actor;
    for (const InfrastructureItem& item : items) {
      if (mask[item.trial]) per_actor[{item.condition, item.earlier, item.actor}] += 1;
    }
    std::vector<double> w(items.size(), 0);
    std::map<std::pair<Condition, bool>, double> sums;
    double n = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const auto& item = items[i];
      if (!mask[item.trial]) continue;
      w[i] = item.condition == Condition::kCrime
                 ? 1
                 : std::pow(per_actor[{item.condition, item.earlier, item.actor}], -power);
      sums[{item.condition, item.earlier}] += w[i];
      n += 1;
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (w[i] == 0) continue;
      double weight = share_of(items[i].condition, power > 0);
      if (items[i].condition == Condition::kRemoved && items[i].earlier)
        weight *= 2;  // there is no crime's share there
      if (items[i].earlier && power > 0) weight *= kEarlierWeight;
      if (items[i].condition == Condition::kRemoved && power == 0) weight *= kRemovedWeight;
      w[i] *= n * weight / sums[{items[i].condition, items[i].earlier}];
    }
    return w;
  };
  const auto allowed = [&](std::size_t k) { return features.empty() || features[k] != 0; };

  // Which actors are worth keeping while the weights are sought: by a plain sum.
  struct Kept {
    std::vector<float> values;  // row-major
    std::vector<double> stands_for;
    std::size_t n = 0, truth = SIZE_MAX;
  };
  std::vector<Kept> kept(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto& rows = items[i].rows;
    if (!mask[items[i].trial]) continue;
    std::vector<std::pair<double, std::size_t>> order;
    for (std::size_t a = 0; a < rows.actors.size(); ++a) {
      const float* f = rows.row(a);
      double s = 0;
      for (const auto k : {kExactName, kExactNames, kRegistered, kRegistereds, kExactAddress, kExactAddresses, kNet24,
                           kNearestName, kNearestReport}) {
        s += 2.0 * static_cast<double>(f[k]);
      }
      s += static_cast<double>(f[kLabel] + f[kNameRank]) +
           0.2 * static_cast<double>(f[kSequences] + f[kSuffix] + f[kTraits]) +
           0.4 * static_cast<double>(f[kActivity] + f[kSize] + f[kAddressStyle] + f[kShape]);
      order.emplace_back(-s, a);
    }
    std::sort(order.begin(), order.end());
    Kept& k = kept[i];
    for (std::size_t r = 0; r < order.size(); ++r) {
      const std::size_t a = order[r].second;
      const bool truth = a == items[i].truth;
      if (r >= kCandidates && r % kEvery != i % kEvery && !truth) continue;
      if (truth) k.truth = k.n;
      k.stands_for.push_back(r >= kCandidates && !truth ? static_cast<double>(kEvery) : 1.0);
      k.values.insert(k.values.end(), rows.row(a), rows.row(a) + kInfrastructureFeatures);
      ++k.n;
    }
  }
  const std::vector<double> w = make_weights(kActorPower);
  constexpr std::size_t kN = std::size_t{kInfrastructureFeatures} + std::size_t{kCaseFeatures};
  // Weights of features are squares, so that none is negative: more in common never speaks against.
  const Objective objective = [&](const std::vector<double>& x, std::vector<double>* gradient) {
    std::array<float, kInfrastructureFeatures> weight{};
    double loss = 0;
    for (std::size_t k = 0; k < kInfrastructureFeatures; ++k) {
      weight[k] = allowed(k) ? static_cast<float>(x[k] * x[k]) : 0;
      loss += 0.5 * kRidge * x[k] * x[k] * x[k] * x[k];
    }
    for (std::size_t k = 0; k < kCaseFeatures; ++k)
      loss += 0.5 * kUnknownRidge * x[kInfrastructureFeatures + k] * x[kInfrastructureFeatures + k];
    std::vector<double> g(kN, 0);
    std::vector<double> e;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (w[i] == 0) continue;
      const Kept& rows = kept[i];
      double v = 0;
      for (std::size_t k = 0; k < kCaseFeatures; ++k)
        v += x[kInfrastructureFeatures + k] * static_cast<double>(items[i].rows.of_case[k]);
      double top = v;
      e.resize(rows.n);
      for (std::size_t a = 0; a < rows.n; ++a) {
        const float* f = rows.values.data() + a * kInfrastructureFeatures;
        float s = 0;
        for (std::size_t k = 0; k < kInfrastructureFeatures; ++k) s += weight[k] * f[k];
        e[a] = static_cast<double>(s);
        top = std::max(top, e[a]);
      }
      double total = std::exp(v - top);
      const double unknown = total;
      for (std::size_t a = 0; a < rows.n; ++a) total += (e[a] = rows.stands_for[a] * std::exp(e[a] - top));
      const bool closed = items[i].condition == Condition::kClosed;
      const double right = (closed ? e[rows.truth] : unknown) / total;
      loss -= w[i] * std::log(std::max(right, 1e-12));
      if (gradient == nullptr) continue;
      const double gv = w[i] * (unknown / total - (closed ? 0.0 : 1.0));
      for (std::size_t k = 0; k < kCaseFeatures; ++k)
        g[kInfrastructureFeatures + k] += gv * static_cast<double>(items[i].rows.of_case[k]);
      std::array<float, kInfrastructureFeatures> sum{};
      for (std::size_t a = 0; a < rows.n; ++a) {
        const auto p = static_cast<float>(e[a] / total - (closed && a == rows.truth ? 1.0 : 0.0));
        const float* f = rows.values.data() + a * kInfrastructureFeatures;
        for (std::size_t k = 0; k < kInfrastructureFeatures; ++k) sum[k] += p * f[k];
      }
      for (std::size_t k = 0; k < kInfrastructureFeatures; ++k) g[k] += w[i] * static_cast<double>(sum[k]);
    }
    if (gradient != nullptr) {
      for (std::size_t k = 0; k < kInfrastructureFeatures; ++k) {
        (*gradient)[k] = allowed(k) ? 2 * x[k] * g[k] + 2 * kRidge * x[k] * x[k] * x[k] : 0;
      }
      for (std::size_t k = 0; k < kCaseFeatures; ++k) {
        const std::size_t at = kInfrastructureFeatures + k;
        (*gradient)[at] = g[at] + kUnknownRidge * x[at];
      }
    }
    return loss;
  };
  std::vector<double> start(kN, 0.0);
  for (std::size_t k = 0; k < kInfrastructureFeatures; ++k) start[k] = allowed(k) ? 0.5 : 0;
  start[kInfrastructureFeatures] = 2;
  const auto x = minimise(objective, start, 120, 1e-6);
  for (std::size_t k = 0; k < kInfrastructureFeatures; ++k) weights.infrastructure[k] = allowed(k) ? x[k] * x[k] : 0;

  // Second, with those weights held and every row alike: how much mass "none of those known" gets. This is what
  // calibrates.
  const std::vector<double> plain = make_weights(0);
  std::vector<double> all(items.size(), 0), truth(items.size(), 0);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (plain[i] == 0) continue;
    std::vector<double> scores;
    for (std::size_t a = 0; a < items[i].rows.actors.size(); ++a) {
      double s = 0;
      for (std::size_t k = 0; k < kInfrastructureFeatures; ++k)
        s += weights.infrastructure[k] * static_cast<double>(items[i].rows.row(a)[k]);
      scores.push_back(s);
    }
    all[i] = log_sum_exp(scores);
    if (items[i].truth != SIZE_MAX) truth[i] = scores[items[i].truth];
  }
  const Objective second = [&](const std::vector<double>& u, std::vector<double>* gradient) {
    double loss = 0;
    std::vector<double> g(kCaseFeatures, 0);
    for (std::size_t k = 0; k < kCaseFeatures; ++k) {
      loss += 0.5 * kUnknownRidge * u[k] * u[k];
      g[k] = kUnknownRidge * u[k];
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (plain[i] == 0) continue;
      double v = 0;
      for (std::size_t k = 0; k < kCaseFeatures; ++k) v += u[k] * static_cast<double>(items[i].rows.of_case[k]);
      const double top = std::max(v, all[i]);
      const double total = top + std::log(std::exp(v - top) + std::exp(all[i] - top));
      const bool closed = items[i].condition == Condition::kClosed;
      loss -= plain[i] * ((closed ? truth[i] : v) - total);
      const double gv = plain[i] * (std::exp(v - total) - (closed ? 0.0 : 1.0));
      for (std::size_t k = 0; k < kCaseFeatures; ++k) g[k] += gv * static_cast<double>(items[i].rows.of_case[k]);
    }
    if (gradient != nullptr) *gradient = g;
    return loss;
  };
  const auto u = minimise(second, std::vector<double>(x.begin() + kInfrastructureFeatures, x.end()), 200, 1e-8);
  std::copy(u.begin(), u.end(), weights.unknown.begin());
}

void fit_joint(const std::vector<JointItem>& items, const TrialMask& mask, Weights& weights) {
  const std::array<double, kJointParameters> centre = Weights::priors().joint;
  constexpr std::array<double, kJointParameters> kSpread = {0.5, 0.5, 0.7, 0.5, 3, 2};
  Weights trial = weights;
  const auto loss = [&](const std::vector<double>& x) {
    std::copy(x.begin(), x.end(), trial.joint.begin());
    double sum = 0;
    for (const JointItem& item : items) {
      if (!mask[item.trial]) continue;
      const Posterior posterior = joint_posterior(item.match, item.rows, trial);
      double right = 0;
      for (const std::uint32_t t : item.truth) right += posterior.of(t);
      if (item.condition != Condition::kClosed) right = posterior.unknown;
      sum -= std::log(std::max(right, 1e-9));
    }
    for (std::size_t i = 0; i < kJointParameters; ++i) {
      const double d = (x[i] - centre[i]) / kSpread[i];
      sum += 0.5 * d * d;
    }
    return sum;
  };
  const auto x = minimise(with_numeric_gradient(loss), std::vector<double>(centre.begin(), centre.end()), 40, 1e-6);
  std::copy(x.begin(), x.end(), weights.joint.begin());
}

void fit_victims(const std::vector<Trial>& trials, const TrialMask& mask, const ActorTable& table, Weights& weights) {
  const Weights priors = Weights::priors();
  const auto loss = [&](const std::vector<double>& x) {
    std::array<double, kVictimParameters> p;
    std::copy(x.begin(), x.end(), p.begin());
    double sum = 0;
    for (std::size_t i = 0; i < trials.size(); ++i) {
      const Trial& trial = trials[i];
      if (!mask[i] || trial.kind != TrialKind::kVictims || !trial.labelled) continue;
      const CountryPosterior posterior = country_posterior(table.victim_rows(), trial.victims, p, 0, trial.id);
      std::size_t at = posterior.countries.size() - 1;
      for (std::size_t c = 0; c < posterior.countries.size(); ++c) {
        if (posterior.countries[c] == trial.true_country) at = c;
      }
      sum -= std::log(std::max(posterior.raw[at], 1e-9));
    }
    for (std::size_t i = 0; i < kVictimParameters; ++i)
      sum += 0.5 * (x[i] - priors.victim[i]) * (x[i] - priors.victim[i]);
    return sum;
  };
  const auto x =
      minimise(with_numeric_gradient(loss), std::vector<double>(priors.victim.begin(), priors.victim.end()), 40, 1e-6);
  std::copy(x.begin(), x.end(), weights.victim.begin());
}

}  // namespace whodunit::attribution
