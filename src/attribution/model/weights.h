// The fitted numbers: every parameter that was estimated from labelled rows, in one small text table that anybody can
// read, make again (`whodunit knowledge evaluate TRIALS… --fit FILE`) and replace (`--weights FILE`).
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "attribution/model/infrastructure_features.h"
#include "base/result.h"

namespace whodunit::attribution {

/// Techniques and software against the profiles of groups. Names in the table: "profile.NAME".
enum ProfileParameter : std::size_t {
  kTechniqueSmoothing,   ///< ln of the pseudo-count of the average group in a group's techniques
  kTechniquePower,       ///< ln of the power on the techniques' likelihood
  kTechniqueSaturation,  ///< ln c: the power is min(1, c/n) of itself for n techniques
  kSoftwareRarity,       ///< ln κ: a piece of software that k groups hold speaks for each by 1 + κ/k
  kSoftwarePower,
  kSoftwareSaturation,
  kProfileSize,         ///< power of the group's size (techniques and software known) in the prior
  kProfileUnknown,      ///< ln odds of "an unknown group" against all known ones, before any evidence
  kTechniqueImitation,  ///< ln ε: the likelihood ratio of all techniques together is capped near 1/ε
  kSoftwareImitation,
  kTechniqueFloor,      ///< ln δ: and not below δ
  kTechniqueExactness,  ///< ln of the pseudo-count of the average group in a group's choice of subtechniques
  kProfileParameters
};
const char* name_of(ProfileParameter parameter);

/// Both channels of one report together. Names: "joint.NAME".
enum JointParameter : std::size_t {
  kJointInfrastructure,  ///< power on the infrastructure's likelihood ratio
  kJointSoftware,        ///< on the software's
  kJointSize,            ///< on the size in the prior
  kJointOffset,          ///< added to the infrastructure's log-ratio
  kJointUnknown,         ///< ln odds of "an unknown group"
  kJointFloor,           ///< ln δ: the infrastructure's ratio is not below δ (another wrote the report's label)
  kJointImitation,       ///< ln ε: nor above 1/ε
  kJointShared,          ///< ln of the nats that reports of a namesake (ActorTable::namesakes) lose
  // A single report tells the techniques in few, exact words; the profiles' own weights are those of whole campaigns.
  kJointRarity,              ///< on ln(groups/holders) of each technique that the group holds, by the very id
  kJointMatched,             ///< for each of them
  kJointLength,              ///< for each one asked, against ln(1 + techniques held): many match many by chance
  kJointTechniqueFloor,      ///< ln δ: the techniques' ratio is not below δ
  kJointTechniqueImitation,  ///< ln ε: nor above 1/ε
  kJointUnprofiled,          ///< added to the prior of an actor of whom neither techniques nor software are known
  kJointParameters
};
const char* name_of(JointParameter parameter);

/// A country from victims. Names: "victim.NAME".
enum VictimParameter : std::size_t {
  kVictimPower,       ///< ln of the power on the victims' likelihood
  kVictimSaturation,  ///< ln c, as above
  kVictimSmoothing,   ///< ln of the pseudo-count of the average country's victims
  kVictimBase,        ///< ln of the pseudo-count of every country in the base rate
  kVictimParameters
};
const char* name_of(VictimParameter parameter);

struct Weights {
  std::array<double, kInfrastructureFeatures> infrastructure{};  ///< "infrastructure.NAME", none below 0
  std::array<double, kCaseFeatures> unknown{};                   ///< "unknown.NAME"
  std::array<double, kProfileParameters> profile{};
  std::array<double, kJointParameters> joint{};
  std::array<double, kVictimParameters> victim{};
  /// Standard errors of the same, in the same places (delete-a-group jackknife); 0 where they were not made.
  std::array<double, kInfrastructureFeatures> infrastructure_error{};
  std::array<double, kCaseFeatures> unknown_error{};
  std::array<double, kProfileParameters> profile_error{};
  std::array<double, kJointParameters> joint_error{};
  std::array<double, kVictimParameters> victim_error{};
  /// How each of those fits differs from their mean: by fit, then by number in the order of the table. Numbers err
  /// together (where one is too large another is too small), so intervals are drawn from these.
  std::vector<std::vector<double>> deviations;
  /// From fits that each left one of as many parts of the trials out.
  void set_errors(const std::vector<Weights>& left_out);
  /// Other weights that trials like these might have given: moved along every deviation by what `normal` gives.
  Weights drawn(const std::function<double()>& normal) const;

  /// Where a fit begins, and to what it is drawn where rows say little. Reasons: docs/attribution.md.
  static Weights priors();
  /// Those that ship, fitted on the public rows.
  static const Weights& shipped();
  /// From text: lines "name value [standard error [deviations]]", "#" comments. Names that are left out keep the
  /// shipped value.
  static base::Result<Weights> parse(std::string_view text, const std::string& where);
  static base::Result<Weights> load(const std::string& path);
  std::string to_text() const;
};

/// Standard deviations of the prior of `profile`.
extern const std::array<double, kProfileParameters> kProfileSpread;

}  // namespace whodunit::attribution
