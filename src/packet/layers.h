// The decoder's inside: one packet on its way through the layers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "packet/decoder.h"
#include "packet/fragments.h"
#include "packet/told.h"
#include "packet/tunnels.h"

namespace whodunit::packet {

/// Frames in frames in frames end here.
constexpr std::uint8_t kMostLayers = 40;

/// Ports of tunnels over UDP.
inline bool is_tunnel_port(std::uint16_t port) {
  switch (port) {
    case 2152:  // GTP-U
    case 3544:  // Teredo
    case 4789:  // VXLAN
    case 5072:  // AYIYA
    case 6081:  // Geneve
    case 8472:  // VXLAN as Linux had it first
      return true;
    default:
      return false;
  }
}

/// Teredo's datagrams may go to any port behind a NAT (RFC 4380 5.1.1): IPv6 with an end of its prefix (2.6), or behind
/// an origin indication and as long as it says.
inline bool is_teredo(base::Bytes payload) {
  constexpr std::uint32_t kPrefix = 0x20010000;
  if (payload.size() < 40) return false;
  const std::uint8_t* p = payload.data();
  if (p[0] >> 4 == 6) return base::load_be32(p + 8) == kPrefix || base::load_be32(p + 24) == kPrefix;
  return p[0] == 0 && p[1] == 0 && p[8] >> 4 == 6 && base::load_be16(p + 12) + 48u == payload.size();
}

struct Decoder::State {
  State(const Settings& settings, base::MemoryAccountant& memory)
      : fragments(settings, memory), tunnels(settings, memory) {}
  Fragments fragments;
  Tunnels tunnels;
  ToldOnce told;
};

/// One raw packet being decoded. Every layer takes the bytes that were kept and `wire`, how many there were on the wire
/// from the same place on (never fewer).
class Layers {
 public:
  Layers(Decoder& decoder, const Origin& origin, std::vector<Packet>& out, Events& events)
      : settings_(decoder.settings_),
        counts_(decoder.counts_),
        state_(*decoder.state_),
        origin_(origin),
        out_(out),
        events_(events) {}

  Outcome link(std::uint32_t link_type, base::Bytes data, std::uint32_t wire);
  Outcome ethernet(base::Bytes data, std::uint32_t wire);
  /// What follows an Ethernet type (or a length below 1536: LLC).
  Outcome ether_type(std::uint16_t type, base::Bytes data, std::uint32_t wire);
  Outcome ip(base::Bytes data, std::uint32_t wire);
  Outcome ipv4(base::Bytes data, std::uint32_t wire);
  Outcome ipv6(base::Bytes data, std::uint32_t wire);
  /// Tells an anomaly of which no addresses are known; gives `outcome`.
  Outcome weird(std::string_view name, std::string_view source, Outcome outcome = Outcome::kMalformed,
                std::string_view detail = {});

 private:
  /// What the network layer tells the transport.
  struct Network {
    base::Address source, destination;
    std::uint32_t ip_length = 0;
    std::uint32_t announced = 0;  ///< bytes of the transport by the IP header; what was kept may be less
    std::uint8_t protocol = 0;
    std::uint8_t ttl = 0;
    bool truncated = false;
    bool fragment = false;
    bool checksum_bad = false;
    bool partial = false;  ///< a first fragment without the others: the transport's own length says more
    bool routed = false;   ///< addresses were replaced by a routing header or home address: no pseudo-header to check
  };

  Outcome transport(const Network& network, base::Bytes data);
  Outcome other_transport(const Network& network, base::Bytes data);
  Outcome tcp(const Network& network, base::Bytes data);
  Outcome udp(const Network& network, base::Bytes data);
  Outcome icmp(const Network& network, base::Bytes data);
  Outcome sctp(const Network& network, base::Bytes data);
  Outcome opaque(const Network& network, base::Bytes data);
  Packet& add(const Network& network);
  Outcome ipv6_headers(Network& network, base::Bytes data, std::uint8_t next, std::uint32_t before);
  Outcome fragment_of(Network& network, base::Bytes data, std::uint32_t id, std::uint32_t offset, bool more,
                      std::uint32_t header, bool dont_fragment);
  void check(const Network& network, base::Bytes segment, Packet& packet);

  Outcome udp_tunnel(std::size_t outer);
  Outcome ip_tunnel(const Network& network, base::Bytes data);
  Outcome gre(const Network& network, base::Bytes data);
  using Inner = Outcome (Layers::*)(base::Bytes, std::uint32_t);
  /// Looks into a tunnel that has no ports of its own: `next` decodes `inner`. Where it is too deep, what carries it is
  /// given instead, with all of `data`.
  Outcome inside(const Network& network, std::string_view type, base::Bytes data, Inner next, base::Bytes inner,
                 std::uint32_t wire);

  /// A transport's header of at least `least` bytes does not fit.
  Outcome short_header(std::string_view source, std::uint32_t least, const Network& network);
  /// What a link of IP's carried that could not be read.
  Outcome not_ip(Outcome outcome, base::Bytes data);
  /// A link layer that is not known: raw IP, where it holds as such.
  Outcome unknown_link(base::Bytes data, std::uint32_t wire);
  Outcome vlan(base::Bytes data, std::uint32_t wire);
  Outcome llc(base::Bytes data, std::uint32_t wire);
  Outcome mpls(base::Bytes data, std::uint32_t wire);
  Outcome ppp(base::Bytes data, std::uint32_t wire);
  Outcome ppp_protocol(base::Bytes data, std::uint32_t wire);
  Outcome pppoe(base::Bytes data, std::uint32_t wire);
  Outcome arp(base::Bytes data);
  Outcome cooked(base::Bytes data, std::uint32_t wire);
  Outcome cooked2(base::Bytes data, std::uint32_t wire);
  Outcome null_loop(base::Bytes data, std::uint32_t wire, bool network_order);
  Outcome radiotap(base::Bytes data, std::uint32_t wire);
  Outcome prism(base::Bytes data, std::uint32_t wire);
  Outcome avs(base::Bytes data, std::uint32_t wire);
  Outcome wireless(base::Bytes data, std::uint32_t wire, bool fcs, bool padded);
  Outcome wireless_frame(base::Bytes data, std::uint32_t wire) { return wireless(data, wire, false, false); }
  Outcome nflog(base::Bytes data, std::uint32_t wire);
  Outcome pktap(base::Bytes data, std::uint32_t wire);
  Outcome ppi(base::Bytes data, std::uint32_t wire);
  Outcome frame_relay(base::Bytes data, std::uint32_t wire);

  Outcome weird(std::string_view name, std::string_view source, const Network& network,
                Outcome outcome = Outcome::kMalformed, std::string_view detail = {});
  void set_macs(const std::uint8_t* destination, const std::uint8_t* source);

  const Settings& settings_;
  Decoder::Counts& counts_;
  Decoder::State& state_;
  const Origin& origin_;
  std::vector<Packet>& out_;
  Events& events_;

  /// What belongs to the encapsulation that is being looked into; put back when it is left.
  struct Place {
    std::uint64_t source_mac = 0, destination_mac = 0;
    record::Uid tunnel;
    std::uint16_t vlan = 0, inner_vlan = 0;
    std::uint8_t depth = 0;
    std::uint8_t tags = 0;  ///< VLAN tags seen
  };
  Place here_;
  std::uint8_t layers_ = 0;  // so that frames in frames end
};

}  // namespace whodunit::packet
