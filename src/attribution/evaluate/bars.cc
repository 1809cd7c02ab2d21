#include "attribution/evaluate/bars.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "attribution/evaluate/baselines.h"
#include "attribution/evaluate/fit.h"
#include "attribution/evaluate/parallel.h"
#include "knowledge/actors/actors.h"
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

std::shared_ptr<const knowledge::Actors> known_before(const std::shared_ptr<const knowledge::Actors>& actors,
                                                      const base::Time& time) {
  return actors->as_of(knowledge::Date::of_day(static_cast<std::int32_t>(time.ns / 86'400'000'000'000) - 1));
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
                                                          const Needs& needs, const std::optional<base::Time>& as_of) {
  std::error_code error;
  if (!from.empty()) {
    const fs::path given = fs::absolute(from, error).lexically_normal();
    fs::path folder = given.has_filename() ? given : given.parent_path();
    // A part of a folder of facts (its infra/) stands for the whole where the part alone will not do.
    if (!has_groups(folder) && has_groups(folder.parent_path()) && has_reports(folder.parent_path()))
      folder = folder.parent_path();
    if (as_of) {  // with the dates of every fact, which the plain table does not keep
      knowledge::ActorsBuilder builder;
      knowledge::Problems problems;
      for (const fs::path& part : {folder, folder / "infra"}) {
        if (!is_there(part)) continue;
        if (auto taken = builder.add_path(part.string(), problems); !taken && part == folder) return taken.error();
      }
      return checked(ActorTable::compile(*known_before(builder.build(), *as_of)), needs, from);
    }
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
  const std::shared_ptr<const knowledge::Actors> known = as_of ? known_before(*actors, *as_of) : *actors;
  return checked(ActorTable::compile(*known), needs, trials.empty() ? "imported knowledge" : trials);
}

Weights fit_all(const std::vector<Trial>& trials, const ActorTable& table, const Weights& start) {
  Worked worked(trials, table);
  const bool victims =
      std::any_of(trials.begin(), trials.end(), [](const Trial& t) { return t.kind == TrialKind::kVictims; });
  const auto fit = [&](const TrialMask& mask, Weights& weights) {
    if (!worked.profile().empty()) worked.fit_profiles(mask, weights);
    if (!worked.infrastructure().empty()) worked.fit(mask, {}, weights);
    if (!worked.joint().empty()) worked.fit_jointly(mask, weights);
    if (victims) fit_victims(trials, mask, table, weights);
  };
  // Standard errors by leaving out a part of the trials at a time (delete-a-group jackknife). Of few trials each is a
  // part of its own.
  constexpr std::size_t kGroups = 10;
  const auto part_of = folds_of(trials, kGroups);
  std::vector<Weights> fitted(kGroups + 1, start);
  for_each_in_parallel(kGroups + 1, [&](std::size_t part) {
    TrialMask mask(trials.size(), 1);
    for (std::size_t i = 0; i < trials.size(); ++i) mask[i] = part_of[i] != part;
    fit(mask, fitted[part]);
  });
  Weights weights = fitted[kGroups];
  fitted.pop_back();
  weights.set_errors(fitted);
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

struct Section {
  const char* rows;
  TrialKind kind;
  const char* evidence;
  const char* known;
  std::size_t folds;
  std::vector<const char*> baselines;
};

std::string line_of(const Section& section, const std::string& method, const Evaluation& e,
                    const std::string& difference) {
  const Measures& m = e.measures;
  const auto in = [](double x, const Interval& i, int digits) {
    return fmt::format("{:.{}f} [{:.{}f}, {:.{}f}]", x, digits, i.low, digits, i.high, digits);
  };
  const bool unknown = m.open > 0;
  const bool actors = m.crime > 0;
  return fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", section.rows,
                     section.evidence, section.known, method, m.closed, in(m.top1, m.top1_interval, 3),
                     actors ? in(m.macro_top1, m.macro_top1_interval, 3) : "", in(m.log_loss, m.log_loss_interval, 2),
                     unknown ? in(m.both_log_loss, m.both_log_loss_interval, 2) : "",
                     in(m.both_brier, m.both_brier_interval, 3), in(m.ece, m.ece_interval, 3),
                     unknown ? fmt::format("{:.2f} / {:.2f}", m.unknown_rate, m.closed_unknown_rate) : "",
                     unknown ? fmt::format("{:.3f}, {:.2f}, {:.4f}{}", m.at80_precision, m.at80_rate, m.false_removed,
                                           actors ? fmt::format(", {:.4f}", m.false_crime) : "")
                             : "",
                     difference);
}

}  // namespace

