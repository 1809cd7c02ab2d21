#include "attribution/evaluate/baselines.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "attribution/model/optimise.h"

namespace whodunit::attribution {
namespace {

Posterior from_scores(const std::vector<std::uint32_t>& actors, const std::vector<double>& scores, double unknown) {
  Posterior out;
  out.actors = actors;
  std::vector<double> all = scores;
  all.push_back(unknown);
  const double total = log_sum_exp(all);
  for (const double s : scores) out.probability.push_back(std::exp(s - total));
  out.unknown = std::exp(unknown - total);
  const std::size_t n = actors.size();
  out.prior.assign(n, 0.5 / std::max<double>(1, static_cast<double>(n)));
  out.unknown_prior = 0.5;
  out.technique.assign(n, 0);
  out.software.assign(n, 0);
  out.infrastructure.assign(n, 0);
  out.infrastructure_direct.assign(n, 0);
  return out;
}

// Methods on profiles with a few fitted numbers.
class ProfileMethod : public Method {
 public:
  ProfileMethod(std::string_view name, const std::vector<Trial>& trials, const ActorTable& table)
      : name_(name), items_(profile_items(trials, table)) {
    if (name_ == "idf") {
      parameters_ = {5, 3};
    } else if (name_ == "naive-bayes") {
      parameters_ = {0};
    } else if (name_ == "logit") {
      parameters_ = {0.1, 2, 0.5, 0.5, 3};
    }
  }

  void learn(const TrialMask& mask) override {
    if (parameters_.empty()) return;
    const std::vector<double> start = parameters_;
    const auto loss = [&](const std::vector<double>& x) {
      double sum = 0;
      for (const ProfileItem& item : items_) {
        if (!mask[item.trial] || !item.all_evidence || item.condition == Condition::kUnlabelled) continue;
        const Posterior p = score(item.match, x);
        double right = 0;
        for (const std::size_t t : item.truth) right += p.probability[t];
        if (item.condition != Condition::kClosed) right = p.unknown;
        sum -= std::log(std::max(right, 1e-9));
      }
      for (std::size_t i = 0; i < x.size(); ++i) sum += 0.02 * (x[i] - start[i]) * (x[i] - start[i]);
      return sum;
    };
    parameters_ = minimise(with_numeric_gradient(loss), start, 60, 1e-6);
  }

  Posterior answer(const Question& question, const View& view, const InfrastructureRows*) const override {
    return score(match_profiles(question, view), parameters_);
  }

