#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>

#include "attribution/levels.h"
#include "attribution/model/names.h"
#include "attribution/model/optimise.h"

namespace whodunit::attribution {
namespace {

constexpr const char* kUnknown = "unknown";
constexpr const char* kOpportunists = "opportunists";
constexpr const char* kInsiders = "insiders";
constexpr const char* kPosing = "posing";
constexpr const char* kCannotTell = "cannot-tell";

bool is_group(const std::string& key) {
  return key != kUnknown && key != kOpportunists && key != kInsiders && key != kPosing && key != kCannotTell;
}

double standard_normal(Random& random) {
  // Twelve uniform numbers: enough for intervals, and the same on every machine.
  double sum = 0;
  for (int i = 0; i < 12; ++i) sum += static_cast<double>(random.next() >> 11) / 9007199254740992.0;
  return sum - 6;
}

// One weighing of a set of items.
struct Weighing {
  std::map<std::string, double> mass;  // hypothesis → probability
  std::map<std::string, double> prior;
  std::string lead;        // before robustness: the most probable
  std::string group_lead;  // the most probable known group
  std::string posing_as;
  double strength = 0;
  // Per group, what was added by whom: for the items' likelihoods.
  Posterior posterior;
  std::map<std::uint32_t, double> extra;
};

class Weigher {
 public:
  Weigher(const CaseFacts& facts, const ActorTable* table, const Settings& settings, const Weights& weights,
          const std::vector<Item>& items)
      : facts_(facts), table_(table), settings_(settings), weights_(weights), items_(items) {
    view_.table = table;
    if (settings.as_of) view_.before = static_cast<std::int32_t>(settings.as_of->ns / 86'400'000'000'000);
    if (table != nullptr) profiles_ = profiles_of(view_);
  }

  // The items that `use` marks, under the weights given at the making.
  Weighing weigh(const std::vector<std::uint8_t>& use) { return weigh(use, weights_); }

