// What the names and addresses of a case have in common with those that reports list, actor by actor: one row of
// numbers each, which the fitted weights (weights.h) turn into a log-likelihood ratio.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "attribution/model/view.h"

namespace whodunit::attribution {

struct Observables {
  std::vector<std::string> names;        ///< canonical, sorted, each once
  std::vector<std::uint32_t> addresses;  ///< IPv4, sorted, each once
  std::int32_t day = kNoDay;             ///< when they were seen

  /// Takes a name, an address, or a URL's host; anything else is left out. Call `finish` after the last.
  void add(std::string_view text);
  void finish();
  std::size_t size() const { return names.size() + addresses.size(); }
};

/// Matches weigh 1/holders: what several actors are said to have used names none of them. Sums are over the case's
/// observables; "ln(1 + Σ)" and "1 − exp(−Σ)" let them saturate, for the items of one case are not independent.
enum InfrastructureFeature : std::size_t {
  kExactName,   ///< 1 − exp(−Σ) over names listed exactly
  kExactNames,  ///< ln(1 + Σ) over the same
  kRegistered,  ///< names under a registered domain that is listed (and not listed themselves)
  kRegistereds,
  kExactAddress,
  kExactAddresses,
  kNet24,  ///< ln(1 + Σ) over addresses in a /24 with a listed address (not listed themselves)
  kNet16,
  kRecentMatch,    ///< 1 − exp(−Σ) over matches whose listing is within a year of the case
  kLabel,          ///< ln(1 + Σ) over names whose chosen label is listed under another suffix
  kWords,          ///< ln(1 + Σ) over words of names that a few actors' names hold, too
  kNearestName,    ///< the largest cosine of character sequences between a name and a listed name
  kNameRank,       ///< mean over names of 1/rank of the actor by that cosine, where it is at least 0.3
  kNearestReport,  ///< the largest cosine between all names together and one report's
  kSequences,      ///< mean over names of the log-ratio of their character sequences
  kTraits,         ///< mean over names of the log-ratio of their form (length, digits, hyphens, depth, suffix, vowels)
  kSuffix,         ///< the same, of the suffix alone
  kAddressStyle,   ///< mean over addresses of the log-ratio of their /16 and /12
  kShape,          ///< log-ratio of the mix: how many names, how many addresses
  kSize,           ///< ln(reports of the actor)
  kNames,          ///< ln(1 + names in them): the more there are, the nearer one of them is by chance
  kActivity,  ///< ln(1 + Σ exp(−|days between|/180)) over the actor's dated reports; 0 where the case has no day
  kActivityShort,  ///< the same with 30 days
  kInfrastructureFeatures
};
const char* name_of(InfrastructureFeature feature);
/// Of the actor alone, not of the case: its weight may have either sign.
inline bool is_prior(InfrastructureFeature feature) { return feature == kSize || feature == kNames; }

/// Of the case, not of any actor: what decides how much mass "none of those known" gets.
enum CaseFeature : std::size_t {
  kAlways,         ///< 1
  kObservables,    ///< ln(1 + observables)
  kNoNames,        ///< 1 where there are addresses only
  kBestExactName,  ///< the largest over the actors of the feature of that name, and so on
  kBestRegistered,
  kBestAddress,
  kBestLabel,
  kBestNearestName,
  kBestNearestReport,
  kBestSequences,
  kBestTraits,
  kBestSuffix,
  kUndated,    ///< 1 where the case has no day
  kHindsight,  ///< share of the usable reports that became known on the case's day or later
  kStaleness,  ///< ln(1 + days/30) from the newest usable report to the case
  kReports,    ///< ln(usable reports / 1000)
  kCaseFeatures
};
const char* name_of(CaseFeature feature);

struct InfrastructureRows {
  std::vector<std::uint32_t> actors;  ///< with at least one report that may be used; sorted
  std::vector<float> values;          ///< actors.size() × kInfrastructureFeatures
  std::array<float, kCaseFeatures> of_case{};
  /// An actor, and the row of one whom some source names together with him.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> of_namesakes;
  std::vector<std::uint32_t> not_answers;  ///< the view's

  const float* row(std::size_t i) const { return values.data() + i * kInfrastructureFeatures; }
};

/// `view.table` must be set. Empty observables give rows all the same: how often each actor is reported.
InfrastructureRows infrastructure_rows(const Observables& observables, const View& view);
/// The same question twice: with all that the view allows, and as if nobody had ever heard of the actors `without` (a
/// dozen at most).
std::pair<InfrastructureRows, InfrastructureRows> infrastructure_rows(const Observables& observables, const View& view,
                                                                      std::span<const std::uint32_t> without);

}  // namespace whodunit::attribution
