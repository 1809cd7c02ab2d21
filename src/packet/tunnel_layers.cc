// Tunnels: GRE, IP in IP, 6in4, VXLAN, Geneve, GTP-U, Teredo.
#include "packet/layers.h"

namespace whodunit::packet {

using base::load_be16;

Outcome Layers::inside(const Network& network, std::string_view type, base::Bytes data, Inner next, base::Bytes inner,
                       std::uint32_t wire) {
  if (here_.depth >= settings_.tunnel_depth) {
    weird("exceeded_tunnel_max_depth", "IP", network);
    return opaque(network, data);
  }
  if (++layers_ > kMostLayers) return weird("max_packet_analyzer_depth_exceeded", "IP", network);
  const record::Endpoints ends{network.source, network.destination, {}, {}};
  const Tunnels::Name tunnel = state_.tunnels.touch(ends, network.protocol, here_.tunnel, origin_, events_);
  const Place outside = here_;
  here_ = {};
  here_.tunnel = tunnel.uid;
  here_.depth = static_cast<std::uint8_t>(outside.depth + 1);
  const std::size_t before = out_.size();
  const Outcome outcome = (this->*next)(inner, wire);
  here_ = outside;
  if (out_.size() > before) state_.tunnels.discovered(tunnel, type, origin_, events_);
  return outcome;
}

// RFC 2003, RFC 4213.
Outcome Layers::ip_tunnel(const Network& network, base::Bytes data) {
  if (data.empty()) return weird("truncated_IP_in_tunnel", "IP", network, Outcome::kTruncated);
  const unsigned version = data[0] >> 4;
  if ((network.protocol == 4 && version != 4) || (network.protocol == 41 && version != 6))
    return weird("invalid_inner_IP_version", "IPTUNNEL", network);
  return inside(network, "Tunnel::IP", data, &Layers::ip, data, network.announced);
}

// RFC 2784, RFC 2890; version 1 is PPTP's (RFC 2637 4.1); ERSPAN (draft-foschiano-erspan).
Outcome Layers::gre(const Network& network, base::Bytes data) {
  if (data.size() < 4) return weird("truncated_GRE", "GRE", network, Outcome::kTruncated);
  const std::uint16_t flags = load_be16(data.data());
  const std::uint16_t type = load_be16(data.data() + 2);
  const unsigned version = flags & 7;
  if (version > 1)
    return weird("unknown_gre_version", "GRE", network, Outcome::kMalformed, "version=" + std::to_string(version));
  if (version == 1 && type != 0x880b)
    return weird("egre_protocol_type", "GRE", network, Outcome::kMalformed, "proto=" + std::to_string(type));
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
    return weird("truncated_GRE", "GRE", network,
                 header > network.announced ? Outcome::kMalformed : Outcome::kTruncated);
  const base::Bytes inner = data.subspan(header);
  const std::uint32_t wire = network.announced - header;
  if (wire == 0 && version == 1) return Outcome::kNotIp;  // an acknowledgement of PPTP (RFC 2637 4.1)

  auto through = [&](Inner next) { return inside(network, "Tunnel::GRE", data, next, inner, wire); };
  if (frame) {
    if (wire <= 14) return weird("truncated_GRE", "GRE", network);
    return through(&Layers::ethernet);
  }
  if (version == 1) {
    const Outcome outcome = through(&Layers::ppp);
    if (outcome == Outcome::kNotIp) weird("non_ip_packet_in_encap", "GRE", network, outcome);
    return outcome;
  }
  switch (type) {
    case 0x0800:
    case 0x86dd:
      return through(&Layers::ip);
    case 0x880b:
      return through(&Layers::ppp);
    case 0x8847:
    case 0x8848:
      return through(&Layers::mpls);
    case 0x883e:  // WCCP, with or without a redirect header (draft-mclaggan-wccp-v2rev1 4.12.2)
      if (!inner.empty() && inner[0] >> 4 != 4 && wire > 4)
        return inside(network, "Tunnel::GRE", data, &Layers::ip, base::slice(inner, 4), wire - 4);
      return through(&Layers::ip);
    case 0x9000:
      return through(&Layers::wireless_frame);
    default:
      // Aruba's access points: 0x8200 to 0x8370 in steps of 0x10 carry 802.11 frames.
      if ((type & 0x000f) == 0 && type >= 0x8200 && type <= 0x8370) return through(&Layers::wireless_frame);
      // Something else: NHRP, CLNP, a keep-alive without anything in it.
      return through(&Layers::ip);
  }
}

Outcome Layers::udp_tunnel(std::size_t index) {
  // A copy: what is inside goes to the same vector.
  const Packet outer = out_[index];
  record::Endpoints ends{outer.source, outer.destination, {outer.source_port}, {outer.destination_port}};
  // The end with the tunnel's port is the server, whoever was seen first.
  if (is_tunnel_port(outer.source_port) && !is_tunnel_port(outer.destination_port)) {
    std::swap(ends.orig_h, ends.resp_h);
    std::swap(ends.orig_p, ends.resp_p);
  }
  // Its connection begins with its first datagram, tunnelled or not; so the table hears of each.
  const Tunnels::Name entry = state_.tunnels.touch(ends, kUdp, here_.tunnel, origin_, events_);
  const base::Bytes data = outer.payload;
  const std::uint32_t wire = outer.payload_length;
  auto either = [&](std::uint16_t port) { return outer.destination_port == port || outer.source_port == port; };
  auto weird_here = [&](std::string_view name, std::string_view source) {
    const record::Endpoints hosts{ends.orig_h, ends.resp_h, {}, {}};  // as for the other tunnels
    events_.weird(name, {}, source, origin_, &hosts);
    return Outcome::kDatagram;
  };

  std::string_view type;
  Carrier carrier = Carrier::kNone;
  std::uint32_t header = 0;
  bool frame = false;
  if (either(4789) || either(8472)) {
    // RFC 7348 5: the I flag; the reserved bits are to be ignored (the group policy extension uses some of them). A
    // frame of at least its header follows.
    if (data.size() < 8 || (data[0] & 0x08) == 0 || wire < 8 + 14) return Outcome::kDatagram;
    type = "Tunnel::VXLAN";
    carrier = Carrier::kVxlan;
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
    carrier = Carrier::kGeneve;
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
    carrier = Carrier::kGtp;
  } else if (either(3544) || is_teredo(data)) {
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
    carrier = Carrier::kTeredo;
  } else {
    // AYIYA (draft-massar-v6ops-ayiya): identity and signature lengths in units of four bytes; operation 1 forwards.
    if (data.size() < 8) return Outcome::kDatagram;
    const std::uint32_t identity = 1u << (data[0] >> 4);
    const std::uint32_t signature = (data[1] >> 4) * 4u;
    if ((data[2] & 15) != 1 || (data[3] != 41 && data[3] != 4)) return Outcome::kDatagram;
    header = 8 + identity + signature;
    type = "Tunnel::AYIYA";
    carrier = Carrier::kAyiya;
  }
  if (header >= wire || header >= data.size()) return Outcome::kDatagram;
  const base::Bytes inner = data.subspan(header);
  if (!frame && inner[0] >> 4 != 4 && inner[0] >> 4 != 6) return Outcome::kDatagram;
  if (here_.depth >= settings_.tunnel_depth) return weird_here("exceeded_tunnel_max_depth", "UDP");
  if (++layers_ > kMostLayers) return Outcome::kDatagram;

  const Place outside = here_;
  here_ = {};
  here_.tunnel = entry.uid;
  here_.depth = static_cast<std::uint8_t>(outside.depth + 1);
  if (frame)
    ethernet(inner, wire - header);
  else
    ip(inner, wire - header);
  here_ = outside;
  // A tunnel is one once a datagram came out of it.
  if (out_.size() > index + 1) {
    out_[index].carrier = carrier;
    state_.tunnels.discovered(entry, type, origin_, events_);
  }
  return Outcome::kDatagram;
}

}  // namespace whodunit::packet
