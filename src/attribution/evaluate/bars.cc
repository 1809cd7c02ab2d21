#include "attribution/evaluate/bars.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "attribution/evaluate/baselines.h"
#include "attribution/evaluate/fit.h"
#include "attribution/evaluate/parallel.h"
#include "knowledge/knowledge.h"

namespace whodunit::attribution {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool has_reports(const fs::path& folder) {
  return is_there(folder / "infra" / "trails.json") || is_there(folder / "trails.json");
}
bool has_groups(const fs::path& folder) { return is_there(folder / "groups.json"); }
bool has_victims(const fs::path& folder) { return has_groups(folder) || is_there(folder / "eval_victims.json"); }

bool has_facts(const fs::path& folder, const Needs& needs) {
  return (!needs.profiles || has_groups(folder)) && (!needs.reports || has_reports(folder)) &&
         (!needs.victims || has_victims(folder));
}

base::Result<std::shared_ptr<const ActorTable>> checked(base::Result<std::shared_ptr<const ActorTable>> table,
                                                        const Needs& needs, const std::string& where) {
  if (!table) return table;
  const char* missing =
      needs.profiles && !(*table)->has_profiles()        ? "groups with techniques and software (groups.json)"
      : needs.reports && !(*table)->has_reports()        ? "reports with names and addresses (infra/trails.json)"
      : needs.victims && (*table)->victim_rows().empty() ? "actors with a country and victims (groups.json)"
                                                         : nullptr;
  if (missing == nullptr) return table;
  return base::Error{std::string("no ") + missing + " to judge these trials by", where,
                     "name the folder of facts with --from, put the trials beside it, or import it with \"whodunit "
                     "knowledge import\""};
}

}  // namespace

Needs needs_of(const std::vector<Trial>& trials) {
  Needs needs;
  for (const Trial& t : trials) {
    if (t.negative) continue;
    needs.profiles |= t.kind == TrialKind::kProfile || t.kind == TrialKind::kJoint;
    needs.reports |= t.kind == TrialKind::kInfrastructure || t.kind == TrialKind::kJoint;
    needs.victims |= t.kind == TrialKind::kVictims;
  }
  return needs;
}

