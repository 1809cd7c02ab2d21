#include "packet/decoder.h"

#include "packet/checksum.h"
#include "packet/layers.h"

namespace whodunit::packet {

using base::load_be16;
using base::load_be32;

Decoder::Decoder(const Settings& settings, base::MemoryAccountant& memory)
    : settings_(settings), state_(std::make_unique<State>(settings_, memory)) {}
Decoder::~Decoder() = default;

void Decoder::begin_batch() { state_->fragments.release(); }

const Decoder::Counts& Decoder::counts() const {
  counts_.weirds = state_->told.weirds();
  return counts_;
}

void Decoder::finish(const Origin&, Events& events) { state_->tunnels.finish(events); }

Outcome Decoder::decode(const capture::RawPacket& raw, std::uint64_t run_number, std::vector<Packet>& out,
                        Events& events) {
  const Origin origin{raw.time, raw.number, run_number, raw.capture};
  state_->tunnels.expire(raw.time, events);
  Layers layers(*this, origin, out, state_->told.to(events));
  if (raw.bytes.empty()) [[unlikely]]  // nothing of it was kept, or it had nothing
    return layers.weird("empty_pcap_header", {}, Outcome::kTruncated);
  if (raw.link_type == 1) [[likely]]
    return layers.ethernet(raw.bytes, raw.wire_length);
  return layers.link(raw.link_type, raw.bytes, raw.wire_length);
}

void Layers::set_macs(const std::uint8_t* destination, const std::uint8_t* source) {
  here_.destination_mac = static_cast<std::uint64_t>(load_be16(destination)) << 32 | load_be32(destination + 2);
  here_.source_mac = static_cast<std::uint64_t>(load_be16(source)) << 32 | load_be32(source + 2);
}

Outcome Layers::weird(std::string_view name, std::string_view source, Outcome outcome, std::string_view detail) {
  if (here_.depth > 0) {  // as Zeek has it: what happens inside a tunnel has a name of its own
    std::string inside(name);
    inside += "_in_tunnel";
    events_.weird(inside, detail, source, origin_, nullptr);
  } else {
    events_.weird(name, detail, source, origin_, nullptr);
  }
  return outcome;
}

Outcome Layers::weird(std::string_view name, std::string_view source, const Network& network, Outcome outcome,
                      std::string_view detail) {
  const record::Endpoints ends{network.source, network.destination, {}, {}};
  events_.weird(name, detail, source, origin_, &ends);
  return outcome;
}

// Where IP announces nothing at all, it is the IP header's length that is wrong.
Outcome Layers::short_header(std::string_view source, std::uint32_t least, const Network& network) {
  if (network.announced != 0 && network.announced < least) return weird("truncated_header", source, network);
  return weird("internally_truncated_header", source, network,
               network.announced == 0 ? Outcome::kMalformed : Outcome::kTruncated);
}

Outcome Layers::ethernet(base::Bytes data, std::uint32_t wire) {
  // The header and two bytes more, as Zeek has it: nothing that could follow is shorter.
  if (data.size() <= 16) return weird("truncated_ethernet_frame", "ETHERNET", Outcome::kTruncated);
  if (here_.source_mac == 0 && here_.destination_mac == 0) set_macs(data.data(), data.data() + 6);
  const std::uint16_t type = load_be16(data.data() + 12);
  if (type == 0x0800) [[likely]]
    return ipv4(data.subspan(14), wire - 14);
  return ether_type(type, data.subspan(14), wire - 14);
}

Outcome Layers::ip(base::Bytes data, std::uint32_t wire) {
  if (data.size() < 20) return weird("truncated_IP", "IP", wire < 20 ? Outcome::kMalformed : Outcome::kTruncated);
  const unsigned version = data[0] >> 4;
  if (version == 4) return ipv4(data, wire);
  if (version == 6) return ipv6(data, wire);
  return weird("unknown_ip_version", "IP");
}

// RFC 791.
Outcome Layers::ipv4(base::Bytes data, std::uint32_t wire) {
  if (data.size() < 20) [[unlikely]]
    return weird("truncated_IP", "IP", wire < 20 ? Outcome::kMalformed : Outcome::kTruncated);
  const std::uint8_t* p = data.data();
  if (p[0] >> 4 != 4) [[unlikely]]  // the header says what it is, whatever the layer below called it
    return p[0] >> 4 == 6 ? ipv6(data, wire) : weird("unknown_ip_version", "IP");
  const std::uint32_t header = (p[0] & 15u) * 4;
  std::uint32_t total = load_be16(p + 2);
  if (total == 0) [[unlikely]] {  // segmentation offload: what was captured is longer than the field can say
    weird("ip_hdr_len_zero", "IP");
    total = wire;
  }
  if (wire < total) [[unlikely]]
    return weird("truncated_IP_len", "IP");
  if (header > total) [[unlikely]]
    return weird("invalid_IP_header_size", "IP");
  if (header < 20) [[unlikely]]
    return weird("IPv4_min_header_size", "IP");
  if (header > data.size()) [[unlikely]]
    return weird("internally_truncated_header", "IP", Outcome::kTruncated);

  Network network;
  network.truncated = data.size() < total;
  if (!network.truncated) data = data.first(total);  // what follows is the link's padding
  network.source = base::Address::v4(p + 12);
  network.destination = base::Address::v4(p + 16);
  network.ip_length = total;
  network.announced = total - header;
  network.protocol = p[9];
  network.ttl = p[8];
  if (settings_.verify_checksums && fold(add_header(p, header)) != 0xffff) [[unlikely]] {
    network.checksum_bad = true;
    ++counts_.bad_checksums;
    // Zero is what a host captures of its own packets where its network card fills the field in: nothing to tell.
    if (load_be16(p + 10) != 0) weird("bad_IP_checksum", "IP", network);
  }
  const std::uint16_t fragment = load_be16(p + 6);
  if ((fragment & 0x3fff) != 0) [[unlikely]] {
    return fragment_of(network, data.subspan(header), load_be16(p + 4), (fragment & 0x1fffu) * 8,
                       (fragment & 0x2000) != 0, header, (fragment & 0x4000) != 0);
  }
  return transport(network, data.subspan(header));
}

Outcome Layers::fragment_of(Network& network, base::Bytes data, std::uint32_t id, std::uint32_t offset, bool more,
                            std::uint32_t header, bool dont_fragment) {
  if (network.truncated) {
    weird("incompletely_captured_fragment", "IP", network);
    ++counts_.fragments;
    // Without its end it will not fit; the first one alone has the ports.
    network.partial = true;
    return offset == 0 ? transport(network, data) : Outcome::kTruncated;
  }
  Fragments::Key key;
  key.source = network.source;
  key.destination = network.destination;
  key.tunnel = here_.tunnel.value;
  key.id = id;
  key.vlan = here_.vlan;
  key.v6 = !network.source.is_v4();
  key.protocol = key.v6 ? 0 : network.protocol;
  Fragments::Piece piece;
  piece.data = data;
  piece.offset = offset;
  piece.header = header;
  piece.protocol = network.protocol;
  piece.ttl = network.ttl;
  piece.more = more;
  piece.dont_fragment = dont_fragment;
  Fragments::Whole whole;
  if (!state_.fragments.add(key, piece, origin_, events_, counts_, whole)) return Outcome::kFragment;
  network.fragment = true;
  network.protocol = whole.protocol;
  network.ttl = whole.ttl;
  network.announced = static_cast<std::uint32_t>(whole.data.size());
  network.ip_length = whole.header + network.announced;
  return key.v6 ? ipv6_headers(network, whole.data, whole.protocol, whole.header) : transport(network, whole.data);
}

// RFC 8200, with its extension headers.
Outcome Layers::ipv6(base::Bytes data, std::uint32_t wire) {
  if (data.size() < 40) return weird("truncated_IP", "IP", wire < 40 ? Outcome::kMalformed : Outcome::kTruncated);
  const std::uint8_t* p = data.data();
  if (p[0] >> 4 != 6) return p[0] >> 4 == 4 ? ipv4(data, wire) : weird("unknown_ip_version", "IP");
  std::uint32_t total = load_be16(p + 4) + 40u;
  const std::uint8_t next = p[6];
  if (total == 40 && wire > 40 + 6) {  // up to 6 bytes are the padding of a short Ethernet frame
    if (next == 0 && data.size() >= 48 && p[42] == 0xc2 && p[43] == 4) {  // a jumbogram (RFC 2675 2)
      total = load_be32(p + 44) > UINT32_MAX - 40 ? UINT32_MAX : load_be32(p + 44) + 40;
    } else if (next == kTcp || next == kUdp) {  // segmentation offload
      weird("ip_hdr_len_zero", "IP");
      total = wire;
    }
  }
  if (wire < total) return weird("truncated_IP_len", "IP");

  Network network;
  network.truncated = data.size() < total;
  if (!network.truncated) data = data.first(total);
  network.source = base::Address::v6(p + 8);
  network.destination = base::Address::v6(p + 24);
  network.ip_length = total;
  network.ttl = p[7];

  network.announced = total - 40;
  return ipv6_headers(network, data.subspan(40), next, 40);
}

// RFC 8200 4: `data` begins with the header whose number is `next`; `before` bytes of headers lie before it.
Outcome Layers::ipv6_headers(Network& network, base::Bytes data, std::uint8_t next, std::uint32_t before) {
  constexpr int kMostHeaders = 32;
  for (int count = 0; next == 0 || next == 43 || next == 44 || next == 51 || next == 60 || next == 139 || next == 140;
       ++count) {
    if (count == kMostHeaders || ++layers_ > kMostLayers)
      return weird("too_many_ipv6_extension_headers", "IP", network);
    if (network.announced < 8) return weird("invalid_IP_header_size", "IP", network);
    if (data.size() < 8) return weird("internally_truncated_header", "IP", network, Outcome::kTruncated);
    std::uint32_t length = 8;
    if (next == 51)
      length = (data[1] + 2u) * 4;  // RFC 4302 2.2
    else if (next != 44)
      length = (data[1] + 1u) * 8;
    if (length > network.announced) return weird("invalid_IP_header_size", "IP", network);
    if (length > data.size()) return weird("internally_truncated_header", "IP", network, Outcome::kTruncated);
    const base::Bytes header = data.first(length);
    data = data.subspan(length);
    network.announced -= length;
    before += length;
    if (next == 44) {  // RFC 8200 4.5; an "atomic" fragment is whole (RFC 6946)
      const std::uint16_t field = load_be16(header.data() + 2);
      const std::uint32_t offset = field & 0xfff8u;
      const bool more = (field & 1) != 0;
      next = header[0];
      if (offset == 0 && !more) continue;
      network.protocol = next;
      return fragment_of(network, data, load_be32(header.data() + 4), offset, more, before, false);
    }
    if (next == 43) {
      const std::uint8_t type = header[2], left = header[3];
      if (type == 0) {  // deprecated by RFC 5095; the last address is where the packet goes
        if (left > 0 && length >= 24) network.destination = base::Address::v6(header.data() + length - 16);
        weird("routing0_hdr", "IP", network);
      } else if (type == 2) {  // RFC 6275 6.4
        if (left > 0 && length >= 24) network.destination = base::Address::v6(header.data() + 8);
      } else {
        weird("unknown_routing_type", "IP", network, Outcome::kMalformed, std::to_string(type));
      }
      network.routed = network.routed || left > 0;
    } else if (next == 60) {
      // The home address option of Mobile IPv6 says who the sender is (RFC 6275 6.3).
      for (std::uint32_t at = 2; at + 2 <= length;) {
        if (header[at] == 0) {
          ++at;
          continue;
        }
        const std::uint32_t size = header[at + 1];
        if (at + 2 + size > length) break;
        if (header[at] == 0xc9 && size == 16) {
          network.source = base::Address::v6(header.data() + at + 2);
          network.routed = true;
        }
        at += 2 + size;
      }
    }
    next = header[0];
  }
  network.protocol = next;
  return transport(network, data);
}

Packet& Layers::add(const Network& network) {
  Packet& packet = out_.emplace_back();
  packet.origin = origin_;
  packet.source = network.source;
  packet.destination = network.destination;
  packet.protocol = network.protocol;
  packet.ttl = network.ttl;
  packet.truncated = network.truncated;
  packet.checksum_bad = network.checksum_bad;
  packet.fragment = network.fragment;
  packet.ip_length = network.ip_length;
  packet.tunnel = here_.tunnel;
  packet.tunnel_depth = here_.depth;
  packet.vlan = here_.vlan;
  packet.inner_vlan = here_.inner_vlan;
  packet.source_mac = here_.source_mac;
  packet.destination_mac = here_.destination_mac;
  if (network.truncated) ++counts_.truncated;
  return packet;
}

/// The transport's checksum with its pseudo-header (RFC 9293 3.1, RFC 768, RFC 8200 8.1).
void Layers::check(const Network& network, base::Bytes segment, Packet& packet) {
  if (!settings_.verify_checksums || network.truncated || network.routed) return;
  std::uint64_t sum = add_words(segment);
  if (network.protocol != kIcmp) {
    const std::uint8_t* source = network.source.bytes().data();
    const std::uint8_t* destination = network.destination.bytes().data();
    if (!network.source.is_v4()) {
      sum = add_words({source, 12}, sum);
      sum = add_words({destination, 12}, sum);
    }
    sum += base::load_le32(source + 12);
    sum += base::load_le32(destination + 12);
    // Length and protocol as they would stand in the pseudo-header, read in this machine's order.
    sum += __builtin_bswap32(static_cast<std::uint32_t>(segment.size())) + (std::uint64_t{network.protocol} << 8);
  }
  if (fold(sum) == 0xffff) [[likely]]
    return;
  packet.checksum_bad = true;
  ++counts_.bad_checksums;
  // The connection table tells it, once per connection: a network card that computes them leaves bad ones everywhere.
}

Outcome Layers::transport(const Network& network, base::Bytes data) {
  if (network.protocol == kTcp) return tcp(network, data);
  if (network.protocol == kUdp) return udp(network, data);
  return other_transport(network, data);
}

// RFC 9293 3.1.
Outcome Layers::tcp(const Network& network, base::Bytes data) {
  if (data.size() < 20) [[unlikely]]
    return short_header("TCP", 20, network);
  const std::uint8_t* p = data.data();
  const std::uint32_t header = (p[12] >> 4) * 4u;
  if (header < 20 || header > network.announced) [[unlikely]] {
    const record::Endpoints ends{network.source, network.destination, {load_be16(p)}, {load_be16(p + 2)}};
    events_.weird(header < 20 ? "bad_TCP_header_len" : "truncated_header", {}, "TCP", origin_, &ends);
    return Outcome::kMalformed;
  }
  if (header > data.size()) [[unlikely]] {  // its options were cut off
    const record::Endpoints ends{network.source, network.destination, {load_be16(p)}, {load_be16(p + 2)}};
    events_.weird("truncated_header", {}, "TCP", origin_, &ends);
  }
  Packet& packet = add(network);
  packet.source_port = load_be16(p);
  packet.destination_port = load_be16(p + 2);
  packet.sequence = load_be32(p + 4);
  packet.acknowledgement = load_be32(p + 8);
  packet.tcp_flags = p[13];
  packet.window = load_be16(p + 14);
  packet.tcp_options = base::slice(data, 20, header - 20);
  packet.payload = base::slice(data, header);
  packet.payload_length = network.announced - header;
  check(network, data, packet);
  return Outcome::kDatagram;
}

// RFC 768.
Outcome Layers::udp(const Network& network, base::Bytes data) {
  if (data.size() < 8) [[unlikely]]
    return short_header("UDP", 8, network);
  const std::uint8_t* p = data.data();
  const std::uint32_t length = load_be16(p + 4);
  Packet& packet = add(network);
  packet.source_port = load_be16(p);
  packet.destination_port = load_be16(p + 2);
  packet.payload = data.subspan(8);
  packet.payload_length = network.announced - 8;
  if (length != network.announced) [[unlikely]] {
    // Zero where it does not fit (RFC 2675 4) or was left to the network card; more than is there in a first fragment
    // whose others will not be joined to it.
    const record::Endpoints ends{packet.source, packet.destination, {packet.source_port}, {packet.destination_port}};
    events_.weird("UDP_datagram_length_mismatch", std::to_string(length) + " != " + std::to_string(network.announced),
                  "UDP", origin_, &ends);
    if (length >= 8 && length < network.announced) {
      packet.payload = base::slice(packet.payload, 0, length - 8);
      packet.payload_length = length - 8;
    }
  } else if (load_be16(p + 6) != 0) {  // zero: none was made
    check(network, data, packet);
  }
  if (is_tunnel_port(packet.destination_port) || is_tunnel_port(packet.source_port) || is_teredo(packet.payload))
      [[unlikely]]
    return udp_tunnel(out_.size() - 1);
  return Outcome::kDatagram;
}

Outcome Layers::other_transport(const Network& network, base::Bytes data) {
  switch (network.protocol) {
    case kIcmp:
    case kIcmp6:
      return icmp(network, data);
    case kSctp:
      return sctp(network, data);
    case 4:   // RFC 2003
    case 41:  // RFC 4213
      return ip_tunnel(network, data);
    case 47:
      return gre(network, data);
    case 51: {  // AH (RFC 4302 2.2) in IPv4: what it protects follows in the clear
      if (data.size() < 12) return weird("truncated_header", "AH", network, Outcome::kTruncated);
      const std::uint32_t header = (data[1] + 2u) * 4;
      if (header > network.announced || ++layers_ > kMostLayers) return weird("invalid_AH_length", "AH", network);
      if (header > data.size()) return weird("truncated_header", "AH", network, Outcome::kTruncated);
      Network inner = network;
      inner.protocol = data[0];
      inner.announced -= header;
      return transport(inner, data.subspan(header));
    }
    case 59:
      return weird("ipv6_no_next", "IP", network, Outcome::kNotIp);
    default:
      return opaque(network, data);
  }
}

// RFC 792, RFC 4443: type and code stand where others have ports, the four bytes after the checksum in `sequence`.
Outcome Layers::icmp(const Network& network, base::Bytes data) {
  if (data.size() < 8) return short_header("ICMP", 8, network);
  Packet& packet = add(network);
  packet.source_port = data[0];
  packet.destination_port = data[1];
  packet.sequence = load_be32(data.data() + 4);
  packet.payload = data.subspan(8);
  packet.payload_length = network.announced - 8;
  check(network, data, packet);
  return Outcome::kDatagram;
}

// RFC 9260 3.1. Its checksum is a CRC32c and is left to whoever parses the chunks.
Outcome Layers::sctp(const Network& network, base::Bytes data) {
  if (data.size() < 12) return short_header("SCTP", 12, network);
  Packet& packet = add(network);
  packet.source_port = load_be16(data.data());
  packet.destination_port = load_be16(data.data() + 2);
  packet.sequence = load_be32(data.data() + 4);  // the verification tag
  packet.payload = data.subspan(12);
  packet.payload_length = network.announced - 12;
  return Outcome::kDatagram;
}

Outcome Layers::opaque(const Network& network, base::Bytes data) {
  Packet& packet = add(network);
  packet.payload = data;
  packet.payload_length = network.announced;
  return Outcome::kDatagram;
}

}  // namespace whodunit::packet
