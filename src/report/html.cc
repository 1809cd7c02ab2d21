#include "report/html.h"
#include "report/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/time.h"
#include "report/html_style.h"

namespace whodunit::report {
namespace {

std::string when(const std::string& rfc3339) {
  const auto t = base::parse_time(rfc3339);
  return t ? base::to_minutes(*t) : rfc3339;
}
std::string entity(const Document& f, const char* key) {
  const auto at = f.find(key);
  return at != f.end() && at->is_object() ? text(*at, "value") : std::string();
}

/// A Wireshark display filter for a record's packets.
std::string display_filter(const Document& e) {
  const std::string a = text(e, "orig"), b = text(e, "resp");
  const bool v6 = a.find(':') != std::string::npos;
  std::string filter = fmt::format("{0}.addr == {1} && {0}.addr == {2}", v6 ? "ipv6" : "ip", a, b);
  const Document& packets = list(e, "packets");
  if (!list(e, "lines").empty()) return {};  // of a log: nothing for Wireshark
  if (!packets.empty() && packets.at(0).size() == 2) {
    const auto first = packets.at(0).at(0).get<std::uint64_t>(), last = packets.at(0).at(1).get<std::uint64_t>();
    filter += first == last ? fmt::format(" && frame.number == {}", first)
                            : fmt::format(" && frame.number >= {} && frame.number <= {}", first, last);
  }
  return filter;
}

void answers(std::string& out, const Document& d) {
  const Document& incidents = list(d, "incidents");
  out += "<div class=\"answers\">";
  const auto row = [&](const char* question, const std::string& answer) {
    out += fmt::format("<div>{}</div><div>{}</div>", question, answer);
  };
  std::string what;
  if (incidents.empty())
    what = list(d, "findings").empty()
               ? "Nothing that we look for was found. That is no proof of absence: see what could not be seen."
               : "Nothing that we would call an attack.";
  for (std::size_t i = 0; i < std::min<std::size_t>(3, incidents.size()); ++i)
    what += fmt::format("<p>{}.</p>", escape(text(incidents[i], "headline")));
  if (incidents.size() > 3)
    what += fmt::format("<p class=\"soft\">{} more below.</p>", counted(incidents.size() - 3, "incident"));
  row("What happened?", what);
  std::string attack = "No.";
  if (!incidents.empty()) {
    const std::string phase = text(incidents.at(0), "phase");
    attack = phase == "door-rattling" ? "Door-rattling: somebody looked for a way in. No assault and no entry was seen."
             : phase == "assault"     ? "Yes: an assault. No entry was seen."
                                      : fmt::format("Yes: it reached the phase <b>{}</b> ({}).", escape(phase),
                                                    escape(text(incidents.at(0), "outcome")));
  }
  row("Was it an attack?", attack);
  std::string far;
  for (const Document& i : incidents) {
    if (i.at("outbound").get<bool>()) continue;
    far = escape(text(i, "depth_statement"));
    if (text(i, "depth") != "outside")
      far = "To the " + far;
    else if (list(i, "path").empty())
      far = "Not in, as far as we can see. " + far;
    break;
  }
  if (far.empty()) far = "No step inward was seen.";
  for (const Document& z : list(d.at("visibility"), "zones"))
    if (number(z, "hosts_known") != 0)
      far += fmt::format(
          "<br><span class=\"soft small\">A step to the {} zone we would have seen with probability {:.2f}: {}.</span>",
          escape(text(z, "zone")), real(z, "probability"), escape(text(z, "statement")));
  row("How far in?", far);
  const Document& campaigns = list(d, "campaigns");
  row("Part of something larger?",
      campaigns.empty()
          ? std::string("Cannot tell from one case.")
          : fmt::format(
                "{} incidents are linked: {}.", campaigns.at(0).at("incidents").size(),
                campaigns.at(0).at("links").empty() ? "" : escape(text(campaigns.at(0).at("links").at(0), "reason"))));
  std::string who;
  if (!accuses(d)) who = "Nobody to name: no act of an intruder was seen.";
  for (const Document& a : list(d, "assessments")) {
    if (!accuses(d)) break;
    if (list(a, "hypotheses").empty()) continue;
    const Document& h = a.at("hypotheses").at(0);
    const std::string level = text(a, "level");
    who += fmt::format("<div><b>{}</b>: {} ({:.2f}, {}).</div>",
                       level == "infrastructure" ? "Whose machines"
                       : level == "operator"     ? "Whose hands"
                                                 : "Whose orders",
                       escape(text(h, "name")), real(h, "probability"), escape(text(h, "words")));
  }
  row("Who, and how sure?", who.empty() ? "Cannot tell." : who);
  out += "</div>";
}

void finding(std::string& out, const Document& f, const HtmlOptions& options) {
  const std::string severity = escape(text(f, "severity"));
  out += fmt::format(
      "<div class=\"finding b-{0}\" id=\"{1}\"><div class=\"head\"><span class=\"sev "
      "{0}\">{0}</span><span>{2}</span><span class=\"soft\">{3}</span><span class=\"soft small\">{4} – {5} "
      "UTC</span><span class=\"id\">{1}</span></div>",
      severity, escape(text(f, "id")), escape(text(f, "phase")), escape(text(f, "outcome")),
      escape(when(text(f, "first"))), escape(when(text(f, "last"))));
  out += fmt::format("<div class=\"statement\">{}</div><div class=\"facts\">", escape(text(f, "statement")));
  const std::string a = entity(f, "attacker"), v = entity(f, "victim");
  if (!a.empty()) out += fmt::format("by <b>{}</b> ", escape(a));
  if (!v.empty()) out += fmt::format("against <b>{}</b> ", escape(v));
  out += fmt::format("· confidence <b>{:.2f}</b> · detector <b>{}</b> ", real(f, "confidence"),
                     escape(text(f, "detector")));
  for (const Document& t : list(f, "techniques"))
    out += fmt::format("<span class=\"tag\">{}</span>", escape(t.get<std::string>()));
  out += "</div>";
  const auto facts = f.find("facts");
  if (facts != f.end() && facts->is_object() && !facts->empty()) {
    out += "<div class=\"facts small\">";
    for (const auto& [name, value] : facts->items())
      out += fmt::format("{} <b>{}</b> · ", escape(name), escape(value.get<std::string>()));
    out.resize(out.size() - 4);
    out += "</div>";
  }
  const Document& evidence = list(f, "evidence");
  if (!evidence.empty()) {
    out += fmt::format(
        "<details{}><summary>{} of {} behind "
        "it</summary><table><tr><th>record</th><th>uid</th><th>time</th><th>between</th><th>capture, "
        "packets</th><th>display filter</th></tr>",
        evidence.size() <= 3 ? " class=\"print\"" : "", evidence.size(),
        counted(number(f, "evidence_total"), "record"));
    for (const Document& e : evidence) {
      const bool log = !list(e, "lines").empty();
      const Document& packets = list(e, log ? "lines" : "packets");
      const std::string range = packets.empty() ? ""
                                : packets.at(0).at(0) == packets.at(0).at(1)
                                    ? fmt::format("{}", packets.at(0).at(0).get<std::uint64_t>())
                                    : fmt::format("{}–{}", packets.at(0).at(0).get<std::uint64_t>(),
                                                  packets.at(0).at(1).get<std::uint64_t>());
      out += fmt::format(
          "<tr><td>{}</td><td class=\"mono\">{}</td><td>{}</td><td class=\"mono\">{}:{} → {}:{}</td><td>{}, "
          "{}</td><td><span class=\"filter mono\" title=\"click to copy\">{}</span></td></tr>",
          escape(text(e, "record")), escape(text(e, "uid")), escape(when(text(e, "ts"))), escape(text(e, "orig")),
          number(e, "orig_p"), escape(text(e, "resp")), number(e, "resp_p"), escape(text(e, "capture")),
          (log ? "line " : "") + range, escape(display_filter(e)));
    }
    out += "</table>";
    if (!options.case_path.empty() && !list(evidence.at(0), "packets").empty())
      out += fmt::format(
          "<p class=\"small soft\">All its packets: <code>whodunit packets {} {} -o packets.pcap</code></p>",
          escape(options.case_path), escape(text(f, "id")));
    out += "</details>";
  }
  out += "</div>";
}

/// The countries of the victims, read twice, side by side; and how little of it counts.
void victims_alone(std::string& out, const Document& v, const Document& hypotheses) {
  std::string victims;
  for (const Document& c : list(v, "victims")) victims += (victims.empty() ? "" : ", ") + c.get<std::string>();
  out += fmt::format(
      "<h4>What the victims alone would say</h4><p class=\"small\">Victims in {}, against those that {} known actors "
      "with a claimed country are said to have hit. Two readings of one table:</p>"
      "<table class=\"readings\"><tr><th>country</th><th>as published</th><th class=\"n\"></th><th>adjusted for who "
      "gets reported ({:.1f})</th><th class=\"n\"></th><th class=\"n\">counted above</th></tr>",
      escape(victims), grouped(number(v, "actors")), real(v, "adjustment"));
  for (const Document& row : list(v, "countries")) {
    const std::string country = text(row, "country");
    out += fmt::format("<tr><td>{}</td>", country == "other" ? "all others" : escape(country));
    for (const char* reading : {"raw", "adjusted"}) {
      const double p = real(row, reading);
      out += fmt::format(
          "<td class=\"reading\"><span class=\"track\"><span class=\"fill\" "
          "style=\"width:{:.1f}%\"></span></span></td><td class=\"n\">{:.2f}</td>",
          100 * p, p);
    }
    out += fmt::format("<td class=\"n\">{:.3f}</td></tr>", real(row, "given"));
  }
  for (const Document& h : hypotheses) {
    if (text(h, "key") == "cannot-tell")
      out += fmt::format(
          "<tr><td><b>cannot tell</b></td><td colspan=\"4\">What stands above counts only in its last column; this is "
          "what is left to say of whose orders they were.</td><td class=\"n\"><b>{:.2f}</b></td></tr>",
          real(h, "probability"));
  }
  out += "</table><p class=\"small\"><b>Why this must not be over-read</b></p><ul class=\"small\">";
  for (const Document& r : list(v, "reasons")) out += fmt::format("<li>{}</li>", escape(r.get<std::string>()));
  out += "</ul>";
}

void assessment(std::string& out, const Document& a) {
  const std::string level = text(a, "level");
  out += fmt::format("<h3>{}</h3>", level == "infrastructure" ? "Whose machines (infrastructure)"
                                    : level == "operator"     ? "Whose hands (operator)"
                                                              : "Whose orders (sponsor)");
  if (!text(a, "paragraph").empty()) out += fmt::format("<p>{}</p>", escape(text(a, "paragraph")));
  out += "<div class=\"bars\">";
  std::size_t n = 0;
  for (const Document& h : list(a, "hypotheses")) {
    if (++n > 8) break;
    const double p = real(h, "probability");
    out += fmt::format(
        "<div class=\"bar\"><span>{}{}</span><span class=\"track\"><span class=\"fill\" "
        "style=\"display:block;width:{:.1f}%\"></span>",
        escape(text(h, "name")), text(h, "attack_id").empty() ? "" : " (" + escape(text(h, "attack_id")) + ")",
        100 * p);
    if (h.contains("low") && h.contains("high"))
      out += fmt::format("<span class=\"range\" style=\"left:{:.1f}%;width:{:.1f}%\"></span>", 100 * real(h, "low"),
                         std::max(0.0, 100 * (real(h, "high") - real(h, "low"))));
    out += fmt::format("</span><span>{:.2f} <span class=\"soft\">{}</span></span></div>", p, escape(text(h, "words")));
  }
  out += "</div>";
  std::string reasons;
  for (const Document& r : list(a, "confidence_reasons"))
    reasons += (reasons.empty() ? ": " : "; ") + r.get<std::string>();
  out += fmt::format("<p>Analytic confidence: <b>{}</b>{}.</p>", escape(text(a, "confidence")), escape(reasons));
  const Document& evidence = list(a, "evidence");
  const auto matrix = a.find("matrix");
  if (matrix != a.end() && matrix->is_object() && !list(*matrix, "rows").empty()) {
    out += "<details class=\"print\" open><summary>Hypotheses by evidence</summary><table><tr><th>evidence</th>";
    std::map<std::string, std::string> names, statements;
    for (const Document& h : list(a, "hypotheses")) names[text(h, "key")] = text(h, "name");
    for (const Document& e : evidence) statements[text(e, "id")] = text(e, "statement");
    for (const Document& c : (*matrix).at("columns")) {
      const std::string key = c.get<std::string>();
      out += fmt::format("<th>{}</th>", escape(names.count(key) != 0 ? names[key] : key));
    }
    out += "</tr>";
    const Document& cells = list(*matrix, "cells");
    for (std::size_t r = 0; r < (*matrix).at("rows").size(); ++r) {
      const std::string id = (*matrix).at("rows")[r].get<std::string>();
      out += fmt::format("<tr><td>{}</td>", escape(statements.count(id) != 0 ? statements[id] : id));
      if (r < cells.size())
        for (const Document& cell : cells[r]) {
          const std::string mark = text(cell, "mark");
          const double w = real(cell, "weight");
          out += fmt::format("<td class=\"{}\">{} {}</td>",
                             mark == "+"   ? "plus"
                             : mark == "-" ? "minus"
                                           : "soft",
                             mark == "+"   ? "+"
                             : mark == "-" ? "−"
                                           : "·",
                             w == 0 ? "" : fmt::format("{:+.2f}", w));
        }
      out += "</tr>";
    }
    out +=
        "</table><p class=\"small soft\">Numbers are natural logarithms of the likelihood ratio that was counted, "
        "after tempering and the cap by forgeability.</p></details>";
  }
  if (const auto alone = a.find("victims_alone"); alone != a.end() && alone->is_object())
    victims_alone(out, *alone, list(a, "hypotheses"));
  const auto bullets = [&](const char* title, const char* key) {
    const Document& items = list(a, key);
    if (items.empty()) return;
    out += fmt::format("<p class=\"small\"><b>{}</b></p><ul class=\"small\">", title);
    for (const Document& i : items)
      out += fmt::format("<li>{}</li>", escape(i.is_string() ? i.get<std::string>() : text(i, "statement")));
    out += "</ul>";
  };
  bullets("Pivotal", "pivotal");
  bullets("Carried over from another level", "carried");
  bullets("Assumptions", "assumptions");
  bullets("What would change our mind", "would_change");
  bullets("Caveats", "caveats");
}

}  // namespace

std::string escape(std::string_view s) {
  std::string out;
  out.reserve(s.size() + 8);
  for (std::size_t i = 0; i < s.size(); ++i) {
    const auto c = static_cast<unsigned char>(s[i]);
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7f)
          out += "\xEF\xBF\xBD";
        else
          out += s[i];
    }
  }
  return out;
}

