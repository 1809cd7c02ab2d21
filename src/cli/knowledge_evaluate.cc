// whodunit knowledge evaluate TRIALS…: attribution measured on labelled trials.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <memory>

#include "attribution/evaluate/bars.h"
#include "attribution/evaluate/baselines.h"
#include "attribution/evaluate/evaluate.h"
#include "cli/knowledge_verbs.h"
#include "cli/verb.h"

namespace whodunit::cli {

void add_knowledge_evaluate(CLI::App& knowledge, int& exit_code) {
  using namespace attribution;
  struct Arguments {
    std::vector<std::string> trials;
    std::string evidence = "all", known = "loo", negatives, baseline, from, weights, fit;
    std::size_t folds = 0;
    double threshold = 0.8;
    bool json = false, table = false;
  };
  auto a = std::make_shared<Arguments>();
  CLI::App* verb = knowledge.add_subcommand("evaluate", "measure attribution on labelled trials (docs/attribution.md)");
  verb->add_option("TRIALS", a->trials, "JSON arrays of trials; with --table, the folder that holds them")->required();
  verb->add_option("--evidence", a->evidence,
                   "what a trial shows: all, profile (techniques and software), techniques, network "
                   "(techniques that leave traces on a wire), infrastructure, random30")
      ->check(CLI::IsMember({"all", "techniques", "network", "infrastructure", "profile", "random30"}));
  verb->add_option("--knowledge", a->known,
                   "what may be known: loo (all other reports), earlier, gap180 (180 days older)")
      ->check(CLI::IsMember({"loo", "earlier", "gap180"}));
  verb->add_option("--negatives", a->negatives, "blocks of ordinary crime, where naming anybody is wrong");
  verb->add_option("--baseline", a->baseline,
                   "another method on the same rows: overlap, idf, naive-bayes, logit, nothing, exact, kinship, style, "
                   "infrastructure-logit, joint-logit");
  verb->add_option("--from", a->from,
                   "folder of facts (default: the trials' folder or one above it; else what was imported)");
  verb->add_option("--weights", a->weights, "fitted numbers other than those that ship");
  verb->add_option("--cross-validate", a->folds, "fit on the trials of the other folds instead of using fixed weights")
      ->check(CLI::Range(2, 50));
  verb->add_option("--fit", a->fit, "fit on these trials and write the weights to a file");
  verb->add_option("--threshold", a->threshold, "probability from which a group counts as named")
      ->check(CLI::Range(0.0, 1.0));
  verb->add_flag("--json", a->json, "one JSON object");
  verb->add_flag("--table", a->table, "every measure beside its baselines, as a Markdown table");
  verb->callback([a, &exit_code] {
    const auto fail = [&exit_code](const base::Error& error, int code) {
      std::fprintf(stderr, "whodunit: %s\n", error.message().c_str());
      exit_code = code;
    };
    Weights weights = Weights::shipped();
    if (!a->weights.empty()) {
      auto loaded = Weights::load(a->weights);
      if (!loaded) return fail(loaded.error(), kUsage);
      weights = *loaded;
    }
    if (a->table) {
      auto table = bars_table(a->from.empty() ? a->trials.front() : a->from, a->trials.front(), weights);
      if (!table) return fail(table.error(), kNothing);
      std::fputs(table->c_str(), stdout);
      exit_code = kDone;
      return;
    }
    std::vector<Trial> trials;
    for (const std::string& path : a->trials) {
      auto read = read_trials(path);
      if (!read) return fail(read.error(), kNothing);
      trials.insert(trials.end(), std::make_move_iterator(read->begin()), std::make_move_iterator(read->end()));
    }
    if (!a->negatives.empty()) {
      auto read = read_negatives(a->negatives);
      if (!read) return fail(read.error(), kNothing);
      trials.insert(trials.end(), std::make_move_iterator(read->begin()), std::make_move_iterator(read->end()));
    }
    auto table = facts_for(a->from, a->trials.front(), needs_of(trials));
    if (!table) return fail(table.error(), kNothing);
    if (!a->fit.empty()) {
      const Weights fitted = fit_all(trials, **table, weights);
      std::ofstream out(a->fit, std::ios::binary);
      out << fitted.to_text();
      if (!out) return fail({"cannot be written", a->fit, {}}, kNothing);
      weights = fitted;
    }
    EvaluateOptions options;
    options.evidence = *evidence_choice(a->evidence);
    options.knowledge = *knowledge_choice(a->known);
    options.baseline = a->baseline;
    options.folds = a->folds;
    options.threshold = a->threshold;
    if (!a->baseline.empty()) {
      const auto& names = baseline_names();
      if (std::find(names.begin(), names.end(), a->baseline) == names.end()) {
        return fail({"no baseline is named \"" + a->baseline + "\"", "--baseline", "see --help for the names"}, kUsage);
      }
    }
    const Evaluation evaluation = evaluate(trials, **table, weights, options);
    const std::string text = a->json ? to_json(evaluation, options) + "\n" : to_text(evaluation, options);
    std::fputs(text.c_str(), stdout);
    if (evaluation.measures.skipped > 0) {
      std::fprintf(stderr, "%zu trials have no date and were left out: --knowledge %s needs one\n",
                   evaluation.measures.skipped, a->known.c_str());
    }
    exit_code = kDone;
  });
}

}  // namespace whodunit::cli
