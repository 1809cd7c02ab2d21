// A case: all that one investigation says, ready to be stored, reported and asked.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "attribution/attribution.h"
#include "capture/capture.h"
#include "detect/finding.h"
#include "engine/engine.h"
#include "incident/incident.h"

namespace whodunit::base {
class JsonWriter;
}

namespace whodunit::investigation {

/// What made the case: the same input, settings and knowledge give the same bytes.
struct MadeWith {
  std::string program;     ///< "whodunit 0.1.0"
  std::string settings;    ///< the settings that bear on results, "key=value" sorted, one string
  std::string knowledge;   ///< digest of indicators, networks and actors
  std::string background;  ///< digest of what is common; empty: none was given
};

/// What one source said of an address on the intruder's side.
struct Machine {
  std::string address;
  std::string role;
  std::string country;  ///< in words: "NL (2 of 3 sources)"
  std::string network;  ///< "AS64500 Example"
  std::string kind;     ///< "hosting"
  std::vector<std::string> sources;
};

struct Case {
  MadeWith made_with;
  std::vector<capture::CaptureInfo> captures;
  std::uint32_t first_capture = 0;      ///< what a place calls the first of them
  std::vector<std::uint32_t> ordinals;  ///< of a whole case: what places call each; empty: counted from `first_capture`
  /// The capture that a place's number means; null where it is not known.
  const capture::CaptureInfo* capture(std::uint32_t ordinal) const;
  engine::Summary summary;
  std::map<std::string, std::uint64_t> records;
  asset::Seen seen;
  base::Time first, last;  ///< of connections
  std::size_t hosts = 0, hosts_home = 0;
  detect::Home home;
  std::vector<incident::Zone> zones;  ///< as configured; empty: inferred
  std::vector<incident::Visibility> visibility;
  std::vector<detect::Finding> findings;
  std::vector<incident::Incident> incidents;
  std::vector<incident::Campaign> campaigns;
  std::vector<Machine> machines;
  std::vector<attribution::Assessment> assessments;
  std::vector<std::string> notes;  ///< what the user should know: limits reached, knowledge missing
};

/// The one JSON object of INTERFACE.md, with what reports need beyond it. Deterministic; capture paths are not in it.
std::string to_json(const Case& c);
/// One member of its "campaigns".
void write_campaign(base::JsonWriter& w, const incident::Campaign& campaign);

}  // namespace whodunit::investigation
