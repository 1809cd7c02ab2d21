// Router advertisements (RFC 4861 4.2): who says that it is the way out, and what hosts are to set themselves up with.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::icmp {

#define WHODUNIT_ROUTER_ADVERTISEMENT_FIELDS(FIELD)                                                             \
  FIELD(1, record::Opt<base::Duration>, lifetime, "lifetime", "As a default router; 0: it is none (any more).") \
  FIELD(1, record::Text, preference, "preference", "high, medium, low (RFC 4191 2.2).")                         \
  FIELD(1, bool, managed, "managed", "Addresses are to be asked for by DHCPv6.")                                \
  FIELD(1, record::Texts, prefixes, "prefixes", "Prefixes that are on the link or that addresses are made of.") \
  FIELD(1, record::Texts, dns_servers, "dns_servers", "Resolvers (RFC 8106 5.1).")                              \
  FIELD(1, record::Opt<std::uint64_t>, mtu, "mtu", "The link's MTU, bytes.")                                    \
  FIELD(1, record::Text, link_address, "link_address", "The router's hardware address, as it says.")
WHODUNIT_RECORD(RouterAdvertisement, "router_advertisement", 1,
                "What an IPv6 router advertises: one row when it first does, and when it says something else.",
                WHODUNIT_ROUTER_ADVERTISEMENT_FIELDS)

/// Reads an advertisement and emits a row where it differs from that of `last` (a digest, kept by the caller, 0 at
/// first). Malformed options are counted as weird.
void read_router_advertisement(Context& context, const packet::Packet& packet, std::uint64_t& last);

}  // namespace whodunit::protocol::icmp