namespace {

std::string html_head(const std::string& title) {
  return fmt::format(
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\">"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "script-src 'unsafe-inline'\"><title>Whodunit: {}</title><style>{}</style></head><body>",
      escape(title), kStyle);
}

}  // namespace

std::string html_assessments(const Document& d, const std::string& title) {
  std::string out = html_head(title);
  out += fmt::format(
      "<header><div class=\"brand\">Whodunit · attribution</div><h1>{}</h1></header>"
      "<h2>Who did it, and how sure can we be</h2><p class=\"small soft\">Three levels that are never mixed. “It came "
      "through servers in X” is not “X did it”.</p>",
      escape(title));
  for (const Document& a : list(d, "assessments")) assessment(out, a);
  out += fmt::format(
      "<footer>Made from a file of evidence · knowledge {}. The same evidence, settings and knowledge give the same "
      "answer.</footer></body></html>\n",
      text(d, "knowledge").empty() ? "none" : escape(text(d, "knowledge").substr(0, 16)));
  return out;
}

std::string html_report(const Document& d, const HtmlOptions& options) {
  std::string out = html_head(options.title);
  const Document& incidents = list(d, "incidents");
  const Document& v = d.at("visibility");
  out += fmt::format(
      "<header><div class=\"brand\">Whodunit · verdict</div><h1>{}</h1>",
      escape(incidents.empty() ? "No attack that we look for was found" : text(incidents.at(0), "headline")));
  std::string captures;
  for (const Document& c : list(d, "captures")) captures += (captures.empty() ? "" : ", ") + text(c, "name");
  out += fmt::format(
      "<div class=\"soft small\">{} · {}, {} · {} to {} UTC</div></header>", escape(captures),
      number(v, "log_lines") == 0 ? counted(number(v, "packets"), "packet")
      : number(v, "packets") == 0
          ? counted(number(v, "log_lines"), "line") + " of logs"
          : counted(number(v, "packets"), "packet") + ", " + counted(number(v, "log_lines"), "line") + " of logs",
      counted(number(v, "connections"), "connection"), escape(when(text(v, "first"))), escape(when(text(v, "last"))));
  const Document& home = d.at("home");
  std::string networks;
  for (const Document& n : list(home, "networks")) networks += (networks.empty() ? "" : ", ") + n.get<std::string>();
  std::string zones;
  for (const Document& z : list(home, "zones"))
    zones +=
        fmt::format("{}{}{}{}", zones.empty() ? "; zones: " : ", ",
                    text(z, "organisation").empty() ? "" : escape(text(z, "organisation")) + "/",
                    escape(text(z, "name")), text(z, "level").empty() ? "" : " (" + escape(text(z, "level")) + ")");
  out += fmt::format("<p class=\"small soft\">Defended network {}: <b>{}</b>{}.</p>",
                     home.at("inferred").get<bool>() ? "taken to be" : "as configured",
                     networks.empty() ? "none could be told" : escape(networks),
                     home.at("inferred").get<bool>() ? " (" + escape(text(home, "why")) + ")" : zones);
  answers(out, d);

  const std::string timeline = timeline_svg(d);
  if (!timeline.empty())
    out +=
        "<h2>When</h2><div class=\"figure\">" + timeline +
        "</div><p class=\"small soft\">Full colour: it succeeded. Pale: attempted, or the outcome cannot be told.</p>";
  const std::string who = who_with_whom_svg(d);
  if (!who.empty())
    out += "<h2>Who with whom</h2><div class=\"figure\">" + who +
           "</div><p class=\"small soft\">Dashed: no success seen.</p>";

  if (!incidents.empty()) {
    out +=
        "<h2>Incidents</h2><table><tr><th>id</th><th>what</th><th>phase</th><th>depth</th><th>sophistication</"
        "th><th>time</th><th class=\"n\">findings</th></tr>";
    for (const Document& i : incidents)
      out += fmt::format(
          "<tr><td class=\"mono nowrap\">{}</td><td>{}</td><td class=\"nowrap\">{}</td><td>{}</td><td>{:.2f} <span "
          "class=\"soft\">{}</span></td><td class=\"nowrap\">{}</td><td class=\"n\">{}</td></tr>",
          escape(text(i, "id")), escape(text(i, "headline")), escape(text(i, "phase")), escape(text(i, "depth")),
          real(i, "sophistication"), escape(text(i, "sophistication_why")), escape(when(text(i, "first"))),
          list(i, "findings").size());
    out += "</table>";
  }
  out += "<h2>Findings</h2>";
  std::vector<const Document*> findings;
  for (const Document& f : list(d, "findings")) findings.push_back(&f);
  static const std::map<std::string, int> kRank = {
      {"informational", 0}, {"low", 1}, {"medium", 2}, {"high", 3}, {"critical", 4}};
  std::stable_sort(findings.begin(), findings.end(), [](const Document* a, const Document* b) {
    return kRank.at(text(*a, "severity")) > kRank.at(text(*b, "severity"));
  });
  if (findings.empty()) out += "<p>None.</p>";
  for (std::size_t i = 0; i < findings.size(); ++i) {
    if (i == 200) {
      out += fmt::format("<p class=\"soft\">{} more of lower severity are in the case.</p>",
                         grouped(findings.size() - 200));
      break;
    }
    finding(out, *findings[i], options);
  }
  out +=
      "<h2>Who did it, and how sure can we be</h2><p class=\"small soft\">Three levels that are never mixed. “It came "
      "through servers in X” is not “X did it”.</p>";
  const Document& machines = list(d, "machines");
  if (!machines.empty()) {
    out += "<table><tr><th>machine</th><th>role</th><th>country</th><th>network</th><th>kind</th><th>sources</th></tr>";
    std::size_t n = 0;
    for (const Document& m : machines) {
      if (++n > 40) break;
      std::string sources;
      for (const Document& s : list(m, "sources")) sources += (sources.empty() ? "" : "; ") + s.get<std::string>();
      out += fmt::format(
          "<tr><td class=\"mono\">{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"small "
          "soft\">{}</td></tr>",
          escape(text(m, "address")), escape(text(m, "role")), escape(text(m, "country")), escape(text(m, "network")),
          escape(text(m, "kind")), escape(sources));
    }
    out += "</table>";
  }
  for (const Document& a : list(d, "assessments")) assessment(out, a);

  out += "<h2>What could not be seen</h2><ul>";
  out += fmt::format(
      "<li>{:.0f} % of {} of payload were encrypted; {} of {} were captured one-sided; {} are missing in gaps.</li>",
      100 * real(v, "encrypted_share"), human_bytes(number(v, "bytes")), grouped(number(v, "one_sided")),
      counted(number(v, "connections"), "connection"), human_bytes(number(v, "gap_bytes")));
  if (number(v, "unread") != 0)
    out += fmt::format("<li>{} could not be read.</li>", counted(number(v, "unread"), "packet"));
  for (const Document& c : list(d, "captures"))
    if (!text(c, "reason").empty())
      out += fmt::format("<li>{}: {}.</li>", escape(text(c, "name")), escape(text(c, "reason")));
  for (const Document& n : list(d, "notes")) out += fmt::format("<li>{}.</li>", escape(n.get<std::string>()));
  out += "</ul>";

  out +=
      "<h2>Method</h2><p>Every packet of the captures was decoded; connections were put together and parsed by "
      "content; logs of other sensors were taken as they are. Detectors read the resulting records, each by a "
      "published method with parameters that the "
      "documentation lists. Findings that show one intruder’s hand were joined into incidents; depth is the innermost "
      "zone with a step that succeeded. Attribution weighs competing hypotheses on three levels, with “cannot tell” "
      "and “an unknown group” among them.</p>";
  out +=
      "<table><tr><th>capture</th><th>SHA-256</th><th class=\"n\">packets or lines</th><th>from</th><th>to</th></tr>";
  for (const Document& c : list(d, "captures"))
    out += fmt::format("<tr><td>{}</td><td class=\"mono\">{}</td><td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>",
                       escape(text(c, "name")), escape(text(c, "sha256")),
                       grouped(number(c, "packets") + number(c, "lines")), escape(when(text(c, "first"))),
                       escape(when(text(c, "last"))));
  out += "</table><p class=\"small soft\">Records: ";
  for (const auto& [name, n] : d.at("records").items())
    out += fmt::format("{} {} · ", escape(name), grouped(n.get<std::uint64_t>()));
  out += "</p>";
  const Document& made = d.at("made_with");
  out += fmt::format(
      "<footer>Made with {} · settings {} · knowledge {}. The same input, settings and knowledge give the same "
      "report.</footer><script>{}</script></body></html>\n",
      escape(text(made, "program")), escape(text(made, "settings")),
      text(made, "knowledge").empty() ? "none" : escape(text(made, "knowledge").substr(0, 16)), kScript);
  return out;
}

}  // namespace whodunit::report