 private:
  Posterior score(const ProfileMatch& m, const std::vector<double>& x) const {
    const std::size_t n = m.actors.size();
    std::vector<double> s(n, 0);
    double unknown = 0;
    if (name_ == "nothing") {
      unknown = std::log(static_cast<double>(std::max<std::size_t>(1, n)));
    } else if (name_ == "overlap") {
      double sum = 0;
      for (std::size_t i = 0; i < n; ++i)
        sum += static_cast<double>(m.technique_shares[i].size() + m.software_holders[i].size());
      for (std::size_t i = 0; i < n; ++i) {
        s[i] = std::log((static_cast<double>(m.technique_shares[i].size() + m.software_holders[i].size()) + 1e-3) /
                        (sum + 1e-3 * static_cast<double>(n)));
      }
    } else if (name_ == "idf") {
      const auto groups = static_cast<double>(n);
      double asked = 0;
      for (const float share : m.all_technique_shares) asked += std::pow(std::log(1 / static_cast<double>(share)), 2);
      for (const float h : m.all_software_holders)
        asked += std::pow(std::log((groups + 1) / (static_cast<double>(h) + 0.5)), 2);
      for (std::size_t i = 0; i < n; ++i) {
        double dot = 0;
        for (const float share : m.technique_shares[i]) dot += std::pow(std::log(1 / static_cast<double>(share)), 2);
        for (const float h : m.software_holders[i])
          dot += std::pow(std::log((groups + 1) / (static_cast<double>(h) + 0.5)), 2);
        // A profile's length: its items at the middling rarity.
        const double own =
            25 * static_cast<double>(m.technique_count[i]) + 20 * static_cast<double>(m.software_count[i]);
        s[i] = x[0] * dot / std::sqrt(std::max(1e-9, asked * own));
      }
      unknown = x[1];
    } else if (name_ == "naive-bayes") {
      const auto laplace = [](double matched, double asked, double size, double kinds) {
        return matched * std::log(2.0) - asked * std::log(size + kinds);
      };
      double mean_techniques = 0, mean_software = 0;
      for (std::size_t i = 0; i < n; ++i) {
        mean_techniques += static_cast<double>(m.technique_count[i]) / static_cast<double>(n);
        mean_software += static_cast<double>(m.software_count[i]) / static_cast<double>(n);
      }
      const auto asked_t = static_cast<double>(m.all_technique_shares.size()),
                 asked_s = static_cast<double>(m.all_software_holders.size());
      for (std::size_t i = 0; i < n; ++i) {
        s[i] = laplace(static_cast<double>(m.technique_shares[i].size()), asked_t,
                       static_cast<double>(m.technique_count[i]), m.technique_kinds) +
               laplace(static_cast<double>(m.software_holders[i].size()), asked_s,
                       static_cast<double>(m.software_count[i]), m.software_kinds);
      }
      for (const float share : m.all_technique_shares)
        unknown += std::log((1 + static_cast<double>(share) * mean_techniques) / (mean_techniques + m.technique_kinds));
      for (const float h : m.all_software_holders) {
        unknown += std::log((1 + static_cast<double>(h) / std::max(1.0, static_cast<double>(n))) /
                            (mean_software + m.software_kinds));
      }
      unknown += x[0];
    } else {  // logit
      const auto groups = static_cast<double>(n);
      for (std::size_t i = 0; i < n; ++i) {
        double techniques = 0, exclusive = 0, shared = 0;
        for (const float share : m.technique_shares[i]) techniques += std::log(1 / static_cast<double>(share)) - 3;
        for (const float h : m.software_holders[i]) {
          exclusive += h <= 1;
          shared += h > 1 ? std::log(groups / static_cast<double>(h)) : 0;
        }
        s[i] = x[0] * techniques + x[1] * exclusive + x[2] * shared +
               x[3] * std::log(1 + static_cast<double>(m.technique_count[i] + m.software_count[i]));
      }
      unknown = x[4];
    }
    return from_scores(m.actors, s, unknown);
  }

  std::string name_;
  std::vector<ProfileItem> items_;
  std::vector<double> parameters_;
};

class InfrastructureMethod : public Method {
 public:
  InfrastructureMethod(const std::vector<InfrastructureFeature>& features, const std::vector<Trial>& trials,
                       const ActorTable& table, Worked* worked)
      : own_(worked == nullptr ? std::make_unique<Worked>(trials, table) : nullptr),
        worked_(worked == nullptr ? own_.get() : worked),
        features_(kInfrastructureFeatures, 0) {
    for (const auto f : features) features_[f] = 1;
    features_[kSize] = 1;
  }
  void learn(const TrialMask& mask) override { worked_->fit(mask, features_, weights_); }
  Posterior answer(const Question& question, const View& view, const InfrastructureRows* rows) const override {
    if (rows != nullptr) return infrastructure_posterior(*rows, weights_);
    return infrastructure_posterior(infrastructure_rows(question.observables, view), weights_);
  }