base::Result<std::string> bars_table(const std::string& from, const std::string& folder, const Weights& weights) {
  auto loaded = facts_for(from, folder, {});
  if (!loaded) return loaded.error();
  const ActorTable& table = **loaded;
  std::string out =
      "| rows | evidence | knowledge | method | n | top-1 | macro top-1 | closed log-loss | both log-loss | Brier | "
      "calibration error | unknown: open / closed | at .80: precision, rate, false removed, false crime | log-loss, "
      "difference to ours |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  // The halves of a set of trials have names of their own: eval_public.json, eval_heldout.json.
  const auto path_of = [&folder](const std::string& name) -> std::optional<fs::path> {
    for (const char* half : {"_public", "_heldout"}) {
      std::string other = name;
      if (const auto at = other.find("_public"); at != std::string::npos) other.replace(at, 7, half);
      if (is_there(fs::path(folder) / other)) return fs::path(folder) / other;
      if (other == name) break;
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
  const auto print = [&](const Section& section, const std::vector<Trial>& trials, Worked* worked = nullptr) {
    const bool any = std::any_of(trials.begin(), trials.end(), [&](const Trial& t) { return t.kind == section.kind; });
    if (!any || failed) return;
    EvaluateOptions options;
    options.evidence = *evidence_choice(section.evidence);
    options.knowledge = *knowledge_choice(section.known);
    options.only = section.kind;
    options.resamples = 200;
    options.worked = worked;
    EvaluateOptions validated = options;
    validated.folds = section.folds;
    const Evaluation ours = evaluate(trials, table, weights, validated);
    // Where no question is open, the closed ones are what is compared.
    const auto loss = [](const Measures& m) { return m.open > 0 ? m.both_log_loss : m.log_loss; };
    out += line_of(section, "**whodunit**, cross-validated", ours, "");
    options.resamples = 100;
    out += line_of(section, "whodunit, shipped weights", evaluate(trials, table, weights, options), "");
    for (const char* name : section.baselines) {
      EvaluateOptions other = validated;
      other.baseline = name;
      other.resamples = 100;
      const Evaluation theirs = evaluate(trials, table, weights, other);
      const Interval d = paired_interval(theirs, ours, loss, 200);
      out += line_of(
          section, name, theirs,
          fmt::format("{:+.2f} [{:+.2f}, {:+.2f}]", loss(theirs.measures) - loss(ours.measures), d.low, d.high));
    }
  };
  const auto campaigns = rows_of({"eval_public.json", "eval_unattributed.json"}, nullptr);
  if (!campaigns.empty()) {
    Worked worked(campaigns, table);
    constexpr std::size_t kFolds = 14;
    fit_ahead(campaigns, table, {""}, kFolds, weights, worked);
    for (const char* evidence : {"all", "techniques", "network", "random30"}) {
      print({"campaigns",
             TrialKind::kProfile,
             evidence,
             "loo",
             kFolds,
             {"overlap", "idf", "naive-bayes", "logit", "nothing"}},
            campaigns, &worked);
    }
  }
  // Reports and joint reports share their folds: what is learnt from a report never answers the joint question of it,
  // and the profiles' part of the joint model is fitted on the other folds' campaigns.
  auto reports = rows_of({"infra/eval_infra_public.json"}, "infra/background_public.json");
  const auto joint = rows_of({"infra/eval_joint_public.json"}, nullptr);
  reports.insert(reports.end(), joint.begin(), joint.end());
  reports.insert(reports.end(), campaigns.begin(), campaigns.end());
  if (!reports.empty()) {
    Worked worked(reports, table);
    constexpr std::size_t kFolds = 5;
    const bool infrastructure = !worked.infrastructure().empty();
    std::vector<std::string> ahead = {""};
    if (infrastructure) ahead.insert(ahead.end(), {"exact", "kinship", "style", "infrastructure-logit"});
    fit_ahead(reports, table, ahead, kFolds, weights, worked);
    print({"reports",
           TrialKind::kInfrastructure,
           "all",
           "loo",
           kFolds,
           {"exact", "kinship", "style", "infrastructure-logit"}},
          reports, &worked);
    print({"reports", TrialKind::kInfrastructure, "all", "earlier", kFolds, {"exact", "infrastructure-logit"}}, reports,
          &worked);
    print({"reports", TrialKind::kInfrastructure, "all", "gap180", kFolds, {"infrastructure-logit"}}, reports, &worked);
    for (const char* evidence : {"all", "techniques", "profile", "infrastructure"})
      print({"joint", TrialKind::kJoint, evidence, "loo", kFolds, {"joint-logit"}}, reports, &worked);
  }
  print({"victims", TrialKind::kVictims, "all", "loo", 5, {"nothing"}}, rows_of({"eval_victims.json"}, nullptr));
  if (failed) return *failed;
  if (taken == 0)
    return base::Error{"no trials in this folder", folder,
                       "it should hold eval_public.json, eval_victims.json, infra/eval_infra_public.json or the like"};
  return out;
}

}  // namespace whodunit::attribution
