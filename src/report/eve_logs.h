// Records as Suricata's EVE events (docs.suricata.io, "EVE JSON Format"): what SIEMs and dashboards for Suricata read.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "record/batch.h"

namespace whodunit::report {

/// Makes events of rows. Record types that Suricata has an event type for get its field names; of the others an event
/// of the record's own name holds the row's fields, so that nothing is lost.
class EveEvents {
 public:
  EveEvents();
  ~EveEvents();
  /// Appends the events of all rows, a line each. TLS handshakes wait for the end of the round: their certificate is a
  /// record of its own.
  void append(std::string& out, const record::Batch& batch);
  /// The round is over: appends what waited.
  void end_round(std::string& out);

 private:
  struct Certificate;
  struct Waiting;
  std::map<std::uint64_t, Certificate> certificates_;  // of this round's handshakes, by uid
  std::unique_ptr<Waiting> waiting_;
};

}  // namespace whodunit::report
