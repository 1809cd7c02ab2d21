// whodunit report|findings|incidents|assess CASE: what a case says, for people or programs.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/verb.h"
#include "protocol/parser.h"
#include "report/atom.h"
#include "report/html.h"
#include "report/markdown.h"
#include "report/navigator.h"
#include "report/stix.h"
#include "report/terminal.h"
#include "store/store.h"

namespace whodunit::cli {
namespace {

/// The verdict of a case; null (and said why) where there is none.
std::unique_ptr<report::Document> verdict_of(const std::string& path, int& exit_code) {
  protocol::register_records();
  const auto fail = [&](const base::Error& error) {
    std::fprintf(stderr, "whodunit: %s\n", error.message().c_str());
    exit_code = kNothing;
    return nullptr;
  };
  auto opened = store::open_to_read(path);
  if (!opened) return fail(opened.error());
  const auto json = (*opened)->document("verdict");
  if (!json) return fail(json.error());
  if (!*json)
    return fail({"the case holds no verdict: its run did not finish", path,
                 "its records are there (whodunit query); run whodunit investigate again for a verdict"});
  auto document = report::parse_document(**json);
  if (!document) return fail(document.error());
  return std::make_unique<report::Document>(std::move(document).value());
}

/// To a file or stdout.
void deliver(const std::string& text, const std::string& path, int& exit_code) {
  if (path.empty()) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return;
  }
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (out) return;
  std::fprintf(stderr, "whodunit: %s: could not be written; choose a place that you may write to with -o\n",
               path.c_str());
  exit_code = kNothing;
}

void add_part(CLI::App& app, int& exit_code, const char* name, const char* what, const char* key,
              std::string (*line)(const report::Document&)) {
  struct Flags {
    std::string path;
    bool json = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = app.add_subcommand(name, what);
  verb->add_option("CASE", flags->path, "the case")->required();
  verb->add_flag("--json", flags->json, "as JSON");
  verb->callback([flags, key, line, &exit_code] {
    const auto document = verdict_of(flags->path, exit_code);
    if (!document) return;
    std::string out;
    if (flags->json) {
      out = (*document)[key].dump(2) + "\n";
    } else {
      for (const report::Document& d : (*document)[key]) out += line(d) + "\n";
      if (out.empty()) out = "none\n";
    }
    deliver(out, "", exit_code);
  });
}

using report::text;

}  // namespace

void add_report(CLI::App& app, int& exit_code) {
  struct Flags {
    std::string path, format = "html", output;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = app.add_subcommand("report", "the case, for people or programs");
  verb->add_option("CASE", flags->path, "the case")->required();
  verb->add_option("--format", flags->format, "html, md, json, stix, navigator, atom, text")
      ->check(CLI::IsMember({"html", "md", "json", "stix", "navigator", "atom", "text"}));
  verb->add_option("-o,--output", flags->output, "the file to write; without it, stdout");
  verb->callback([flags, &exit_code] {
    const auto document = verdict_of(flags->path, exit_code);
    if (!document) return;
    std::string title;
    for (const report::Document& c : document->at("captures")) title += (title.empty() ? "" : ", ") + text(c, "name");
    std::string out;
    if (flags->format == "html") out = report::html_report(*document, {title, flags->path});
    if (flags->format == "md") out = report::markdown_report(*document);
    if (flags->format == "json") out = document->dump() + "\n";
    if (flags->format == "stix") out = report::stix_bundle(*document);
    if (flags->format == "atom") out = report::atom_feed(*document);
    if (flags->format == "navigator") out = report::navigator_layer(*document);
    if (flags->format == "text") out = report::terminal_verdict(*document, {flags->path, "", 120, 10, false});
    deliver(out, flags->output, exit_code);
  });
}

void add_findings(CLI::App& app, int& exit_code) {
  add_part(app, exit_code, "findings", "what was found, each with its id", "findings", [](const report::Document& d) {
    return fmt::format("{}  {:<13} {:<13} {:<9} {}", text(d, "id"), text(d, "severity"), text(d, "phase"),
                       text(d, "outcome"), text(d, "statement"));
  });
}
void add_incidents(CLI::App& app, int& exit_code) {
  add_part(app, exit_code, "incidents", "findings that belong together, with depth", "incidents",
           [](const report::Document& d) {
             return fmt::format("{}  {:<9} {:<13} {:<8} {}", text(d, "id"), text(d, "severity"), text(d, "phase"),
                                text(d, "depth"), text(d, "headline"));
           });
}
void add_assess(CLI::App& app, int& exit_code) {
  add_part(app, exit_code, "assess", "who did it, and how sure can we be", "assessments",
           [](const report::Document& d) {
             std::string out = text(d, "level") + ": " + text(d, "paragraph");
             for (const report::Document& h : d.at("hypotheses"))
               out += fmt::format("\n  {:<40} {:.3f}  {}", text(h, "name"), h.at("probability").get<double>(),
                                  text(h, "words"));
             return out + "\n  confidence " + text(d, "confidence") + "\n";
           });
}

}  // namespace whodunit::cli
