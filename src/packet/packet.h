// Decoded headers of a packet: link, tunnels, network, transport.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/address.h"
#include "base/bytes.h"
#include "base/time.h"
#include "record/types.h"

namespace whodunit::packet {

/// Transport protocols by their IP number (IANA).
enum Protocol : std::uint8_t { kIcmp = 1, kTcp = 6, kUdp = 17, kIcmp6 = 58, kSctp = 132 };

enum TcpFlag : std::uint8_t { kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16, kUrg = 32, kEce = 64, kCwr = 128 };

/// What a UDP datagram was a tunnel's for: other datagrams came out of it.
enum class Carrier : std::uint8_t { kNone, kVxlan, kGeneve, kGtp, kTeredo, kAyiya };

/// As conn.service calls it; empty for kNone.
inline std::string_view name_of(Carrier carrier) {
  switch (carrier) {
    case Carrier::kNone:
      break;
    case Carrier::kVxlan:
      return "vxlan";
    case Carrier::kGeneve:
      return "geneve";
    case Carrier::kGtp:
      return "gtpv1";
    case Carrier::kTeredo:
      return "teredo";
    case Carrier::kAyiya:
      return "ayiya";
  }
  return {};
}

/// Where a packet came from; the decoder fills the rest of Packet.
struct Origin {
  base::Time time;
  std::uint64_t number = 0;      ///< from 1 within its capture
  std::uint64_t run_number = 0;  ///< from 0 over the whole run
  std::uint32_t capture = 0;
};

/// One IP datagram (the innermost, after tunnels), or a fragment's completed datagram. Views live as long as the raw
/// packet, or, where it was put together of fragments, until the decoder's next `begin_batch`.
struct Packet {
  Origin origin;
  base::Address source;
  base::Address destination;
  std::uint16_t source_port = 0;       ///< ICMP: type; 0 where there are none
  std::uint16_t destination_port = 0;  ///< ICMP: code
  std::uint8_t protocol = 0;           ///< IP protocol number of the transport
  std::uint8_t ttl = 0;
  std::uint8_t tcp_flags = 0;
  bool truncated = false;     ///< the capture kept less than the headers announce
  bool checksum_bad = false;  ///< transport or IP checksum, where it was checked and the bytes are whole
  bool fragment = false;      ///< was put together of fragments
  std::uint16_t window = 0;   ///< TCP, as in the header (not scaled)
  std::uint32_t sequence =
      0;  ///< ICMP: the four bytes after the checksum (id and sequence, gateway, MTU); SCTP: the tag
  std::uint32_t acknowledgement = 0;
  base::Bytes tcp_options;
  base::Bytes payload;               ///< of the transport, cut to what IP announces and to what was kept
  std::uint32_t payload_length = 0;  ///< what the headers announce, bytes
  std::uint32_t ip_length = 0;       ///< total length of the IP datagram by its header, bytes
  record::Uid tunnel;                ///< connection of the tunnel that it lies in; 0 for none
  std::uint8_t tunnel_depth = 0;
  Carrier carrier = Carrier::kNone;  ///< of the datagrams that follow it in the decoder's answer
  std::uint16_t vlan = 0, inner_vlan = 0;
  std::uint64_t source_mac = 0, destination_mac = 0;  ///< 48 bits; 0 where the link has none
};

}  // namespace whodunit::packet
