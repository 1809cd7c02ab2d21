#include "attribution/evaluate/fit.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <tuple>

#include "attribution/evaluate/parallel.h"
#include "attribution/model/optimise.h"
#include "attribution/model/victim_model.h"
#include "base/hash.h"

namespace whodunit::attribution {
namespace {

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

std::vector<std::size_t> folds_of(const std::vector<Trial>& trials, std::size_t folds) {
  std::vector<std::size_t> root(trials.size());
  std::iota(root.begin(), root.end(), std::size_t{0});
  const auto find = [&root](std::size_t i) {
    while (root[i] != i) i = root[i] = root[root[i]];
    return i;
  };
  std::map<std::string_view, std::size_t> owner;  // report → a trial that speaks of it
  for (std::size_t i = 0; i < trials.size(); ++i) {
    for (const std::string& report : trials[i].exclude_reports) {
      const auto [it, fresh] = owner.emplace(report, i);
      if (!fresh) root[find(i)] = find(it->second);
    }
  }
  std::vector<std::string_view> least(trials.size());
  for (std::size_t i = 0; i < trials.size(); ++i) {
    std::string_view& name = least[find(i)];
    if (name.empty() || trials[i].id < name) name = trials[i].id;
  }
  std::vector<std::size_t> out(trials.size());
  for (std::size_t i = 0; i < trials.size(); ++i) out[i] = base::fast_hash(least[find(i)], 7) % folds;
  return out;
}

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
    if (trial.kind != TrialKind::kInfrastructure || (!trial.labelled && !trial.negative)) return;
    const Question question = question_of(trial, table, EvidenceChoice::kAll);
    const auto truth = truth_of(trial, table);
    for (const auto knowledge : {KnowledgeChoice::kLeaveOneOut, KnowledgeChoice::kEarlier, KnowledgeChoice::kGap180}) {
      if (trial.negative && knowledge != KnowledgeChoice::kLeaveOneOut) continue;
      const auto view = view_of(trial, table, knowledge, false);
      if (!view) continue;
      auto [with, without] = infrastructure_rows(question.observables, *view, truth);
      const auto add = [&](Condition condition, InfrastructureRows&& rows) {
        InfrastructureItem item;
        item.trial = i;
        item.knowledge = knowledge;
        item.condition = condition;
        item.rows = std::move(rows);
        if (condition == Condition::kClosed && trial.answerable && !truth.empty()) {
          const auto it = std::lower_bound(item.rows.actors.begin(), item.rows.actors.end(), truth.front());
          if (it != item.rows.actors.end() && *it == truth.front())
            item.truth = static_cast<std::size_t>(it - item.rows.actors.begin());
        }
        if (!trial.true_groups.empty()) item.actor = trial.true_groups.front();
        of_trial[i].push_back(std::move(item));
      };
      if (trial.negative) {
        add(Condition::kCrime, std::move(with));
      } else {
        add(Condition::kClosed, std::move(with));
        add(Condition::kRemoved, std::move(without));
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

InfrastructureFit::InfrastructureFit(const std::vector<InfrastructureItem>& items, const FitSettings& settings)
    : items_(items), settings_(settings) {
  kept_.resize(items.size());
  for_each_in_parallel(items.size(), [&](std::size_t i) {
    const auto& rows = items[i].rows;
    std::vector<std::pair<float, std::size_t>> order;
    for (std::size_t a = 0; a < rows.actors.size(); ++a) {
      const float* f = rows.row(a);
      float s = 0;
      for (const auto k : {kExactName, kExactNames, kRegistered, kRegistereds, kExactAddress, kExactAddresses, kNet24,
                           kNearestName, kNearestReport}) {
        s += 2 * f[k];
      }
      s += f[kLabel] + f[kNameRank] + 0.2f * (f[kSequences] + f[kSuffix] + f[kTraits]) +
           0.4f * (f[kActivity] + f[kSize] + f[kAddressStyle] + f[kShape]);
      order.emplace_back(-s, a);
    }
    std::sort(order.begin(), order.end());
    Kept& k = kept_[i];
    for (std::size_t r = 0; r < order.size(); ++r) {
      const auto a = static_cast<std::uint32_t>(order[r].second);
      const bool truth = a == items[i].truth;
      if (r >= kCandidates && r % kEvery != i % kEvery && !truth) continue;
      if (truth) k.truth = k.rows.size();
      k.stands_for.push_back(r >= kCandidates && !truth ? static_cast<float>(kEvery) : 1.0f);
      k.rows.push_back(a);
    }
  });
}

// Rows' weights: half closed, half open, of each kind of knowledge; a quarter is ordinary crime where there is any.
std::vector<double> InfrastructureFit::weights_of(const TrialMask& mask, double power) const {
  std::map<std::tuple<Condition, KnowledgeChoice, std::string_view>, double> per_actor;
  const auto usable = [&](const InfrastructureItem& item) {
    return mask[item.trial] != 0 && !item.rows.actors.empty() &&
           (item.condition == Condition::kCrime ||
            (!item.actor.empty() && (item.condition != Condition::kClosed || item.truth != SIZE_MAX)));
  };
  for (const InfrastructureItem& item : items_) {
    if (usable(item)) per_actor[{item.condition, item.knowledge, item.actor}] += 1;
  }
  std::vector<double> w(items_.size(), 0);
  std::map<std::pair<Condition, KnowledgeChoice>, double> sums;
  double n = 0;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const auto& item = items_[i];
    if (!usable(item)) continue;
    w[i] = item.condition == Condition::kCrime
               ? 1
               : std::pow(per_actor[{item.condition, item.knowledge, item.actor}], -power);
    sums[{item.condition, item.knowledge}] += w[i];
    n += 1;
  }
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (w[i] == 0) continue;
    const InfrastructureItem& item = items_[i];
    const bool hindsight = item.knowledge == KnowledgeChoice::kLeaveOneOut;
    double weight = share_of(item.condition, power > 0);
    if (item.condition == Condition::kRemoved && !hindsight) weight *= 2;  // there is no crime's share there
    if (power > 0) {
      weight *= item.knowledge == KnowledgeChoice::kEarlier  ? settings_.earlier
                : item.knowledge == KnowledgeChoice::kGap180 ? settings_.gap
                                                             : 1.0;
    }
    if (item.condition == Condition::kRemoved && power == 0) weight *= settings_.removed;
    w[i] *= n * weight / sums[{item.condition, item.knowledge}];
  }
  return w;
}

void InfrastructureFit::fit(const TrialMask& mask, const std::vector<std::uint8_t>& features, Weights& weights) const {
  // The columns that may have a weight, side by side.
  std::vector<std::size_t> columns;
  for (std::size_t k = 0; k < kInfrastructureFeatures; ++k) {
    if (features.empty() || features[k] != 0) columns.push_back(k);
  }
  constexpr std::size_t kLane = 8;
  const std::size_t used = columns.size(), stride = (used + kLane - 1) / kLane * kLane;
  const std::vector<double> w = weights_of(mask, settings_.actor_power);
  std::vector<float> values;
  std::vector<std::size_t> starts(items_.size(), 0);
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (w[i] == 0) continue;
    starts[i] = values.size();
    for (const std::uint32_t a : kept_[i].rows) {
      const float* f = items_[i].rows.row(a);
      for (const std::size_t k : columns) values.push_back(f[k]);
      values.resize(values.size() + stride - used, 0.0f);
    }
  }
  const std::size_t n = used + kCaseFeatures;
  // Weights of features are squares, so that none is negative: more in common never speaks against. Only what is not of
  // the case, how much is known of an actor, may speak either way.
  const auto either = [&columns](std::size_t k) { return is_prior(static_cast<InfrastructureFeature>(columns[k])); };
  const Objective objective = [&](const std::vector<double>& x, std::vector<double>* gradient) {
    std::vector<float> weight(stride, 0), sum(stride, 0), e;
    double loss = 0;
    for (std::size_t k = 0; k < used; ++k) {
      const double value = either(k) ? x[k] : x[k] * x[k];
      weight[k] = static_cast<float>(value);
      loss += 0.5 * settings_.ridge * value * value;
    }
    for (std::size_t k = 0; k < kCaseFeatures; ++k) loss += 0.5 * settings_.unknown_ridge * x[used + k] * x[used + k];
    std::vector<double> g(n, 0);
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (w[i] == 0) continue;
      const Kept& kept = kept_[i];
      const std::size_t rows = kept.rows.size();
      double v = 0;
      for (std::size_t k = 0; k < kCaseFeatures; ++k) v += x[used + k] * static_cast<double>(items_[i].rows.of_case[k]);
      auto top = static_cast<float>(v);
      e.resize(rows);
      const float* f = values.data() + starts[i];
      for (std::size_t a = 0; a < rows; ++a, f += stride) {
        float lanes[kLane] = {};
        for (std::size_t k = 0; k < stride; k += kLane) {
          for (std::size_t j = 0; j < kLane; ++j) lanes[j] += weight[k + j] * f[k + j];
        }
        e[a] = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
        top = std::max(top, e[a]);
      }
      const double unknown = std::exp(v - static_cast<double>(top));
      double total = unknown;
      for (std::size_t a = 0; a < rows; ++a) {
        e[a] = kept.stands_for[a] * std::exp(e[a] - top);
        total += static_cast<double>(e[a]);
      }
      const bool closed = items_[i].condition == Condition::kClosed;
      const double right = (closed ? static_cast<double>(e[kept.truth]) : unknown) / total;
      loss -= w[i] * std::log(std::max(right, 1e-12));
      if (gradient == nullptr) continue;
      const double gv = w[i] * (unknown / total - (closed ? 0.0 : 1.0));
      for (std::size_t k = 0; k < kCaseFeatures; ++k)
        g[used + k] += gv * static_cast<double>(items_[i].rows.of_case[k]);
      std::fill(sum.begin(), sum.end(), 0.0f);
      const auto scale = static_cast<float>(1 / total);
      f = values.data() + starts[i];
      for (std::size_t a = 0; a < rows; ++a, f += stride) {
        const float p = e[a] * scale - (closed && a == kept.truth ? 1.0f : 0.0f);
        if (p > -1e-6f && p < 1e-6f) continue;
        for (std::size_t k = 0; k < stride; k += kLane) {
          for (std::size_t j = 0; j < kLane; ++j) sum[k + j] += p * f[k + j];
        }
      }
      for (std::size_t k = 0; k < used; ++k) g[k] += w[i] * static_cast<double>(sum[k]);
    }
    if (gradient != nullptr) {
      for (std::size_t k = 0; k < used; ++k) {
        (*gradient)[k] = either(k) ? g[k] + settings_.ridge * x[k] : 2 * x[k] * (g[k] + settings_.ridge * x[k] * x[k]);
      }
      for (std::size_t k = 0; k < kCaseFeatures; ++k)
        (*gradient)[used + k] = g[used + k] + settings_.unknown_ridge * x[used + k];
    }
    return loss;
  };
  std::vector<double> start(n, 0.0);
  for (std::size_t k = 0; k < used; ++k) start[k] = either(k) ? 0 : 0.5;
  start[used] = 2;
  const auto x = minimise(objective, start, 120, 1e-5, true);
  weights.infrastructure.fill(0);
  for (std::size_t k = 0; k < used; ++k) weights.infrastructure[columns[k]] = either(k) ? x[k] : x[k] * x[k];

