// What others do, on the same rows: overlap counts, cosines, naive Bayes, a conditional logit, nothing; and, for
// infrastructure, exact matches (a), with registered domains and networks (b), style alone (c), all of these fitted
// (d).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "attribution/evaluate/worked.h"

namespace whodunit::attribution {

/// A way to answer. `learn` is called before `answer`, with the trials that may be learnt from.
class Method {
 public:
  virtual ~Method() = default;
  virtual void learn(const TrialMask& mask) = 0;
  /// `rows`: the question's features of names and addresses, where they are worked out already. Any thread may call it.
  virtual Posterior answer(const Question& question, const View& view, const InfrastructureRows* rows) const = 0;
};

/// Names: "overlap", "idf", "naive-bayes", "logit", "nothing", "exact", "kinship", "style", "infrastructure-logit",
/// "joint-logit"; "" is our own. Null for any other. `trials` and `table` must outlive it. `negatives` are among the
/// trials.
std::unique_ptr<Method> make_method(std::string_view name, const std::vector<Trial>& trials, const ActorTable& table,
                                    const Weights& weights, bool refit, Worked* worked = nullptr);
const std::vector<std::string_view>& baseline_names();

}  // namespace whodunit::attribution
