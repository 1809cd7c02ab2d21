// whodunit knowledge attribute: the answer to given evidence.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "attribution/evaluate/bars.h"
#include "attribution/evidence_file.h"
#include "attribution/model/weights.h"
#include "base/json.h"
#include "cli/knowledge_verbs.h"
#include "cli/verb.h"
#include "report/html.h"

namespace whodunit::cli {

void add_knowledge_attribute(CLI::App& knowledge, int& exit_code) {
  using namespace attribution;
  struct Arguments {
    std::string evidence, from, weights, as_of, html;
    double unknown = Settings{}.prior_unknown, opportunists = Settings{}.prior_opportunists,
           adjustment = Settings{}.reporting_adjustment;
    bool json = false;
  };
  auto a = std::make_shared<Arguments>();
  CLI::App* verb = knowledge.add_subcommand("attribute", "who did it, from a file of evidence (docs/attribution.md)");
  verb->add_option("--evidence", a->evidence,
                   "a JSON object: techniques, software, domains, ips, urls, victims, sector, when, …")
      ->required();
  verb->add_option("--from", a->from, "folder of facts instead of what ships and was imported");
  verb->add_option("--as-of", a->as_of, "use only reports known before this day (2007-09-01)");
  verb->add_option("--weights", a->weights, "fitted numbers other than those that ship");
  verb->add_option("--prior-unknown", a->unknown, "base rate of \"an unknown group\"")->check(CLI::Range(0.01, 0.95));
  verb->add_option("--prior-opportunists", a->opportunists, "base rate of unrelated opportunists")
      ->check(CLI::Range(0.0, 0.95));
  verb->add_option("--reporting-adjustment", a->adjustment, "victims: 0 as published, 1 adjusted for who gets reported")
      ->check(CLI::Range(0.0, 1.0));
  verb->add_flag("--json", a->json, "one JSON object");
  verb->add_option("--html", a->html, "also write the answer as one HTML page (FILE)");
  verb->callback([a, &exit_code] {
    const auto fail = [&exit_code](const base::Error& error, int code) {
      std::fprintf(stderr, "whodunit: %s\n", error.message().c_str());
      exit_code = code;
    };
    auto file = load_evidence(a->evidence);
    if (!file) return fail(file.error(), kNothing);
    for (const std::string& warning : file->warnings)
      std::fprintf(stderr, "%s: %s\n", a->evidence.c_str(), warning.c_str());
    Settings settings;
    settings.prior_unknown = a->unknown;
    settings.prior_opportunists = a->opportunists;
    settings.reporting_adjustment = a->adjustment;
    if (!a->as_of.empty()) {
      settings.as_of = base::parse_time(a->as_of);
      if (!settings.as_of) return fail({"\"" + a->as_of + "\" is no day", "--as-of", "write it as 2007-09-01"}, kUsage);
      if (file->facts.first && *file->facts.first > *settings.as_of) {
        std::fprintf(stderr,
                     "%s: the evidence is from after --as-of %s; knowledge stops there, the evidence does not\n",
                     a->evidence.c_str(), a->as_of.c_str());
      }
    }
    Weights weights = Weights::shipped();
    if (!a->weights.empty()) {
      auto loaded = Weights::load(a->weights);
      if (!loaded) return fail(loaded.error(), kUsage);
      weights = *loaded;
    }
    auto table = facts_for(a->from, {}, {}, settings.as_of);
    if (!table) return fail(table.error(), kNothing);
    const auto unknown = [&](const std::vector<NamedFact>& facts, const char* kind, auto&& number) {
      for (const NamedFact& f : facts) {
        if (number(f.value) != kNone) continue;
        std::fprintf(stderr, "%s: \"%s\" is no %s that is known; it stays in the list, without weight\n",
                     a->evidence.c_str(), f.value.c_str(), kind);
      }
    };
    unknown(file->facts.techniques, "technique", [&](const std::string& id) { return (*table)->technique(id); });
    unknown(file->facts.software, "software", [&](const std::string& id) { return (*table)->software_number(id); });
    if (file->facts.subject.empty()) file->facts.subject = "evidence";
    const auto assessments = assess(file->facts, table->get(), settings, weights);
    std::string json;
    if (a->json || !a->html.empty()) {
      base::JsonWriter w(json);
      w.begin_object();
      w.key("version").number(1);
      w.key("knowledge").string((*table)->digest());
      w.key("assessments").raw(to_json(assessments));
      w.end_object();
    }
    if (!a->html.empty()) {
      std::ofstream page(a->html, std::ios::binary);
      page << report::html_assessments(report::Document::parse(json),
                                       std::filesystem::path(a->evidence).filename().string());
      page.close();
      if (!page) return fail({"cannot be written", a->html, {}}, kNothing);
    }
    if (a->json) {
      std::printf("%s\n", json.c_str());
    } else {
      std::fputs(to_text(assessments).c_str(), stdout);
    }
    exit_code = kDone;
  });
}

}  // namespace whodunit::cli
