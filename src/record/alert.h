// What another sensor's rule claims: comes in with that sensor's logs, never from packets.
#pragma once

#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::record {

#define WHODUNIT_ALERT_FIELDS(FIELD)                                                                            \
  FIELD(1, Text, sensor, "sensor", "The program that raised it: suricata.")                                     \
  FIELD(1, Opt<std::uint64_t>, signature_id, "signature_id", "The rule's number.")                              \
  FIELD(1, Opt<std::uint64_t>, rev, "rev", "The rule's revision.")                                              \
  FIELD(1, Text, signature, "signature", "The rule's text.")                                                    \
  FIELD(1, Text, category, "category", "The rule's class, in words.")                                           \
  FIELD(1, Opt<std::uint64_t>, severity, "severity", "As the sensor counts: 1 is the gravest.")                 \
  FIELD(1, Text, action, "action", "allowed or blocked.")                                                       \
  FIELD(1, Texts, techniques, "techniques", "ATT&CK ids that the rule names.")                                  \
  FIELD(1, Opt<base::Address>, source, "source", "The attacking side, where the rule says which (its target).") \
  FIELD(1, Opt<base::Address>, target, "target", "The attacked side, where the rule says which.")               \
  FIELD(1, Text, app_proto, "app_proto", "The protocol within, as the sensor took it.")
WHODUNIT_RECORD(Alert, "alert", 1, "What a rule of another sensor claims; only from that sensor's logs.",
                WHODUNIT_ALERT_FIELDS)

}  // namespace whodunit::record
