// What several methods need of the same trials, worked out once: features of names and addresses, and fitted weights.
#pragma once

#include <map>
#include <mutex>
#include <tuple>
#include <utility>
#include <vector>

#include "attribution/evaluate/fit.h"

namespace whodunit::attribution {

class Worked {
 public:
  /// Both must outlive it.
  Worked(const std::vector<Trial>& trials, const ActorTable& table);

  const std::vector<ProfileItem>& profile() const { return profile_; }
  const std::vector<InfrastructureItem>& infrastructure() const { return infrastructure_; }
  const std::vector<JointItem>& joint() const { return joint_; }
  /// Null where it was not worked out (another kind of knowledge; a question that is not asked).
  const InfrastructureRows* rows(std::size_t trial, KnowledgeChoice knowledge, bool removed) const;
  /// Sets the infrastructure's weights as `fit_infrastructure` would, but fits the same only once. Any thread may call
  /// it.
  void fit(const TrialMask& mask, const std::vector<std::uint8_t>& features, Weights& weights);

  /// The same for the profiles' weights.
  void fit_profiles(const TrialMask& mask, Weights& weights);
  /// The same for the joint ones, with the channels' weights as `fit` and `fit_profiles` set them for this mask.
  void fit_jointly(const TrialMask& mask, Weights& weights);

 private:
  const std::vector<Trial>& trials_;
  std::vector<ProfileItem> profile_;
  std::vector<InfrastructureItem> infrastructure_;
  InfrastructureFit fit_;
  std::vector<JointItem> joint_;
  std::map<std::tuple<std::size_t, KnowledgeChoice, bool>, std::size_t> at_;  // trial, knowledge, removed
  std::mutex mutex_;
  std::map<std::pair<std::vector<std::uint8_t>, TrialMask>, Weights> fitted_;
  std::map<TrialMask, Weights> fitted_profiles_, fitted_jointly_;
};

}  // namespace whodunit::attribution
