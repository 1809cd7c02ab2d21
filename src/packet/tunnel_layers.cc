// Tunnels: GRE, IP in IP, 6in4, VXLAN, Geneve, GTP-U, Teredo.
#include "packet/layers.h"

namespace whodunit::packet {

using base::load_be16;
using base::load_be32;

bool Layers::enter(const Network& network, std::string_view type) {
  if (here_.depth >= settings_.tunnel_depth) {
    weird("exceeded_tunnel_max_depth", "IP", network);
    return false;
  }
  const record::Endpoints ends{network.source, network.destination, {}, {}};
  Tunnels::Entry& entry = state_.tunnels.touch(ends, network.protocol, here_.tunnel, origin_, events_);
  state_.tunnels.discovered(entry, type, origin_, events_);
  const auto depth = static_cast<std::uint8_t>(here_.depth + 1);
  here_ = {};
  here_.tunnel = entry.uid;
  here_.depth = depth;
  return true;
}

// RFC 2003, RFC 4213.
Outcome Layers::ip_tunnel(const Network& network, base::Bytes data) {
  if (data.empty()) return weird("truncated_IP_in_tunnel", "IP", network, Outcome::kTruncated);
  const unsigned version = data[0] >> 4;
  if ((network.protocol == 4 && version != 4) || (network.protocol == 41 && version != 6))
    return weird("invalid_inner_IP_version", "IPTUNNEL", network);
  const Place outer = here_;
  if (!enter(network, "Tunnel::IP")) return opaque(network, data);
  const Outcome outcome = ip(data, network.announced);
  here_ = outer;
  return outcome;
}

// RFC 2784, RFC 2890; version 1 is PPTP's (RFC 2637 4.1); ERSPAN (draft-foschiano-erspan).
Outcome Layers::gre(const Network& network, base::Bytes data) {
  if (data.size() < 4) return weird("truncated_GRE", "GRE", network, Outcome::kTruncated);
  const std::uint16_t flags = load_be16(data.data());
  const std::uint16_t type = load_be16(data.data() + 2);
  const unsigned version = flags & 7;
  if (version > 1) return weird("unknown_gre_version", "GRE", network, Outcome::kMalformed, "version=" + std::to_string(version));
  if (version == 1 && type != 0x880b) return weird("egre_protocol_type", "GRE", network, Outcome::kMalformed, "proto=" + std::to_string(type));
  if (flags & 0x4000) return weird("gre_routing", "GRE", network);
  if (flags & 0x0078) return weird("unknown_gre_flags", "GRE", network);
  std::uint32_t header = 4;
  if (flags & 0x8000) header += 4;  // checksum
  if (flags & 0x2000) header += 4;  // key
  if (flags & 0x1000) header += 4;  // sequence
  if (flags & 0x0080) header += 4;  // acknowledgement, PPTP
  bool frame = false;
  if (version == 0) {
    if (type == 0x6558) {
      frame = true;
    } else if (type == 0x88be) {  // ERSPAN I, or II where there is a sequence number
      frame = true;
      if (flags & 0x1000) header += 8;
    } else if (type == 0x22eb) {  // ERSPAN III
      frame = true;
      if (data.size() > header + 11 && (data[header + 11] & 1) != 0) header += 8;
      header += 12;
    }
  }
  if (header > network.announced || header > data.size())
    return weird("truncated_GRE", "GRE", network, header > network.announced ? Outcome::kMalformed : Outcome::kTruncated);
  const base::Bytes inner = data.subspan(header);
  const std::uint32_t wire = network.announced - header;
  if (wire == 0) return Outcome::kNotIp;  // an acknowledgement of PPTP, a keep-alive

  const Place outer = here_;
  if (!enter(network, "Tunnel::GRE")) return opaque(network, data);
  Outcome outcome = Outcome::kNotIp;
  ++layers_;
  if (frame)
    outcome = ethernet(inner, wire);
  else if (version == 1)
    outcome = ppp(inner, wire);
  else if (type == 0x0800 || type == 0x86dd)
    outcome = ip(inner, wire);
  else if (type == 0x880b)
    outcome = ppp(inner, wire);
  else if (type == 0x8847 || type == 0x8848)
    outcome = mpls(inner, wire);
  else if (type == 0x883e && wire > 4)  // WCCP with a redirect header (draft-mclaggan-wccp-v2rev1 4.12.2)
    outcome = !inner.empty() && inner[0] >> 4 == 4 ? ip(inner, wire) : ip(base::slice(inner, 4), wire - 4);
  here_ = outer;
  return outcome;
}

Outcome Layers::udp_tunnel(std::size_t index) {
  // A copy: what is inside goes to the same vector.
  const Packet outer = out_[index];
  const record::Endpoints ends{outer.source, outer.destination, {outer.source_port}, {outer.destination_port}};
  // Its connection begins with its first datagram, tunnelled or not; so the table hears of each.
  Tunnels::Entry* entry = &state_.tunnels.touch(ends, kUdp, here_.tunnel, origin_, events_);
  const base::Bytes data = outer.payload;
  const std::uint32_t wire = outer.payload_length;
  auto either = [&](std::uint16_t port) { return outer.destination_port == port || outer.source_port == port; };
  auto weird_here = [&](std::string_view name, std::string_view source) {
    events_.weird(name, {}, source, origin_, &ends);
    return Outcome::kDatagram;
  };

  std::string_view type;
  std::uint32_t header = 0;
  bool frame = false;
  if (either(4789) || either(8472)) {
    // RFC 7348 5: the I flag, and reserved bits of zero (VXLAN-GPE and the group policy extension use some of them).
    if (data.size() < 8 || data[0] != 0x08 || data[7] != 0) return Outcome::kDatagram;
    type = "Tunnel::VXLAN";
    header = 8;
    frame = true;
  } else if (either(6081)) {
    // RFC 8926 3.4.
    if (data.size() < 8 || data[0] >> 6 != 0) return Outcome::kDatagram;
    header = 8 + (data[0] & 0x3fu) * 4;
    const std::uint16_t protocol = load_be16(data.data() + 2);
    if (protocol == 0x6558)
      frame = true;
    else if (protocol != 0x0800 && protocol != 0x86dd)
      return Outcome::kDatagram;
    type = "Tunnel::GENEVE";
    if (header >= wire) return weird_here("geneve_empty_packet", "GENEVE");
  } else if (either(2152)) {
    // GTP-U version 1 (3GPP TS 29.281 5): a G-PDU carries a datagram.
    if (data.size() < 8 || data[0] >> 5 != 1 || (data[0] & 0x10) == 0 || data[1] != 255) return Outcome::kDatagram;
    if (load_be16(data.data() + 2) + 8u > wire) return Outcome::kDatagram;
    header = 8;
    if ((data[0] & 7) != 0) {
      if (data.size() < 12) return Outcome::kDatagram;
      header = 12;
      std::uint8_t next = (data[0] & 4) != 0 ? data[11] : 0;
      while (next != 0) {  // extension headers, in units of four bytes
        if (data.size() < header + 4) return Outcome::kDatagram;
        const std::uint32_t length = data[header] * 4u;
        if (length == 0 || data.size() < header + length) return Outcome::kDatagram;
        next = data[header + length - 1];
        header += length;
      }
    }
    type = "Tunnel::GTPv1";
  } else if (either(3544)) {
    // Teredo (RFC 4380 5.1.1): authentication and origin indications may stand before the datagram.
    while (data.size() >= header + 8 && data[header] == 0 && data[header + 1] <= 1) {
      if (data[header + 1] == 1)
        header += 13u + data[header + 2] + data[header + 3];
      else
        header += 8;
    }
    if (data.size() < header + 40 || data[header] >> 4 != 6) return Outcome::kDatagram;
    if (load_be16(data.data() + header + 4) + 40u + header > wire) return Outcome::kDatagram;
    type = "Tunnel::TEREDO";
  } else {
    // AYIYA (draft-massar-v6ops-ayiya): identity and signature lengths in units of four bytes; operation 1 forwards.
    if (data.size() < 8) return Outcome::kDatagram;
    const std::uint32_t identity = 1u << (data[0] >> 4);
    const std::uint32_t signature = (data[1] >> 4) * 4u;
    if ((data[2] & 15) != 1 || (data[3] != 41 && data[3] != 4)) return Outcome::kDatagram;
    header = 8 + identity + signature;
    type = "Tunnel::AYIYA";
  }
  if (header >= wire || header >= data.size()) return Outcome::kDatagram;
  const base::Bytes inner = data.subspan(header);
  if (!frame && inner[0] >> 4 != 4 && inner[0] >> 4 != 6) return Outcome::kDatagram;
  if (here_.depth >= settings_.tunnel_depth) return weird_here("exceeded_tunnel_max_depth", "UDP");
  if (++layers_ > 32) return Outcome::kDatagram;

  const Place outside = here_;
  state_.tunnels.discovered(*entry, type, origin_, events_);
  here_ = {};
  here_.tunnel = entry->uid;
  here_.depth = static_cast<std::uint8_t>(outside.depth + 1);
  if (frame)
    ethernet(inner, wire - header);
  else
    ip(inner, wire - header);
  here_ = outside;
  return Outcome::kDatagram;
}

}  // namespace whodunit::packet
