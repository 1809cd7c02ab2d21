#include "attribution/evaluate/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "attribution/evaluate/baselines.h"
#include "attribution/evaluate/fit.h"
#include "attribution/evaluate/parallel.h"
#include "attribution/model/optimise.h"
#include "attribution/model/victim_model.h"
#include "base/json.h"

namespace whodunit::attribution {
namespace {

constexpr double kTiny = 1e-9;

}  // namespace

Outcome outcome_of(const Posterior& p, const std::vector<std::uint32_t>& truth, const ActorTable& table) {
  Outcome out;
  out.made = true;
  out.unknown = p.unknown;
  double known = 0, squares = 0, truth_squares = 0;
  std::size_t leader = SIZE_MAX;
  for (std::size_t i = 0; i < p.actors.size(); ++i) {
    known += p.probability[i];
    squares += p.probability[i] * p.probability[i];
    if (leader == SIZE_MAX || p.probability[i] > p.probability[leader]) leader = i;
  }
  double best_true = -1;
  for (const std::uint32_t t : truth) {
    const double x = p.of(t);
    out.right += x;
    truth_squares += x * x;
    best_true = std::max(best_true, x);
  }
  if (leader != SIZE_MAX) {
    out.leader = p.probability[leader];
    out.leader_key = table.actors()[p.actors[leader]].key;
    out.leader_right = std::binary_search(truth.begin(), truth.end(), p.actors[leader]);
  }
  if (truth.empty()) {
    out.right = p.unknown;
    out.brier = (1 - p.unknown) * (1 - p.unknown) + squares;
    return out;
  }
  out.right_closed = known > 0 ? out.right / known : 0;
  // Ties count against: everybody as probable as the best true one stands before it.
  out.rank = 1;
  for (std::size_t i = 0; i < p.actors.size(); ++i) {
    if (p.probability[i] >= best_true && !std::binary_search(truth.begin(), truth.end(), p.actors[i])) ++out.rank;
  }
  out.brier = (1 - out.right) * (1 - out.right) + p.unknown * p.unknown + squares - truth_squares;
  if (known > 0) {
    out.brier_closed = (1 - out.right_closed) * (1 - out.right_closed) + (squares - truth_squares) / (known * known);
  } else {
    out.brier_closed = 1;
  }
  return out;
}

namespace {

bool usable_truth(const Trial& trial, const View& view, const std::vector<std::uint32_t>& truth,
                  const Question& question) {
  if (!trial.answerable || truth.empty()) return false;
  if (trial.kind != TrialKind::kInfrastructure && question.has_profile_evidence()) return true;
  // Infrastructure alone can only name whom a report that may be used names.
  const auto allowed = view.allowed_reports();
  for (std::size_t r = 0; r < allowed.size(); ++r) {
    if (allowed[r] && std::binary_search(truth.begin(), truth.end(), view.table->reports()[r].actor)) return true;
  }
  return false;
}

Outcome country_outcome(const Trial& trial, const ActorTable& table, const Weights& weights, bool base_only) {
  const CountryPosterior p = country_posterior(table.victim_rows(), trial.victims, weights.victim, 0, trial.id);
  const std::vector<double>& q = base_only ? p.base : p.raw;
  Outcome out;
  out.made = true;
  std::size_t at = p.countries.size() - 1, leader = 0;
  for (std::size_t i = 0; i < p.countries.size(); ++i) {
    if (p.countries[i] == trial.true_country) at = i;
    if (q[i] > q[leader]) leader = i;
  }
  out.right = out.right_closed = q[at];
  out.leader = q[leader];
  out.leader_key = p.countries[leader];
  out.leader_right = leader == at;
  out.rank = 1;
  double squares = 0;
  for (std::size_t i = 0; i < q.size(); ++i) {
    out.rank += i != at && q[i] >= q[at];
    if (i != at) squares += q[i] * q[i];
  }
  out.brier = out.brier_closed = (1 - q[at]) * (1 - q[at]) + squares;
  return out;
}

}  // namespace

Evaluation evaluate(const std::vector<Trial>& trials, const ActorTable& table, const Weights& weights,
                    const EvaluateOptions& options) {
  Evaluation evaluation;
  const bool own = options.baseline.empty();
  const bool learns = options.folds > 0 || (!own && options.baseline != "nothing" && options.baseline != "overlap");
  const std::size_t folds = learns ? std::max<std::size_t>(options.folds == 0 ? 5 : options.folds, 2) : 1;
  const auto method = make_method(options.baseline, trials, table, weights, learns && own, options.worked);
  std::vector<std::uint8_t> undated(trials.size(), 0);
  const auto rows_of = [&options](std::size_t trial, bool removed) -> const InfrastructureRows* {
    if (options.worked == nullptr || options.evidence != EvidenceChoice::kAll) return nullptr;
    return options.worked->rows(trial, options.knowledge, removed);
  };
  evaluation.rows.resize(trials.size());
  const std::vector<std::size_t> fold_of = folds_of(trials, folds);
  std::vector<std::uint8_t> made(trials.size(), 0);
  for (std::size_t fold = 0; fold < folds; ++fold) {
    TrialMask mask(trials.size(), 1);
    Weights victim_weights = weights;
    if (learns) {
      for (std::size_t i = 0; i < trials.size(); ++i) mask[i] = fold_of[i] != fold;
      method->learn(mask);
      fit_victims(trials, mask, table, victim_weights);
    }
    for_each_in_parallel(trials.size(), [&](std::size_t i) {
      const Trial& trial = trials[i];
      if ((learns && fold_of[i] != fold) || (options.only && trial.kind != *options.only)) return;
      TrialResult& row = evaluation.rows[i];
      row.id = trial.id;
      row.truth = trial.true_groups;
      row.kind = trial.kind;
      if (trial.kind == TrialKind::kVictims) {
        if (!trial.labelled) return;
        row.truth = {trial.true_country};
        row.closed = country_outcome(trial, table, victim_weights, options.baseline == "nothing");
        made[i] = 1;
        return;
      }
      const Question question = question_of(trial, table, options.evidence);
      const auto view = view_of(trial, table, options.knowledge, false);
      if (!view) {
        undated[i] = 1;
        return;
      }
      made[i] = 1;
      if (trial.negative) {
        row.crime = outcome_of(method->answer(question, *view, rows_of(i, false)), {}, table);
        return;
      }
      if (!trial.labelled) {
        row.unlabelled = outcome_of(method->answer(question, *view, nullptr), {}, table);
        return;
      }
      const auto truth = truth_of(trial, table);
      if (usable_truth(trial, *view, truth, question)) {
        row.closed = outcome_of(method->answer(question, *view, rows_of(i, false)), truth, table);
      }
      const auto without = view_of(trial, table, options.knowledge, true);
      row.open = outcome_of(method->answer(question, *without, rows_of(i, true)), {}, table);
    });
  }
  std::vector<TrialResult> rows;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (made[i]) rows.push_back(std::move(evaluation.rows[i]));
  }
  evaluation.rows = std::move(rows);

