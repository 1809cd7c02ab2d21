// Link layers, by the LINKTYPE_ values of tcpdump.org/linktypes.html.
#include "packet/checksum.h"
#include "packet/layers.h"

namespace whodunit::packet {

using base::load_be16;
using base::load_be32;
using base::load_le16;
using base::load_le32;
using base::slice;

namespace {
/// `wire` less `count`, not below zero.
std::uint32_t less(std::uint32_t wire, std::uint32_t count) { return wire > count ? wire - count : 0; }
}  // namespace

Outcome Layers::link(std::uint32_t link_type, base::Bytes data, std::uint32_t wire) {
  if (++layers_ > kMostLayers) return weird("max_packet_analyzer_depth_exceeded", "LINK");
  switch (link_type) {
    case 1:
      return ethernet(data, wire);
    case 0:
      return null_loop(data, wire, false);  // NULL
    case 108:
      return null_loop(data, wire, true);  // LOOP
    case 109:
      return data.size() < 12 ? Outcome::kTruncated : ip(slice(data, 12), less(wire, 12));  // ENC
    case 9:                                                                                 // PPP
      return ppp(data, wire);
    case 50:  // PPP_HDLC
      return ppp(data, wire);
    case 51:
      return pppoe(data, wire);  // PPP_ETHER
    case 10:
      return data.size() < 13 ? Outcome::kTruncated : llc(slice(data, 13), less(wire, 13));  // FDDI
    case 6:
      return data.size() < 14 ? Outcome::kTruncated : llc(slice(data, 14), less(wire, 14));  // 802.5
    case 100:
      return not_ip(llc(data, wire), data);  // ATM_RFC1483
    case 12:
    case 14:  // raw IP as BSDs number it
    case 101:
    case 228:
    case 229:  // RAW, IPV4, IPV6
      return ip(data, wire);
    case 104: {  // C_HDLC
      if (data.size() < 4) return not_ip(Outcome::kTruncated, data);
      return not_ip(ether_type(load_be16(data.data() + 2), data.subspan(4), less(wire, 4)), data);
    }
    case 105:
      return wireless(data, wire, false, false);
    case 119:
      return prism(data, wire);
    case 127:
      return radiotap(data, wire);
    case 163:
      return avs(data, wire);
    case 8:
      return data.size() < 16 ? Outcome::kTruncated : ip(slice(data, 16), less(wire, 16));  // SLIP, with BSD's header
    case 242:  // IP over InfiniBand (RFC 4391 6) behind a routing header
      if (data.size() < 44) return Outcome::kTruncated;
      return ether_type(load_be16(data.data() + 40), data.subspan(44), less(wire, 44));
    case 192:
      return ppi(data, wire);
    case 107:
      return not_ip(frame_relay(data, wire), data);
    case 113:
      return cooked(data, wire);
    case 276:
      return cooked2(data, wire);
    case 219:
      return mpls(data, wire);
    case 239:
      return nflog(data, wire);
    case 258:
      return pktap(data, wire);
    case 122:
      return data.size() < 18 ? Outcome::kTruncated
                              : llc(slice(data, 18), less(wire, 18));  // IP over Fibre Channel: RFC 2625
    case 123:
      return not_ip(llc(slice(data, 4), less(wire, 4)), data);  // SunATM
    case 166:
      return data.size() < 4 ? Outcome::kTruncated : ppp_protocol(slice(data, 2), less(wire, 2));  // PPP with direction
    case 204:
      return ppp(slice(data, 1), less(wire, 1));  // PPP with a direction byte
    case 274:
      return ethernet(slice(data, 8), less(wire, 8));  // Ethernet with its preamble
    default:
      return unknown_link(data, wire);
  }
}

// Serial links are there for IP: what they carry beside it (keep-alives, OSI's routing) is told once, as Zeek does.
Outcome Layers::not_ip(Outcome outcome, base::Bytes data) {
  if (outcome == Outcome::kNotIp || outcome == Outcome::kTruncated)
    weird(data.size() < 20 ? "truncated_IP" : "unknown_ip_version", "IP");
  return outcome;
}

// Taken for raw IP, as Zeek takes it: the numbers for private use (147 to 162) mostly are. Whoever writes other frames
// under such a number may by chance begin them like IP, so that a header has to hold (RFC 791 3.1, RFC 8200 3).
Outcome Layers::unknown_link(base::Bytes data, std::uint32_t wire) {
  if (data.size() >= 20) {
    const std::uint8_t* p = data.data();
    const std::uint32_t header = (p[0] & 15u) * 4;
    const bool v4 = p[0] >> 4 == 4 && header >= 20 && header <= data.size() && fold(add_header(p, header)) == 0xffff;
    const bool v6 = p[0] >> 4 == 6 && data.size() >= 40 && load_be16(p + 4) + 40u <= wire;
    if (v4 || v6) return ip(data, wire);
    if (p[0] >> 4 == 6 && data.size() < 40) {
      weird("truncated_IP", "IP");
      return Outcome::kUnknownLinkType;
    }
    const bool known = p[0] >> 4 == 4 || p[0] >> 4 == 6;
    const std::uint32_t total = p[0] >> 4 == 4 ? load_be16(p + 2) : load_be16(p + 4) + 40u;
    if (known && total > wire)
      weird("truncated_IP_len", "IP");
    else
      weird(known ? "invalid_IP_header_size" : "unknown_ip_version", "IP");
  } else {
    weird("truncated_IP", "IP");
  }
  return Outcome::kUnknownLinkType;
}

Outcome Layers::vlan(base::Bytes data, std::uint32_t wire) {
  if (data.size() < 4) return weird("truncated_VLAN", "VLAN", Outcome::kTruncated);
  const std::uint16_t id = load_be16(data.data()) & 0x0fff;
  if (here_.tags == 0) {
    here_.vlan = id;
  } else {
    if (here_.tags >= 2)
      weird("triple_tagged_vlan_unsupported", "VLAN", Outcome::kMalformed, "inner VLAN tag overwritten");
    here_.inner_vlan = id;
  }
  if (here_.tags < 255) ++here_.tags;
  return ether_type(load_be16(data.data() + 2), data.subspan(4), less(wire, 4));
}

Outcome Layers::ether_type(std::uint16_t type, base::Bytes data, std::uint32_t wire) {
  if (++layers_ > kMostLayers) return weird("max_packet_analyzer_depth_exceeded", "ETHERNET");
  switch (type) {
    case 0x0800:
      return ipv4(data, wire);
    case 0x86dd:
      if (data.size() >= 20 && data[0] >> 4 != 6) return ipv4(data, wire);
      return ipv6(data, wire);
    case 0x8100:
    case 0x88a8:
    case 0x9100:
    case 0x9200:
    case 0x9300:
      return vlan(data, wire);
    case 0x0806:
      return arp(data);
    case 0x8847:
    case 0x8848:
      return mpls(data, wire);
    case 0x8864:
      return pppoe(data, wire);
    case 0x6558:
      return ethernet(data, wire);
    case 0x880b:
      return ppp(data, wire);
    case 0x8926:  // VN-Tag
      if (data.size() < 6) return Outcome::kTruncated;
      return ether_type(load_be16(data.data() + 4), data.subspan(6), less(wire, 6));
    case 0x893f:  // E-Tag (802.1BR)
      if (data.size() < 8) return Outcome::kTruncated;
      return ether_type(load_be16(data.data() + 6), data.subspan(8), less(wire, 8));
    case 0x8909:  // Cisco metadata
      if (data.size() < 8) return Outcome::kTruncated;
      return ether_type(load_be16(data.data() + 6), data.subspan(8), less(wire, 8));
    case 0x88e7:  // a customer's frame behind an I-Tag (802.1ah)
      return ethernet(slice(data, 4), less(wire, 4));
    default:
      break;
  }
  if (type < 1536) {  // a length: 802.3 with LLC; what is beyond it is padding
    if (wire > type && type > 0) {
      wire = type;
      data = slice(data, 0, type);
    }
    if (type > 1500) return weird("undefined_ether_type", "ETHERNET");  // IEEE 802.3 3.2.6
    if (data.size() < type) weird("truncated_ethernet_frame", "ETHERNET");
    if (data.size() >= 2 && data[0] == 0xff && data[1] == 0xff) return Outcome::kNotIp;  // Novell's raw 802.3
    return llc(data, wire);
  }
  return Outcome::kNotIp;
}

// IEEE 802.2, with SNAP.
Outcome Layers::llc(base::Bytes data, std::uint32_t wire) {
  // The control field has two bytes unless the frame is an unnumbered one (IEEE 802.2 5.4.1).
  if (data.size() < 3 || (data.size() == 3 && (data[2] & 3) != 3))
    return weird("truncated_llc_header", "LLC", Outcome::kTruncated);
  if (data[0] == 0xaa && data[1] == 0xaa) {
    if (data.size() < 8) return weird("truncated_snap_llc_header", "LLC", Outcome::kTruncated);
    const std::uint32_t oui = static_cast<std::uint32_t>(data[3]) << 16 | load_be16(data.data() + 4);
    if (oui ==
        0x0080c2) {  // bridged frames (RFC 2684 5.2): Ethernet with or without its FCS behind two bytes of padding
      const std::uint16_t type = load_be16(data.data() + 6);
      if (type == 1 || type == 7) return ethernet(slice(data, 10), less(wire, 10));
      return Outcome::kNotIp;
    }
    if (oui != 0 && oui != 0x0000f8) return Outcome::kNotIp;
    return ether_type(load_be16(data.data() + 6), data.subspan(8), less(wire, 8));
  }
  if (data[0] == 0x06 && data[1] == 0x06) return ip(data.subspan(3), less(wire, 3));  // IP's own SAP
  return Outcome::kNotIp;
}

// RFC 3032.
Outcome Layers::mpls(base::Bytes data, std::uint32_t wire) {
  for (int labels = 0; labels < 16; ++labels) {
    if (data.size() < 4) return weird("truncated_MPLS", "MPLS", Outcome::kTruncated);
    const bool bottom = (data[2] & 1) != 0;
    data = data.subspan(4);
    wire = less(wire, 4);
    if (!bottom) continue;
    if (data.empty()) return Outcome::kTruncated;
    // What lies under it is not said: IP by its first nibble; a control word begins with zero (RFC 4385 3), and
    // Ethernet follows it.
    const unsigned nibble = data[0] >> 4;
    if (nibble == 4 || nibble == 6) return ip(data, wire);
    if (nibble == 0 && data.size() > 4 + 14) return ethernet(slice(data, 4), less(wire, 4));
    return Outcome::kNotIp;
  }
  return weird("mpls_too_many_labels", "MPLS");
}

// RFC 1662: address and control bytes may be left out; RFC 1661 2: so may the protocol's first.
Outcome Layers::ppp(base::Bytes data, std::uint32_t wire) {
  if (data.size() < 4 && here_.depth == 0)
    return weird("truncated_ppp_serial_header", "PPPSERIAL", Outcome::kTruncated);
  if (data.size() >= 2 && (data[0] == 0xff || data[0] == 0x0f || data[0] == 0x8f)) {
    if (data[0] != 0xff) {  // Cisco HDLC
      if (data.size() < 4) return weird("truncated_ppp_serial_header", "PPPSERIAL", Outcome::kTruncated);
      return ether_type(load_be16(data.data() + 2), data.subspan(4), less(wire, 4));
    }
    data = data.subspan(2);
    wire = less(wire, 2);
  }
  return ppp_protocol(data, wire);
}

Outcome Layers::ppp_protocol(base::Bytes data, std::uint32_t wire) {
  if (data.size() < 2) return weird("truncated_ppp_serial_header", "PPPSERIAL", Outcome::kTruncated);
  std::uint16_t protocol = data[0];
  std::uint32_t header = 1;
  if ((data[0] & 1) == 0) {  // the last byte of the number is odd
    protocol = load_be16(data.data());
    header = 2;
  }
  data = data.subspan(header);
  wire = less(wire, header);
  switch (protocol) {
    case 0x0021:
    case 0x0057:
      return ip(data, wire);
    case 0x0281:
    case 0x0283:
      return mpls(data, wire);
    case 0x0031: {  // bridged frames (RFC 3518 4.2): flags, MAC type, Ethernet is 1
      if (data.size() < 2 || data[1] != 1) return Outcome::kNotIp;
      return ethernet(slice(data, 2), less(wire, 2));
    }
    default:
      return Outcome::kNotIp;
  }
}

// Frames are filled up to 60 bytes (IEEE 802.3 3.2.8), of which 20 lie before what PPPoE's length counts.
constexpr std::uint32_t kPppoePadding = 40;

// RFC 2516 4.
Outcome Layers::pppoe(base::Bytes data, std::uint32_t wire) {
  if (data.size() < 8) return weird("truncated_pppoe_header", "PPPOE", Outcome::kTruncated);
  if (data[1] != 0) return Outcome::kNotIp;  // discovery
  const std::uint32_t length = load_be16(data.data() + 4);
  data = data.subspan(6);
  wire = less(wire, 6);
  if (wire < length) return weird("pppoe_truncated_payload", "PPPOE");
  if (wire > length && wire > kPppoePadding) weird("pppoe_extra_data_after_payload", "PPPOE");
  return ppp_protocol(slice(data, 0, length), length);
}

// RFC 826.
Outcome Layers::arp(base::Bytes data) {
  if (data.size() < 8) return weird("truncated_ARP", "ARP", Outcome::kTruncated);
  const std::uint8_t* p = data.data();
  const std::uint16_t hardware = load_be16(p), protocol = load_be16(p + 2);
  const unsigned hardware_length = p[4], protocol_length = p[5];
  if (data.size() < 8 + 2 * (hardware_length + protocol_length))
    return weird("truncated_ARP", "ARP", Outcome::kTruncated);
  if (hardware != 1 || protocol != 0x0800 || hardware_length != 6 || protocol_length != 4) return Outcome::kNotIp;
  auto mac = [](const std::uint8_t* m) { return static_cast<std::uint64_t>(load_be16(m)) << 32 | load_be32(m + 2); };
  Arp message;
  message.operation = load_be16(p + 6);
  message.sender_mac = mac(p + 8);
  message.sender = base::Address::v4(p + 14);
  message.target_mac = mac(p + 18);
  message.target = base::Address::v4(p + 24);
  message.frame_source_mac = here_.source_mac;
  message.frame_destination_mac = here_.destination_mac;
  message.vlan = here_.vlan;
  message.inner_vlan = here_.inner_vlan;
  events_.arp(message, origin_);
  return Outcome::kNotIp;
}

// LINKTYPE_LINUX_SLL.
Outcome Layers::cooked(base::Bytes data, std::uint32_t wire) {
  if (data.size() < 16) return weird("truncated_Linux_SLL_header", "LINUXSLL", Outcome::kTruncated);
  const std::uint16_t hardware = load_be16(data.data() + 2);
  if (load_be16(data.data() + 4) == 6) {
    here_.source_mac = static_cast<std::uint64_t>(load_be16(data.data() + 6)) << 32 | load_be32(data.data() + 8);
  }
  const std::uint16_t type = load_be16(data.data() + 14);
  data = data.subspan(16);
  wire = less(wire, 16);
  if (hardware == 824 || hardware == 770 || hardware == 778) {  // netlink; frame relay, and GRE whose type is GRE's
    if (hardware != 778) return Outcome::kNotIp;
  }
  if (type == 0x0001 || type == 0x0004) return type == 4 ? llc(data, wire) : Outcome::kNotIp;
  if (type < 1536) return Outcome::kNotIp;
  return ether_type(type, data, wire);
}

// LINKTYPE_LINUX_SLL2.
Outcome Layers::cooked2(base::Bytes data, std::uint32_t wire) {
  if (data.size() < 20) return weird("truncated_Linux_SLL2_header", "LINUXSLL2", Outcome::kTruncated);
  const std::uint16_t type = load_be16(data.data());
  const std::uint16_t hardware = load_be16(data.data() + 8);
  if (data[11] == 6)
    here_.source_mac = static_cast<std::uint64_t>(load_be16(data.data() + 12)) << 32 | load_be32(data.data() + 14);
  data = data.subspan(20);
  wire = less(wire, 20);
  if (hardware == 824 || hardware == 770) return Outcome::kNotIp;
  if (type == 0x0004) return llc(data, wire);
  if (type < 1536) return Outcome::kNotIp;
  return ether_type(type, data, wire);
}

// LINKTYPE_NULL in the capturing host's order, LINKTYPE_LOOP in network order. AF_INET is 2 everywhere, AF_INET6 is
// not.
Outcome Layers::null_loop(base::Bytes data, std::uint32_t wire, bool network_order) {
  if (data.size() < 4) return weird("null_analyzer_failed", "NULL", Outcome::kTruncated);
  std::uint32_t family = load_be32(data.data());
  if (!network_order && (family & 0xffff0000) != 0) family = load_le32(data.data());
  data = data.subspan(4);
  wire = less(wire, 4);
  switch (family) {
    case 2:
    case 24:
    case 28:
    case 30:
    case 10:
      return data.empty() ? Outcome::kNotIp : ip(data, wire);
    default:
      // Some give an Ethernet type instead.
      if (family == 0x0800 || family == 0x86dd) return ip(data, wire);
      return Outcome::kNotIp;
  }
}

// radiotap.org: a header of its own length, then 802.11; whether the FCS is there stands in a flag.
Outcome Layers::radiotap(base::Bytes data, std::uint32_t wire) {
  if (data.size() < 8) return weird("truncated_radiotap_header", "IEEE802_11_RADIO", Outcome::kTruncated);
  const std::uint32_t length = load_le16(data.data() + 2);
  if (length < 8 || length > data.size())
    return weird("truncated_radiotap_header", "IEEE802_11_RADIO", Outcome::kTruncated);
  std::uint32_t present = load_le32(data.data() + 4);
  const std::uint32_t first = present;
  std::uint32_t at = 8;
  while (present & 0x80000000u) {  // more words
    if (at + 4 > length) return weird("truncated_radiotap_header", "IEEE802_11_RADIO");
    present = load_le32(data.data() + at);
    at += 4;
  }
  bool fcs = false, padded = false;
  if (first & 2) {  // flags stand first, or after the timer (8 bytes, aligned)
    if (first & 1) at = ((at + 7) & ~7u) + 8;
    if (at < length) {
      fcs = (data[at] & 0x10) != 0;
      padded = (data[at] & 0x20) != 0;
    }
  }
  return wireless(data.subspan(length), less(wire, length), fcs, padded);
}

Outcome Layers::prism(base::Bytes data, std::uint32_t wire) {
  if (data.size() < 8) return Outcome::kTruncated;
  const std::uint32_t magic = load_be32(data.data());
  if (magic >> 12 == 0x80211) return avs(data, wire);  // the same link type carries both
  // Message code and length, in the capturing host's order; 144 bytes as it was written.
  std::uint32_t length = load_le32(data.data() + 4);
  if (length > 4096) length = load_be32(data.data() + 4);
  if (length < 8 || length > data.size()) return Outcome::kTruncated;
  return wireless(data.subspan(length), less(wire, length), false, false);
}

Outcome Layers::avs(base::Bytes data, std::uint32_t wire) {
  if (data.size() < 8) return Outcome::kTruncated;
  const std::uint32_t length = load_be32(data.data() + 4);
  if (length < 8 || length > data.size()) return Outcome::kTruncated;
  return wireless(data.subspan(length), less(wire, length), false, false);
}

// IEEE 802.11-2020 9.2: data frames that are not encrypted.
Outcome Layers::wireless(base::Bytes data, std::uint32_t wire, bool fcs, bool padded) {
  if (data.size() < 2) return weird("truncated_802_11_header", "IEEE802_11", Outcome::kTruncated);
  if (fcs) {
    if (data.size() == wire && data.size() >= 4) data = data.first(data.size() - 4);
    wire = less(wire, 4);
    if (data.size() > wire) data = data.first(wire);
  }
  if (data.size() < 2) return Outcome::kTruncated;
  const unsigned type = (data[0] >> 2) & 3, subtype = data[0] >> 4;
  const std::uint8_t flags = data[1];
  if ((data[0] & 3) != 0) return Outcome::kNotIp;  // a version that is not known
  if (type != 2) return Outcome::kNotIp;           // management, control
  if (subtype & 4) return Outcome::kNotIp;         // no data in it
  if (flags & 0x40) {                              // protected: encrypted
    ++counts_.encrypted_frames;
    return Outcome::kNotIp;
  }
  const bool to = (flags & 1) != 0, from = (flags & 2) != 0, qos = (subtype & 8) != 0;
  std::uint32_t header = 24;
  if (to && from) header += 6;
  const std::uint32_t qos_at = header;
  if (qos) header += 2;
  if (qos && (flags & 0x80)) header += 4;  // HT control
  if (padded) header = (header + 3) & ~3u;
  if (data.size() < header) return weird("truncated_802_11_header", "IEEE802_11", Outcome::kTruncated);
  const std::uint8_t* p = data.data();
  const std::uint8_t* destination = to ? p + 16 : p + 4;
  const std::uint8_t* source = from ? (to ? p + 24 : p + 16) : p + 10;
  set_macs(destination, source);
  const bool aggregate = qos && (p[qos_at] & 0x80) != 0;
  if ((load_le16(p + 22) & 15) != 0) return Outcome::kNotIp;  // a later fragment of a frame: its beginning is elsewhere
  data = data.subspan(header);
  wire = less(wire, header);
  if (!aggregate) return data.empty() ? Outcome::kNotIp : llc(data, wire);

  // A-MSDU: subframes of destination, source, length, LLC, padded to four bytes (9.3.2.2.2).
  Outcome outcome = Outcome::kNotIp;
  for (int count = 0; count < 64 && data.size() >= 14; ++count) {
    const std::uint32_t length = load_be16(data.data() + 12);
    if (length > wire - 14) break;
    set_macs(data.data(), data.data() + 6);
    const std::uint8_t layers = layers_;
    const Outcome one = llc(slice(data, 14, length), length);
    layers_ = layers;
    if (outcome != Outcome::kDatagram) outcome = one;
    const std::uint32_t step = (14 + length + 3) & ~3u;
    if (step >= data.size()) break;
    data = data.subspan(step);
    wire = less(wire, step);
  }
  return outcome;
}

// LINKTYPE_NFLOG: a header, then TLVs of which one is the payload.
Outcome Layers::nflog(base::Bytes data, std::uint32_t wire) {
  if (data.size() < 4) return weird("truncated_nflog_header", "NFLOG", Outcome::kTruncated);
  if (data[1] != 0) return Outcome::kNotIp;
  data = data.subspan(4);
  wire = less(wire, 4);
  while (data.size() >= 4) {
    // In the capturing host's order: small either way round.
    std::uint32_t length = load_le16(data.data());
    std::uint32_t type = load_le16(data.data() + 2) & 0x7fff;
    if (type > 255) {
      length = load_be16(data.data());
      type = load_be16(data.data() + 2) & 0x7fff;
    }
    if (length < 4) return weird("nflog_bad_tlv_len", "NFLOG");
    if (type == 9) return ip(slice(data, 4, length - 4), std::max<std::uint32_t>(length - 4, 0));
    const std::uint32_t step = (length + 3) & ~3u;
    if (step > data.size()) return Outcome::kTruncated;
    data = data.subspan(step);
    wire = less(wire, step);
  }
  return weird("nflog_no_pcap_payload", "NFLOG", Outcome::kNotIp);
}

// LINKTYPE_PKTAP (Apple): a little-endian header that names the link type of what follows.
Outcome Layers::pktap(base::Bytes data, std::uint32_t wire) {
  if (data.size() < 12) return Outcome::kTruncated;
  const std::uint32_t length = load_le32(data.data());
  const std::uint32_t type = load_le32(data.data() + 8);
  if (length < 12 || length > data.size()) return Outcome::kTruncated;
  if (type == 258) return weird("pktap_in_pktap", "PKTAP");
  return link(type, data.subspan(length), less(wire, length));
}

// LINKTYPE_PPI: version, flags, header length, link type; little-endian.
Outcome Layers::ppi(base::Bytes data, std::uint32_t wire) {
  if (data.size() < 8) return Outcome::kTruncated;
  const std::uint32_t length = load_le16(data.data() + 2);
  const std::uint32_t type = load_le32(data.data() + 4);
  if (length < 8 || length > data.size()) return Outcome::kTruncated;
  if (type == 192) return weird("ppi_in_ppi", "PPI");
  bool fcs = false;
  for (std::uint32_t at = 8; at + 4 <= length;) {  // fields: type, length
    const std::uint32_t field = load_le16(data.data() + at), size = load_le16(data.data() + at + 2);
    if (field == 2 && size >= 20 && at + 4 + 10 <= length)
      fcs = (load_le16(data.data() + at + 4 + 8) & 1) != 0;  // 802.11 common: flags
    at += 4 + size;
  }
  if (type == 105) return wireless(data.subspan(length), less(wire, length), fcs, false);
  return link(type, data.subspan(length), less(wire, length));
}

// RFC 2427.
Outcome Layers::frame_relay(base::Bytes data, std::uint32_t wire) {
  std::uint32_t at = 0;
  while (at < 4 && at < data.size() && (data[at] & 1) == 0) ++at;  // the address ends with an odd byte
  ++at;
  if (at < 2 || data.size() < at + 2) return Outcome::kTruncated;
  if (data[at] != 3) {  // no unnumbered information: Cisco's way, an Ethernet type
    return ether_type(load_be16(data.data() + at), slice(data, at + 2), less(wire, at + 2));
  }
  ++at;
  if (data[at] == 0 && data.size() > at + 1) ++at;  // padding
  const std::uint8_t nlpid = data[at];
  ++at;
  if (nlpid == 0xcc || nlpid == 0x8e) return ip(slice(data, at), less(wire, at));
  if (nlpid == 0x80) {  // SNAP
    if (data.size() < at + 5) return Outcome::kTruncated;
    const std::uint32_t oui = static_cast<std::uint32_t>(data[at]) << 16 | load_be16(data.data() + at + 1);
    const std::uint16_t type = load_be16(data.data() + at + 3);
    if (oui == 0x0080c2 && (type == 1 || type == 7)) return ethernet(slice(data, at + 5), less(wire, at + 5));
    if (oui != 0) return Outcome::kNotIp;
    return ether_type(type, slice(data, at + 5), less(wire, at + 5));
  }
  return Outcome::kNotIp;
}

}  // namespace whodunit::packet