  // Second, with those weights held and every row alike: how much mass "none of those known" gets. This is what
  // calibrates.
  const std::vector<double> plain = weights_of(mask, 0);
  std::vector<double> all(items_.size(), 0), truth(items_.size(), 0), scores;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (plain[i] == 0) continue;
    scores.clear();
    for (std::size_t a = 0; a < items_[i].rows.actors.size(); ++a) {
      const float* f = items_[i].rows.row(a);
      double s = 0;
      for (const std::size_t k : columns) s += weights.infrastructure[k] * static_cast<double>(f[k]);
      scores.push_back(s);
    }
    all[i] = log_sum_exp(scores);
    if (items_[i].truth != SIZE_MAX) truth[i] = scores[items_[i].truth];
  }
  const Objective second = [&](const std::vector<double>& u, std::vector<double>* gradient) {
    double loss = 0;
    std::vector<double> g(kCaseFeatures, 0);
    for (std::size_t k = 0; k < kCaseFeatures; ++k) {
      loss += 0.5 * settings_.unknown_ridge * u[k] * u[k];
      g[k] = settings_.unknown_ridge * u[k];
    }
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (plain[i] == 0) continue;
      double v = 0;
      for (std::size_t k = 0; k < kCaseFeatures; ++k) v += u[k] * static_cast<double>(items_[i].rows.of_case[k]);
      const double top = std::max(v, all[i]);
      const double total = top + std::log(std::exp(v - top) + std::exp(all[i] - top));
      const bool closed = items_[i].condition == Condition::kClosed;
      loss -= plain[i] * ((closed ? truth[i] : v) - total);
      const double gv = plain[i] * (std::exp(v - total) - (closed ? 0.0 : 1.0));
      for (std::size_t k = 0; k < kCaseFeatures; ++k) g[k] += gv * static_cast<double>(items_[i].rows.of_case[k]);
    }
    if (gradient != nullptr) *gradient = g;
    return loss;
  };
  const auto u =
      minimise(second, std::vector<double>(x.begin() + static_cast<std::ptrdiff_t>(used), x.end()), 200, 1e-8, true);
  std::copy(u.begin(), u.end(), weights.unknown.begin());
}

