// DHCP for IPv4 (RFC 2131, RFC 2132): which host got which address, and what it says of itself. One record for each
// transaction, joined by its id over the connections that it goes over (RFC 2131 4.1).
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::dhcp {

using base::Address;
using base::Duration;
using record::Opt;
using record::Text;
using record::Texts;

#define WHODUNIT_DHCP_FIELDS(FIELD)                                                              \
  FIELD(1, Texts, uids, "uids", "The connections of the transaction.")                           \
  FIELD(1, Opt<Address>, client_addr, "client_addr", "The client's address.")                    \
  FIELD(1, Opt<Address>, server_addr, "server_addr", "The server that gave the address.")        \
  FIELD(1, Text, mac, "mac", "The client's hardware address.")                                   \
  FIELD(1, Text, host_name, "host_name", "The client's name (option 12).")                       \
  FIELD(1, Text, client_fqdn, "client_fqdn", "The client's full name (option 81, RFC 4702).")    \
  FIELD(1, Text, domain, "domain", "The domain that the server gives (option 15).")              \
  FIELD(1, Opt<Address>, requested_addr, "requested_addr", "The address asked for (option 50).") \
  FIELD(1, Opt<Address>, assigned_addr, "assigned_addr", "The address given.")                   \
  FIELD(1, Opt<Duration>, lease_time, "lease_time", "For how long (option 51).")                 \
  FIELD(1, Text, client_message, "client_message", "Why the client declined (option 56).")       \
  FIELD(1, Text, server_message, "server_message", "Why the server refused (option 56).")        \
  FIELD(1, Texts, msg_types, "msg_types", "The messages, in order.")                             \
  FIELD(1, Duration, duration, "duration", "First message to the last.")                         \
  FIELD(1, std::uint64_t, xid, "xid", "The transaction's id.")                                   \
  FIELD(1, Text, vendor_class, "vendor_class", "The client's kind (option 60).")                 \
  FIELD(1, Text, parameters, "parameters",                                                       \
        "Options that the client asks for (option 55), numbers with commas: a fingerprint.")     \
  FIELD(2, Texts, servers, "servers", "All servers that offered or gave an address, in order.")  \
  FIELD(2, Texts, routers, "routers", "Routers that the last of them gives (option 3).")         \
  FIELD(2, Texts, dns_servers, "dns_servers", "Resolvers that it gives (option 6).")             \
  FIELD(2, Opt<bool>, conflicting, "conflicting", "Of several servers: they give different routers or resolvers.")
WHODUNIT_RECORD(Dhcp, "dhcp", 2, "One DHCP transaction.", WHODUNIT_DHCP_FIELDS)

extern const Definition kDefinition;

}  // namespace whodunit::protocol::dhcp
