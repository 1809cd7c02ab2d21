// whodunit doctor: what is installed, what is missing, what this machine can do.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <thread>

#include "cli/verb.h"
#include "detect/detector.h"
#include "knowledge/knowledge.h"
#include "protocol/parser.h"

namespace whodunit::cli {

void add_doctor(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand("doctor", "what is installed, what is missing, what this machine can do");
  verb->callback([&exit_code] {
    protocol::register_records();
    const auto line = [](const char* what, const std::string& state) {
      std::printf("%-14s %s\n", what, state.c_str());
    };
    line("program", std::string("whodunit ") + WHODUNIT_VERSION);
    line("processors", fmt::format("{}", std::thread::hardware_concurrency()));
    const double gib =
        static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE)) / (1 << 30);
    line("memory", fmt::format("{:.1f} GiB", gib));
    line("records", fmt::format("{} types from {} protocol definitions", record::schemas().size(),
                                protocol::definitions().size()));
    line("detectors", fmt::format("{}", detect::detectors().size()));
    const auto known = knowledge::load_knowledge({});
    if (!known) {
      std::fprintf(stderr, "whodunit: %s\n", known.error().message().c_str());
      exit_code = kPartly;
      return;
    }
    const knowledge::Knowledge& k = **known;
    line("countries", k.networks.has_countries()
                          ? "a table is installed"
                          : "MISSING: addresses are not placed; add one with whodunit intel add FILE.mmdb");
    line("networks", k.networks.has_systems()
                         ? "a table of autonomous systems is installed"
                         : "no table of autonomous systems; add one with whodunit intel add FILE.mmdb or .csv");
    for (const auto& source : k.networks.sources())
      line("", fmt::format("{} {} {}", source->name, source->date.to_string(), source->note));
    line("indicators", k.indicators.size() == 0
                           ? "none; add feeds with whodunit intel add"
                           : fmt::format("{} from {} feeds", k.indicators.size(), k.indicators.sources().size()));
    line("actors", k.actors->groups().empty() ? "MISSING: data/actors.tsv was not found"
                                              : fmt::format("{} groups", k.actors->groups().size()));
    line("kept under", knowledge::home_folder());
    for (const knowledge::Problem& problem : k.problems.kept()) line("problem", problem.where + ": " + problem.what);
  });
}

}  // namespace whodunit::cli
