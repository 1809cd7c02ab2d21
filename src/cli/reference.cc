// whodunit reference records|detectors: the reference pages, from the definitions themselves.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/verb.h"
#include "protocol/parser.h"
#include "report/reference.h"

namespace whodunit::cli {

void add_reference(CLI::App& app, int& exit_code) {
  auto what = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("reference", "every record type, or every detector, as Markdown");
  verb->add_option("WHAT", *what, "records or detectors")->required()->check(CLI::IsMember({"records", "detectors"}));
  verb->callback([what, &exit_code] {
    protocol::register_records();
    const std::string text = *what == "records" ? report::records_reference() : report::detectors_reference();
    std::fwrite(text.data(), 1, text.size(), stdout);
    exit_code = kDone;
  });
}

}  // namespace whodunit::cli
