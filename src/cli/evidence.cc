// whodunit evidence add: an analyst's own item of evidence, with who, when and why.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "attribution/evidence_file.h"
#include "cli/verb.h"

namespace whodunit::cli {

void add_evidence(CLI::App& app, int& exit_code) {
  using namespace attribution;
  struct Arguments {
    std::string target, statement, actor, level = "operator", grade = "F6", who, when, why;
    std::vector<std::string> findings;
    double ratio = 0, forgeability = 0.5;
  };
  auto a = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("evidence", "evidence that an analyst adds to a case");
  verb->require_subcommand(1);
  CLI::App* add =
      verb->add_subcommand("add", "add an item: kept beside the case, marked as manual, weighed like every other");
  add->add_option("CASE", a->target, "a case, or a file of evidence (.json)")->required();
  add->add_option("STATEMENT", a->statement, "one sentence")->required();
  add->add_option("--for", a->actor,
                  "for whom it speaks (with a ratio below 1: against): a group's id, name or alias; a country where "
                  "--level is sponsor");
  add->add_option("--level", a->level, "infrastructure, operator or sponsor")
      ->check(CLI::IsMember({"infrastructure", "operator", "sponsor"}));
  add->add_option("--ratio", a->ratio, "natural logarithm of how much likelier it is if it is true (1.1 is 3 to 1)")
      ->check(CLI::Range(-7.0, 7.0));
  add->add_option("--forgeability", a->forgeability,
                  "probability that another, who wanted to, could have left this mark")
      ->check(CLI::Range(0.0, 1.0));
  add->add_option("--grade", a->grade, "reliability of the source and credibility of the information: A1 to F6");
  add->add_option("--who", a->who, "who adds it")->required();
  add->add_option("--why", a->why, "why it is believed")->required();
  add->add_option("--when", a->when, "since when it is known (RFC 3339); default: now");
  add->add_option("--finding", a->findings, "id of a finding behind it (repeatable)");
  add->callback([a, &exit_code] {
    ManualFact item;
    item.statement = a->statement;
    item.actor = a->actor;
    item.level = a->level == "infrastructure" ? Level::kInfrastructure
                 : a->level == "sponsor"      ? Level::kSponsor
                                              : Level::kOperator;
    item.log_ratio = a->ratio;
    item.forgeability = a->forgeability;
    const auto grade = parse_grade(a->grade);
    if (!grade) {
      std::fprintf(stderr, "whodunit: \"%s\" is no grade: a letter A-F and a digit 1-6\n", a->grade.c_str());
      exit_code = kUsage;
      return;
    }
    item.grade = *grade;
    item.who = a->who;
    item.why = a->why;
    item.support.findings = a->findings;
    if (a->when.empty()) {
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      item.when = base::to_rfc3339({std::chrono::duration_cast<std::chrono::seconds>(now).count() * 1'000'000'000});
    } else if (!base::parse_time(a->when)) {
      std::fprintf(stderr, "whodunit: \"%s\" is no day\n", a->when.c_str());
      exit_code = kUsage;
      return;
    } else {
      item.when = a->when;
    }
    const bool file = a->target.size() > 5 && a->target.ends_with(".json");
    const std::string path = file ? a->target : manual_path(a->target);
    std::error_code error;
    if (!file && !std::filesystem::exists(a->target, error)) {
      std::fprintf(stderr, "whodunit: %s: no such case\n", a->target.c_str());
      exit_code = kNothing;
      return;
    }
    const auto added = add_manual(path, item);
    if (!added) {
      std::fprintf(stderr, "whodunit: %s\n", added.error().message().c_str());
      exit_code = kNothing;
      return;
    }
    std::printf(added.value() ? "added to %s\n" : "already in %s\n", path.c_str());
    exit_code = kDone;
  });
}

}  // namespace whodunit::cli
