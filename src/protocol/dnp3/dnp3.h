// DNP3 (IEEE 1815): what masters ask of outstations in power and water plants, and what they answer.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::dnp3 {

using record::Opt;
using record::Text;

#define WHODUNIT_DNP3_FIELDS(FIELD)                                                                                   \
  FIELD(1, Text, fc_request, "fc_request",                                                                            \
        "The request's function (IEEE 1815 4.2.2.5); unset for unsolicited responses.")                               \
  FIELD(1, Text, fc_reply, "fc_reply", "The answer's function: RESPONSE, UNSOLICITED_RESPONSE, …; unset: none came.") \
  FIELD(1, Opt<std::uint64_t>, iin, "iin", "The answer's internal indications, 16 bits (4.2.2.6).")                   \
  FIELD(1, Opt<std::uint64_t>, source, "source", "Link address of the master.")                                       \
  FIELD(1, Opt<std::uint64_t>, destination, "destination", "Link address of the outstation.")
WHODUNIT_RECORD(Dnp3, "dnp3", 1, "One DNP3 request with its answer; its time is the last message's.",
                WHODUNIT_DNP3_FIELDS)

extern const Definition kOverTcp;
extern const Definition kOverUdp;

}  // namespace whodunit::protocol::dnp3