base::Result<std::shared_ptr<const ActorTable>> facts_for(const std::string& from, const std::string& trials,
                                                          const Needs& needs) {
  std::error_code error;
  if (!from.empty()) {
    const fs::path given = fs::absolute(from, error).lexically_normal();
    fs::path folder = given.has_filename() ? given : given.parent_path();
    // A part of a folder of facts (its infra/) stands for the whole where the part alone will not do.
    if (!has_groups(folder) && has_groups(folder.parent_path()) && has_reports(folder.parent_path()))
      folder = folder.parent_path();
    return checked(ActorTable::load_digested(folder.string()), needs, from);
  }
  if (!trials.empty()) {
    constexpr int kFoldersUp = 4;
    std::vector<fs::path> starts = {fs::absolute(trials, error).lexically_normal()};
    // A link to trials elsewhere: what lies beside it is looked at first, then what lies beside the file itself.
    const fs::path target = fs::canonical(starts.front(), error);
    if (!error && target != starts.front()) starts.push_back(target);
    for (fs::path folder : starts) {
      if (!fs::is_directory(folder, error)) folder = folder.parent_path();
      for (int i = 0; i < kFoldersUp; ++i, folder = folder.parent_path()) {
        for (const fs::path& candidate : {folder, folder / "knowledge"}) {
          const bool any = has_groups(candidate) || has_reports(candidate);
          if (any && has_facts(candidate, needs))
            return checked(ActorTable::load_digested(candidate.string()), needs, candidate.string());
        }
        if (folder == folder.parent_path()) break;
      }
    }
  }
  knowledge::Problems problems;
  auto actors = knowledge::load_actors({}, problems);
  if (!actors) return actors.error();
  return checked(ActorTable::compile(**actors), needs, trials.empty() ? "imported knowledge" : trials);
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
    const auto fold_of = folds_of(trials, kGroups);
    for (std::size_t group = 0; group < kGroups; ++group) {
      TrialMask mask(trials.size(), 1);
      for (std::size_t i = 0; i < trials.size(); ++i) mask[i] = fold_of[i] != group;
      Weights part = weights;
      fit(mask, part);
      for (std::size_t k = 0; k < n; ++k) {
        sum[k] += (part.*member)[k];
        squares[k] += (part.*member)[k] * (part.*member)[k];
      }
    }
    for (std::size_t k = 0; k < n; ++k) {
      const double mean = sum[k] / kGroups;
      (weights.*error_member)[k] =
          std::sqrt(std::max(0.0, (squares[k] - kGroups * mean * mean) * (kGroups - 1) / kGroups));
    }
  };
  if (const auto items = profile_items(trials, table); !items.empty()) {
    jackknife([&](const TrialMask& mask, Weights& w) { fit_profile(items, mask, w); }, &Weights::profile,
              &Weights::profile_error);
  }
  if (const auto items = infrastructure_items(trials, table); !items.empty()) {
    const InfrastructureFit fit(items);
    jackknife([&](const TrialMask& mask, Weights& w) { fit.fit(mask, {}, w); }, &Weights::infrastructure,
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

namespace {

/// Fits what the methods will ask for, all folds and methods side by side.
void fit_ahead(const std::vector<Trial>& trials, const ActorTable& table, const std::vector<std::string>& methods,
               std::size_t folds, const Weights& weights, Worked& worked) {
  if (trials.empty()) return;
  const auto fold_of = folds_of(trials, folds);
  for_each_in_parallel(methods.size() * folds, [&](std::size_t i) {
    TrialMask mask(trials.size(), 1);
    for (std::size_t t = 0; t < trials.size(); ++t) mask[t] = fold_of[t] != i % folds;
    make_method(methods[i / folds], trials, table, weights, true, &worked)->learn(mask);
  });
}

}  // namespace

base::Result<std::string> bars_table(const std::string& from, const std::string& folder, const Weights& weights) {
  auto loaded = facts_for(from, folder, {});
  if (!loaded) return loaded.error();
  const ActorTable& table = **loaded;
  std::string out =
      "| rows | evidence | knowledge | method | n | top-1 | macro top-1 | closed log-loss | both log-loss | Brier | "
      "calibration error | "
      "unknown: open / closed | at .80: precision, rate, false removed, false crime | both log-loss, difference to "
      "ours |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  // The halves of a set of trials have names of their own: eval_public.json, eval_heldout.json.
  const auto path_of = [&folder](const std::string& name) -> std::optional<fs::path> {
    for (const char* half : {"_public", "_heldout"}) {
      std::string other = name;
      if (const auto at = other.find("_public"); at != std::string::npos) other.replace(at, 7, half);
      if (is_there(fs::path(folder) / other)) return fs::path(folder) / other;
      if (other == name && half[1] == 'h') break;
    }
    return std::nullopt;
  };
  std::size_t taken = 0;
  std::optional<base::Error> failed;
  const auto rows_of = [&](std::initializer_list<const char*> names, const char* negatives) {
    std::vector<Trial> trials;
    for (const char* name : names) {
      const auto path = path_of(name);
      if (!path || failed) continue;
      auto read = read_trials(path->string());
      if (!read) {
        failed = read.error();
        continue;
      }
      trials.insert(trials.end(), read->begin(), read->end());
      ++taken;
    }
    if (const auto path = negatives == nullptr ? std::nullopt : path_of(negatives);
        path && !trials.empty() && !failed) {
      auto read = read_negatives(path->string());
      if (!read) {
        failed = read.error();
      } else {
        trials.insert(trials.end(), read->begin(), read->end());
      }
    }
    return trials;
  };
  const auto section = [&](const char* rows, const std::vector<Trial>& trials, const char* evidence, const char* known,
                           std::size_t folds, std::initializer_list<const char*> baselines, Worked* worked = nullptr) {
    if (trials.empty() || failed) return;
    EvaluateOptions options;
    options.evidence = *evidence_choice(evidence);
    options.knowledge = *knowledge_choice(known);
    options.folds = folds;
    options.resamples = 200;
    options.worked = worked;
    const Evaluation ours = evaluate(trials, table, weights, options);
    const auto line = [&](const std::string& method, const Evaluation& e, const std::string& difference) {
      const Measures& m = e.measures;
      out += fmt::format(
          "| {} | {} | {} | {} | {} | {:.2f} [{:.2f}, {:.2f}] | {:.2f} [{:.2f}, {:.2f}] | {:.2f} [{:.2f}, {:.2f}] | "
          "{:.2f} [{:.2f}, {:.2f}] | "
          "{:.3f} [{:.3f}, {:.3f}] | {:.3f} | {:.2f} / {:.2f} | {:.3f}, {:.2f}, {:.4f}, {:.4f} | {} |\n",
          rows, evidence, known, method, m.closed, m.top1, m.top1_interval.low, m.top1_interval.high, m.macro_top1,
          m.macro_top1_interval.low, m.macro_top1_interval.high, m.log_loss, m.log_loss_interval.low,
          m.log_loss_interval.high, m.both_log_loss, m.both_log_loss_interval.low, m.both_log_loss_interval.high,
          m.both_brier, m.both_brier_interval.low, m.both_brier_interval.high, m.ece, m.unknown_rate,
          m.closed_unknown_rate, m.at80_precision, m.at80_rate, m.false_removed, m.false_crime, difference);
    };
    line(folds > 0 ? "**whodunit**, cross-validated" : "**whodunit**, shipped weights", ours, "");
    for (const char* name : baselines) {
      EvaluateOptions other = options;
      other.baseline = name;
      other.folds = folds;
      const Evaluation theirs = evaluate(trials, table, weights, other);
      const Interval d = paired_interval(
          theirs, ours, [](const Measures& m) { return m.both_log_loss; }, 200);
      line(name, theirs,
           fmt::format("{:+.2f} [{:+.2f}, {:+.2f}]", theirs.measures.both_log_loss - ours.measures.both_log_loss, d.low,
                       d.high));
    }
  };
  const auto campaigns = rows_of({"eval_public.json", "eval_unattributed.json"}, nullptr);
  {
    Worked worked(campaigns, table);
    constexpr std::size_t kFolds = 14;
    fit_ahead(campaigns, table, {""}, kFolds, weights, worked);
    for (const char* evidence : {"all", "techniques", "network", "random30"}) {
      section("campaigns", campaigns, evidence, "loo", kFolds, {"overlap", "idf", "naive-bayes", "logit", "nothing"},
              &worked);
    }
  }
  const auto infrastructure = rows_of({"infra/eval_infra_public.json"}, "infra/background_public.json");
  {
    Worked worked(infrastructure, table);
    constexpr std::size_t kFolds = 3;
    fit_ahead(infrastructure, table, {"", "exact", "kinship", "style", "infrastructure-logit"}, kFolds, weights,
              worked);
    section("infrastructure", infrastructure, "all", "loo", kFolds,
            {"exact", "kinship", "style", "infrastructure-logit"}, &worked);
    section("infrastructure", infrastructure, "all", "earlier", kFolds, {"infrastructure-logit"}, &worked);
    section("infrastructure", infrastructure, "all", "gap180", kFolds, {"infrastructure-logit"}, &worked);
  }
  const auto joint = rows_of({"infra/eval_joint_public.json"}, nullptr);
  for (const char* evidence : {"all", "techniques", "infrastructure"}) section("joint", joint, evidence, "loo", 5, {});
  section("victims", rows_of({"eval_victims.json"}, nullptr), "all", "loo", 5, {"nothing"});
  if (failed) return *failed;
  if (taken == 0)
    return base::Error{"no trials in this folder", folder,
                       "it should hold eval_public.json, eval_victims.json, infra/eval_infra_public.json or the like"};
  return out;
}

}  // namespace whodunit::attribution
