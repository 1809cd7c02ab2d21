#include "report/terminal.h"
#include "report/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/time.h"

namespace whodunit::report {
namespace {

/// Control characters of an enemy's choosing must not reach the terminal.
std::string safe(std::string_view s) {
  std::string out;
  for (const char c : s) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += '?';
    else
      out += c;
  }
  return out;
}

/// Cut to `columns` characters of UTF-8.
std::string cut(const std::string& s, std::size_t columns) {
  std::size_t n = 0, i = 0;
  while (i < s.size() && n < columns) {
    ++i;
    while (i < s.size() && (static_cast<unsigned char>(s[i]) & 0xc0) == 0x80) ++i;
    ++n;
  }
  if (i >= s.size()) return s;
  // Leave room for the mark.
  do {
    --i;
  } while (i > 0 && (static_cast<unsigned char>(s[i]) & 0xc0) == 0x80);
  return s.substr(0, i) + "…";
}

std::size_t columns_of(const std::string& s) {
  return static_cast<std::size_t>(
      std::count_if(s.begin(), s.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// Wraps at spaces, the first line after `indent` columns that are written already.
void wrap(std::string& out, const std::string& s, std::size_t indent, std::size_t width) {
  std::size_t column = indent;
  std::size_t at = 0;
  bool first = true;
  while (at < s.size()) {
    std::size_t end = s.find(' ', at);
    if (end == std::string::npos) end = s.size();
    const std::string word = s.substr(at, end - at);
    const std::size_t n = columns_of(word);
    if (!first && column + 1 + n > width) {
      out += '\n';
      out.append(indent, ' ');
      column = indent;
      first = true;
    }
    if (!first) {
      out += ' ';
      ++column;
    }
    out += word;
    column += n;
    first = false;
    at = end + 1;
  }
  out += '\n';
}

/// What fits into `columns`, broken at a space, and the rest. A word that does not fit is cut by the caller.
std::pair<std::string, std::string> split(const std::string& s, std::size_t columns) {
  if (columns_of(s) <= columns) return {s, {}};
  std::size_t at = 0, n = 0, space = 0;
  while (at < s.size() && n <= columns) {
    if (s[at] == ' ') space = at;
    ++at;
    while (at < s.size() && (static_cast<unsigned char>(s[at]) & 0xc0) == 0x80) ++at;
    ++n;
  }
  if (space == 0) return {cut(s, columns), {}};
  return {s.substr(0, space), s.substr(space + 1)};
}

std::string home_line(const Document& d) {
  const Document& home = d.at("home");
  std::string networks;
  for (const Document& n : home.at("networks")) networks += (networks.empty() ? "" : ", ") + n.get<std::string>();
  if (networks.empty())
    return "No defended network could be told (" + text(home, "why") + "). Name it with --home NETWORK.";
  if (!home.at("inferred").get<bool>()) {
    std::string zones;
    if (home.contains("zones"))
      for (const Document& z : home.at("zones")) {
        const std::string level = text(z, "level"), organisation = text(z, "organisation");
        zones += fmt::format("{}{}{}{}", zones.empty() ? "" : ", ", organisation.empty() ? "" : organisation + "/",
                             text(z, "name"), level.empty() ? "" : " (" + level + ")");
      }
    return "Defended network, as configured: " + networks + (zones.empty() ? "" : "; zones: " + zones) +
           ". Change with --home or the config file.";
  }
  return "Defended network taken to be " + networks + " (" + text(home, "why") + "). Change with --home.";
}

/// "2007-09-03 02:11 – 09-07 19:40", with seconds where it is within minutes.
std::string span(base::Time a, base::Time b) {
  const bool brief = (b - a).ns < 600'000'000'000;
  const auto words = [&](base::Time t) {
    std::string s = base::to_rfc3339(t).substr(0, brief ? 19 : 16);
    std::replace(s.begin(), s.end(), 'T', ' ');
    return s;
  };
  std::string from = words(a);
  const std::string to = words(b);
  if (from == to) return from;
  return from + " – " +
         to.substr(from.substr(0, 10) == to.substr(0, 10) ? 11
                   : from.substr(0, 4) == to.substr(0, 4) ? 5
                                                          : 0);
}

/// What the traffic was, the record types with most rows first.
std::string records_line(const Document& d) {
  std::vector<std::pair<std::uint64_t, std::string>> kinds;
  const auto records = d.find("records");
  if (records == d.end() || !records->is_object()) return {};
  for (const auto& [name, n] : records->items())
    if (name != "conn" && name != "weird" && n.is_number_unsigned()) kinds.emplace_back(n.get<std::uint64_t>(), name);
  std::stable_sort(kinds.begin(), kinds.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string line;
  for (std::size_t i = 0; i < std::min<std::size_t>(8, kinds.size()); ++i)
    line += fmt::format("{}{} {}", i == 0 ? "  Records: " : ", ", kinds[i].second, grouped(kinds[i].first));
  if (kinds.size() > 8) line += fmt::format(", {} more kind{}", kinds.size() - 8, kinds.size() == 9 ? "" : "s");
  return line.empty() ? line : line + ".";
}

std::string read_line(const Document& d) {
  const Document& v = d.at("visibility");
  std::string line = "Read ";
  const std::uint64_t lines = number(v, "log_lines"), packets = number(v, "packets");
  if (packets != 0 || lines == 0) line += counted(packets, "packet") + ", ";
  if (lines != 0) line += counted(lines, "line") + " of logs, ";
  line += counted(number(v, "connections"), "connection");
  std::string first, last;
  for (const Document& c : d.at("captures")) {
    const std::string f = text(c, "first"), l = text(c, "last");
    if (!f.empty() && (first.empty() || f < first)) first = f;
    if (!l.empty() && l > last) last = l;
  }
  if (!first.empty()) {
    const auto a = base::parse_time(first), b = base::parse_time(last);
    if (a && b) line += ", " + span(*a, *b) + " UTC";
  }
  line += '.';
  if (number(v, "unread") != 0) {
    std::string why;
    for (const Document& c : d.at("captures"))
      if (!text(c, "reason").empty() && why.empty()) why = " (" + text(c, "reason") + ")";
    line += fmt::format("  Not read: {}{}.", counted(number(v, "unread"), "packet"), why);
  }
  if (number(v, "log_lines_unread") != 0)
    line += fmt::format("  Not read: {} of logs.", counted(number(v, "log_lines_unread"), "line"));
  line += records_line(d);
  return line;
}

std::string happened(const Document& d) {
  const Document& incidents = d.at("incidents");
  std::size_t attacks = 0, outbound = 0;
  for (const Document& i : incidents) (i.at("outbound").get<bool>() ? outbound : attacks) += 1;
  if (attacks == 0 && outbound == 0) {
    if (d.at("findings").empty())
      return "Nothing that we look for was found. That is no proof of absence: see what could not be seen.";
    return "Nothing that we would call an attack; what was noticed:";
  }
  const Document* top = &incidents.at(0);
  std::string line = text(*top, "headline") + ".";
  if (attacks + outbound > 1) line += fmt::format(" {} more.", counted(attacks + outbound - 1, "incident"));
  return line;
}

/// "a → b → c; d → e": each pair once, however many findings say so; nothing where it is too long to be read.
std::string way_of(const Document& path) {
  constexpr std::size_t kMostPairs = 6;
  std::set<std::pair<std::string, std::string>> pairs;
  std::string way, last;
  for (const Document& step : path) {
    const std::string from = text(step, "from"), to = text(step, "to");
    if (!pairs.emplace(from, to).second) continue;
    if (from != last) way += (way.empty() ? "" : "; ") + from;
    way += " → " + to;
    last = to;
  }
  return pairs.size() <= kMostPairs ? way : std::string();
}

std::string how_far(const Document& d) {
  static const std::vector<std::string> kOrder = {"outside", "outer", "inner", "core"};
  std::size_t deepest = 0;
  std::size_t steps = 0;
  bool any = false;
  std::string way;  // of the incident that went deepest
  for (const Document& i : d.at("incidents")) {
    if (i.at("outbound").get<bool>()) continue;
    any = true;
    const std::size_t at =
        static_cast<std::size_t>(std::find(kOrder.begin(), kOrder.end(), text(i, "depth")) - kOrder.begin());
    if (at > deepest && !i.at("path").empty()) way = way_of(i.at("path"));
    deepest = std::max(deepest, std::min<std::size_t>(at, 3));
    steps += i.at("path").size();
  }
  std::string line;
  if (!any)
    line = "No step inward seen.";
  else if (deepest == 0 && steps == 0)
    line = "Not in, as far as we can see: no step inward that succeeded.";
  else if (deepest == 0)
    line =
        counted(steps, "step") +
        " that succeeded, against hosts of no zone that is known. Name the defended network with --home to learn how "
        "far in that is.";
  else
    line = fmt::format("{} zone ({}{}).",
                       deepest == 1   ? "Outer"
                       : deepest == 2 ? "Inner"
                                      : "Core",
                       counted(steps, "step") + " that succeeded", way.empty() ? "" : ": " + way);
  // What we would have seen further in.
  for (const Document& z : d.at("visibility").at("zones")) {
    const std::size_t at =
        static_cast<std::size_t>(std::find(kOrder.begin(), kOrder.end(), text(z, "zone")) - kOrder.begin());
    if (number(z, "hosts_known") == 0 || at <= deepest || at == kOrder.size()) continue;
    line += fmt::format(" A step to the {} zone we would have seen with probability {:.2f} ({}).", kOrder[at],
                        z.at("probability").get<double>(), text(z, "statement"));
    break;
  }
  return line;
}

std::string short_probability(double p) {
  std::string s = fmt::format("{:.2f}", p);
  return s.rfind("0.", 0) == 0 ? s.substr(1) : s;
}

std::string level_line(const Document& d, std::string_view level) {
  for (const Document& a : d.at("assessments")) {
    if (text(a, "level") != level) continue;
    std::string line;
    std::size_t n = 0;
    for (const Document& h : a.at("hypotheses")) {
      const double p = h.at("probability").get<double>();
      if (n >= 3 || (n > 0 && p < 0.05)) break;
      line +=
          fmt::format("{}{} {} {}", line.empty() ? "" : "; ", text(h, "name"), short_probability(p), text(h, "words"));
      ++n;
    }
    return line;
  }
  return "cannot tell";
}

}  // namespace

std::string terminal_verdict(const Document& d, const TerminalOptions& options) {
  constexpr std::size_t kFew = 5;  // findings of which each may take two lines
  std::string out;
  const std::size_t width = std::max<std::size_t>(60, options.width);
  const auto bold = [&](std::string_view s) {
    return options.color ? fmt::format("\x1b[1m{}\x1b[0m", s) : std::string(s);
  };
  wrap(out, safe(home_line(d)), 0, width);
  wrap(out, safe(read_line(d)), 0, width);
  out += '\n';

  out += bold("WHAT HAPPENED") + "  ";
  wrap(out, safe(happened(d)), 15, width);
  // The gravest first, then shown in time order.
  std::vector<const Document*> findings;
  for (const Document& f : d.at("findings")) findings.push_back(&f);
  // What only informs is shown where there is nothing else.
  const auto informs = [](const Document* f) { return text(*f, "severity") == "informational"; };
  if (!std::all_of(findings.begin(), findings.end(), informs))
    findings.erase(std::remove_if(findings.begin(), findings.end(), informs), findings.end());
  static const std::map<std::string, int> kRank = {
      {"informational", 0}, {"low", 1}, {"medium", 2}, {"high", 3}, {"critical", 4}};
  std::stable_sort(findings.begin(), findings.end(), [](const Document* a, const Document* b) {
    return kRank.at(text(*a, "severity")) > kRank.at(text(*b, "severity"));
  });
  const std::size_t shown = std::min(findings.size(), options.findings);
  const std::size_t more = findings.size() - shown;
  findings.resize(shown);
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Document* a, const Document* b) { return text(*a, "first") < text(*b, "first"); });
  for (const Document* f : findings) {
    const auto t = base::parse_time(text(*f, "first"));
    const std::string id = text(*f, "id");
    // The id stands at the end of the first line; where few findings are shown, a statement may take two.
    const std::size_t room = width > 30 + id.size() + 2 ? width - 30 - id.size() - 2 : 40;
    const auto [line, rest] = split(safe(text(*f, "statement")), room);
    const bool second = findings.size() <= kFew && !rest.empty();
    const std::string shown_line = second || rest.empty() ? line : cut(safe(text(*f, "statement")), room);
    out += fmt::format("  {:<13}  {:<12} {}", text(*f, "phase"), t ? base::to_short(*t) : "", shown_line);
    out.append(room - std::min(room, columns_of(shown_line)) + 2, ' ');
    out += id + '\n';
    if (second) {
      out.append(30, ' ');
      out += cut(rest, room + id.size() + 2) + '\n';
    }
  }
  if (more != 0) out += fmt::format("  … and {} more, none graver: whodunit findings CASE\n", counted(more, "finding"));

  out += bold("HOW FAR IN") + "     ";
  wrap(out, safe(how_far(d)), 15, width);
  out += bold("SOMETHING LARGER?") + "  ";
  if (d.at("campaigns").empty()) {
    wrap(out, d.at("incidents").empty() ? "Nothing to join." : "Cannot tell from one case: whodunit campaigns CASE…",
         19, width);
  } else {
    const Document& c = d.at("campaigns").at(0);
    wrap(out,
         safe(fmt::format("{} incidents are linked ({}).", c.at("incidents").size(),
                          c.at("links").empty() ? "" : text(c.at("links").at(0), "reason"))),
         19, width);
  }
  if (!accuses(d)) {
    out += bold("WHO") + "            ";
    wrap(out, "Nobody to name: no act of an intruder was seen, and there is nothing to attribute.", 15, width);
  } else {
    out += bold("WHO") + "            whose machines  ";
    std::string machines;
    std::size_t n = 0;
    for (const Document& m : d.at("machines")) {
      if (++n > 3) {
        machines += fmt::format("; {} more", d.at("machines").size() - 3);
        break;
      }
      const std::string kind = text(m, "kind");  // "hosting", or "a domain, asked of …"
      machines += fmt::format("{}{}{}{}{}", machines.empty() ? "" : "; ", text(m, "address"),
                              kind.empty() ? "" : (kind.rfind("a ", 0) == 0 ? ", " : " ") + kind,
                              text(m, "country").empty() ? "" : ", " + text(m, "country"),
                              text(m, "network").empty() ? "" : ", " + text(m, "network"));
    }
    wrap(out, safe(machines.empty() ? "no machine of an intruder's was seen" : machines), 31, width);
    out += "               whose hands     ";
    wrap(out, safe(level_line(d, "operator")), 31, width);
    out += "               whose orders    ";
    wrap(out, safe(level_line(d, "sponsor")), 31, width);
    for (const Document& a : d.at("assessments")) {
      if (text(a, "level") != "operator") continue;
      std::string line = "Confidence " + text(a, "confidence");
      if (a.contains("confidence_reasons") && !a.at("confidence_reasons").empty())
        line += ": " + a.at("confidence_reasons").at(0).get<std::string>();
      line += '.';
      if (a.contains("would_change") && !a.at("would_change").empty())
        line += " Would change it: " + a.at("would_change").at(0).get<std::string>();
      out += "               ";
      wrap(out, safe(line), 15, width);
    }
  }
  for (const Document& note : d.at("notes")) {
    out += "Note: ";
    wrap(out, safe(note.get<std::string>()), 6, width);
  }
  if (!options.case_path.empty()) {
    out += '\n';
    if (!findings.empty()) {
      const std::string id = text(*findings.front(), "id");
      out += fmt::format("explain  whodunit explain {} {}\n", options.case_path, id);
      // Of what came in as logs there are none.
      if (number(d.at("visibility"), "packets") != 0)
        out += fmt::format("packets  whodunit packets {} {} -o f.pcap\n", options.case_path, id);
    } else {
      out += fmt::format("look in  whodunit query {} 'SELECT * FROM conn LIMIT 10'\n", options.case_path);
    }
    out += options.report_path.empty()
               ? fmt::format("report   whodunit report {} --format html -o report.html\n", options.case_path)
               : fmt::format("report   {}\n", options.report_path);
  }
  return out;
}

}  // namespace whodunit::report
