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
  KnowledgeChoice knowledge = KnowledgeChoice::kLeaveOneOut;
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
/// With every kind of knowledge.
std::vector<InfrastructureItem> infrastructure_items(const std::vector<Trial>& trials, const ActorTable& table);
std::vector<JointItem> joint_items(const std::vector<Trial>& trials, const ActorTable& table);

using TrialMask = std::vector<std::uint8_t>;  ///< by trial: 1 = may be learnt from

void fit_profile(const std::vector<ProfileItem>& items, const TrialMask& mask, Weights& weights);

/// What is decided, not fitted (docs/attribution.md, "The fit").
struct FitSettings {
  /// An actor with many reports must not drown the others: n rows of one actor weigh n^(1 − power) together.
  double actor_power = 1.0;
  /// Questions with earlier knowledge only weigh more than those with hindsight, for they are what a user asks.
  double earlier = 3.0, gap = 1.0;
  double removed = 1.15;        ///< to name somebody wrongly costs more than to miss one
  double ridge = 150;           ///< on every weight of an actor's feature
  double unknown_ridge = 0.01;  ///< on the weights of the case's features
};

class InfrastructureFit {
 public:
  /// `items` must outlive it.
  explicit InfrastructureFit(const std::vector<InfrastructureItem>& items, const FitSettings& settings = {});
  /// `features`: which may have a weight at all; empty: all. Any thread may call it.
  void fit(const TrialMask& mask, const std::vector<std::uint8_t>& features, Weights& weights) const;

 private:
  // Which actors are looked at while the weights are sought: by a plain sum.
  struct Kept {
    std::vector<std::uint32_t> rows;  // into the item's
    std::vector<float> stands_for;
    std::size_t truth = SIZE_MAX;  // into `rows`
  };
  std::vector<double> weights_of(const TrialMask& mask, double power) const;

  const std::vector<InfrastructureItem>& items_;
  FitSettings settings_;
  std::vector<Kept> kept_;
};

void fit_joint(const std::vector<JointItem>& items, const TrialMask& mask, Weights& weights);
void fit_victims(const std::vector<Trial>& trials, const TrialMask& mask, const ActorTable& table, Weights& weights);

/// Which of `folds` parts each trial belongs to. Trials that share a report (by their ids and exclusions) stand in one
/// part, whatever kind they are of: what one of them teaches must not answer the other.
std::vector<std::size_t> folds_of(const std::vector<Trial>& trials, std::size_t folds);

}  // namespace whodunit::attribution
