// RADIUS (RFC 2865, RFC 2866): logins to networks and how they went. Passwords stay out.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::radius {

using base::Address;
using base::Duration;
using record::Opt;
using record::Text;

#define WHODUNIT_RADIUS_FIELDS(FIELD)                                                                     \
  FIELD(1, Text, username, "username", "The account (attribute 1).")                                      \
  FIELD(1, Text, mac, "mac", "The station's hardware address (attribute 31), where it is one.")           \
  FIELD(1, Opt<Address>, framed_addr, "framed_addr", "The address that the network gives (attribute 8).") \
  FIELD(1, Text, tunnel_client, "tunnel_client", "Where the tunnel comes from (attribute 66).")           \
  FIELD(1, Text, connect_info, "connect_info", "How the station is connected (attribute 77).")            \
  FIELD(1, Text, reply_msg, "reply_msg", "What the server says to the user (attribute 18).")              \
  FIELD(1, Text, result, "result", "success, failed or unknown.")                                         \
  FIELD(1, Opt<Duration>, ttl, "ttl", "Request to reply.")                                                \
  FIELD(1, Text, request, "request", "Kind of request: access, accounting, disconnect, change, other.")   \
  FIELD(1, Text, nas, "nas", "The access server by address or name (attributes 4, 32).")
WHODUNIT_RECORD(Radius, "radius", 1, "One RADIUS request with its reply.", WHODUNIT_RADIUS_FIELDS)

extern const Definition kDefinition;

}  // namespace whodunit::protocol::radius
