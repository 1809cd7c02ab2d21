#include "report/markdown.h"
#include "report/document.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "report/terminal.h"

namespace whodunit::report {
namespace {

/// What Markdown would take for markup, and line ends, in text from the wire.
std::string plain(std::string_view s) {
  std::string out;
  for (const char c : s) {
    if (c == '\n' || c == '\r') {
      out += ' ';
      continue;
    }
    if (std::string_view("\\`*_{}[]<>#|!").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string markdown_report(const Document& d) {
  std::string out = "# Whodunit: verdict\n\n```\n" + terminal_verdict(d, {"", "", 110, 12, false}) + "```\n";
  out += "\n## Incidents\n\n";
  if (d.at("incidents").empty()) out += "None.\n";
  for (const Document& i : d.at("incidents"))
    out += fmt::format("- **{}** {} ({}, {} zone, {} to {})\n", text(i, "id"), plain(text(i, "headline")),
                       text(i, "phase"), text(i, "depth"), text(i, "first"), text(i, "last"));
  out += "\n## Findings\n\n| id | severity | phase | outcome | ATT&CK | what |\n|---|---|---|---|---|---|\n";
  for (const Document& f : d.at("findings")) {
    std::string techniques;
    for (const Document& t : f.at("techniques")) techniques += (techniques.empty() ? "" : ", ") + t.get<std::string>();
    out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", text(f, "id"), text(f, "severity"), text(f, "phase"),
                       text(f, "outcome"), techniques, plain(text(f, "statement")));
  }
  out += "\n## Who did it, and how sure can we be\n\n";
  for (const Document& a : d.at("assessments")) {
    out += fmt::format("**{}**: {}\n\n", text(a, "level"), plain(text(a, "paragraph")));
    for (const Document& h : a.at("hypotheses"))
      out += fmt::format("- {} {:.2f} ({})\n", plain(text(h, "name")), h.at("probability").get<double>(),
                         text(h, "words"));
    if (const auto alone = a.find("victims_alone"); alone != a.end() && alone->is_object()) {
      out += "\n| victims alone | as published | adjusted for who gets reported |\n|---|---|---|\n";
      for (const Document& row : list(*alone, "countries"))
        out += fmt::format("| {} | {:.2f} | {:.2f} |\n", plain(text(row, "country")), real(row, "raw"),
                           real(row, "adjusted"));
      for (const Document& r : list(*alone, "reasons")) out += fmt::format("\n{}", plain(r.get<std::string>()));
      out += "\n";
    }
    out += fmt::format("\nAnalytic confidence: {}.\n\n", text(a, "confidence"));
  }
  out += fmt::format("Made with {}; settings `{}`; knowledge `{}`.\n", text(d.at("made_with"), "program"),
                     text(d.at("made_with"), "settings"), text(d.at("made_with"), "knowledge"));
  return out;
}

}  // namespace whodunit::report