  std::map<std::string_view, std::uint32_t> actors;
  for (TrialResult& r : evaluation.rows) {
    if (!r.truth.empty())
      r.actor = actors.emplace(r.truth.front(), static_cast<std::uint32_t>(actors.size())).first->second;
  }
  std::vector<const TrialResult*> all;
  for (const TrialResult& r : evaluation.rows) all.push_back(&r);
  Measures& m = evaluation.measures;
  m = measure(all, options.threshold);
  m.skipped = static_cast<std::size_t>(std::count(undated.begin(), undated.end(), 1));
  if (options.resamples == 0 || all.empty()) return evaluation;
  // Whole actors are drawn where there are many rows each, so that one actor's hundred rows are not a hundred trials.
  std::map<std::string, std::vector<const TrialResult*>> by_actor;
  for (const TrialResult* r : all) {
    const bool cluster = r->kind == TrialKind::kInfrastructure && !r->truth.empty();
    by_actor[cluster ? "@" + r->truth.front() : r->id].push_back(r);
  }
  std::vector<const std::vector<const TrialResult*>*> units;
  for (const auto& [key, list] : by_actor) units.push_back(&list);
  std::vector<double> top1, loss, both, brier, macro, ece;
  Random random(20070903);
  for (std::size_t k = 0; k < options.resamples; ++k) {
    std::vector<const TrialResult*> sample;
    for (std::size_t i = 0; i < units.size(); ++i) {
      const auto& unit = *units[random.below(units.size())];
      sample.insert(sample.end(), unit.begin(), unit.end());
    }
    const Measures x = measure(sample, options.threshold);
    top1.push_back(x.top1);
    loss.push_back(x.log_loss);
    both.push_back(x.both_log_loss);
    brier.push_back(x.both_brier);
    macro.push_back(x.macro_top1);
    ece.push_back(x.ece);
  }
  const auto interval = [](std::vector<double>& v) {
    std::sort(v.begin(), v.end());
    return Interval{v[v.size() * 25 / 1000], v[std::min(v.size() - 1, v.size() * 975 / 1000)]};
  };
  m.top1_interval = interval(top1);
  m.log_loss_interval = interval(loss);
  m.both_log_loss_interval = interval(both);
  m.both_brier_interval = interval(brier);
  m.macro_top1_interval = interval(macro);
  m.ece_interval = interval(ece);
  return evaluation;
}

