// whodunit packets CASE ID -o FILE.pcap: the packets under one claim.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/verb.h"
#include "engine/extract.h"
#include "protocol/parser.h"
#include "report/trace.h"

namespace whodunit::cli {

void add_packets(CLI::App& app, int& exit_code) {
  struct Flags {
    std::string path, id, out, captures;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = app.add_subcommand("packets", "the packets under one claim, as a capture");
  verb->add_option("CASE", flags->path, "a case that `whodunit investigate` wrote")->required();
  verb->add_option("ID", flags->id, "of a finding, an incident, a connection or a file")->required();
  verb->add_option("-o,--output", flags->out, "the file to write; - for stdout")->required();
  verb->add_option("--captures", flags->captures, "folder where the captures are now");
  verb->callback([flags, &exit_code] {
    protocol::register_records();
    const auto say = [](const base::Error& error) { std::fprintf(stderr, "whodunit: %s\n", error.message().c_str()); };
    const auto fail = [&](const base::Error& error, int code) {
      say(error);
      exit_code = code;
    };
    auto opened = store::open_to_read(flags->path);
    if (!opened) return fail(opened.error(), kNothing);
    auto traced = report::trace(**opened, flags->id);
    if (!traced) return fail(traced.error(), traced.error().where.empty() ? kUsage : kNothing);
    const std::vector<engine::Wanted> wanted = report::packets_of(*traced);
    if (wanted.empty())
      return fail({"no packets stand behind " + flags->id + ": its records came in as logs, or have no place",
                   flags->path, "whodunit explain " + flags->path + " " + flags->id + " shows the lines"},
                  kNothing);
    std::vector<base::Error> problems;
    const auto found =
        engine::find_captures(traced->captures, engine::captures_of(wanted), flags->path, flags->captures, problems);
    for (const base::Error& problem : problems) say(problem);
    if (found.empty()) {
      exit_code = kNothing;
      return;
    }
    auto extracted = engine::extract(found, wanted, flags->out);
    if (!extracted) return fail(extracted.error(), kNothing);
    for (const base::Error& problem : extracted->problems) say(problem);
    std::fprintf(stderr, "%llu packets written to %s\n", static_cast<unsigned long long>(extracted->packets),
                 flags->out == "-" ? "stdout" : flags->out.c_str());
    if (!problems.empty() || !extracted->problems.empty()) exit_code = worse(exit_code, kPartly);
  });
}

}  // namespace whodunit::cli
