// Incidents: one intruder's activity against one organisation, how deep it went, and what we could not see.
#pragma once

#include <string>
#include <vector>

#include "asset/inventory.h"
#include "detect/detector.h"
#include "detect/finding.h"

namespace whodunit::incident {

/// How far inside a part of a defended network lies.
enum class ZoneLevel : std::uint8_t { kOutside, kOuter, kInner, kCore };
std::string_view to_string(ZoneLevel level);

/// A named part of a defended network.
struct Zone {
  std::string organisation;
  std::string name;
  ZoneLevel level = ZoneLevel::kInner;
  std::vector<base::Network> networks;
  bool level_known = true;  ///< false: only the organisation was named, the level is inferred host by host
};

/// The zones that hold, and where a host stands. Configured zones win; for the rest of the defended network it is
/// inferred: outer where hosts outside reached a service of it (or its address is public), core where it serves
/// Kerberos or directory logons to others, inner otherwise.
class ZoneMap {
 public:
  ZoneMap(std::vector<Zone> configured, const detect::Home& home, const asset::Inventory& inventory);
  ZoneLevel level_of(const base::Address& a) const;
  /// The configured zone's name, or the level's word; for reports.
  std::string name_of(const base::Address& a) const;
  /// The configured organisation's name; empty where there is none.
  std::string organisation_of(const base::Address& a) const;
  /// No level was configured for it.
  bool inferred(const base::Address& a) const;
  const detect::Home& home() const { return home_; }

 private:
  const Zone* zone_of(const base::Address& a) const;
  std::vector<Zone> configured_;
  detect::Home home_;
  std::set<base::Address> outer_, core_;
};

/// The probability that a step would have been seen, had it happened: per zone level.
struct Visibility {
  ZoneLevel level = ZoneLevel::kInner;
  double probability = 0;
  std::size_t hosts_seen = 0;   ///< hosts of that level with traffic between them and others
  std::size_t hosts_known = 0;  ///< hosts of that level known at all
  double encrypted_share = 0;   ///< of their payload bytes
  double lost_share = 0;        ///< bytes in gaps and one-sided connections
  std::string statement;
};

struct Step {
  std::string from, to;  ///< addresses; "outside" where it cannot be said
  std::string finding;   ///< id
  ZoneLevel level = ZoneLevel::kOuter;
  std::string zone;  ///< the configured zone's name, or the level's word
};

struct Incident {
  std::string id;                      ///< "I-" and hex, from its findings
  std::string organisation;            ///< configured, or the defended networks
  std::string victim;                  ///< the host or network most concerned
  std::vector<std::string> attackers;  ///< hosts, most active first
  base::Time first, last;
  detect::Phase phase = detect::Phase::kDoorRattling;   ///< the furthest
  detect::Outcome outcome = detect::Outcome::kUnknown;  ///< of the furthest
  detect::Severity severity = detect::Severity::kLow;
  ZoneLevel depth = ZoneLevel::kOutside;  ///< innermost zone with a succeeded finding
  std::string depth_statement;
  bool outbound = false;      ///< the acting host is one of the defended network, against others
  double sophistication = 0;  ///< 0 (loud, whole tools of others) to 1 (quiet, own means)
  std::string sophistication_why;
  std::vector<std::string> findings;  ///< ids, by time
  std::vector<Step> path;             ///< succeeded steps inward, in order
  std::string headline;               ///< one sentence
};

/// Joins findings that share an intruder's address, a controller, or a compromised host, in time order.
std::vector<Incident> join(const std::vector<detect::Finding>& findings, const ZoneMap& zones);
std::vector<Visibility> visibility(const ZoneMap& zones, const asset::Inventory& inventory);

struct CampaignLink {
  std::string a, b;
  double weight = 0;
  std::string reason;
};
struct Campaign {
  std::string id;
  std::vector<std::string> incidents;
  std::vector<CampaignLink> links;
};
/// Incidents of different organisations or victims joined by shared infrastructure, tooling and timing.
std::vector<Campaign> campaigns(const std::vector<Incident>& incidents, const std::vector<detect::Finding>& findings);

}  // namespace whodunit::incident
