// Estimates the weights from labelled rows. Everything is penalised likelihood of closed and open questions together
// (docs/attribution.md, "The fit"); no number is chosen by looking at single rows.
#pragma once

#include <vector>

#include "attribution/evaluate/trial.h"

namespace whodunit::attribution {

enum class Condition : std::uint8_t { kClosed, kRemoved, kCrime, kUnlabelled };

/// A question with what the table has to say to it, before any weight.
struct ProfileItem {
  std::size_t trial = 0;
  Condition condition = Condition::kClosed;
  bool all_evidence = true;
  std::vector<std::size_t> truth;  ///< into match.actors
  ProfileMatch match;
};
struct InfrastructureItem {
  std::size_t trial = 0;
  Condition condition = Condition::kClosed;
  bool earlier = false;
  std::size_t truth = SIZE_MAX;  ///< into rows.actors
  std::string actor;             ///< the true one
  InfrastructureRows rows;
};
struct JointItem {
  std::size_t trial = 0;
  Condition condition = Condition::kClosed;
  std::vector<std::uint32_t> truth;  ///< numbers of actors
  ProfileMatch match;
  InfrastructureRows rows;
};

std::vector<ProfileItem> profile_items(const std::vector<Trial>& trials, const ActorTable& table);
/// Leave-one-out and earlier-only questions.
std::vector<InfrastructureItem> infrastructure_items(const std::vector<Trial>& trials, const ActorTable& table);
std::vector<JointItem> joint_items(const std::vector<Trial>& trials, const ActorTable& table);

using TrialMask = std::vector<std::uint8_t>;  ///< by trial: 1 = may be learnt from

void fit_profile(const std::vector<ProfileItem>& items, const TrialMask& mask, Weights& weights);
/// `features`: which may have a weight at all; empty: all.
void fit_infrastructure(const std::vector<InfrastructureItem>& items, const TrialMask& mask, Weights& weights,
                        const std::vector<std::uint8_t>& features = {});
void fit_joint(const std::vector<JointItem>& items, const TrialMask& mask, Weights& weights);
void fit_victims(const std::vector<Trial>& trials, const TrialMask& mask, const ActorTable& table, Weights& weights);

/// Which of `folds` parts a trial belongs to (by its id). Trials that share reports go together only by chance; what a
/// trial may know is set by its own exclusions.
std::size_t fold_of(const Trial& trial, std::size_t folds);

}  // namespace whodunit::attribution
