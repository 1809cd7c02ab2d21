// SNMP 1, 2c and 3 (RFC 1157, RFC 3416, RFC 3412), rolled up: one record a connection.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::snmp {

using base::Duration;
using base::Time;
using record::Opt;
using record::Text;

#define WHODUNIT_SNMP_FIELDS(FIELD)                                                                                \
  FIELD(1, Duration, duration, "duration", "First message to the last.")                                           \
  FIELD(1, Text, version, "version", "1, 2c or 3.")                                                                \
  FIELD(1, Text, community, "community",                                                                           \
        "The first community string: a hash, but for public and private, unless secrets are kept.")                \
  FIELD(1, std::uint64_t, get_requests, "get_requests", "Variables asked for with GetRequest and GetNextRequest.") \
  FIELD(1, std::uint64_t, get_bulk_requests, "get_bulk_requests", "Variables asked for with GetBulkRequest.")      \
  FIELD(1, std::uint64_t, get_responses, "get_responses", "Variables in responses.")                               \
  FIELD(1, std::uint64_t, set_requests, "set_requests", "Variables set with SetRequest.")                          \
  FIELD(1, Text, display_string, "display_string", "The system's description (1.3.6.1.2.1.1.1.0).")                \
  FIELD(1, Opt<Time>, up_since, "up_since", "Since when the system says that it runs (1.3.6.1.2.1.1.3.0).")        \
  FIELD(1, std::uint64_t, traps, "traps", "Traps and informs.")                                                    \
  FIELD(1, Text, user, "user", "SNMP 3: the first user's name (RFC 3414 2.4).")                                    \
  FIELD(1, Text, engine_id, "engine_id", "SNMP 3: the authoritative engine's id, hex.")                            \
  FIELD(1, std::uint64_t, encrypted, "encrypted", "SNMP 3: messages whose content was encrypted.")                 \
  FIELD(1, std::uint64_t, errors, "errors",                                                                        \
        "Responses with an error status; community strings that are wrong get none at all.")
WHODUNIT_RECORD(Snmp, "snmp", 1, "The SNMP messages between two ends.", WHODUNIT_SNMP_FIELDS)

extern const Definition kDefinition;

}  // namespace whodunit::protocol::snmp
