// ONC RPC (RFC 5531): calls and replies over TCP and UDP, with the port mapper's own (RFC 1833). NFS' calls (program
// 100003) come by the thousand and are checked, but not told one by one.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::sunrpc {

using record::Opt;
using record::Text;

#define WHODUNIT_RPC_FIELDS(FIELD)                                                                             \
  FIELD(1, std::uint64_t, program, "program", "Program's number (IANA, RPC Program Numbers).")                 \
  FIELD(1, Text, program_name, "program_name", "Its name, where it is one of the usual.")                      \
  FIELD(1, std::uint64_t, version, "version", "Its version.")                                                  \
  FIELD(1, std::uint64_t, procedure, "procedure", "Procedure's number.")                                       \
  FIELD(1, Text, procedure_name, "procedure_name", "Port mapper: SET, GETPORT, DUMP, … (RFC 1833 2.1, 3.1).")  \
  FIELD(1, Text, auth, "auth", "Credential's flavour: AUTH_NONE, AUTH_SYS, RPCSEC_GSS, … (RFC 5531 8.2).")     \
  FIELD(1, Text, machine, "machine", "AUTH_SYS: the caller's name of itself (RFC 5531 appendix A).")           \
  FIELD(1, Opt<std::uint64_t>, uid, "user_id", "AUTH_SYS: the user's number.")                                 \
  FIELD(1, Text, status, "status", "What came of it: SUCCESS, PROG_UNAVAIL, …, AUTH_ERROR; unset: no answer.") \
  FIELD(1, Opt<std::uint64_t>, mapped_program, "mapped_program", "Port mapper: the program in question.")      \
  FIELD(1, Opt<std::uint64_t>, mapped_port, "mapped_port", "Port mapper: the port given or set; 0: none.")
WHODUNIT_RECORD(Rpc, "rpc", 1, "One call of ONC RPC, with its reply.", WHODUNIT_RPC_FIELDS)

extern const Definition kOverTcp;
extern const Definition kOverUdp;

}  // namespace whodunit::protocol::sunrpc
