// From what a case shows to log-scores of the known groups and of "an unknown group", channel by channel.
#pragma once

#include <string>
#include <vector>

#include "attribution/model/infrastructure_features.h"
#include "attribution/model/view.h"
#include "attribution/model/weights.h"

namespace whodunit::attribution {

/// What is asked, in numbers of the table.
struct Question {
  std::vector<std::uint32_t> techniques;  ///< sorted, each once
  std::vector<std::uint32_t> software;
  Observables observables;
  bool has_profile_evidence() const { return !techniques.empty() || !software.empty(); }
  bool has_infrastructure() const { return observables.size() > 0; }
};

/// A group's techniques and software, as far as the view allows.
struct Profiles {
  std::vector<std::uint32_t> actors;                   ///< those with anything; sorted
  std::vector<std::vector<std::uint32_t>> techniques;  ///< collapsed; sorted
  std::vector<std::vector<std::uint32_t>> exact;       ///< as they were given, subtechniques and all; sorted
  std::vector<std::vector<std::uint32_t>> software;
  std::vector<float> technique_holders;  ///< by technique number: how many groups hold it
  std::vector<float> software_holders;
  double technique_total = 0;         ///< Σ holders
  std::vector<float> exact_holders;   ///< by technique number, not collapsed
  std::vector<float> family_holders;  ///< by parent: Σ exact holders of it and its subtechniques
};
Profiles profiles_of(const View& view);

/// A subtechnique asked, against a group that holds its parent: which of the ways to do a thing the group chooses.
struct SubtechniqueMatch {
  float exact = 0;   ///< 1: the group holds this very one
  float held = 0;    ///< how many of this parent (it and its subtechniques) the group holds
  float share = 0;   ///< of this one among all that groups hold of the parent
  float weight = 1;  ///< 1/n for n asked of one parent: a parent counts once
};

/// The match of one question with all profiles, before any parameter: what the fit works on.
struct ProfileMatch {
  std::vector<std::uint32_t> actors;
  std::vector<std::vector<float>> technique_shares;  ///< of each matched technique: its share in the average group
  std::vector<float> all_technique_shares;           ///< of every technique asked
  std::vector<std::vector<SubtechniqueMatch>> subtechniques;
  std::vector<std::vector<float>> software_holders;    ///< of each matched piece: how many groups hold it
  std::vector<float> all_software_holders;             ///< of every piece asked
  double technique_kinds = 0, software_kinds = 0;      ///< how many different ones all groups hold
  std::vector<float> technique_count, software_count;  ///< sizes of the profiles
  /// The same by the very ids, subtechniques apart: what single reports are read by (see JointParameter).
  double exact_asked = 0;                                       ///< how many were asked
  std::vector<float> exact_matched, exact_rarity, exact_count;  ///< how many matched, Σ ln(groups/holders), held
  /// Numbers behind `technique_shares`, `software_holders` (for showing one's work).
  std::vector<std::vector<std::uint32_t>> matched_techniques, matched_software;
};
ProfileMatch match_profiles(const Question& question, const View& view);
/// With `profiles_of(view)`, where several questions are asked of one view.
ProfileMatch match_profiles(const Question& question, const View& view, const Profiles& profiles);

/// The log-ratios of one group against the average group, each channel after power, cap and floor.
struct ProfileScore {
  double techniques = 0, techniques_raw = 0;
  double software = 0, software_raw = 0;
  double size = 0;  ///< prior
};
/// The parameters out of their logarithms.
struct ProfileScales {
  explicit ProfileScales(const std::array<double, kProfileParameters>& p);
  double alpha, exactness, technique_power, technique_saturation, floor, technique_imitation;
  double rarity, software_power, software_saturation, software_imitation, size;
};
ProfileScore score_profile(const ProfileMatch& match, std::size_t actor, const ProfileScales& scales);

/// A posterior over known groups and "an unknown group".
struct Posterior {
  std::vector<std::uint32_t> actors;
  std::vector<double> prior;
  std::vector<double> probability;  ///< of each actor
  double unknown = 1;
  double unknown_prior = 1;
  /// Log-ratios against "an unknown group" that were added for each actor, by channel (0 where it says nothing).
  std::vector<double> technique, software, infrastructure;
  std::vector<double> infrastructure_direct;  ///< the part of `infrastructure` from exact and registered matches

  double of(std::uint32_t actor) const;
};

/// The whole operator model. Which channels speak follows from the question: infrastructure alone, profile alone, or
/// both. No evidence at all gives the priors.
Posterior operator_posterior(const Question& question, const View& view, const Weights& weights);

/// What the table has to say to a question, before any weight: the same question is then answered under other weights
/// at little cost.
struct Prepared {
  bool profile = false, infrastructure = false;  ///< which of the two speaks
  ProfileMatch match;
  InfrastructureRows rows;
};
Prepared prepare(const Question& question, const View& view, const Profiles& profiles);
Posterior operator_posterior(const Prepared& prepared, const Weights& weights);

/// The parts of it, for the fit.
Posterior profile_posterior(const ProfileMatch& match, const std::array<double, kProfileParameters>& p);
Posterior infrastructure_posterior(const InfrastructureRows& rows, const Weights& weights);
/// Scores of each channel before the joint parameters.
struct JointScores {
  std::vector<std::uint32_t> actors;
  std::vector<double> size, software, infrastructure, direct;
  double asked = 0;                             ///< techniques, by the very ids
  std::vector<double> matched, rarity, length;  ///< of an actor's profile, as in ProfileMatch; length: ln(1 + held)
  std::vector<double> shared;  ///< infrastructure's, the best of those whom some source names together with the actor
  std::vector<std::uint8_t> has_reports, has_shared, has_profile;
};
JointScores joint_scores(const ProfileMatch& match, const InfrastructureRows& rows, const Weights& weights);
/// By actor: how fast its score rises with each parameter (that of "an unknown group" is kJointUnknown itself).
using JointSlopes = std::vector<std::array<double, kJointParameters>>;
Posterior joint_posterior(const JointScores& scores, const std::array<double, kJointParameters>& joint,
                          JointSlopes* slopes = nullptr);
/// Candidates are the groups with a profile and those with reports. A channel in which nothing is known of a group
/// stands at ratio 1.
Posterior joint_posterior(const ProfileMatch& match, const InfrastructureRows& rows, const Weights& weights);

}  // namespace whodunit::attribution
