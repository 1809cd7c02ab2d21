// The chain under a claim: assessment → incident → finding → evidence → record → packets.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/extract.h"
#include "store/store.h"

namespace whodunit::report {

/// A record behind a claim, and how to see its packets.
struct TracedRecord {
  store::Evidence evidence;
  std::string json;            ///< the row as in the JSON logs; empty where the case has no such row
  std::uint8_t protocol = 0;   ///< IP protocol of its connection; 0 where it has none
  std::string display_filter;  ///< Wireshark's, for the capture that the place begins in
};

struct TracedFinding {
  store::Finding finding;
  std::vector<TracedRecord> records;
};

struct Trace {
  std::string id;
  std::vector<store::Assessment> assessments;
  std::vector<store::Incident> incidents;
  std::vector<TracedFinding> findings;
  /// Of a connection or a file: its records, apart from any finding.
  std::vector<TracedRecord> records;
  std::vector<store::Capture> captures;
};

/// Follows an id: of a finding (F-…), an incident (I-…), an assessment's subject, a connection (C…) or a file (F…).
base::Result<Trace> trace(store::Store& store, std::string_view id);

/// The packets under it all.
std::vector<engine::Wanted> packets_of(const Trace& trace);

/// For people. At most `most` records a finding (0: all); says how many are left out.
std::string trace_text(const Trace& trace, std::size_t most);
/// For programs: `{"id","assessments","incidents","findings":[{…,"evidence":[…]}],"records":[…]}`.
std::string trace_json(const Trace& trace);

/// Wireshark's display filter for the packets of a connection between two packet numbers; without endpoints, the
/// numbers alone. `protocol` is the IP protocol's number, 0 where it is not known.
std::string display_filter(const record::Endpoints& id, std::uint8_t protocol, const record::Place& place);

}  // namespace whodunit::report
