// SOCKS 4, 4a and 5 (RFC 1928, RFC 1929): to whom a proxy leads. What goes through it is looked at by its own content.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::socks {

using base::Address;
using record::Opt;
using record::Port;
using record::Text;

#define WHODUNIT_SOCKS_FIELDS(FIELD)                                                    \
  FIELD(1, std::uint64_t, version, "version", "4 or 5.")                                \
  FIELD(1, Text, user, "user", "The account at the proxy.")                             \
  FIELD(1, Text, status, "status", "What the proxy answered.")                          \
  FIELD(1, Opt<Address>, request_host, "request.host", "Where to: an address.")         \
  FIELD(1, Text, request_name, "request.name", "Where to: a name.")                     \
  FIELD(1, Opt<Port>, request_p, "request_p", "Where to: the port.")                    \
  FIELD(1, Opt<Address>, bound_host, "bound.host", "The proxy's own end: its address.") \
  FIELD(1, Text, bound_name, "bound.name", "The proxy's own end: its name.")            \
  FIELD(1, Opt<Port>, bound_p, "bound_p", "The proxy's own end: its port.")             \
  FIELD(1, Text, command, "command", "connect, bind or udp_associate.")
WHODUNIT_RECORD(Socks, "socks", 1, "One request to a SOCKS proxy.", WHODUNIT_SOCKS_FIELDS)

extern const Definition kDefinition;

}  // namespace whodunit::protocol::socks