  // The same under other weights. What the table has to say to all the items is worked out once.
  Weighing weigh(const std::vector<std::uint8_t>& use, const Weights& weights) {
    Weighing w;
    Question q;
    if (facts_.first) q.observables.day = static_cast<std::int32_t>(facts_.first->ns / 86'400'000'000'000);
    std::map<Channel, std::map<std::uint32_t, std::vector<double>>> by_channel;
    std::map<std::string, double> others;
    std::map<std::uint32_t, bool> tied;  // something hard speaks for the group
    for (std::size_t i = 0; i < items_.size(); ++i) {
      const Item& item = items_[i];
      if (!use[i] || !item.evidence.counted) continue;
      q.techniques.insert(q.techniques.end(), item.ways.begin(), item.ways.end());
      if (item.software != kNone) q.software.push_back(item.software);
      if (!item.observable.empty()) q.observables.add(item.observable);
      for (const auto& [actor, x] : item.actors) {
        const double c = capped(x, item.evidence.forgeability);
        by_channel[item.evidence.channel][actor].push_back(c);
        if (item.evidence.forgeability < kHard && c >= std::log(kOutright)) tied[actor] = true;
      }
      for (const auto& [other, x] : item.others) others[other] += capped(x, item.evidence.forgeability);
    }
    q.observables.finish();
    for (auto* list : {&q.techniques, &q.software}) {
      std::sort(list->begin(), list->end());
      list->erase(std::unique(list->begin(), list->end()), list->end());
    }
    // Items of a channel saturate: the strongest counts whole, the next half, the third a third.
    for (auto& [channel, actors] : by_channel) {
      for (auto& [actor, list] : actors) {
        std::sort(list.begin(), list.end(), [](double a, double b) { return std::abs(a) > std::abs(b); });
        for (std::size_t k = 0; k < list.size(); ++k) w.extra[actor] += list[k] / static_cast<double>(k + 1);
      }
    }
    if (table_ != nullptr) {
      const bool whole = std::all_of(use.begin(), use.end(), [](std::uint8_t u) { return u != 0; });
      if (!whole) {
        w.posterior = operator_posterior(prepare(q, view_, profiles_), weights);
      } else {
        if (!whole_) whole_ = prepare(q, view_, profiles_);
        w.posterior = operator_posterior(*whole_, weights);
      }
    }
    const Posterior& p = w.posterior;

    // Known groups against "none of those known": the fitted model, then what it does not know of.
    std::vector<double> scores, priors;
    std::map<std::string, std::size_t> index;
    std::vector<double> totals;  // nats added for each group
    for (std::size_t i = 0; i < p.actors.size(); ++i) {
      const std::uint32_t a = p.actors[i];
      const auto it = w.extra.find(a);
      const double extra = it == w.extra.end() ? 0 : it->second;
      scores.push_back(std::log(std::max(p.probability[i], 1e-300)) + extra);
      priors.push_back(p.prior[i]);
      totals.push_back(p.technique[i] + p.software[i] + p.infrastructure_direct[i] + extra);
      if (p.infrastructure_direct[i] >= std::log(kOutright)) tied[a] = true;
    }
    // Malware of few hands ties, where there is more than one such piece: one alone may be bought, stolen, leaked.
    if (table_ != nullptr && q.software.size() > 1) {
      std::map<std::uint32_t, int> exclusive;
      for (const std::uint32_t s : q.software) {
        std::vector<std::uint32_t> holders;
        for (std::uint32_t a = 0; a < table_->actors().size(); ++a) {
          const auto& own = table_->actors()[a].software;
          if (std::binary_search(own.begin(), own.end(), s)) holders.push_back(a);
        }
        if (holders.size() <= 2 && !table_->software()[s].tool) {
          for (const std::uint32_t a : holders) ++exclusive[a];
        }
      }
      for (const auto& [a, n] : exclusive) {
        if (n >= 2) tied[a] = true;
      }
    }
    const double unknown_log = table_ == nullptr ? 0 : std::log(std::max(p.unknown, 1e-300));
    // Base rates: the declared share of "none of those known" among all, against the fitted one.
    const double declared_known =
        std::clamp(1 - settings_.prior_unknown - settings_.prior_opportunists - settings_.prior_insiders, 0.01, 0.95);
    const double base_shift =
        table_ == nullptr ? 0 : std::log(declared_known / (1 - declared_known)) - std::log(0.18 / 0.82);
    for (double& s : scores) s += base_shift;
    // The rest is shared between an unknown group, the crowd, and the organisation's own people.
    if (facts_.untargeted) others[kOpportunists] += std::log(4.0);
    others[kInsiders] += facts_.inside_only ? std::log(8.0) : std::log(0.5);
    std::array<double, 3> rest = {std::log(settings_.prior_unknown),
                                  std::log(settings_.prior_opportunists) + others[kOpportunists],
                                  std::log(settings_.prior_insiders) + others[kInsiders]};
    const double rest_sum = log_sum_exp({rest[0], rest[1], rest[2]});
    // Someone poses as a group: he makes its marks, each channel at the price of its forgeability, and is himself
    // either unknown or another known group.
    double own_best = -INFINITY, own_second = -INFINITY;
    std::size_t own_at = SIZE_MAX;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if (scores[i] > own_best) {
        own_second = own_best;
        own_best = scores[i];
        own_at = i;
      } else {
        own_second = std::max(own_second, scores[i]);
      }
    }
    std::vector<double> posing;
    double posing_best = -INFINITY;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const double chosen = std::log(std::max(p.prior[i], 1e-12) / std::max(1e-9, 1 - p.unknown_prior));
      const auto it = w.extra.find(p.actors[i]);
      const double marks = std::max(0.0, p.technique[i] + std::log(0.8)) +
                           std::max(0.0, p.software[i] + std::log(0.4)) +
                           std::max(0.0, p.infrastructure_direct[i] + std::log(0.1)) +
                           std::max(0.0, (it == w.extra.end() ? 0 : it->second) + std::log(0.3));
      const double other = i == own_at ? own_second : own_best;
      const double author = log_sum_exp({unknown_log, other});
      posing.push_back(std::log(settings_.prior_posing) + chosen + marks + author);
      if (posing.back() > posing_best) {
        posing_best = posing.back();
        w.posing_as = table_->actors()[p.actors[i]].key;
      }
    }
    std::vector<double> all = scores;
    all.push_back(unknown_log);
    const double posing_sum = posing.empty() ? std::log(settings_.prior_posing) + unknown_log : log_sum_exp(posing);
    all.push_back(posing_sum);
    const double total = log_sum_exp(all);
    const double none = std::exp(unknown_log - total);
    double freed = 0, freed_contest = 0;
    // Ceilings.
    std::size_t strongest_tied = SIZE_MAX;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if (tied.contains(p.actors[i]) && (strongest_tied == SIZE_MAX || totals[i] > totals[strongest_tied]))
        strongest_tied = i;
    }
    std::size_t strong_other = 0;
    for (const double t : totals) strong_other += t >= std::log(kOutright) * 2;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      double x = std::exp(scores[i] - total);
      if (!tied.contains(p.actors[i]) && x > kTieCeiling) {
        freed += x - kTieCeiling;
        x = kTieCeiling;
      }
      // Two groups with strong evidence each: what rests on less hard evidence is contested.
      if (strong_other > 1 && strongest_tied != SIZE_MAX && i != strongest_tied && x > kContestCeiling) {
        freed_contest += x - kContestCeiling;
        x = kContestCeiling;
      }
      w.mass[table_->actors()[p.actors[i]].key] = x;
      w.prior[table_->actors()[p.actors[i]].key] = priors[i];
      w.strength = std::max(w.strength, totals[i]);
    }
    w.mass[kPosing] = std::exp(posing_sum - total) + freed_contest;
    w.mass[kUnknown] = (none + freed) * std::exp(rest[0] - rest_sum);
    w.mass[kOpportunists] = (none + freed) * std::exp(rest[1] - rest_sum);
    w.mass[kInsiders] = (none + freed) * std::exp(rest[2] - rest_sum);
    for (const auto& [other, x] : others)
      w.strength = std::max(w.strength, other == kInsiders && x < 0 ? 0 : std::abs(x));
    const double known_prior = table_ == nullptr ? 0 : declared_known;
    for (auto& [key, x] : w.prior) x *= known_prior / std::max(1e-9, 1 - p.unknown_prior);
    w.prior[kUnknown] = settings_.prior_unknown;
    w.prior[kOpportunists] = settings_.prior_opportunists;
    w.prior[kInsiders] = settings_.prior_insiders;
    w.prior[kPosing] = settings_.prior_posing;
    // "Cannot tell": little evidence leaves much of it. Half a bit moves little, six nats move nearly all.
    const double told = 1 - 0.7 * std::exp(-w.strength / 2);
    for (auto& [key, x] : w.mass) x *= told;
    w.mass[kCannotTell] = 1 - told;
    w.prior[kCannotTell] = 0;
    leads(w);
    return w;
  }

  static void leads(Weighing& w) {
    w.lead.clear();
    w.group_lead.clear();
    for (const auto& [key, x] : w.mass) {
      if (w.lead.empty() || x > w.mass[w.lead]) w.lead = key;
      if (is_group(key) && (w.group_lead.empty() || x > w.mass[w.group_lead])) w.group_lead = key;
    }
  }

  const View& view() const { return view_; }

 private:
  const CaseFacts& facts_;
  const ActorTable* table_;
  const Settings& settings_;
  const Weights& weights_;
  const std::vector<Item>& items_;
  View view_;
  Profiles profiles_;
  std::optional<Prepared> whole_;
};

