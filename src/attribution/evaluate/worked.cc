#include "attribution/evaluate/worked.h"

namespace whodunit::attribution {

Worked::Worked(const std::vector<Trial>& trials, const ActorTable& table)
    : trials_(trials),
      profile_(profile_items(trials, table)),
      infrastructure_(infrastructure_items(trials, table)),
      fit_(infrastructure_),
      joint_(joint_items(trials, table)) {
  for (std::size_t i = 0; i < infrastructure_.size(); ++i) {
    const InfrastructureItem& item = infrastructure_[i];
    at_[{item.trial, item.knowledge, item.condition == Condition::kRemoved}] = i;
  }
}

const InfrastructureRows* Worked::rows(std::size_t trial, KnowledgeChoice knowledge, bool removed) const {
  // Ordinary crime is set against all that is known, whatever its day.
  if (trials_[trial].negative) knowledge = KnowledgeChoice::kLeaveOneOut;
  const auto it = at_.find({trial, knowledge, removed});
  return it == at_.end() ? nullptr : &infrastructure_[it->second].rows;
}

void Worked::fit(const TrialMask& mask, const std::vector<std::uint8_t>& features, Weights& weights) {
  const std::pair key(features, mask);
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = fitted_.find(key); it != fitted_.end()) {
      weights.infrastructure = it->second.infrastructure;
      weights.unknown = it->second.unknown;
      return;
    }
  }
  fit_.fit(mask, features, weights);
  const std::lock_guard lock(mutex_);
  fitted_.emplace(key, weights);
}

void Worked::fit_profiles(const TrialMask& mask, Weights& weights) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = fitted_profiles_.find(mask); it != fitted_profiles_.end()) {
      weights.profile = it->second.profile;
      return;
    }
  }
  fit_profile(profile_, mask, weights);
  const std::lock_guard lock(mutex_);
  fitted_profiles_.emplace(mask, weights);
}

void Worked::fit_jointly(const TrialMask& mask, Weights& weights) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = fitted_jointly_.find(mask); it != fitted_jointly_.end()) {
      weights.joint = it->second.joint;
      return;
    }
  }
  fit_joint(joint_, mask, weights);
  const std::lock_guard lock(mutex_);
  fitted_jointly_.emplace(mask, weights);
}

}  // namespace whodunit::attribution