Measures measure(const std::vector<const TrialResult*>& rows, double threshold) {
  Measures m;
  m.trials = rows.size();
  double open_sum = 0, crime_loss = 0, crime_brier = 0;
  std::vector<std::array<double, 3>> actors;  // rows, top-1, top-5
  std::size_t named_closed = 0, named_closed_right = 0, named_removed = 0, named_crime = 0, above = 0, above_right = 0;
  for (const TrialResult* r : rows) {
    if (r->closed.made) {
      const Outcome& o = r->closed;
      ++m.closed;
      m.top1 += o.rank == 1;
      m.top3 += o.rank <= 3;
      m.top5 += o.rank <= 5;
      m.mrr += 1.0 / static_cast<double>(o.rank);
      m.log_loss -= std::log(std::max(o.right_closed, kTiny));
      m.brier += o.brier_closed;
      m.closed_unknown_log_loss -= std::log(std::max(o.right, kTiny));
      m.closed_unknown_brier += o.brier;
      m.closed_unknown_rate += o.unknown >= o.leader;
      if (actors.size() <= r->actor) actors.resize(r->actor + 1, {0, 0, 0});
      auto& a = actors[r->actor];
      a[0] += 1;
      a[1] += o.rank == 1;
      a[2] += o.rank <= 5;
      if (o.leader >= 0.8) {
        ++named_closed;
        named_closed_right += o.leader_right;
      }
      if (o.leader >= threshold) {
        ++above;
        above_right += o.leader_right;
      }
    }
    const auto open = [&](const Outcome& o, std::size_t& named) {
      open_sum -= std::log(std::max(o.right, kTiny));
      named += o.leader >= 0.8;
      above += o.leader >= threshold;
    };
    if (r->open.made) {
      ++m.open;
      m.open_log_loss -= std::log(std::max(r->open.right, kTiny));
      m.open_brier += r->open.brier;
      m.unknown_rate += r->open.unknown >= r->open.leader;
      open(r->open, named_removed);
    }
    if (r->crime.made) {
      ++m.crime;
      crime_loss -= std::log(std::max(r->crime.right, kTiny));
      crime_brier += r->crime.brier;
      open(r->crime, named_crime);
    }
    if (r->unlabelled.made) {
      ++m.unlabelled;
      m.unlabelled_unknown_rate += r->unlabelled.unknown >= r->unlabelled.leader;
      m.unlabelled_log_loss -= std::log(std::max(r->unlabelled.right, kTiny));
    }
  }
  const auto mean = [](double& sum, std::size_t n) { sum = n == 0 ? 0 : sum / static_cast<double>(n); };
  for (double* x : {&m.top1, &m.top3, &m.top5, &m.mrr, &m.log_loss, &m.brier, &m.closed_unknown_log_loss,
                    &m.closed_unknown_brier, &m.closed_unknown_rate}) {
    mean(*x, m.closed);
  }
  for (double* x : {&m.open_log_loss, &m.open_brier, &m.unknown_rate}) mean(*x, m.open);
  mean(crime_loss, m.crime);
  mean(crime_brier, m.crime);
  for (double* x : {&m.unlabelled_unknown_rate, &m.unlabelled_log_loss}) mean(*x, m.unlabelled);

  // Half closed; the other half open, of which ordinary crime is a half where there is any. Missing parts fall out.
  double w_closed = m.closed > 0 ? 0.5 : 0, w_open = m.open > 0 ? (m.crime > 0 ? 0.25 : 0.5) : 0,
         w_crime = m.crime > 0 ? (m.open > 0 ? 0.25 : 0.5) : 0;
  const double w = w_closed + w_open + w_crime;
  if (w > 0) {
    w_closed /= w;
    w_open /= w;
    w_crime /= w;
  }
  m.both_log_loss = w_closed * m.closed_unknown_log_loss + w_open * m.open_log_loss + w_crime * crime_loss;
  m.both_brier = w_closed * m.closed_unknown_brier + w_open * m.open_brier + w_crime * crime_brier;
  m.calibration.resize(10);
  for (std::size_t b = 0; b < 10; ++b) m.calibration[b].low = static_cast<double>(b) / 10;
  const auto place = [&](const Outcome& o, bool closed, double weight) {
    const bool names = o.leader > o.unknown;
    const double said = std::max(o.leader, o.unknown);
    const bool was = closed ? names && o.leader_right : !names;
    auto& bin = m.calibration[std::min<std::size_t>(9, static_cast<std::size_t>(said * 10))];
    bin.share += weight;
    bin.said += weight * said;
    bin.was += weight * (was ? 1 : 0);
  };
  for (const TrialResult* r : rows) {
    if (r->closed.made) place(r->closed, true, w_closed / static_cast<double>(m.closed));
    if (r->open.made) place(r->open, false, w_open / static_cast<double>(m.open));
    if (r->crime.made) place(r->crime, false, w_crime / static_cast<double>(m.crime));
  }
  for (auto& bin : m.calibration) {
    m.ece += std::abs(bin.said - bin.was);
    if (bin.share > 0) {
      bin.said /= bin.share;
      bin.was /= bin.share;
    }
  }
  m.named = above;
  m.named_right = above_right;
  const std::size_t asked = m.closed + m.open + m.crime;
  m.named_rate = asked == 0 ? 0 : static_cast<double>(above) / static_cast<double>(asked);
  std::erase_if(actors, [](const auto& a) { return a[0] == 0; });
  m.actors = actors.size();
  for (const auto& a : actors) {
    m.macro_top1 += a[1] / a[0] / static_cast<double>(actors.size());
    m.macro_top5 += a[2] / a[0] / static_cast<double>(actors.size());
  }
  m.at80_rate = m.closed == 0 ? 0 : static_cast<double>(named_closed) / static_cast<double>(m.closed);
  m.at80_precision =
      named_closed == 0 ? 1 : static_cast<double>(named_closed_right) / static_cast<double>(named_closed);
  m.false_removed = m.open == 0 ? 0 : static_cast<double>(named_removed) / static_cast<double>(m.open);
  m.false_crime = m.crime == 0 ? 0 : static_cast<double>(named_crime) / static_cast<double>(m.crime);
  (void)open_sum;
  return m;
}