std::string name_of_key(const ActorTable* table, const std::string& key, const std::string& posing_as) {
  const auto named = [&](const std::string& k) {
    const std::uint32_t a = table == nullptr ? kNone : table->actor(k);
    return a == kNone ? k : table->actors()[a].name;
  };
  if (key == kUnknown) return "an unknown group";
  if (key == kOpportunists) return "unrelated opportunists";
  if (key == kInsiders) return "insiders";
  if (key == kCannotTell) return "cannot tell";
  if (key == kPosing)
    return posing_as.empty() ? "someone posing as a known group" : "someone posing as " + named(posing_as);
  return named(key);
}

std::string sentence_case(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

}  // namespace

OperatorResult operator_level(const CaseFacts& facts, const ActorTable* table, const Settings& settings,
                              const Weights& weights) {
  OperatorResult result;
  Assessment& out = result.assessment;
  out.subject = facts.subject;
  out.level = Level::kOperator;
  const EvidenceInput input{facts, table, settings, weights};
  std::vector<Item> items = collect_items(input);
  std::erase_if(items, [](const Item& item) { return item.evidence.level != Level::kOperator; });
  Weigher weigher(facts, table, settings, weights, items);
  std::vector<std::uint8_t> all(items.size(), 1);
  Weighing full = weigher.weigh(all);

  // Without each item. What the model weighs all alike (names without any match) is left out one by one as well, as
  // long as there are few; past that, the items without any match go as one.
  struct Without {
    std::size_t item;
    std::string lead, group_lead;
    double lead_mass;  // of the full lead, then
  };
  std::vector<Without> without;
  constexpr std::size_t kObservablesOneByOne = 16;
  std::size_t observables = 0;
  if (settings.pivots) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!items[i].evidence.counted) continue;
      if (!items[i].observable.empty() && ++observables > kObservablesOneByOne &&
          items[i].evidence.forgeability >= kHard)
        continue;
      std::vector<std::uint8_t> use = all;
      use[i] = 0;
      // Another look at the same fact may now count.
      const Weighing w = weigher.weigh(use);
      without.push_back({i, w.lead, w.group_lead, w.mass.contains(full.lead) ? w.mass.at(full.lead) : 0});
    }
  }
  // A lead that hangs on one item, and would pass to another group without it, is no lead.
  bool fragile = false;
  std::size_t breaker = SIZE_MAX;
  if (is_group(full.lead)) {
    for (const Without& w : without) {
      if (is_group(w.lead) && w.lead != full.lead) {
        fragile = true;
        breaker = w.item;
        break;
      }
    }
  }
  if (fragile) {
    // Just so much goes to "cannot tell" that it leads.
    const double cannot = full.mass[kCannotTell], others = 1 - cannot, lead = full.mass[full.lead];
    const double scale = 0.98 / (lead + others);
    if (scale * others < others) {
      for (auto& [key, x] : full.mass) x *= key == kCannotTell ? 1 : scale;
      full.mass[kCannotTell] = 1 - scale * others;
    }
    Weigher::leads(full);
  }

  // Intervals from the uncertainty of the fit: the same weighing under drawn weights.
  std::map<std::string, std::vector<double>> drawn;
  constexpr int kDraws = 12;
  Random random(20071020);
  for (int d = 0; d < kDraws && table != nullptr && settings.pivots && !items.empty(); ++d) {
    const Weights w = weights.drawn([&random] { return standard_normal(random); });
    const Weighing again = weigher.weigh(all, w);
    for (const auto& [key, x] : again.mass) drawn[key].push_back(x);
  }

  // The items' likelihoods, shared out of what each channel added for the groups that matter.
  std::vector<std::pair<double, std::string>> order;
  for (const auto& [key, x] : full.mass) order.emplace_back(-x, key);
  std::sort(order.begin(), order.end());
  std::vector<std::string> columns;
  for (const auto& [x, key] : order) {
    if (columns.size() < 6 && (is_group(key) || key != kCannotTell)) columns.push_back(key);
  }
  for (Item& item : items) {
    for (const std::string& column : columns) {
      Likelihood l;
      l.hypothesis = column;
      if (is_group(column)) {
        const std::uint32_t actor = table->actor(column);
        const auto it = item.actors.find(actor);
        if (it != item.actors.end()) {
          l.log_ratio_raw = it->second;
          l.log_ratio = capped(it->second, item.evidence.forgeability);
        }
        const auto at = std::lower_bound(full.posterior.actors.begin(), full.posterior.actors.end(), actor);
        if (at != full.posterior.actors.end() && *at == actor) {
          const auto k = static_cast<std::size_t>(at - full.posterior.actors.begin());
          const ActorEntry& a = table->actors()[actor];
          const auto share_out = [&](double channel, bool matches, std::size_t matching, std::size_t asked) {
            if (matching == 0) return channel / static_cast<double>(std::max<std::size_t>(1, asked));
            return matches ? channel / static_cast<double>(matching) : 0.0;
          };
          std::size_t techniques = 0, matched = 0, software = 0, matched_software = 0;
          // Beside names and addresses by the very ids, else by the parent: as the channel's ratio was made.
          const bool jointly = table->has_reports() && std::any_of(items.begin(), items.end(), [](const Item& x) {
                                 return x.evidence.counted && !x.observable.empty();
                               });
          const auto holds_technique = [&](const Item& asked) {
            return std::any_of(a.techniques.begin(), a.techniques.end(), [&](std::uint32_t x) {
              return jointly ? std::binary_search(asked.ways.begin(), asked.ways.end(), x)
                             : table->techniques()[x].parent == asked.technique;
            });
          };
          for (const Item& other : items) {
            if (!other.evidence.counted) continue;
            if (other.technique != kNone) {
              ++techniques;
              matched += holds_technique(other);
            }
            if (other.software != kNone) {
              ++software;
              matched_software += std::binary_search(a.software.begin(), a.software.end(), other.software);
            }
          }
          if (item.technique != kNone) {
            l.log_ratio = l.log_ratio_raw = share_out(full.posterior.technique[k], holds_technique(item),
                                                      full.posterior.technique[k] > 0 ? matched : 0, techniques);
          }
          if (item.software != kNone) {
            l.log_ratio = l.log_ratio_raw = share_out(
                full.posterior.software[k], std::binary_search(a.software.begin(), a.software.end(), item.software),
                matched_software, software);
          }
          if (!item.observable.empty()) {
            Observables one;
            one.add(item.observable);
            one.finish();
            std::size_t hits = 0;
            bool this_hits = false;
            const auto held = [&](std::span<const std::uint32_t> reports) {
              return std::any_of(reports.begin(), reports.end(),
                                 [&](std::uint32_t r) { return table->reports()[r].actor == actor; });
            };
            for (const Item& other : items) {
              if (other.observable.empty() || !other.evidence.counted) continue;
              Observables o;
              o.add(other.observable);
              bool hit = false;
              for (const auto& n : o.names)
                hit = hit || held(table->reports_of_name(n)) ||
                      held(table->reports_of_registered(take_apart(n).registered));
              for (const auto n : o.addresses) hit = hit || held(table->reports_of_address(n));
              hits += hit;
              if (&other == &item) this_hits = hit;
            }
            if (this_hits && hits > 0)
              l.log_ratio = l.log_ratio_raw = full.posterior.infrastructure_direct[k] / static_cast<double>(hits);
          }
        }
      } else {
        const auto it = item.others.find(column);
        if (it != item.others.end()) {
          l.log_ratio_raw = it->second;
          l.log_ratio = capped(it->second, item.evidence.forgeability);
        }
      }
      if (l.log_ratio != 0 || l.log_ratio_raw != 0) item.evidence.likelihoods.push_back(std::move(l));
    }
  }

  // Hypotheses.
  std::size_t listed = 0;
  double other_known = 0, other_prior = 0;
  for (const auto& [negative, key] : order) {
    const double x = full.mass[key];
    if (is_group(key) && listed++ >= settings.listed) {
      other_known += x;
      other_prior += full.prior[key];
      continue;
    }
    Hypothesis h;
    h.key = key;
    h.name = name_of_key(table, key, full.posing_as);
    if (is_group(key)) {
      const ActorEntry& a = table->actors()[table->actor(key)];
      h.attack_id = a.attack_id;
      h.country = a.country;
    }
    h.prior = full.prior[key];
    h.probability = x;
    h.low = h.high = x;
    auto& d = drawn[key];
    if (!d.empty()) {
      std::sort(d.begin(), d.end());
      h.low = std::min(x, d[d.size() / 10]);
      h.high = std::max(x, d[d.size() - 1 - d.size() / 10]);
    }
    out.hypotheses.push_back(std::move(h));
  }
  if (other_known > 0) {
    Hypothesis h;
    h.key = "another-known";
    h.name = "another known group";
    h.prior = other_prior;
    h.probability = h.low = h.high = other_known;
    out.hypotheses.push_back(std::move(h));
  }
  for (const auto& [key, x] : full.mass) {
    if (is_group(key)) result.group_mass[key] = x;
  }
  result.strength = full.strength;

  // The matrix.
  out.matrix.columns = columns;
  for (const Item& item : items) {
    out.evidence.push_back(item.evidence);
    if (!item.evidence.counted) continue;
    std::vector<MatrixCell> row;
    for (const std::string& column : columns) {
      MatrixCell cell;
      for (const Likelihood& l : item.evidence.likelihoods) {
        if (l.hypothesis == column) cell.weight = l.log_ratio;
      }
      cell.mark = cell.weight > 0.1 ? '+' : cell.weight < -0.1 ? '-' : '0';
      row.push_back(cell);
    }
    out.matrix.rows.push_back(item.evidence.id);
    out.matrix.cells.push_back(std::move(row));
  }

  // Pivots: those that move the lead by a tenth or more, strongest first; then the smallest set that changes the lead.
  std::vector<std::pair<double, std::size_t>> moved;
  for (std::size_t k = 0; k < without.size(); ++k) moved.emplace_back(without[k].lead_mass - full.mass[full.lead], k);
  std::sort(moved.begin(), moved.end());
  for (const auto& [change, k] : moved) {
    if (std::abs(change) < 0.1 || out.pivotal.size() >= 5) continue;
    const Without& w = without[k];
    Pivot pivot;
    pivot.items = {items[w.item].evidence.id};
    pivot.lead = w.lead;
    pivot.probability = w.lead_mass;
    pivot.statement = fmt::format(
        "Without {} ({}), {} stands at {:.2f} instead of {:.2f}{}.", items[w.item].evidence.value,
        items[w.item].evidence.kind, name_of_key(table, full.lead, full.posing_as), w.lead_mass, full.mass[full.lead],
        w.lead != full.lead ? ", and " + name_of_key(table, w.lead, full.posing_as) + " leads" : "");
    out.pivotal.push_back(std::move(pivot));
  }
  if (fragile) {
    Pivot pivot;
    pivot.items = {items[breaker].evidence.id};
    pivot.lead = kCannotTell;
    pivot.statement = fmt::format("Without {} ({}) another group would lead: so nobody is named.",
                                  items[breaker].evidence.value, items[breaker].evidence.kind);
    out.pivotal.push_back(std::move(pivot));
  } else if (is_group(full.lead)) {
    // Greedy: the item that hurts most, again and again.
    std::vector<std::uint8_t> use = all;
    std::vector<std::string> taken;
    for (const auto& [change, k] : moved) {
      if (taken.size() >= 6) break;
      use[without[k].item] = 0;
      taken.push_back(items[without[k].item].evidence.id);
      const Weighing w = weigher.weigh(use);
      if (w.lead == full.lead) continue;
      if (taken.size() == 1) break;  // told above
      Pivot pivot;
      pivot.items = taken;
      pivot.lead = w.lead;
      pivot.probability = w.mass.at(full.lead);
      pivot.statement = fmt::format("The lead changes (to {}) when these {} items fall together.",
                                    name_of_key(table, w.lead, w.posing_as), taken.size());
      out.pivotal.push_back(std::move(pivot));
      break;
    }
  }

  // Other base rates.
  Settings doubled = settings;
  doubled.prior_unknown = std::min(0.9, settings.prior_unknown * 1.5);
  const double here = full.mass[full.lead];
  const Weighing more_unknown = Weigher(facts, table, doubled, weights, items).weigh(all);
  out.assumptions.push_back(
      fmt::format("Base rates over {:.0f} days: an unknown group {:.2f}, opportunists {:.2f}, insiders {:.2f}, a false "
                  "flag {:.2f}, known groups together the rest.",
                  settings.horizon_days, settings.prior_unknown, settings.prior_opportunists, settings.prior_insiders,
                  settings.prior_posing));
  out.assumptions.push_back(fmt::format(
      "With an unknown group half as likely again at the outset, {} would stand at {:.2f} instead of {:.2f}.",
      name_of_key(table, full.lead, full.posing_as),
      more_unknown.mass.contains(full.lead) ? more_unknown.mass.at(full.lead) : 0, here));
  if (table == nullptr) out.assumptions.push_back("No table of actors is at hand: known groups are not told apart.");
  if (settings.as_of)
    out.assumptions.push_back("Only reports known before " + base::to_minutes(*settings.as_of) + " were used.");
  out.assumptions.push_back(
      "Names of groups are analysts' claims; where two sources speak of one report they disagree in about a sixth of "
      "cases.");

  // Confidence: about the evidence.
  std::set<Channel> channels;
  std::size_t hard = 0;
  for (const Item& item : items) {
    if (!item.evidence.counted || item.evidence.likelihoods.empty()) continue;
    channels.insert(item.evidence.channel);
    // Whom somebody hits is his choice, not a mark that he leaves.
    hard += item.evidence.forgeability < kHard && item.evidence.channel != Channel::kVictim;
  }
  int points = 0;
  if (channels.size() >= 3) {
    ++points;
    out.confidence_reasons.push_back(fmt::format("{} kinds of evidence speak", channels.size()));
  } else {
    out.confidence_reasons.push_back(channels.empty() ? "no evidence speaks for or against anybody"
                                                      : "few kinds of evidence speak");
  }
  if (hard >= 2) {
    ++points;
    out.confidence_reasons.push_back(fmt::format("{} items are hard to forge", hard));
  } else {
    out.confidence_reasons.push_back(hard == 0 ? "nothing that was seen is hard to forge"
                                               : "one item is hard to forge");
  }
  if (facts.sensors > 1) ++points;
  if (facts.sensors <= 1) out.confidence_reasons.push_back("one point of observation");
  if (facts.visibility < 0.7) {
    --points;
    out.confidence_reasons.push_back(fmt::format("much was not visible ({:.0f} %)", 100 * (1 - facts.visibility)));
  }
  for (const std::string& u : facts.unseen) out.confidence_reasons.push_back(u);
  if (fragile) points = 0;
  out.confidence = points >= 3 ? "high" : points == 2 ? "moderate" : "low";

  const bool has_names = std::any_of(items.begin(), items.end(), [](const Item& i) { return !i.observable.empty(); });
  const bool has_software = std::any_of(items.begin(), items.end(), [](const Item& i) { return i.software != kNone; });
  if (!has_names)
    out.would_change.push_back(
        "Names and addresses that the intruder's programs call: in DNS, TLS and HTTP records, and in memory of the "
        "hosts.");
  if (!has_software)
    out.would_change.push_back(
        "The programs themselves: files carried over the wire, or taken from the hosts, against YARA and hashes.");
  out.would_change.push_back(
      "A second, independent report of the same names or programs; registration and hosting records behind them.");
  out.would_change.push_back("The same marks in another organisation's traffic: whodunit campaigns CASE…");
  out.caveats.push_back("A group's name is a bundle of reports, not a person or a state.");
  if (full.mass[kPosing] >= 0.05) {
    out.caveats.push_back(fmt::format("Marks that anybody can make are among the evidence: {} cannot be left aside.",
                                      name_of_key(table, kPosing, full.posing_as)));
  }

  const std::string lead_name = name_of_key(table, full.lead, full.posing_as);
  if (items.empty()) {
    out.paragraph = "Nothing that was seen speaks for or against anybody. The figures are base rates, not findings.";
  } else if (full.lead == kCannotTell) {
    out.paragraph = fmt::format("We cannot tell whose hands these were.{}",
                                fragile ? " One item decides between groups, and one item is not enough." : "");
  } else if (full.mass[full.lead] < 0.5) {
    out.paragraph =
        fmt::format("No answer stands out. {} comes first, but is less probable than all others together ({}, {:.2f}).",
                    sentence_case(lead_name), words_of(full.mass[full.lead]), full.mass[full.lead]);
  } else {
    out.paragraph = fmt::format("{} is the best explanation of what was seen ({}, {:.2f}).", sentence_case(lead_name),
                                words_of(full.mass[full.lead]), full.mass[full.lead]);
  }
  if (!full.group_lead.empty() && full.group_lead != full.lead && full.mass[full.group_lead] >= 0.02) {
    out.paragraph +=
        fmt::format(" Of the known groups {} comes nearest: {} ({:.2f}).", name_of_key(table, full.group_lead, ""),
                    words_of(full.mass[full.group_lead]), full.mass[full.group_lead]);
  }
  return result;
}

}  // namespace whodunit::attribution
