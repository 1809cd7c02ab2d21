#include "attribution/model/weights.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "attribution/model/weights_table.h"

namespace whodunit::attribution {
namespace {

// Calls visit(name, value, error) for every number of the table; `error` may be null.
template <class W, class Visit>
void each_number(W& weights, Visit&& visit) {
  const auto group = [&visit](const char* prefix, auto& values, auto* errors, auto of) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      visit(fmt::format("{}.{}", prefix, of(i)), values[i], errors == nullptr ? nullptr : &(*errors)[i]);
    }
  };
  group("infrastructure", weights.infrastructure, &weights.infrastructure_error,
        [](std::size_t i) { return name_of(static_cast<InfrastructureFeature>(i)); });
  group("unknown", weights.unknown, static_cast<decltype(&weights.unknown)>(nullptr),
        [](std::size_t i) { return name_of(static_cast<CaseFeature>(i)); });
  group("profile", weights.profile, &weights.profile_error,
        [](std::size_t i) { return name_of(static_cast<ProfileParameter>(i)); });
  group("joint", weights.joint, static_cast<decltype(&weights.joint)>(nullptr),
        [](std::size_t i) { return name_of(static_cast<JointParameter>(i)); });
  group("victim", weights.victim, static_cast<decltype(&weights.victim)>(nullptr),
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
                                                                         "technique_floor"};
  return kNames[parameter];
}
const char* name_of(JointParameter parameter) {
  static constexpr std::array<const char*, kJointParameters> kNames = {"infrastructure", "techniques", "software",
                                                                       "size",           "offset",     "unknown", "floor", "imitation"};
  return kNames[parameter];
}
const char* name_of(VictimParameter parameter) {
  static constexpr std::array<const char*, kVictimParameters> kNames = {"power", "saturation", "smoothing", "base"};
  return kNames[parameter];
}

const std::array<double, kProfileParameters> kProfileSpread = {1.0, 0.4, 0.7, 0.7, 0.3, 0.5, 0.4, 1.5, 0.7, 0.7, 0.7};

Weights Weights::priors() {
  Weights w;
  w.infrastructure.fill(0.1);
  w.profile = {
      std::log(60.0), 0, std::log(20.0), std::log(100.0), 0, std::log(3.0), 0.8, 0.0, std::log(0.03), std::log(0.003),
      std::log(0.05)};
  w.joint = {0.7, 1, 1, 1, 3, 0, std::log(0.05), std::log(0.003)};
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

base::Result<Weights> Weights::parse(std::string_view text, const std::string& where) {
  Weights weights = text.data() == kShippedWeights.data() ? priors() : shipped();
  std::istringstream in{std::string(text)};
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
    words >> error;
    bool known = false;
    each_number(weights, [&](const std::string& own, double& slot, double* error_slot) {
      if (own != name) return;
      slot = value;
      if (error_slot != nullptr) *error_slot = error;
      known = true;
    });
    if (!known) {
      return base::Error{"no parameter is named \"" + name + "\"", where + ":" + std::to_string(number),
                         "`whodunit knowledge evaluate … --fit FILE` writes all of them"};
    }
  }
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
  each_number(*this, [&out](const std::string& name, const double& value, const double* error) {
    out += fmt::format("{} {:.5g}", name, value);
    if (error != nullptr && *error > 0) out += fmt::format(" {:.3g}", *error);
    out += '\n';
  });
  return out;
}

}  // namespace whodunit::attribution