Interval paired_interval(const Evaluation& a, const Evaluation& b, const std::function<double(const Measures&)>& of,
                         std::size_t resamples) {
  std::map<std::string, std::array<std::vector<const TrialResult*>, 2>> units;
  const auto put = [&units](const Evaluation& e, std::size_t side) {
    for (const TrialResult& r : e.rows) {
      const bool cluster = r.kind == TrialKind::kInfrastructure && !r.truth.empty();
      units[cluster ? "@" + r.truth.front() : r.id][side].push_back(&r);
    }
  };
  put(a, 0);
  put(b, 1);
  std::vector<const std::array<std::vector<const TrialResult*>, 2>*> list;
  for (const auto& [key, unit] : units) list.push_back(&unit);
  std::vector<double> differences;
  Random random(20071020);
  for (std::size_t k = 0; k < resamples && !list.empty(); ++k) {
    std::vector<const TrialResult*> left, right;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto& unit = *list[random.below(list.size())];
      left.insert(left.end(), unit[0].begin(), unit[0].end());
      right.insert(right.end(), unit[1].begin(), unit[1].end());
    }
    differences.push_back(of(measure(left, 0.8)) - of(measure(right, 0.8)));
  }
  std::sort(differences.begin(), differences.end());
  if (differences.empty()) return {};
  return {differences[differences.size() * 25 / 1000],
          differences[std::min(differences.size() - 1, differences.size() * 975 / 1000)]};
}

