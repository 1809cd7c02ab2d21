// Measures attribution on trials: with the true group in the knowledge (closed) and with it removed (open).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "attribution/evaluate/trial.h"

namespace whodunit::attribution {

class Worked;

struct EvaluateOptions {
  EvidenceChoice evidence = EvidenceChoice::kAll;
  KnowledgeChoice knowledge = KnowledgeChoice::kLeaveOneOut;
  std::string baseline;             ///< empty: ours
  std::size_t folds = 0;            ///< 0: the given weights; else fitted on the other folds' trials
  std::optional<TrialKind> only;    ///< trials of other kinds are learnt from, but not asked
  double threshold = 0.8;           ///< for "named"
  std::size_t resamples = 400;      ///< for intervals; 0: none
  Worked* worked = nullptr;         ///< of the same trials and table, to share what is worked out; null: alone
  double reporting_adjustment = 1;  ///< victims: for the adjusted posterior that is shown beside the raw one
};

/// The answer to one question of one trial.
struct Outcome {
  bool made = false;        ///< false: the question does not apply
  double right = 0;         ///< probability of what is right (the true groups; or "unknown")
  double right_closed = 0;  ///< of the true groups among the named ones
  double unknown = 0;
  double leader = 0;  ///< the most probable named group's probability
  std::string leader_key;
  bool leader_right = false;
  std::size_t rank = 0;  ///< of the best true group among the named ones; 1 is best
  double brier = 0, brier_closed = 0;
};

struct TrialResult {
  std::string id;
  std::vector<std::string> truth;
  TrialKind kind = TrialKind::kProfile;
  std::uint32_t actor = 0;  ///< of `truth`'s first, a number of its own within the evaluation
  Outcome closed, open, crime, unlabelled;
};

struct Interval {
  double low = 0, high = 0;
};

struct Measures {
  std::size_t trials = 0, closed = 0, open = 0, crime = 0, unlabelled = 0, skipped = 0;
  double top1 = 0, top3 = 0, top5 = 0, mrr = 0, log_loss = 0, brier = 0;  ///< closed; unknown set aside
  double open_log_loss = 0, open_brier = 0, unknown_rate = 0;
  double closed_unknown_log_loss = 0, closed_unknown_brier = 0;  ///< closed, unknown among the answers
  double both_log_loss = 0, both_brier = 0, ece = 0;
  double closed_unknown_rate = 0;
  std::size_t named = 0, named_right = 0;
  double named_rate = 0;
  double macro_top1 = 0, macro_top5 = 0;
  std::size_t actors = 0;
  double at80_precision = 0, at80_rate = 0, false_removed = 0, false_crime = 0;
  double unlabelled_unknown_rate = 0, unlabelled_log_loss = 0;
  struct Bin {
    double low = 0, share = 0, said = 0, was = 0;
  };
  std::vector<Bin> calibration;
  Interval top1_interval, log_loss_interval, both_log_loss_interval, both_brier_interval, macro_top1_interval,
      ece_interval;
};

struct Evaluation {
  Measures measures;
  std::vector<TrialResult> rows;
};

Evaluation evaluate(const std::vector<Trial>& trials, const ActorTable& table, const Weights& weights,
                    const EvaluateOptions& options);
/// How an answer stands to the truth: numbers of the true groups, sorted; none where "unknown" is right.
Outcome outcome_of(const Posterior& posterior, const std::vector<std::uint32_t>& truth, const ActorTable& table);
/// From rows alone (for resampling and for paired differences).
Measures measure(const std::vector<const TrialResult*>& rows, double threshold);
/// The 95 % interval of a statistic of two evaluations of the same trials (paired), by resampling trials.
Interval paired_interval(const Evaluation& a, const Evaluation& b, const std::function<double(const Measures&)>& of,
                         std::size_t resamples);

/// INTERFACE.md's object.
std::string to_json(const Evaluation& evaluation, const EvaluateOptions& options);
std::string to_text(const Evaluation& evaluation, const EvaluateOptions& options);

}  // namespace whodunit::attribution