void fit_joint(const std::vector<JointItem>& items, const TrialMask& mask, Weights& weights) {
  const std::array<double, kJointParameters> centre = Weights::priors().joint;
  constexpr std::array<double, kJointParameters> kSpread = {0.5, 0.7, 0.5, 3,   2,   0.7, 0.7,
                                                            0.5, 0.3, 0.3, 0.1, 0.7, 0.7, 2};
  // The channels' own weights are held: their scores are made once.
  struct Scored {
    const JointItem* item;
    JointScores scores;
  };
  std::vector<Scored> scored;
  for (const JointItem& item : items) {
    if (mask[item.trial]) scored.push_back({&item, joint_scores(item.match, item.rows, weights)});
  }
  // In steps of the spread, so that every parameter is of a like size.
  const auto at = [&](const std::vector<double>& x) {
    std::array<double, kJointParameters> j{};
    for (std::size_t k = 0; k < kJointParameters; ++k) j[k] = centre[k] + kSpread[k] * x[k];
    return j;
  };
  JointSlopes slopes;
  const Objective loss = [&](const std::vector<double>& x, std::vector<double>* gradient) {
    const std::array<double, kJointParameters> j = at(x);
    std::array<double, kJointParameters> g{};
    double sum = 0;
    for (const Scored& s : scored) {
      const Posterior posterior = joint_posterior(s.scores, j, gradient == nullptr ? nullptr : &slopes);
      const bool closed = s.item->condition == Condition::kClosed;
      double right = 0;
      for (const std::uint32_t t : s.item->truth) right += posterior.of(t);
      if (!closed) right = posterior.unknown;
      sum -= std::log(std::max(right, 1e-9));
      if (gradient == nullptr || right < 1e-9) continue;
      // Of −ln of the right one's share: what each has less what it ought to have.
      for (std::size_t i = 0; i < posterior.actors.size(); ++i) {
        double excess = posterior.probability[i];
        if (closed && std::find(s.item->truth.begin(), s.item->truth.end(), posterior.actors[i]) != s.item->truth.end())
          excess -= posterior.probability[i] / right;
        for (std::size_t k = 0; k < kJointParameters; ++k) g[k] += excess * slopes[i][k];
      }
      g[kJointUnknown] += posterior.unknown - (closed ? 0 : 1);
    }
    if (gradient != nullptr) {
      gradient->resize(kJointParameters);
      for (std::size_t k = 0; k < kJointParameters; ++k) (*gradient)[k] = g[k] * kSpread[k] + x[k];
    }
    for (const double d : x) sum += 0.5 * d * d;
    return sum;
  };
  const std::array<double, kJointParameters> j =
      at(minimise(loss, std::vector<double>(kJointParameters, 0), 200, 1e-7));
  std::copy(j.begin(), j.end(), weights.joint.begin());
}

