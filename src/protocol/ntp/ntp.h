// NTP (RFC 5905) and its predecessors; control and private messages (RFC 9327, ntpdc) as far as amplification needs it.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::ntp {

using base::Time;
using record::Opt;
using record::Text;

#define WHODUNIT_NTP_FIELDS(FIELD)                                                                                   \
  FIELD(1, std::uint64_t, version, "version", "Protocol version.")                                                   \
  FIELD(1, std::uint64_t, mode, "mode", "1 and 2 symmetric, 3 client, 4 server, 5 broadcast, 6 control, 7 private.") \
  FIELD(1, Opt<std::uint64_t>, stratum, "stratum", "Distance from the reference clock.")                             \
  FIELD(1, Opt<double>, poll, "poll", "Longest interval between messages, seconds.")                                 \
  FIELD(1, Opt<double>, precision, "precision", "The clock's precision, seconds.")                                   \
  FIELD(1, Opt<double>, root_delay, "root_delay", "Round trip to the reference clock, seconds.")                     \
  FIELD(1, Opt<double>, root_disp, "root_disp", "Dispersion to the reference clock, seconds.")                       \
  FIELD(1, Text, ref_id, "ref_id", "Reference: four letters at strata 0 and 1, else an address.")                    \
  FIELD(1, Opt<Time>, ref_time, "ref_time", "When the clock was last set.")                                          \
  FIELD(1, Opt<Time>, org_time, "org_time", "Originate timestamp.")                                                  \
  FIELD(1, Opt<Time>, rec_time, "rec_time", "Receive timestamp.")                                                    \
  FIELD(1, Opt<Time>, xmt_time, "xmt_time", "Transmit timestamp.")                                                   \
  FIELD(1, Opt<std::uint64_t>, num_exts, "num_exts", "Extension fields (RFC 7822).")                                 \
  FIELD(1, Opt<std::uint64_t>, request_code, "request_code",                                                         \
        "Control: the opcode; private: the request (42 is monlist).")                                                \
  FIELD(1, std::uint64_t, bytes, "bytes", "Size of the message, bytes.")
WHODUNIT_RECORD(Ntp, "ntp", 1, "One NTP message.", WHODUNIT_NTP_FIELDS)

extern const Definition kDefinition;

}  // namespace whodunit::protocol::ntp