 private:
  std::unique_ptr<Worked> own_;
  Worked* worked_;
  std::vector<std::uint8_t> features_;
  Weights weights_;
};

const std::vector<InfrastructureFeature> kLogitFeatures = {kExactName,  kExactNames,  kExactAddress, kExactAddresses,
                                                           kRegistered, kRegistereds, kNet24,        kNet16,
                                                           kSequences,  kTraits,      kSuffix,       kAddressStyle};

// Both channels of one report: a conditional logit over matches of techniques and software, with the baseline's ratio
// of names and addresses as one more feature; fitted on joint rows.
class JointLogit : public Method {
 public:
  JointLogit(const std::vector<Trial>& trials, const ActorTable& table, Worked* worked)
      : own_(worked == nullptr ? std::make_unique<Worked>(trials, table) : nullptr),
        worked_(worked == nullptr ? own_.get() : worked),
        features_(kInfrastructureFeatures, 0) {
    for (const auto f : kLogitFeatures) features_[f] = 1;
    features_[kSize] = 1;
  }

  void learn(const TrialMask& mask) override {
    if (!worked_->infrastructure().empty()) worked_->fit(mask, features_, weights_);
    std::vector<std::pair<const JointItem*, Rows>> items;
    for (const JointItem& item : worked_->joint()) {
      if (mask[item.trial]) items.emplace_back(&item, rows_of(item.match, item.rows));
    }
    const Objective loss = [&](const std::vector<double>& x, std::vector<double>* gradient) {
      double sum = 0;
      std::vector<double> g(kSlots, 0);
      for (const auto& [item, rows] : items) {
        const Posterior p = score(rows, x);
        const bool closed = item->condition == Condition::kClosed;
        double right = closed ? 0 : p.unknown;
        if (closed) {
          for (const std::uint32_t t : item->truth) right += p.of(t);
        }
        sum -= std::log(std::max(right, 1e-9));
        if (right < 1e-9) continue;
        for (std::size_t i = 0; i < rows.actors.size(); ++i) {
          const bool truth = std::find(item->truth.begin(), item->truth.end(), rows.actors[i]) != item->truth.end();
          const double excess = p.probability[i] - (closed && truth ? p.probability[i] / right : 0);
          for (std::size_t k = 0; k < kFeatures; ++k) g[k] += excess * rows.values[i][k];
        }
        g[kFeatures] += p.unknown - (closed ? 0 : 1);
      }
      for (std::size_t k = 0; k < kSlots; ++k) {
        sum += 0.05 * x[k] * x[k];
        g[k] += 0.1 * x[k];
      }
      if (gradient != nullptr) *gradient = g;
      return sum;
    };
    parameters_ = minimise(loss, parameters_, 200, 1e-7);
  }

  Posterior answer(const Question& question, const View& view, const InfrastructureRows*) const override {
    InfrastructureRows rows;
    if (question.has_infrastructure()) rows = infrastructure_rows(question.observables, view);
    rows.not_answers = view.not_answers;
    return score(rows_of(match_profiles(question, view), rows), parameters_);
  }

 private:
  static constexpr std::size_t kFeatures = 9, kSlots = kFeatures + 1;
  struct Rows {
    std::vector<std::uint32_t> actors;
    std::vector<std::array<double, kFeatures>> values;
  };

  Rows rows_of(const ProfileMatch& match, const InfrastructureRows& infrastructure) const {
    std::map<std::uint32_t, std::array<double, kFeatures>> all;
    const auto groups = static_cast<double>(match.actors.size());
    for (std::size_t i = 0; i < match.actors.size(); ++i) {
      auto& f = all[match.actors[i]];
      f = {};
      f[0] = static_cast<double>(match.exact_rarity[i]);
      f[1] = static_cast<double>(match.exact_matched[i]);
      f[2] = match.exact_asked * std::log1p(static_cast<double>(match.exact_count[i])) / 10;
      for (const float h : match.software_holders[i]) {
        f[3] += h <= 1;
        f[4] += h > 1 ? std::log(groups / static_cast<double>(h)) : 0;
      }
      f[5] = std::log1p(static_cast<double>(match.technique_count[i] + match.software_count[i]));
    }
    for (auto& [actor, f] : all) f[8] = 1;  // a profile is known
    const Posterior p = infrastructure_posterior(infrastructure, weights_);
    for (std::size_t i = 0; i < p.actors.size(); ++i) {
      auto& f = all.try_emplace(p.actors[i]).first->second;
      f[6] = std::clamp(std::log(std::max(p.probability[i], 1e-12) / std::max(p.unknown, 1e-12)), -12.0, 12.0);
      f[7] = 1;
    }
    Rows out;
    for (const auto& [actor, f] : all) {
      if (std::binary_search(infrastructure.not_answers.begin(), infrastructure.not_answers.end(), actor)) continue;
      out.actors.push_back(actor);
      out.values.push_back(f);
    }
    return out;
  }