namespace {

double rounded(double x) { return std::round(x * 1e6) / 1e6; }

void write_outcome(base::JsonWriter& w, const char* key, const Outcome& o, bool closed) {
  if (!o.made) return;
  w.key(key).begin_object();
  w.key("right").number(rounded(o.right));
  w.key("unknown").number(rounded(o.unknown));
  w.key("leader").string(o.leader_key);
  w.key("leader_probability").number(rounded(o.leader));
  if (closed) {
    w.key("rank").number(static_cast<std::uint64_t>(o.rank));
    w.key("right_among_named").number(rounded(o.right_closed));
  }
  w.end_object();
}

void write_interval(base::JsonWriter& w, const char* key, const Interval& i) {
  w.key(key).begin_array().number(rounded(i.low)).number(rounded(i.high)).end_array();
}

}  // namespace

std::string to_json(const Evaluation& evaluation, const EvaluateOptions& options) {
  const Measures& m = evaluation.measures;
  std::string out;
  base::JsonWriter w(out);
  w.begin_object();
  w.key("trials").number(static_cast<std::uint64_t>(m.trials));
  w.key("skipped").number(static_cast<std::uint64_t>(m.skipped));
  w.key("method").string(options.baseline.empty() ? "whodunit" : options.baseline);
  w.key("cross_validated").boolean(options.folds > 0 || !options.baseline.empty());
  w.key("closed").begin_object();
  w.key("n").number(static_cast<std::uint64_t>(m.closed));
  w.key("top1").number(rounded(m.top1));
  w.key("top3").number(rounded(m.top3));
  w.key("top5").number(rounded(m.top5));
  w.key("mrr").number(rounded(m.mrr));
  w.key("log_loss").number(rounded(m.log_loss));
  w.key("brier").number(rounded(m.brier));
  w.key("log_loss_with_unknown").number(rounded(m.closed_unknown_log_loss));
  w.key("brier_with_unknown").number(rounded(m.closed_unknown_brier));
  write_interval(w, "top1_interval", m.top1_interval);
  write_interval(w, "log_loss_interval", m.log_loss_interval);
  w.end_object();
  w.key("open").begin_object();
  w.key("n").number(static_cast<std::uint64_t>(m.open));
  w.key("log_loss").number(rounded(m.open_log_loss));
  w.key("brier").number(rounded(m.open_brier));
  w.key("unknown_rate").number(rounded(m.unknown_rate));
  w.end_object();
  w.key("both").begin_object();
  w.key("log_loss").number(rounded(m.both_log_loss));
  w.key("brier").number(rounded(m.both_brier));
  w.key("ece").number(rounded(m.ece));
  write_interval(w, "log_loss_interval", m.both_log_loss_interval);
  write_interval(w, "brier_interval", m.both_brier_interval);
  write_interval(w, "ece_interval", m.ece_interval);
  w.end_object();
  w.key("closed_unknown_rate").number(rounded(m.closed_unknown_rate));
  w.key("named").begin_object();
  w.key("threshold").number(options.threshold);
  w.key("rate").number(rounded(m.named_rate));
  w.key("right").number(m.named == 0 ? 0.0
                                     : rounded(static_cast<double>(m.named_right) / static_cast<double>(m.named)));
  w.key("n").number(static_cast<std::uint64_t>(m.named));
  w.key("wrong").number(static_cast<std::uint64_t>(m.named - m.named_right));
  w.end_object();
  w.key("macro").begin_object();
  w.key("actors").number(static_cast<std::uint64_t>(m.actors));
  w.key("top1").number(rounded(m.macro_top1));
  w.key("top5").number(rounded(m.macro_top5));
  write_interval(w, "top1_interval", m.macro_top1_interval);
  w.end_object();
  w.key("at_80").begin_object();
  w.key("precision").number(rounded(m.at80_precision));
  w.key("rate").number(rounded(m.at80_rate));
  w.key("false_removed").number(rounded(m.false_removed));
  w.key("false_crime").number(rounded(m.false_crime));
  w.end_object();
  w.key("unlabelled").begin_object();
  w.key("n").number(static_cast<std::uint64_t>(m.unlabelled));
  w.key("unknown_rate").number(rounded(m.unlabelled_unknown_rate));
  w.key("log_loss").number(rounded(m.unlabelled_log_loss));
  w.end_object();
  w.key("calibration").begin_array();
  for (const auto& bin : m.calibration) {
    if (bin.share == 0) continue;
    w.begin_object();
    w.key("from").number(rounded(bin.low));
    w.key("share").number(rounded(bin.share));
    w.key("said").number(rounded(bin.said));
    w.key("was").number(rounded(bin.was));
    w.end_object();
  }
  w.end_array();
  w.key("rows").begin_array();
  for (const TrialResult& r : evaluation.rows) {
    w.begin_object();
    w.key("id").string(r.id);
    w.key("truth").begin_array();
    for (const auto& t : r.truth) w.string(t);
    w.end_array();
    write_outcome(w, "closed", r.closed, true);
    write_outcome(w, "open", r.open, false);
    write_outcome(w, "crime", r.crime, false);
    write_outcome(w, "unlabelled", r.unlabelled, false);
    w.end_object();
  }
  w.end_array();
  w.end_object();
  return out;
}

