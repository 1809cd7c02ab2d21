// Syslog over UDP (RFC 5424, RFC 5426, RFC 3164): what devices report. Each datagram is a message.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::syslog {

using record::Text;

#define WHODUNIT_SYSLOG_FIELDS(FIELD)                                                                       \
  FIELD(1, Text, proto, "proto", "Transport: udp.")                                                         \
  FIELD(1, Text, facility, "facility", "What reports (RFC 5424 6.2.1); UNSPECIFIED where nothing says.")    \
  FIELD(1, Text, severity, "severity", "How grave it is (RFC 5424 6.2.1); UNSPECIFIED where nothing says.") \
  FIELD(1, Text, message, "message", "What follows the priority, up to 8192 bytes.")
WHODUNIT_RECORD(Syslog, "syslog", 1, "One syslog message.", WHODUNIT_SYSLOG_FIELDS)

extern const Definition kDefinition;

}  // namespace whodunit::protocol::syslog
