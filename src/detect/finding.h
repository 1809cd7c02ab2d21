// Findings: one detector's claim each, with the records behind it (DESIGN.md, the noun Finding).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "record/types.h"

namespace whodunit::detect {

/// How far a step belongs into an intrusion; later phases compare greater.
enum class Phase : std::uint8_t {
  kDoorRattling,  ///< reconnaissance
  kAssault,       ///< exploitation, brute force, flood
  kEntry,
  kFoothold,  ///< control, persistence
  kSpread,    ///< lateral movement
  kTheft,     ///< collection, exfiltration
  kHarm,      ///< impact
};
std::string_view to_string(Phase phase);

enum class Outcome : std::uint8_t { kAttempted, kSucceeded, kUnknown };
std::string_view to_string(Outcome outcome);

enum class Severity : std::uint8_t { kInformational, kLow, kMedium, kHigh, kCritical };
std::string_view to_string(Severity severity);
/// False where the text is no severity.
bool parse_severity(std::string_view text, Severity& out);

/// What a finding is about. `type` is one of host, hardware_address (of a host whose address is not known), domain,
/// account, file, certificate, fingerprint, network.
struct Entity {
  std::string type;
  std::string value;
  auto operator<=>(const Entity&) const = default;
  bool empty() const { return value.empty(); }
};
inline Entity host(const base::Address& a) { return {"host", a.to_string()}; }
inline Entity hardware(std::string_view address) { return {"hardware_address", std::string(address)}; }

/// A record behind a finding: its type, connection and place lead to the packets.
struct EvidenceRef {
  std::string record;  ///< "conn", "http", …
  record::Uid uid;
  record::Endpoints id;
  record::Place place;
  base::Time ts;
};

/// A name and a value that later stages reason with and reports show ("ports" = "22, 80", "actor" = "APT28").
struct Fact {
  std::string name;
  std::string value;
};

struct Finding {
  std::string id;  ///< "F-" and hex digits of a hash of what it claims; set by `seal`
  std::string detector;
  std::vector<std::string> techniques;  ///< ATT&CK ids
  Phase phase = Phase::kDoorRattling;
  Outcome outcome = Outcome::kUnknown;
  Severity severity = Severity::kLow;
  double confidence = 0.5;  ///< that the statement is true, in [0,1]
  Entity attacker;          ///< empty where it cannot be said
  Entity victim;
  std::vector<Entity>
      victims;  ///< where there are several (a scan): up to a limit; `victim` is the first or their network
  base::Time first, last;
  std::string statement;              ///< one line in plain words
  std::vector<EvidenceRef> evidence;  ///< the records behind it: the telling ones, up to kMaxEvidence
  std::uint64_t evidence_total = 0;   ///< how many there are in all
  std::vector<Fact> facts;
  static constexpr std::size_t kMaxEvidence = 50;

  /// Adds a record as evidence, within the limit, and stretches first and last.
  void add(std::string_view record, const record::Head& head);
  void fact(std::string name, std::string value) { facts.push_back({std::move(name), std::move(value)}); }
  /// "" where there is none.
  std::string_view fact(std::string_view name) const;
};

/// Sorts findings (first time, detector, attacker, victim, statement), and gives them their ids. The same findings give
/// the same bytes, in whatever order they came.
void seal(std::vector<Finding>& findings);

}  // namespace whodunit::detect
