// conn and weird: Zeek's logs of those names, and what we measure beyond them.
#pragma once

#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::connection {

using base::Duration;
using record::Opt;
using record::Text;
using record::Texts;

#define WHODUNIT_CONN_FIELDS(FIELD)                                                                            \
  FIELD(1, Text, proto, "proto", "Transport: tcp, udp, icmp, sctp or unknown_transport.")                      \
  FIELD(1, Text, service, "service", "Protocols recognised by content, comma-separated.")                      \
  FIELD(1, Opt<Duration>, duration, "duration", "Last packet's time less the first's.")                        \
  FIELD(1, Opt<std::uint64_t>, orig_bytes, "orig_bytes",                                                       \
        "Payload bytes from the originator (TCP: by sequence numbers).")                                       \
  FIELD(1, Opt<std::uint64_t>, resp_bytes, "resp_bytes", "Payload bytes from the responder.")                  \
  FIELD(1, Text, conn_state, "conn_state", "Zeek's summary of the connection's states: S0, SF, REJ, RSTO, ….") \
  FIELD(1, Opt<bool>, local_orig, "local_orig", "The originator is of the defended network.")                  \
  FIELD(1, Opt<bool>, local_resp, "local_resp", "The responder is of the defended network.")                   \
  FIELD(1, std::uint64_t, missed_bytes, "missed_bytes", "Bytes in gaps: acknowledged but not captured.")       \
  FIELD(1, Text, history, "history", "Zeek's history letters, upper case from the originator.")                \
  FIELD(1, std::uint64_t, orig_pkts, "orig_pkts", "Packets from the originator.")                              \
  FIELD(1, std::uint64_t, orig_ip_bytes, "orig_ip_bytes", "IP bytes from the originator, by the IP headers.")  \
  FIELD(1, std::uint64_t, resp_pkts, "resp_pkts", "Packets from the responder.")                               \
  FIELD(1, std::uint64_t, resp_ip_bytes, "resp_ip_bytes", "IP bytes from the responder.")                      \
  FIELD(1, Texts, tunnel_parents, "tunnel_parents", "The uids of the tunnels that it lies in.")                \
  FIELD(1, std::uint64_t, ip_proto, "ip_proto", "IP protocol number.")                                         \
  FIELD(1, Text, community_id, "community_id", "Community ID v1, seed 0.")                                     \
  FIELD(1, Opt<Duration>, handshake_rtt, "handshake_rtt", "SYN to the originator's first ACK of the SYN-ACK.") \
  FIELD(1, Opt<Duration>, time_to_first_byte, "time_to_first_byte",                                            \
        "Originator's first payload byte to the responder's first after it.")                                  \
  FIELD(1, std::uint64_t, orig_retransmits, "orig_retransmits",                                                \
        "Originator's segments that repeat bytes already seen.")                                               \
  FIELD(1, std::uint64_t, resp_retransmits, "resp_retransmits",                                                \
        "Responder's segments that repeat bytes already seen.")                                                \
  FIELD(1, std::uint64_t, orig_zero_windows, "orig_zero_windows",                                              \
        "Times that the originator announced a window of zero.")                                               \
  FIELD(1, std::uint64_t, resp_zero_windows, "resp_zero_windows",                                              \
        "Times that the responder announced a window of zero.")                                                \
  FIELD(1, Opt<std::uint64_t>, vlan, "vlan", "Outer VLAN id of the first packet.")                             \
  FIELD(1, Opt<std::uint64_t>, inner_vlan, "inner_vlan", "Inner VLAN id of the first packet (QinQ).")          \
  FIELD(1, Text, orig_l2_addr, "orig_l2_addr", "Link address of the originator in the first packet.")          \
  FIELD(1, Text, resp_l2_addr, "resp_l2_addr", "Link address of the responder in the first packet.")           \
  FIELD(1, Opt<std::uint64_t>, orig_first_flags, "orig_first_flags",                                           \
        "TCP flags of the originator's first packet (RFC 9293 3.1: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32).")
WHODUNIT_RECORD(Conn, "conn", 1, "One connection: both directions between two endpoints over one transport.",
                WHODUNIT_CONN_FIELDS)

#define WHODUNIT_WEIRD_FIELDS(FIELD)                                           \
  FIELD(1, Text, name, "name", "The anomaly: Zeek's name where Zeek has one.") \
  FIELD(1, Text, addl, "addl", "What was seen, in a few words.")               \
  FIELD(1, Text, source, "source", "The stage or protocol that noticed it.")
WHODUNIT_RECORD(Weird, "weird", 1, "Something that the standards do not foresee, counted once per connection and name.",
                WHODUNIT_WEIRD_FIELDS)

#define WHODUNIT_TUNNEL_FIELDS(FIELD)                                                                      \
  FIELD(1, Text, tunnel_type, "tunnel_type", "Tunnel::IP, Tunnel::GRE, Tunnel::VXLAN, Tunnel::GENEVE, ….") \
  FIELD(1, Text, action, "action", "Tunnel::DISCOVER, Tunnel::CLOSE.")
WHODUNIT_RECORD(Tunnel, "tunnel", 1, "A tunnel found on the wire, and its end.", WHODUNIT_TUNNEL_FIELDS)

}  // namespace whodunit::connection