  static Posterior score(const Rows& rows, const std::vector<double>& x) {
    std::vector<double> s(rows.actors.size(), 0);
    for (std::size_t i = 0; i < s.size(); ++i) {
      for (std::size_t k = 0; k < kFeatures; ++k) s[i] += x[k] * rows.values[i][k];
    }
    return from_scores(rows.actors, s, x[kFeatures]);
  }

  std::unique_ptr<Worked> own_;
  Worked* worked_;
  std::vector<std::uint8_t> features_;
  Weights weights_;
  std::vector<double> parameters_ = std::vector<double>(kSlots, 0.1);
};

class Own : public Method {
 public:
  Own(const std::vector<Trial>& trials, const ActorTable& table, const Weights& weights, bool refit, Worked* worked)
      : trials_(trials), table_(table), weights_(weights), refit_(refit), worked_(worked) {
    if (!refit_) return;
    if (worked_ == nullptr) {
      own_ = std::make_unique<Worked>(trials, table);
      worked_ = own_.get();
    }
  }
  void learn(const TrialMask& mask) override {
    if (!refit_) return;
    if (!worked_->profile().empty()) worked_->fit_profiles(mask, weights_);
    if (!worked_->infrastructure().empty()) worked_->fit(mask, {}, weights_);
    if (!worked_->joint().empty()) worked_->fit_jointly(mask, weights_);
    fit_victims(trials_, mask, table_, weights_);
  }
  Posterior answer(const Question& question, const View& view, const InfrastructureRows* rows) const override {
    if (rows != nullptr && !question.has_profile_evidence()) return infrastructure_posterior(*rows, weights_);
    return operator_posterior(question, view, weights_);
  }

 private:
  const std::vector<Trial>& trials_;
  const ActorTable& table_;
  Weights weights_;
  bool refit_;
  std::unique_ptr<Worked> own_;
  Worked* worked_;
};

}  // namespace

const std::vector<std::string_view>& baseline_names() {
  static const std::vector<std::string_view> names = {
      "overlap", "idf",   "naive-bayes",          "logit",      "nothing", "exact",
      "kinship", "style", "infrastructure-logit", "joint-logit"};
  return names;
}

std::unique_ptr<Method> make_method(std::string_view name, const std::vector<Trial>& trials, const ActorTable& table,
                                    const Weights& weights, bool refit, Worked* worked) {
  if (name.empty()) return std::make_unique<Own>(trials, table, weights, refit, worked);
  if (std::find(baseline_names().begin(), baseline_names().end(), name) == baseline_names().end()) return nullptr;
  using F = std::vector<InfrastructureFeature>;
  if (name == "exact")
    return std::make_unique<InfrastructureMethod>(F{kExactName, kExactNames, kExactAddress, kExactAddresses}, trials,
                                                  table, worked);
  if (name == "kinship") {
    return std::make_unique<InfrastructureMethod>(
        F{kExactName, kExactNames, kExactAddress, kExactAddresses, kRegistered, kRegistereds, kNet24, kNet16}, trials,
        table, worked);
  }
  if (name == "style")
    return std::make_unique<InfrastructureMethod>(F{kSequences, kTraits, kSuffix}, trials, table, worked);
  if (name == "infrastructure-logit") {
    return std::make_unique<InfrastructureMethod>(kLogitFeatures, trials, table, worked);
  }
  if (name == "joint-logit") return std::make_unique<JointLogit>(trials, table, worked);
  return std::make_unique<ProfileMethod>(name, trials, table);
}

}  // namespace whodunit::attribution
