#include "attribution/model/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "attribution/model/weights_table.h"

namespace whodunit::attribution {
namespace {

// Calls visit(name, value, error) for every number of the table.
template <class W, class Visit>
void each_number(W& weights, Visit&& visit) {
  const auto group = [&visit](const char* prefix, auto& values, auto* errors, auto of) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      visit(fmt::format("{}.{}", prefix, of(i)), values[i], &(*errors)[i]);
    }
  };
  group("infrastructure", weights.infrastructure, &weights.infrastructure_error,
        [](std::size_t i) { return name_of(static_cast<InfrastructureFeature>(i)); });
  group("unknown", weights.unknown, &weights.unknown_error,
        [](std::size_t i) { return name_of(static_cast<CaseFeature>(i)); });
  group("profile", weights.profile, &weights.profile_error,
        [](std::size_t i) { return name_of(static_cast<ProfileParameter>(i)); });
  group("joint", weights.joint, &weights.joint_error,
        [](std::size_t i) { return name_of(static_cast<JointParameter>(i)); });
  group("victim", weights.victim, &weights.victim_error,
        [](std::size_t i) { return name_of(static_cast<VictimParameter>(i)); });
}

}  // namespace

const char* name_of(ProfileParameter parameter) {
  static constexpr std::array<const char*, kProfileParameters> kNames = {"technique_smoothing",
                                                                         "technique_power",
                                                                         "technique_saturation",
                                                                         "software_rarity",
                                                                         "software_power",
                                                                         "software_saturation",
                                                                         "size",
                                                                         "unknown",
                                                                         "technique_imitation",
                                                                         "software_imitation",
                                                                         "technique_floor",
                                                                         "technique_exactness"};
  return kNames[parameter];
}
const char* name_of(JointParameter parameter) {
  static constexpr std::array<const char*, kJointParameters> kNames = {"infrastructure",
                                                                       "software",
                                                                       "size",
                                                                       "offset",
                                                                       "unknown",
                                                                       "floor",
                                                                       "imitation",
                                                                       "shared",
                                                                       "technique_rarity",
                                                                       "technique_matches",
                                                                       "technique_length",
                                                                       "technique_floor",
                                                                       "technique_imitation",
                                                                       "unprofiled"};
  return kNames[parameter];
}
const char* name_of(VictimParameter parameter) {
  static constexpr std::array<const char*, kVictimParameters> kNames = {"power", "saturation", "smoothing", "base"};
  return kNames[parameter];
}

const std::array<double, kProfileParameters> kProfileSpread = {1.0, 0.4, 0.7, 0.7, 0.3, 0.5,
                                                               0.4, 1.5, 0.7, 0.7, 0.7, 0.5};

Weights Weights::priors() {
  Weights w;
  w.infrastructure.fill(0.1);
  w.profile = {std::log(60.0),
               0,
               std::log(20.0),
               std::log(100.0),
               0,
               std::log(3.0),
               0.8,
               0.0,
               std::log(0.03),
               std::log(0.003),
               std::log(0.05),
               std::log(4.0)};
  // Infrastructure's and software's channels as they are; techniques by their rarity; no view of who is unprofiled.
  w.joint = {
      0.7, 1, 1, 3, 0, std::log(0.05), std::log(0.003), std::log(1.5), 0.3, 0.1, 0.1, std::log(0.05), std::log(0.01),
      0};
  w.victim = {0, std::log(6.0), std::log(10.0), 0};
  return w;
}

const Weights& Weights::shipped() {
  static const Weights weights = [] {
    const auto parsed = parse(kShippedWeights, "shipped weights");
    return parsed ? *parsed : priors();
  }();
  return weights;
}

