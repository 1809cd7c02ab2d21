// What another sensor's rules claim, taken over as claims: from Suricata's EVE, never from packets.
//
// Method: the sensor's classification (Suricata, classification.config; Snort's before it) says which phase a rule is
// about; its priority bounds the severity. A rule is somebody else's judgement that cannot be checked here, so
// confidence stays moderate, and rules that only say that an address stands on a list inform and accuse nobody.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "detect/detector.h"
#include "record/alert.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::size_t max_claims = 20'000;
  std::size_t max_victims = 100;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{"sensor_alert",
                             "A rule of another sensor fired: its claim, with its class and the ends that it names.",
                             "Suricata's classification.config and rule priorities",
                             {},
                             "Rules fire on harmless traffic as often as they are written broadly; reputation rules "
                             "say that an address is on a "
                             "list, no more.",
                             {{"max_claims", fmt::format("{}", p.max_claims), "pairs of rule and attacker remembered"},
                              {"max_victims", fmt::format("{}", p.max_victims), "victims remembered of each"}}};
  return d;
}

struct Class {
  std::string_view category;  ///< as the sensor words it
  Phase phase;
  Outcome outcome;
  bool accuses;  ///< false: it informs
};

/// classification.config of Suricata 7, those that say something about an intruder.
constexpr Class kClasses[] = {
    {"Attempted Information Leak", Phase::kDoorRattling, Outcome::kAttempted, true},
    {"Detection of a Network Scan", Phase::kDoorRattling, Outcome::kAttempted, true},
    {"Information Leak", Phase::kDoorRattling, Outcome::kUnknown, true},
    {"Large Scale Information Leak", Phase::kTheft, Outcome::kUnknown, true},
    {"Attempted Denial of Service", Phase::kAssault, Outcome::kAttempted, true},
    {"Denial of Service", Phase::kAssault, Outcome::kUnknown, true},
    {"Detection of a Denial of Service Attack", Phase::kAssault, Outcome::kUnknown, true},
    {"Attempted User Privilege Gain", Phase::kAssault, Outcome::kAttempted, true},
    {"Unsuccessful User Privilege Gain", Phase::kAssault, Outcome::kAttempted, true},
    {"Attempted Administrator Privilege Gain", Phase::kAssault, Outcome::kAttempted, true},
    {"Web Application Attack", Phase::kAssault, Outcome::kUnknown, true},
    {"Executable code was detected", Phase::kAssault, Outcome::kUnknown, true},
    {"Attempt to login by a default username and password", Phase::kAssault, Outcome::kAttempted, true},
    {"Exploit Kit Activity Detected", Phase::kAssault, Outcome::kUnknown, true},
    {"Successful User Privilege Gain", Phase::kEntry, Outcome::kSucceeded, true},
    {"Successful Administrator Privilege Gain", Phase::kEntry, Outcome::kSucceeded, true},
    {"Successful Credential Theft Detected", Phase::kTheft, Outcome::kSucceeded, true},
    {"A Network Trojan was detected", Phase::kFoothold, Outcome::kUnknown, true},
    {"Malware Command and Control Activity Detected", Phase::kFoothold, Outcome::kUnknown, true},
    {"Domain Observed Used for C2 Detected", Phase::kFoothold, Outcome::kUnknown, true},
    {"Targeted Malicious Activity was Detected", Phase::kFoothold, Outcome::kUnknown, true},
    {"Crypto Currency Mining Activity Detected", Phase::kHarm, Outcome::kUnknown, true},
};

const Class& class_of(std::string_view category) {
  static constexpr Class kOther{"", Phase::kDoorRattling, Outcome::kUnknown, false};
  for (const Class& c : kClasses)
    if (c.category == category) return c;
  return kOther;
}

struct Key {
  std::string signature;
  base::Address orig, source;  // the connection's originator; the attacker where the rule says which
  bool named = false;
  auto operator<=>(const Key&) const = default;
};

struct Claim {
  std::string category, sensor;
  std::uint64_t id = 0, severity = 3, total = 0, blocked = 0;
  std::set<base::Address> victims;
  std::set<std::string> techniques;
  std::vector<record::Head> heads;
};

class SensorAlert : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"alert"}}; }

  void take(const record::Batch& batch) override {
    if (&batch.schema() != &record::Alert::schema) return;
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      const record::Alert a = record::Alert::read(batch, row);
      Key key{std::string(a.signature.substr(0, 200)), a.head.id.orig_h, a.source.value_or(base::Address{}),
              a.source.has_value()};
      if (claims_.size() >= parameters_.max_claims && claims_.count(key) == 0) continue;
      Claim& c = claims_[std::move(key)];
      ++c.total;
      c.category = a.category.substr(0, 80);
      c.sensor = a.sensor.substr(0, 40);
      c.id = a.signature_id.value_or(0);
      c.severity = a.severity.value_or(3);
      c.blocked += a.action == "blocked";
      if (c.victims.size() < parameters_.max_victims) c.victims.insert(a.target.value_or(a.head.id.resp_h));
      for (const std::string_view t : a.techniques)
        if (c.techniques.size() < 8) c.techniques.emplace(t);
      if (c.heads.size() < Finding::kMaxEvidence) c.heads.push_back(a.head);
    }
  }

  void finish(const Home& home, std::vector<Finding>& out) override {
    for (const auto& [key, c] : claims_) {
      const Class& kind = class_of(c.category);
      Finding f;
      f.detector = "sensor_alert";
      f.techniques.assign(c.techniques.begin(), c.techniques.end());
      f.phase = kind.phase;
      f.outcome = c.blocked == c.total ? Outcome::kAttempted : kind.outcome;
      f.severity = !kind.accuses || c.severity >= 3 ? Severity::kInformational
                   : c.severity == 2                ? Severity::kLow
                   : kind.phase >= Phase::kEntry    ? Severity::kHigh
                                                    : Severity::kMedium;
      f.confidence = !kind.accuses ? 0.2 : c.severity == 1 ? 0.5 : 0.35;
      base::Address attacker = key.named ? key.source : key.orig;
      std::set<base::Address> victims = c.victims;
      // Control goes from the inside to the outside: the host within is the one that was taken.
      if (!key.named && kind.phase >= Phase::kFoothold && home.contains(attacker) && victims.size() == 1 &&
          !home.contains(*victims.begin())) {
        const base::Address taken = attacker;
        attacker = *victims.begin();
        victims = {taken};
      }
      f.attacker = host(attacker);
      for (const base::Address& v : victims) f.victims.push_back(host(v));
      f.victim = f.victims.front();
      if (f.victims.size() == 1) f.victims.clear();
      for (const record::Head& head : c.heads) f.add("alert", head);
      f.evidence_total = c.total;
      f.statement =
          fmt::format("{} → {}: {} (a rule of {}; {}; {} alert{}{})", attacker.to_string(),
                      victims.size() == 1 ? victims.begin()->to_string() : fmt::format("{} hosts", victims.size()),
                      key.signature, c.sensor, c.category.empty() ? "no class" : c.category, c.total,
                      c.total == 1 ? "" : "s", c.blocked == 0 ? "" : fmt::format(", {} blocked", c.blocked));
      f.fact("signature", key.signature);
      f.fact("signature_id", fmt::format("{}", c.id));
      f.fact("category", c.category);
      f.fact("sensor", c.sensor);
      out.push_back(std::move(f));
    }
  }

 private:
  Parameters parameters_;
  std::map<Key, Claim> claims_;
};

}  // namespace

std::unique_ptr<Detector> make_sensor_alert(const Environment&) { return std::make_unique<SensorAlert>(); }

}  // namespace whodunit::detect
