#include <fmt/format.h>

#include <algorithm>

#include "attribution/levels.h"
#include "base/json.h"

namespace whodunit::attribution {

void finish(Assessment& assessment, const Settings&) {
  std::stable_sort(assessment.hypotheses.begin(), assessment.hypotheses.end(),
                   [](const Hypothesis& a, const Hypothesis& b) {
                     return a.probability != b.probability ? a.probability > b.probability : a.key < b.key;
                   });
  for (Hypothesis& h : assessment.hypotheses) {
    h.probability = std::clamp(h.probability, 0.0, 1.0);
    h.low = std::clamp(h.low, 0.0, h.probability);
    h.high = std::clamp(h.high, h.probability, 1.0);
    h.words = words_of(h.probability);
  }
}

std::vector<Assessment> assess(const CaseFacts& facts, const ActorTable* table, const Settings& settings) {
  return assess(facts, table, settings, Weights::shipped());
}

std::vector<Assessment> assess(const CaseFacts& facts, const ActorTable* table, const Settings& settings,
                               const Weights& weights) {
  std::vector<Assessment> out;
  out.push_back(infrastructure_level(facts, settings));
  OperatorResult op = operator_level(facts, table, settings, weights);
  finish(op.assessment, settings);
  Assessment sponsor = sponsor_level(facts, table, settings, weights, op);
  out.push_back(std::move(op.assessment));
  out.push_back(std::move(sponsor));
  return out;
}

namespace {

void strings(base::JsonWriter& w, const char* key, const std::vector<std::string>& list) {
  w.key(key).begin_array();
  for (const std::string& s : list) w.string(s);
  w.end_array();
}

double rounded(double x) {
  return static_cast<double>(static_cast<std::int64_t>(x * 1e6 + (x < 0 ? -0.5 : 0.5))) / 1e6;
}

}  // namespace

std::string to_json(const std::vector<Assessment>& assessments) {
  std::string out;
  base::JsonWriter w(out);
  w.begin_array();
  for (const Assessment& a : assessments) {
    w.begin_object();
    w.key("subject").string(a.subject);
    w.key("level").string(to_string(a.level));
    w.key("hypotheses").begin_array();
    for (const Hypothesis& h : a.hypotheses) {
      w.begin_object();
      w.key("key").string(h.key);
      w.key("name").string(h.name);
      w.key("attack_id");
      h.attack_id.empty() ? w.null() : w.string(h.attack_id);
      w.key("country");
      h.country.empty() ? w.null() : w.string(h.country);
      w.key("probability").number(rounded(h.probability));
      w.key("low").number(rounded(h.low));
      w.key("high").number(rounded(h.high));
      w.key("prior").number(rounded(h.prior));
      w.key("words").string(h.words);
      w.end_object();
    }
    w.end_array();
    w.key("confidence").string(a.confidence);
    strings(w, "confidence_reasons", a.confidence_reasons);
    w.key("paragraph").string(a.paragraph);
    strings(w, "assumptions", a.assumptions);
    w.key("pivotal").begin_array();
    for (const Pivot& p : a.pivotal) {
      w.begin_object();
      strings(w, "items", p.items);
      w.key("statement").string(p.statement);
      w.key("lead").string(p.lead);
      w.key("probability").number(rounded(p.probability));
      w.end_object();
    }
    w.end_array();
    strings(w, "would_change", a.would_change);
    strings(w, "caveats", a.caveats);
    strings(w, "carried", a.carried);
    w.key("evidence").begin_array();
    for (const Evidence& e : a.evidence) {
      w.begin_object();
      w.key("id").string(e.id);
      w.key("kind").string(e.kind);
      w.key("channel").string(to_string(e.channel));
      w.key("value").string(e.value);
      w.key("statement").string(e.statement);
      strings(w, "findings", e.findings);
      strings(w, "records", e.records);
      w.key("reliability").string(std::string(1, e.grade.reliability));
      w.key("credibility").number(static_cast<std::int64_t>(e.grade.credibility));
      w.key("forgeability").number(rounded(e.forgeability));
      w.key("dependency_group").string(e.dependency_group);
      w.key("counted").boolean(e.counted);
      w.key("manual").boolean(e.manual);
      w.key("source").string(e.source);
      w.key("likelihoods").begin_array();
      for (const Likelihood& l : e.likelihoods) {
        w.begin_object();
        w.key("hypothesis").string(l.hypothesis);
        w.key("log_ratio").number(rounded(l.log_ratio));
        w.key("log_ratio_raw").number(rounded(l.log_ratio_raw));
        w.end_object();
      }
      w.end_array();
      w.end_object();
    }
    w.end_array();
    if (!a.victims_alone.rows.empty()) {
      const VictimReading& v = a.victims_alone;
      w.key("victims_alone").begin_object();
      strings(w, "victims", v.victims);
      w.key("actors").number(static_cast<std::uint64_t>(v.actors));
      w.key("adjustment").number(rounded(v.adjustment));
      w.key("countries").begin_array();
      for (const VictimReading::Row& row : v.rows) {
        w.begin_object();
        w.key("country").string(row.country);
        w.key("raw").number(rounded(row.raw));
        w.key("adjusted").number(rounded(row.adjusted));
        w.key("given").number(rounded(row.given));
        w.end_object();
      }
      w.end_array();
      strings(w, "reasons", v.reasons);
      w.end_object();
    }
    w.key("matrix").begin_object();
    strings(w, "columns", a.matrix.columns);
    strings(w, "rows", a.matrix.rows);
    w.key("cells").begin_array();
    for (const auto& row : a.matrix.cells) {
      w.begin_array();
      for (const MatrixCell& cell : row) {
        w.begin_object();
        w.key("mark").string(std::string(1, cell.mark));
        w.key("weight").number(rounded(cell.weight));
        w.end_object();
      }
      w.end_array();
    }
    w.end_array();
    w.end_object();
    w.end_object();
  }
  w.end_array();
  return out;
}

std::string to_text(const std::vector<Assessment>& assessments) {
  std::string out;
  for (const Assessment& a : assessments) {
    out += fmt::format("{}\n", a.level == Level::kInfrastructure ? "whose machines"
                               : a.level == Level::kOperator     ? "whose hands"
                                                                 : "whose orders");
    out += fmt::format("  {}\n", a.paragraph);
    std::size_t n = 0;
    for (const Hypothesis& h : a.hypotheses) {
      if (n++ >= 5 || (h.probability < 0.01 && n > 2)) break;
      out += fmt::format("  {:5.2f}  {:<20} {}{}\n", h.probability, h.words, h.name,
                         h.high - h.low > 0.005 ? fmt::format("  [{:.2f}, {:.2f}]", h.low, h.high) : "");
    }
    if (!a.victims_alone.rows.empty()) {
      out += fmt::format("  {:<10} {:>12} {:>9}\n", "victims", "as published", "adjusted");
      for (const VictimReading::Row& row : a.victims_alone.rows)
        out += fmt::format("  {:<10} {:>12.2f} {:>9.2f}\n", row.country, row.raw, row.adjusted);
    }
    for (const Pivot& p : a.pivotal) out += fmt::format("  {}\n", p.statement);
    for (const std::string& c : a.caveats) out += fmt::format("  {}\n", c);
    std::string reasons;
    for (const std::string& r : a.confidence_reasons) reasons += (reasons.empty() ? "" : "; ") + r;
    out +=
        fmt::format("  Confidence in the evidence: {}{}.\n", a.confidence, reasons.empty() ? "" : " (" + reasons + ")");
  }
  return out;
}

}  // namespace whodunit::attribution