void fit_victims(const std::vector<Trial>& trials, const TrialMask& mask, const ActorTable& table, Weights& weights) {
  const Weights priors = Weights::priors();
  std::vector<std::pair<VictimMatch, std::size_t>> matches;  // with the place of the right country
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const Trial& trial = trials[i];
    if (!mask[i] || trial.kind != TrialKind::kVictims || !trial.labelled) continue;
    VictimMatch match = match_victims(table.victim_rows(), trial.victims, trial.id);
    std::size_t at = match.countries.size() - 1;
    for (std::size_t c = 0; c < match.countries.size(); ++c) {
      if (match.countries[c] == trial.true_country) at = c;
    }
    matches.emplace_back(std::move(match), at);
  }
  if (matches.empty()) return;
  const auto loss = [&](const std::vector<double>& x) {
    std::array<double, kVictimParameters> p;
    std::copy(x.begin(), x.end(), p.begin());
    double sum = 0;
    for (const auto& [match, at] : matches) sum -= std::log(std::max(country_posterior(match, p, 0).raw[at], 1e-9));
    for (std::size_t i = 0; i < kVictimParameters; ++i)
      sum += 0.5 * (x[i] - priors.victim[i]) * (x[i] - priors.victim[i]);
    return sum;
  };
  const auto x =
      minimise(with_numeric_gradient(loss), std::vector<double>(priors.victim.begin(), priors.victim.end()), 40, 1e-6);
  std::copy(x.begin(), x.end(), weights.victim.begin());
}

}  // namespace whodunit::attribution
