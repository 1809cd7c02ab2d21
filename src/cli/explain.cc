// whodunit explain CASE ID: the chain under one claim, down to packet numbers.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/verb.h"
#include "protocol/parser.h"
#include "report/trace.h"

namespace whodunit::cli {

void add_explain(CLI::App& app, int& exit_code) {
  struct Flags {
    std::string path, id;
    bool json = false, all = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = app.add_subcommand("explain", "the chain under one claim, down to packet numbers");
  verb->add_option("CASE", flags->path, "a case that `whodunit investigate` wrote")->required();
  verb->add_option("ID", flags->id, "of a finding, an incident, a connection or a file")->required();
  verb->add_flag("--json", flags->json, "as one JSON object");
  verb->add_flag("--all", flags->all, "all records, not only the first ten of a finding");
  verb->callback([flags, &exit_code] {
    protocol::register_records();
    const auto fail = [&](const base::Error& error, int code) {
      std::fprintf(stderr, "whodunit: %s\n", error.message().c_str());
      exit_code = code;
    };
    auto opened = store::open_to_read(flags->path);
    if (!opened) return fail(opened.error(), kNothing);
    auto traced = report::trace(**opened, flags->id);
    if (!traced) return fail(traced.error(), traced.error().where.empty() ? kUsage : kNothing);
    const std::string text =
        flags->json ? report::trace_json(*traced) : report::trace_text(*traced, flags->all ? 0 : 10);
    std::fwrite(text.data(), 1, text.size(), stdout);
  });
}

}  // namespace whodunit::cli
