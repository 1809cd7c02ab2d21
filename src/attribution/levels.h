// The three levels, each from its own evidence; what carries over is an explicit, bounded factor.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "attribution/attribution.h"
#include "attribution/evidence/kinds.h"

namespace whodunit::attribution {

/// Declared limits of the reasoning (docs/attribution.md, "Declared parameters").
inline constexpr double kTieCeiling = 0.19;      ///< a group to which nothing hard ties the case gets no more
inline constexpr double kContestCeiling = 0.44;  ///< nor more than this, where hard evidence speaks for another group
inline constexpr double kHard = 0.5;             ///< forgeability below which an item can tie a case to a group
inline constexpr double kOutright = 20;          ///< odds from which evidence for a group counts as strong

Assessment infrastructure_level(const CaseFacts& facts, const Settings& settings);

/// The operator level's distribution with its workings.
struct OperatorResult {
  Assessment assessment;
  std::map<std::string, double> group_mass;  ///< key → probability, all known groups
  double strength = 0;                       ///< nats of the strongest counted evidence
};
OperatorResult operator_level(const CaseFacts& facts, const ActorTable* table, const Settings& settings,
                              const Weights& weights);

Assessment sponsor_level(const CaseFacts& facts, const ActorTable* table, const Settings& settings,
                         const Weights& weights, const OperatorResult& op);

/// Shared: sorts, words, confidence.
void finish(Assessment& assessment, const Settings& settings);

}  // namespace whodunit::attribution
