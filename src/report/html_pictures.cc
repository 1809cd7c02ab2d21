// The report's two pictures: when what happened, and who did it with whom.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/time.h"
#include "report/document.h"
#include "report/html.h"

namespace whodunit::report {
namespace {

constexpr const char* kPhases[] = {"door-rattling", "assault", "entry", "foothold", "spread", "theft", "harm"};

std::string value_of(const Document& finding, const char* key) {
  const auto at = finding.find(key);
  return at != finding.end() && at->is_object() ? text(*at, "value") : std::string();
}

std::string shortened(const std::string& s, std::size_t most) {
  return s.size() <= most ? s : s.substr(0, most - 1) + "…";
}

/// Round steps for an axis of `span` seconds with about six marks.
double axis_step(double span) {
  for (const double step : {1e-3, 1e-2, 0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 12 * 3600.0,
                            86400.0, 7 * 86400.0, 30 * 86400.0, 365 * 86400.0})
    if (span / step <= 7) return step;
  return span / 6;
}

std::string axis_label(base::Time t, double step) {
  const base::Civil c = base::to_civil(t);
  // Over more than a year, days without their year are no dates.
  if (step >= 40 * 86400.0) return fmt::format("{} {}", base::to_short(t).substr(0, 3), c.year);
  if (step >= 86400) return base::to_short(t).substr(0, 6);
  if (step >= 60) return fmt::format("{:02}:{:02}", c.hour, c.minute);
  if (step >= 1) return fmt::format("{:02}:{:02}:{:02}", c.hour, c.minute, c.second);
  return fmt::format("{:02}.{:03}", c.second, c.nanosecond / 1000000);
}

struct Label {
  double x, y, width;
};

/// Where the words of an edge from height `y1` to `y2` stand on its curve, and not on another's: two edges that cross
/// in the middle would seem to have each other's.
Label place_label(double y1, double y2, std::size_t letters, std::vector<Label>& placed) {
  const double width = 6.2 * static_cast<double>(letters);  // at 11 px, about
  const auto at = [&](double t) {
    const double u = 1 - t;
    const double x = u * u * u * 300 + 3 * u * u * t * 450 + 3 * u * t * t * 560 + t * t * t * 706;
    return Label{x, u * u * (u + 3 * t) * y1 + t * t * (t + 3 * u) * y2, width};
  };
  Label best = at(0.5);
  for (const double t : {0.5, 0.34, 0.66, 0.22, 0.78}) {
    const Label here = at(t);
    const bool free = std::none_of(placed.begin(), placed.end(), [&](const Label& other) {
      return std::abs(other.y - here.y) < 13 && std::abs(other.x - here.x) < (other.width + here.width) / 2 + 6;
    });
    if (!free) continue;
    best = here;
    break;
  }
  placed.push_back(best);
  return best;
}

}  // namespace

std::string timeline_svg(const Document& d) {
  struct Mark {
    base::Time first, last;
    std::size_t lane;
    std::string severity, id, statement;
    bool succeeded;
  };
  std::vector<Mark> marks;
  std::set<std::size_t> lanes;
  for (const Document& f : d.at("findings")) {
    const auto first = base::parse_time(text(f, "first")), last = base::parse_time(text(f, "last"));
    if (!first || !last) continue;
    const std::size_t lane = static_cast<std::size_t>(
        std::find(std::begin(kPhases), std::end(kPhases), text(f, "phase")) - std::begin(kPhases));
    if (lane >= std::size(kPhases)) continue;
    lanes.insert(lane);
    marks.push_back({*first, *last, lane, text(f, "severity"), text(f, "id"), text(f, "statement"),
                     text(f, "outcome") == "succeeded"});
  }
  if (marks.empty()) return "";
  base::Time from = marks[0].first, to = marks[0].last;
  for (const Mark& m : marks) {
    from = std::min(from, m.first);
    to = std::max(to, m.last);
  }
  double span = std::max((to - from).seconds(), 1.0);
  const double left = 120, right = 1000, lane_height = 34, top = 14;
  const double height = top + lane_height * static_cast<double>(lanes.size()) + 34;
  const auto x_of = [&](base::Time t) { return left + 10 + (t - from).seconds() / span * (right - left - 20); };
  std::string out = fmt::format(
      "<svg viewBox=\"0 0 1010 {:.0f}\" role=\"img\" aria-label=\"Timeline of findings by phase\" "
      "font-family=\"system-ui,sans-serif\" font-size=\"12\">",
      height);
  std::map<std::size_t, double> y_of;
  double y = top;
  for (const std::size_t lane : lanes) {
    y_of[lane] = y;
    out += fmt::format(
        "<rect x=\"{}\" y=\"{:.1f}\" width=\"{}\" height=\"{}\" fill=\"var(--tint)\"/><text x=\"{}\" y=\"{:.1f}\" "
        "text-anchor=\"end\" fill=\"var(--soft)\">{}</text>",
        left, y, right - left, lane_height - 6, left - 10, y + lane_height / 2 + 1, kPhases[lane]);
    y += lane_height;
  }
  const double step = axis_step(span);
  const double start = std::ceil(from.seconds() / step) * step;
  int ticks = 0;
  for (double t = start; t <= to.seconds() + 1e-9 && ticks < 12; t += step, ++ticks) {
    const base::Time at{static_cast<std::int64_t>(t * 1e9)};
    const double x = x_of(at);
    out += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2:.1f}\" stroke=\"var(--line)\"/><text x=\"{0:.1f}\" "
        "y=\"{3:.1f}\" text-anchor=\"middle\" fill=\"var(--soft)\">{4}</text>",
        x, top, y - 6, y + 10, axis_label(at, step));
  }
  out += fmt::format("<text x=\"{}\" y=\"{:.1f}\" fill=\"var(--soft)\" font-size=\"11\">{} – {} UTC</text>", left,
                     y + 25, base::to_minutes(from), base::to_minutes(to));
  std::size_t drawn = 0;
  for (const Mark& m : marks) {
    if (++drawn > 400) break;
    const double x1 = x_of(m.first), x2 = x_of(m.last);
    const double cy = y_of[m.lane] + (lane_height - 6) / 2;
    const std::string fill = fmt::format("var(--{})", escape(m.severity));
    if (x2 - x1 > 8)
      out += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"10\" rx=\"5\" fill=\"{}\" fill-opacity=\"{}\" "
          "stroke=\"{}\">",
          x1, cy - 5, x2 - x1, fill, m.succeeded ? "0.9" : "0.35", fill);
    else
      out += fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"6\" fill=\"{}\" fill-opacity=\"{}\" stroke=\"{}\" "
          "stroke-width=\"1.5\">",
          (x1 + x2) / 2, cy, fill, m.succeeded ? "0.9" : "0.25", fill);
    out += fmt::format("<title>{} {}</title></{}>", escape(m.id), escape(m.statement), x2 - x1 > 8 ? "rect" : "circle");
  }
  out += "</svg>";
  return out;
}

