// What the decoder notices beside datagrams.
#pragma once

#include <cstdint>
#include <string_view>

#include "packet/packet.h"
#include "record/types.h"

namespace whodunit::packet {

/// An ARP message for Ethernet and IPv4 (RFC 826).
struct Arp {
  std::uint16_t operation = 0;                                    ///< 1 request, 2 reply
  std::uint64_t sender_mac = 0, target_mac = 0;                   ///< 48 bits, as the message says
  std::uint64_t frame_source_mac = 0, frame_destination_mac = 0;  ///< as the frame says
  base::Address sender, target;
  std::uint16_t vlan = 0, inner_vlan = 0;
};

/// A tunnel's beginning or end, as a row of Zeek's tunnel.log.
struct TunnelEvent {
  record::Uid uid;          ///< of the tunnel's connection; equals the outer connection's for tunnels over UDP
  record::Endpoints id;     ///< the outer packet's ends; ports 0 where the tunnel has none
  std::string_view type;    ///< "Tunnel::GRE", "Tunnel::IP", "Tunnel::VXLAN", …: lives as long as the program
  std::string_view action;  ///< "Tunnel::DISCOVER", "Tunnel::CLOSE", "Tunnel::EXPIRE"
  base::Time time;          ///< of the packet, or of the tunnel's last one
  Origin origin;            ///< the packet that told it; of an end, the last packet of the tunnel
};

/// Takes what the decoder notices. Calls come in the order of packets; views live during the call.
class Events {
 public:
  virtual ~Events() = default;
  /// An anomaly, once per name and addresses in ten minutes of packet time. `name` is Zeek's where Zeek has one;
  /// `detail` may be empty; `source` names the layer ("IP", "GRE", …). `ends` is null where the endpoints are not
  /// known; its ports are 0 where there are none.
  virtual void weird(std::string_view name, std::string_view detail, std::string_view source, const Origin& origin,
                     const record::Endpoints* ends) = 0;
  virtual void tunnel(const TunnelEvent& event) = 0;
  virtual void arp(const Arp& message, const Origin& origin) = 0;
};

}  // namespace whodunit::packet
