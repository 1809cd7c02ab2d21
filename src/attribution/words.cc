#include "attribution/attribution.h"

namespace whodunit::attribution {

std::string_view to_string(Level level) {
  switch (level) {
    case Level::kInfrastructure:
      return "infrastructure";
    case Level::kOperator:
      return "operator";
    case Level::kSponsor:
      return "sponsor";
  }
  return "";
}

std::string_view to_string(Channel channel) {
  switch (channel) {
    case Channel::kIndicator:
      return "indicator";
    case Channel::kKinship:
      return "kinship";
    case Channel::kSoftware:
      return "software";
    case Channel::kTechnique:
      return "technique";
    case Channel::kExploit:
      return "exploit";
    case Channel::kTime:
      return "time";
    case Channel::kLanguage:
      return "language";
    case Channel::kVictim:
      return "victim";
    case Channel::kSophistication:
      return "sophistication";
    case Channel::kHabit:
      return "habit";
    case Channel::kGeography:
      return "geography";
    case Channel::kManual:
      return "manual";
  }
  return "";
}

// ICD 203 (2015), D.6.e.(2).(a): the first row of its table of expressions of likelihood.
std::string_view words_of(double probability) {
  if (probability < 0.05) return "almost no chance";
  if (probability < 0.20) return "very unlikely";
  if (probability < 0.45) return "unlikely";
  if (probability < 0.55) return "roughly even chance";
  if (probability < 0.80) return "likely";
  if (probability < 0.95) return "very likely";
  return "almost certain";
}

}  // namespace whodunit::attribution