std::string to_text(const Evaluation& evaluation, const EvaluateOptions& options) {
  const Measures& m = evaluation.measures;
  std::string out = fmt::format(
      "{} trials ({}): {} closed, {} open, {} of ordinary crime, {} unlabelled; {} left out (no date)\n", m.trials,
      options.baseline.empty() ? "whodunit" : options.baseline, m.closed, m.open, m.crime, m.unlabelled, m.skipped);
  const auto in = [](const Interval& i) { return fmt::format("[{:.2f}, {:.2f}]", i.low, i.high); };
  if (m.closed > 0) {
    out += fmt::format(
        "closed    top-1 {:.3f} {}  top-3 {:.3f}  top-5 {:.3f}  mean reciprocal rank {:.3f}  log-loss {:.3f} {}  Brier "
        "{:.3f}\n",
        m.top1, in(m.top1_interval), m.top3, m.top5, m.mrr, m.log_loss, in(m.log_loss_interval), m.brier);
    out += fmt::format("macro     top-1 {:.3f} {}  top-5 {:.3f}  over {} actors\n", m.macro_top1,
                       in(m.macro_top1_interval), m.macro_top5, m.actors);
    out += fmt::format("          \"an unknown group\" leads wrongly in {:.3f}\n", m.closed_unknown_rate);
  }
  if (m.open > 0)
    out += fmt::format("open      log-loss {:.3f}  Brier {:.3f}  \"an unknown group\" leads in {:.3f}\n",
                       m.open_log_loss, m.open_brier, m.unknown_rate);
  if (m.unlabelled > 0) {
    out += fmt::format("unlabelled  log-loss {:.3f}  \"an unknown group\" leads in {:.3f}\n", m.unlabelled_log_loss,
                       m.unlabelled_unknown_rate);
  }
  out += fmt::format("both      log-loss {:.3f} {}  Brier {:.3f} {}  expected calibration error {:.3f} {}\n",
                     m.both_log_loss, in(m.both_log_loss_interval), m.both_brier, in(m.both_brier_interval), m.ece,
                     in(m.ece_interval));
  out += fmt::format("named at P >= {:.2f}: {} ({:.3f} of all questions), {} wrong\n", options.threshold, m.named,
                     m.named_rate, m.named - m.named_right);
  out += fmt::format(
      "at .80    precision {:.3f}  rate {:.3f}  false with the truth removed {:.4f}  false on ordinary crime {:.4f}\n",
      m.at80_precision, m.at80_rate, m.false_removed, m.false_crime);
  out += "calibration  said   was   share\n";
  for (const auto& bin : m.calibration) {
    if (bin.share > 0) out += fmt::format("             {:.3f}  {:.3f}  {:.3f}\n", bin.said, bin.was, bin.share);
  }
  return out;
}

}  // namespace whodunit::attribution
