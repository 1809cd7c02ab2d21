// Every measure of docs/attribution.md beside its baselines, in one table; and the fit of all weights at once.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "attribution/evaluate/evaluate.h"
#include "base/time.h"

namespace whodunit::attribution {

/// What must be known for trials to be judged at all.
struct Needs {
  bool profiles = false, reports = false, victims = false;
};
Needs needs_of(const std::vector<Trial>& trials);

/// Facts for trials: the folder `from`; else the folder of `trials`, one of the three above it, or a folder "knowledge"
/// in one of them, the nearest that holds what is needed; else what was imported. An error where that does not hold it.
/// `as_of`: only facts that were known before this time.
base::Result<std::shared_ptr<const ActorTable>> facts_for(const std::string& from, const std::string& trials,
                                                          const Needs& needs = {},
                                                          const std::optional<base::Time>& as_of = std::nullopt);

/// Fits every part of the weights for which `trials` has rows; the other parts are kept.
Weights fit_all(const std::vector<Trial>& trials, const ActorTable& table, const Weights& start);

/// Markdown. `folder` holds eval_public.json, eval_unattributed.json, eval_victims.json, infra/eval_infra_public.json,
/// infra/eval_joint_public.json, infra/background_public.json; parts that are missing are left out.
base::Result<std::string> bars_table(const std::string& from, const std::string& folder, const Weights& weights);

}  // namespace whodunit::attribution