std::string who_with_whom_svg(const Document& d) {
  struct Edge {
    std::size_t count = 0;
    std::string severity;
    std::set<std::string> phases;
    bool succeeded = false;
  };
  static const std::map<std::string, int> kRank = {
      {"informational", 0}, {"low", 1}, {"medium", 2}, {"high", 3}, {"critical", 4}};
  std::map<std::pair<std::string, std::string>, Edge> edges;
  std::map<std::string, std::size_t> left_weight, right_weight;
  for (const Document& f : d.at("findings")) {
    if (text(f, "severity") == "informational") continue;
    std::string a = value_of(f, "attacker"), v = value_of(f, "victim");
    if (a.empty() && v.empty()) continue;
    if (a.empty()) a = "unknown";
    if (v.empty()) v = "unknown";
    Edge& e = edges[{a, v}];
    ++e.count;
    e.phases.insert(text(f, "phase"));
    e.succeeded |= text(f, "outcome") == "succeeded" && text(f, "phase") != "door-rattling";
    if (e.severity.empty() || kRank.at(text(f, "severity")) > kRank.at(e.severity)) e.severity = text(f, "severity");
    left_weight[a] += 1 + static_cast<std::size_t>(kRank.at(text(f, "severity")));
    right_weight[v] += 1 + static_cast<std::size_t>(kRank.at(text(f, "severity")));
  }
  if (edges.empty()) return "";
  const auto column = [](const std::map<std::string, std::size_t>& weights) {
    std::vector<std::pair<std::string, std::size_t>> list(weights.begin(), weights.end());
    std::stable_sort(list.begin(), list.end(), [](const auto& x, const auto& y) { return x.second > y.second; });
    if (list.size() > 14) list.resize(14);
    return list;
  };
  const auto lefts = column(left_weight), rights = column(right_weight);
  const double row = 34, top = 34;
  const double height = top + row * static_cast<double>(std::max(lefts.size(), rights.size())) + 16;
  std::map<std::string, std::string> kind;
  for (const Document& m : d.at("machines")) {
    std::string k = text(m, "kind");
    if (!text(m, "country").empty()) k += (k.empty() ? "" : ", ") + text(m, "country");
    kind[text(m, "address")] = k;
  }
  std::string out = fmt::format(
      "<svg viewBox=\"0 0 1010 {:.0f}\" role=\"img\" aria-label=\"Who acted against whom\" "
      "font-family=\"system-ui,sans-serif\" font-size=\"12\">",
      height);
  out +=
      "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerUnits=\"userSpaceOnUse\" "
      "markerWidth=\"11\" markerHeight=\"11\" orient=\"auto-start-reverse\"><path d=\"M0 0L8 4L0 8z\" "
      "fill=\"var(--soft)\"/></marker></defs>";
  out +=
      "<text x=\"20\" y=\"18\" fill=\"var(--soft)\" font-weight=\"600\">WHO</text><text x=\"720\" y=\"18\" "
      "fill=\"var(--soft)\" font-weight=\"600\">AGAINST WHOM</text>";
  std::map<std::string, double> left_y, right_y;
  const auto spread = [&](const auto& list, std::map<std::string, double>& ys) {
    const double gap = (height - top - 16) / static_cast<double>(list.size());
    for (std::size_t i = 0; i < list.size(); ++i) ys[list[i].first] = top + gap * (static_cast<double>(i) + 0.5);
  };
  spread(lefts, left_y);
  spread(rights, right_y);
  std::vector<Label> labels;
  std::string words;  // above all lines
  for (const auto& [ends, e] : edges) {
    if (left_y.count(ends.first) == 0 || right_y.count(ends.second) == 0) continue;
    const double y1 = left_y[ends.first], y2 = right_y[ends.second];
    std::string phases;
    for (const std::string& p : e.phases) phases += (phases.empty() ? "" : ", ") + p;
    out += fmt::format(
        "<path d=\"M300 {:.1f}C450 {:.1f} 560 {:.1f} 706 {:.1f}\" fill=\"none\" stroke=\"var(--{})\" "
        "stroke-width=\"{:.1f}\" {} marker-end=\"url(#arrow)\"><title>{}</title></path>",
        y1, y1, y2, y2, escape(e.severity), 1.5 + std::min(3.5, std::log2(static_cast<double>(e.count) + 1)),
        e.succeeded ? "" : "stroke-dasharray=\"5 4\"",
        escape(fmt::format("{} → {}: {}", ends.first, ends.second, phases)));
    if (edges.size() <= 10) {
      const Label label = place_label(y1, y2, phases.size(), labels);
      words += fmt::format(
          "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\" fill=\"var(--soft)\" font-size=\"11\" "
          "paint-order=\"stroke\" stroke=\"var(--paper)\" stroke-width=\"4\">{}</text>",
          label.x, label.y + 4, escape(phases));
    }
  }
  out += words;
  const auto boxes = [&](const auto& list, const std::map<std::string, double>& ys, double x) {
    for (const auto& [name, weight] : list) {
      const double y = ys.at(name);
      out += fmt::format(
          "<rect x=\"{}\" y=\"{:.1f}\" width=\"286\" height=\"28\" rx=\"6\" fill=\"var(--tint)\" "
          "stroke=\"var(--line)\"/>",
          x, y - 14);
      const auto k = kind.find(name);
      const bool sub = k != kind.end() && !k->second.empty();
      out += fmt::format(
          "<text x=\"{}\" y=\"{:.1f}\" fill=\"var(--ink)\" "
          "font-family=\"ui-monospace,Menlo,Consolas,monospace\">{}<title>{}</title></text>",
          x + 10, y + (sub ? -1 : 4), escape(shortened(name, 38)), escape(name));
      if (sub)
        out += fmt::format("<text x=\"{}\" y=\"{:.1f}\" fill=\"var(--soft)\" font-size=\"10\">{}</text>", x + 10,
                           y + 10, escape(shortened(k->second, 52)));
    }
  };
  boxes(lefts, left_y, 14);
  boxes(rights, right_y, 714);
  const std::size_t left_out = left_weight.size() - lefts.size() + right_weight.size() - rights.size();
  if (left_out != 0)
    out += fmt::format(
        "<text x=\"505\" y=\"{:.0f}\" text-anchor=\"middle\" fill=\"var(--soft)\" font-size=\"11\">{} more not "
        "drawn</text>",
        height - 3, left_out);
  out += "</svg>";
  return out;
}

}  // namespace whodunit::report
