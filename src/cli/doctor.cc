// whodunit doctor: what is installed, what is missing, what this machine can do.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <thread>

#include "cli/verb.h"

namespace whodunit::cli {

void add_doctor(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand("doctor", "what is installed, what is missing, what this machine can do");
  verb->callback([&exit_code] {
    std::printf("whodunit %s\nprocessors  %u\n", WHODUNIT_VERSION, std::thread::hardware_concurrency());
    exit_code = kDone;
  });
}

}  // namespace whodunit::cli