void Weights::set_errors(const std::vector<Weights>& left_out) {
  deviations.clear();
  for (const Weights& w : left_out) {
    std::vector<double>& numbers = deviations.emplace_back();
    each_number(w, [&](const std::string&, const double& value, const double*) { numbers.push_back(value); });
  }
  const auto groups = static_cast<double>(left_out.size());
  std::size_t k = 0;
  each_number(*this, [&](const std::string&, double&, double* error) {
    double mean = 0, squares = 0;
    for (const auto& v : deviations) mean += v[k] / groups;
    for (auto& v : deviations) {
      v[k] -= mean;
      squares += v[k] * v[k];
    }
    *error = groups < 2 ? 0 : std::sqrt(squares * (groups - 1) / groups);
    ++k;
  });
}

Weights Weights::drawn(const std::function<double()>& normal) const {
  Weights out = *this;
  const auto groups = static_cast<double>(deviations.size());
  for (const std::vector<double>& deviation : deviations) {
    const double z = normal() * std::sqrt((groups - 1) / groups);
    std::size_t k = 0;
    each_number(out, [&](const std::string&, double& value, double*) { value += z * deviation[k++]; });
  }
  for (std::size_t k = 0; k < kInfrastructureFeatures; ++k) {
    if (!is_prior(static_cast<InfrastructureFeature>(k))) out.infrastructure[k] = std::max(0.0, out.infrastructure[k]);
  }
  return out;
}

base::Result<Weights> Weights::parse(std::string_view text, const std::string& where) {
  Weights weights = text.data() == kShippedWeights.data() ? priors() : shipped();
  std::istringstream in{std::string(text)};
  std::vector<std::vector<double>> deviations_of;
  std::string line;
  std::size_t number = 0;
  while (std::getline(in, line)) {
    ++number;
    line = line.substr(0, line.find('#'));
    std::istringstream words(line);
    std::string name;
    if (!(words >> name)) continue;
    double value = 0, error = 0;
    if (!(words >> value) || !std::isfinite(value)) {
      return base::Error{"\"" + name + "\" has no number", where + ":" + std::to_string(number),
                         "lines are \"name value\""};
    }
    std::vector<double> moved;
    words >> error;
    for (double x = 0; words >> x;) moved.push_back(x);
    bool known = false;
    std::size_t k = 0, n = 0;
    each_number(weights, [&](const std::string& own, double& slot, double* error_slot) {
      if (own == name) {
        slot = value;
        *error_slot = error;
        known = true;
        k = n;
      }
      ++n;
    });
    if (known && !moved.empty()) {
      constexpr std::size_t kMostDeviations = 100;
      if (moved.size() > kMostDeviations || (!deviations_of.empty() && deviations_of.size() != moved.size())) {
        return base::Error{"\"" + name + "\" has another number of deviations than the lines before",
                           where + ":" + std::to_string(number), "every line has as many, or none"};
      }
      deviations_of.resize(moved.size(), std::vector<double>(n, 0));
      for (std::size_t g = 0; g < moved.size(); ++g) deviations_of[g][k] = moved[g];
    }
    if (!known) {
      return base::Error{"no parameter is named \"" + name + "\"", where + ":" + std::to_string(number),
                         "`whodunit knowledge evaluate … --fit FILE` writes all of them"};
    }
  }
  weights.deviations = std::move(deviations_of);
  return weights;
}

base::Result<Weights> Weights::load(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return base::Error{"cannot be read", path, {}};
  std::stringstream buffer;
  buffer << in.rdbuf();
  return parse(buffer.str(), path);
}

std::string Weights::to_text() const {
  std::string out;
  std::size_t k = 0;
  each_number(*this, [&](const std::string& name, const double& value, const double* error) {
    out += fmt::format("{} {:.5g}", name, value);
    if (*error > 0) out += fmt::format(" {:.3g}", *error);
    for (const auto& deviation : deviations) {
      if (*error > 0) out += fmt::format(" {:.3g}", deviation[k]);
    }
    out += '\n';
    ++k;
  });
  return out;
}

}  // namespace whodunit::attribution
