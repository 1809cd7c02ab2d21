#include "attribution/evaluate/bars.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "attribution/evaluate/baselines.h"
#include "attribution/evaluate/fit.h"
#include "knowledge/knowledge.h"

namespace whodunit::attribution {
namespace {

namespace fs = std::filesystem;

bool has_facts(const fs::path& folder) {
  std::error_code error;
  return fs::exists(folder / "groups.json", error) || fs::exists(folder / "infra" / "trails.json", error);
}

}  // namespace

base::Result<std::shared_ptr<const ActorTable>> facts_for(const std::string& from, const std::string& trials) {
  std::error_code error;
  if (from.empty() && trials.empty()) {
    knowledge::Problems problems;
    auto actors = knowledge::load_actors({}, problems);
    if (!actors) return actors.error();
    return ActorTable::compile(**actors);
  }
  if (!from.empty()) {
    fs::path folder = fs::absolute(from, error);
    if (!has_facts(folder) && has_facts(folder.parent_path())) folder = folder.parent_path();
    return ActorTable::load_digested(folder.string());
  }
  fs::path folder = fs::absolute(trials, error);
  if (!fs::is_directory(folder, error)) folder = folder.parent_path();
  for (int i = 0; i < 4; ++i, folder = folder.parent_path()) {
    if (has_facts(folder)) return ActorTable::load_digested(folder.string());
    if (folder == folder.parent_path()) break;
  }
  return facts_for({}, {});
}

Weights fit_all(const std::vector<Trial>& trials, const ActorTable& table, const Weights& start) {
  Weights weights = start;
  const TrialMask all(trials.size(), 1);
  // Standard errors by leaving out a fifth of the trials at a time (delete-a-group jackknife).
  constexpr std::size_t kGroups = 5;
  const auto jackknife = [&](auto&& fit, auto member, auto error_member) {
    fit(all, weights);
    const auto n = (weights.*member).size();
    std::vector<double> sum(n, 0), squares(n, 0);
    for (std::size_t group = 0; group < kGroups; ++group) {
      TrialMask mask(trials.size(), 1);
      for (std::size_t i = 0; i < trials.size(); ++i) mask[i] = fold_of(trials[i], kGroups) != group;
      Weights part = weights;
      fit(mask, part);
      for (std::size_t k = 0; k < n; ++k) {
        sum[k] += (part.*member)[k];
        squares[k] += (part.*member)[k] * (part.*member)[k];
      }
    }
    for (std::size_t k = 0; k < n; ++k) {
      const double mean = sum[k] / kGroups;
      (weights.*error_member)[k] = std::sqrt(std::max(0.0, (squares[k] - kGroups * mean * mean) * (kGroups - 1) / kGroups));
    }
  };
  if (const auto items = profile_items(trials, table); !items.empty()) {
    jackknife([&](const TrialMask& mask, Weights& w) { fit_profile(items, mask, w); }, &Weights::profile, &Weights::profile_error);
  }
  if (const auto items = infrastructure_items(trials, table); !items.empty()) {
    jackknife([&](const TrialMask& mask, Weights& w) { fit_infrastructure(items, mask, w); }, &Weights::infrastructure,
              &Weights::infrastructure_error);
  }
  if (const auto items = joint_items(trials, table); !items.empty()) fit_joint(items, all, weights);
  for (const Trial& t : trials) {
    if (t.kind != TrialKind::kVictims) continue;
    fit_victims(trials, all, table, weights);
    break;
  }
  return weights;
}

base::Result<std::string> bars_table(const std::string& from, const std::string& folder, const Weights& weights) {
  auto loaded = facts_for(from, folder);
  if (!loaded) return loaded.error();
  const ActorTable& table = **loaded;
  std::string out =
      "| rows | evidence | knowledge | method | n | top-1 | macro top-1 | closed log-loss | both log-loss | Brier | calibration error | "
      "unknown: open / closed | at .80: precision, rate, false removed, false crime | both log-loss, difference to ours |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  const auto exists = [&](const std::string& name) {
    std::error_code error;
    return fs::exists(fs::path(folder) / name, error);
  };
  std::optional<base::Error> failed;
  const auto rows_of = [&](std::initializer_list<const char*> names, const char* negatives) {
    std::vector<Trial> trials;
    for (const char* name : names) {
      if (!exists(name) || failed) continue;
      auto read = read_trials((fs::path(folder) / name).string());
      if (!read) {
        failed = read.error();
        continue;
      }
      trials.insert(trials.end(), read->begin(), read->end());
    }
    if (negatives != nullptr && exists(negatives) && !trials.empty() && !failed) {
      auto read = read_negatives((fs::path(folder) / negatives).string());
      if (!read) {
        failed = read.error();
      } else {
        trials.insert(trials.end(), read->begin(), read->end());
      }
    }
    return trials;
  };
  const auto section = [&](const char* rows, const std::vector<Trial>& trials, const char* evidence, const char* known, std::size_t folds,
                           std::initializer_list<const char*> baselines) {
    if (trials.empty() || failed) return;
    EvaluateOptions options;
    options.evidence = *evidence_choice(evidence);
    options.knowledge = *knowledge_choice(known);
    options.folds = folds;
    options.resamples = 200;
    const Evaluation ours = evaluate(trials, table, weights, options);
    const auto line = [&](const std::string& method, const Evaluation& e, const std::string& difference) {
      const Measures& m = e.measures;
      out += fmt::format(
          "| {} | {} | {} | {} | {} | {:.2f} [{:.2f}, {:.2f}] | {:.2f} [{:.2f}, {:.2f}] | {:.2f} [{:.2f}, {:.2f}] | {:.2f} [{:.2f}, {:.2f}] | "
          "{:.3f} [{:.3f}, {:.3f}] | {:.3f} | {:.2f} / {:.2f} | {:.3f}, {:.2f}, {:.4f}, {:.4f} | {} |\n",
          rows, evidence, known, method, m.closed, m.top1, m.top1_interval.low, m.top1_interval.high, m.macro_top1, m.macro_top1_interval.low,
          m.macro_top1_interval.high, m.log_loss, m.log_loss_interval.low, m.log_loss_interval.high, m.both_log_loss,
          m.both_log_loss_interval.low, m.both_log_loss_interval.high, m.both_brier, m.both_brier_interval.low, m.both_brier_interval.high, m.ece,
          m.unknown_rate, m.closed_unknown_rate, m.at80_precision, m.at80_rate, m.false_removed, m.false_crime, difference);
    };
    line(folds > 0 ? "**whodunit**, cross-validated" : "**whodunit**, shipped weights", ours, "");
    for (const char* name : baselines) {
      EvaluateOptions other = options;
      other.baseline = name;
      other.folds = folds;
      const Evaluation theirs = evaluate(trials, table, weights, other);
      const Interval d = paired_interval(theirs, ours, [](const Measures& m) { return m.both_log_loss; }, 200);
      line(name, theirs, fmt::format("{:+.2f} [{:+.2f}, {:+.2f}]", theirs.measures.both_log_loss - ours.measures.both_log_loss, d.low, d.high));
    }
  };
  const auto campaigns = rows_of({"eval_public.json", "eval_unattributed.json"}, nullptr);
  for (const char* evidence : {"all", "techniques", "network", "random30"}) {
    section("campaigns", campaigns, evidence, "loo", 14, {"overlap", "idf", "naive-bayes", "logit", "nothing"});
  }
  const auto infrastructure = rows_of({"infra/eval_infra_public.json"}, "infra/background_public.json");
  section("infrastructure", infrastructure, "all", "loo", 3, {"exact", "kinship", "style", "infrastructure-logit"});
  section("infrastructure", infrastructure, "all", "earlier", 3, {"infrastructure-logit"});
  section("infrastructure", infrastructure, "all", "gap180", 3, {"infrastructure-logit"});
  const auto joint = rows_of({"infra/eval_joint_public.json"}, nullptr);
  for (const char* evidence : {"all", "techniques", "infrastructure"}) section("joint", joint, evidence, "loo", 0, {});
  section("victims", rows_of({"eval_victims.json"}, nullptr), "all", "loo", 5, {"nothing"});
  if (failed) return *failed;
  return out;
}

}  // namespace whodunit::attribution
