// ICMP (RFC 792) and ICMPv6 (RFC 4443), rolled up: one record a connection. It holds what tells an ordinary ping from a
// tunnel: sizes, how payloads vary, and whether replies give back what was sent, as RFC 792 asks.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::icmp {

using base::Address;
using base::Duration;
using record::Opt;
using record::Port;
using record::Text;

#define WHODUNIT_ICMP_FIELDS(FIELD)                                                                                 \
  FIELD(1, std::uint64_t, ip_version, "ip_version", "4 (ICMP) or 6 (ICMPv6).")                                      \
  FIELD(1, std::uint64_t, type, "type", "Type of the first message.")                                               \
  FIELD(1, std::uint64_t, code, "code", "Code of the first message.")                                               \
  FIELD(1, Text, type_name, "type_name", "Type by name: echo-request, unreachable, ….")                             \
  FIELD(1, Duration, duration, "duration", "Last message's time less the first's.")                                 \
  FIELD(1, std::uint64_t, orig_messages, "orig_messages", "Messages from the originator.")                          \
  FIELD(1, std::uint64_t, resp_messages, "resp_messages", "Messages from the responder.")                           \
  FIELD(1, std::uint64_t, orig_bytes, "orig_bytes", "Bytes behind the eight of the header, from the originator.")   \
  FIELD(1, std::uint64_t, resp_bytes, "resp_bytes", "Bytes behind the eight of the header, from the responder.")    \
  FIELD(1, std::uint64_t, smallest, "smallest", "Smallest payload, bytes.")                                         \
  FIELD(1, std::uint64_t, largest, "largest", "Largest payload, bytes.")                                            \
  FIELD(1, std::uint64_t, distinct_sizes, "distinct_sizes", "Different payload sizes; at most 256 are told apart.") \
  FIELD(1, std::uint64_t, distinct_payloads, "distinct_payloads",                                                   \
        "Different payloads, leaving out a timestamp in the first 16 bytes where the rest is a ping's pattern; at " \
        "most 1024.")                                                                                               \
  FIELD(1, Opt<std::uint64_t>, echo_ids, "echo_ids", "Echo: different identifiers; at most 256.")                   \
  FIELD(1, Opt<std::uint64_t>, unanswered, "unanswered", "Echo: requests without a reply.")                         \
  FIELD(1, Opt<std::uint64_t>, unsolicited, "unsolicited", "Echo: replies without a request.")                      \
  FIELD(1, Opt<std::uint64_t>, altered, "altered", "Echo: replies whose payload is not the request's.")             \
  FIELD(1, Opt<std::uint64_t>, patterned, "patterned", "Echo: messages with a payload as ping programs make it.")   \
  FIELD(1, Text, pattern, "pattern",                                                                                \
        "First payload: counting, alphabet (Windows), constant, empty, ip (a datagram), text, other.")              \
  FIELD(1, Text, payload_start, "payload_start", "First payload's first 32 bytes, hex.")                            \
  FIELD(1, Opt<double>, entropy, "entropy",                                                                         \
        "Mean entropy of payloads of 32 bytes or more, bits per byte (of the first 256 messages).")                 \
  FIELD(1, Opt<std::uint64_t>, quoted_proto, "quoted_proto", "Errors: IP protocol of the first datagram quoted.")   \
  FIELD(1, Opt<Address>, quoted_src, "quoted_src", "Errors: its source.")                                           \
  FIELD(1, Opt<Address>, quoted_dst, "quoted_dst", "Errors: its destination.")                                      \
  FIELD(1, Opt<Port>, quoted_dst_port, "quoted_dst_port", "Errors: its destination port (TCP, UDP).")
WHODUNIT_RECORD(Icmp, "icmp", 1, "The ICMP messages of one type between two hosts, rolled up.", WHODUNIT_ICMP_FIELDS)

extern const Definition kDefinition;

}  // namespace whodunit::protocol::icmp
