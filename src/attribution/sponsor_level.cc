// Whose orders. Nothing on the wire says it. What is known of the operator carries over by a bounded factor, victims by
// a smaller one, places of machines by next to nothing; the rest is "cannot tell".
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "attribution/levels.h"
#include "attribution/model/victim_model.h"

namespace whodunit::attribution {
namespace {

// The most that each source may move, in all: declared, docs/attribution.md ("What carries over").
constexpr double kDirected = 0.60;     // of a named group's mass, where analysts claim a state's sponsorship
constexpr double kTolerated = 0.15;    // of the same
constexpr double kUnclaimed = 0.10;    // directed, where a country is claimed but no sponsorship
constexpr double kFromVictims = 0.15;  // of what is left, for all countries together
constexpr double kFromPlaces = 0.03;
constexpr double kFromManual = 0.20;
constexpr double kCriminal = 0.70;  // of the opportunists' mass

}  // namespace

Assessment sponsor_level(const CaseFacts& facts, const ActorTable* table, const Settings& settings,
                         const Weights& weights, const OperatorResult& op) {
  Assessment out;
  out.subject = facts.subject;
  out.level = Level::kSponsor;
  std::map<std::string, double> mass;
  double used = 0;
  const auto give = [&](const std::string& key, double x) {
    mass[key] += x;
    used += x;
  };
  double claimed = 0, opportunists = 0, posing = 0;
  std::map<std::string, double> directed;
  for (const auto& [key, p] : op.group_mass) {
    const std::uint32_t a = table == nullptr ? kNone : table->actor(key);
    if (a == kNone || table->actors()[a].country.empty()) continue;
    const ActorEntry& actor = table->actors()[a];
    claimed += p;
    const double d = actor.state_sponsored ? kDirected : kUnclaimed;
    give(actor.country + ":directed", p * d);
    give(actor.country + ":tolerated", p * kTolerated);
    give("unrelated", p * 0.05);
    directed[actor.country] += p * d;
  }
  for (const Hypothesis& h : op.assessment.hypotheses) {
    if (h.key == "opportunists") opportunists = h.probability;
    if (h.key == "posing") posing = h.probability;
  }
  give("criminal", opportunists * kCriminal);
  give("posing", posing * 0.8);
  std::string top;
  for (const auto& [country, x] : directed) {
    if (top.empty() || x > directed[top]) top = country;
  }
  out.carried.push_back(fmt::format(
      "From the operator: named groups hold {:.2f}; of that at most {:.2f} becomes \"directed\" and {:.2f} "
      "\"tolerated\"{}.",
      claimed, kDirected, kTolerated, top.empty() ? "" : fmt::format(" (most: {} {:+.2f})", top, directed[top])));

  // Victims.
  std::set<std::string> victims;
  for (const VictimFact& v : facts.victims) {
    if (!v.country.empty()) victims.insert(v.country);
  }
  CountryPosterior countries;
  double victim_budget = 0;
  if (table != nullptr && victims.size() >= 2) {
    countries = country_posterior(table->victim_rows(), {victims.begin(), victims.end()}, weights.victim,
                                  settings.reporting_adjustment);
    const double budget = victim_budget = kFromVictims * std::max(0.0, 1 - used);
    std::string most;
    double best = 0;
    for (std::size_t i = 0; i + 1 < countries.countries.size(); ++i) {
      const double x = budget * countries.adjusted[i];
      if (x > best) {
        best = x;
        most = countries.countries[i];
      }
      give(countries.countries[i] + ":directed", x);
    }
    out.carried.push_back(
        fmt::format("From {} victim countries: at most {:.3f} for all countries together (most: {} {:+.3f}); figures "
                    "adjusted for who gets reported ({:.1f}).",
                    victims.size(), budget, most, best, settings.reporting_adjustment));
  }
  // Places.
  std::map<std::string, double> places;
  double place_total = 0;
  std::set<std::pair<std::string, std::string>> counted;
  for (const AddressFacts& a : facts.addresses) {
    if (a.role == AddressRole::kVictim) continue;
    for (const Claim& c : a.countries) {
      if (!counted.emplace(a.address, c.value).second) continue;
      places[c.value] += 1;
      place_total += 1;
    }
  }
  if (place_total > 0) {
    const double budget = kFromPlaces * std::max(0.0, 1 - used);
    std::string most;
    for (const auto& [country, n] : places) {
      give(country + ":directed", budget * n / place_total);
      if (most.empty() || n > places[most]) most = country;
    }
    out.carried.push_back(
        fmt::format("From where machines are said to stand: at most {:.3f} for all countries together ({} {:+.3f}). An "
                    "address in a country says next to nothing of its orders.",
                    budget, most, budget * places[most] / place_total));
  }
  for (const ManualFact& f : facts.manual) {
    if (f.level != Level::kSponsor) continue;
    Item item;
    item.evidence = make_evidence("manual", Channel::kManual, f.statement + "\x1f" + f.actor, f.statement, f.support);
    item.evidence.value = f.statement;
    item.evidence.level = Level::kSponsor;
    item.evidence.manual = true;
    item.evidence.grade = f.grade;
    item.evidence.forgeability = f.forgeability;
    item.evidence.source = fmt::format("added by {} on {}: {}", f.who, f.when, f.why);
    const bool seen = std::any_of(out.evidence.begin(), out.evidence.end(),
                                  [&](const Evidence& e) { return e.id == item.evidence.id; });
    if (!seen && f.log_ratio > 0 && f.actor.size() == 2) {
      const double x = kFromManual * std::max(0.0, 1 - used) *
                       (1 - std::exp(-capped(f.log_ratio * grade_factor(f.grade), f.forgeability) / 2));
      give(f.actor + ":directed", x);
      out.carried.push_back(fmt::format("From an analyst's item: {} {:+.3f}.", f.actor, x));
      item.evidence.likelihoods.push_back({f.actor + ":directed", f.log_ratio, f.log_ratio});
    }
    if (!seen) out.evidence.push_back(item.evidence);
  }
  std::sort(out.evidence.begin(), out.evidence.end(), [](const Evidence& a, const Evidence& b) { return a.id < b.id; });
  mass["cannot-tell"] = std::max(0.0, 1 - used);

  std::vector<std::pair<double, std::string>> order;
  for (const auto& [key, x] : mass) order.emplace_back(-x, key);
  std::sort(order.begin(), order.end());
  double rest = 0;
  std::size_t listed = 0;
  for (const auto& [negative, key] : order) {
    const bool state = key.find(':') != std::string::npos;
    if (state && (listed >= settings.listed || -negative < 0.005)) {
      rest -= negative;
      continue;
    }
    listed += state;
    Hypothesis h;
    h.key = key;
    if (state) {
      h.country = key.substr(0, 2);
      h.name = (key.ends_with(":directed") ? "directed by a state: " : "tolerated by a state: ") + h.country;
    } else {
      h.name = key == "cannot-tell" ? "cannot tell"
               : key == "posing"    ? "someone posing as a state's"
               : key == "criminal"  ? "nobody's: crime"
                                    : "unrelated to any state";
    }
    h.probability = h.low = h.high = -negative;
    // The operator's interval, by the same factor.
    if (state) {
      double low = 0, high = 0;
      for (const Hypothesis& o : op.assessment.hypotheses) {
        if (o.country != h.country || o.probability <= 0) continue;
        low += o.probability - o.low;
        high += o.high - o.probability;
      }
      h.low = std::max(0.0, h.probability - kDirected * low);
      h.high = std::min(1.0, h.probability + kDirected * high);
    }
    out.hypotheses.push_back(std::move(h));
  }
  if (rest > 0) out.hypotheses.push_back({"other-states", "other states", "", "", 0, rest, rest, rest, ""});

  const auto lead =
      std::max_element(out.hypotheses.begin(), out.hypotheses.end(),
                       [](const Hypothesis& a, const Hypothesis& b) { return a.probability < b.probability; });
  if (lead->key == "cannot-tell") {
    out.paragraph =
        fmt::format("We cannot tell whose orders these were, or whether there were any ({:.2f}).", lead->probability);
  } else {
    out.paragraph = fmt::format(
        "Most is explained by this: {} ({}, {:.2f}). It rests on what analysts say of the group, not on what was seen "
        "here.",
        lead->name, words_of(lead->probability), lead->probability);
  }
  out.paragraph +=
      " Machines that stand in a country, or programs that a country's groups use, do not make that country the "
      "sponsor.";
  if (!countries.countries.empty()) {
    VictimReading& alone = out.victims_alone;
    alone.victims.assign(victims.begin(), victims.end());
    alone.actors = countries.rows;
    alone.adjustment = settings.reporting_adjustment;
    for (std::size_t i = 0; i < countries.countries.size(); ++i) {
      const bool other = i + 1 == countries.countries.size();
      alone.rows.push_back({countries.countries[i], countries.raw[i], countries.adjusted[i],
                            other ? 0 : victim_budget * countries.adjusted[i]});
    }
    std::stable_sort(alone.rows.begin(), alone.rows.end() - 1, [](const auto& a, const auto& b) {
      return std::max(a.raw, a.adjusted) > std::max(b.raw, b.adjusted);
    });
    constexpr std::size_t kReadingRows = 8;
    while (alone.rows.size() > kReadingRows + 1) {
      VictimReading::Row& rest_row = alone.rows.back();
      const VictimReading::Row& least = alone.rows[alone.rows.size() - 2];
      rest_row.raw += least.raw;
      rest_row.adjusted += least.adjusted;
      rest_row.given += least.given;
      alone.rows.erase(alone.rows.end() - 2);
    }
    alone.reasons = {
        "Labels are partly inferred from victims: who was hit is one reason why analysts named the country at all.",
        "Some countries' actors are written about far more than others'; who publishes decides who is in the table.",
        "One crime group more in the table, with a long list of victims, moves the lead.",
        "Whom somebody hits is his choice and his customers', not a mark that he leaves."};
    std::vector<std::size_t> by(countries.countries.size() - 1);
    for (std::size_t i = 0; i < by.size(); ++i) by[i] = i;
    const auto list = [&](const std::vector<double>& p) {
      std::sort(by.begin(), by.end(), [&](std::size_t a, std::size_t b) { return p[a] != p[b] ? p[a] > p[b] : a < b; });
      std::string text;
      for (std::size_t i = 0; i < by.size() && i < 4; ++i)
        text += fmt::format("{}{} {:.2f}", i == 0 ? "" : ", ", countries.countries[by[i]], p[by[i]]);
      return text;
    };
    out.caveats.push_back(
        fmt::format("Victims alone, as published: {}. Adjusted for who gets reported: {}. Not to be over-read: labels "
                    "are partly inferred from victims, some countries' actors are written about far "
                    "more than others', and one crime group more in the table moves the lead.",
                    list(countries.raw), list(countries.adjusted)));
  }
  out.confidence = "low";
  out.confidence_reasons.push_back("nothing that crosses a wire shows who gave orders");
  out.assumptions.push_back("What analysts claim of a group's sponsor is right as often as not, and no oftener.");
  out.would_change.push_back("Sources beyond the wire: people, papers, payments, indictments with evidence.");
  out.caveats.push_back("Proof that a group took part is no proof that a government did.");
  finish(out, settings);
  return out;
}

}  // namespace whodunit::attribution
